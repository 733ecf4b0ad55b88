// Read the data and show the view of the address.

function fail(error) {
  const message =
    typeof DecompressionStream === "undefined"
      ? "This browser is too old to read the report: it needs DecompressionStream (2023 or later)."
      : `The report could not be shown: ${error}`;
  find("failure").textContent = message;
  find("failure").hidden = false;
  throw error;
}

/** Show the view and the sample that the address names. */
function showAddress() {
  const before = { ...state };
  readAddress();
  document.body.dataset.view = state.view;
  for (const view of VIEWS) find(`view-${view}`).hidden = view !== state.view;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (state.view !== "samples") return;
  if (before.by !== state.by) index.judge(state.by);
  const row = state.sample ? index.rowOf(...state.sample) : -1;
  if (row < 0 && paneIsOpen()) {
    find("pane").hidden = true;
    document.body.classList.remove("pane-open");
  }
  if (row >= 0) list.current = row;
  if (state.q !== before.q) runSearch();
  else refresh({ keepPlace: true });
  if (row >= 0) openRow(row);
  else if (state.sample) find("shown").textContent = "That sample is not in this report.";
}

async function start() {
  startKeys();
  run = await readBlock("run");
  index = new Index(await readBlock("index"));
  find("count-samples").textContent = whole(index.size);
  showOverview();
  showScores();
  showSettings();
  makeControls();
  startList();
  showAddress();
  addEventListener("hashchange", showAddress);
  document.documentElement.dataset.ready = performance.now().toFixed(1);
}

start().catch(fail);
