// Keyboard shortcuts and the colour scheme.

const KEYS = [
  [["1", "2", "3"], "scores, samples, settings"],
  [["/"], "search the samples"],
  [["j", "↓"], "next sample"],
  [["k", "↑"], "previous sample"],
  [["Enter"], "open the sample"],
  [["Esc"], "close the sample, clear the search"],
  [["c"], "copy a link to the sample"],
  [["t"], "light or dark"],
  [["?"], "these keys"],
];

function startKeys() {
  const help = find("help");
  help.append(
    make("h2.section-title", { id: "help-title" }, "Keys"),
    make(
      "dl.keys",
      null,
      KEYS.map(([keys, text]) => [
        make(
          "dt",
          null,
          keys.map((key) => make("kbd", null, key)),
        ),
        make("dd", null, text),
      ]),
    ),
    make("button.button", { type: "button", onclick: () => help.close() }, "Close"),
  );
  help.addEventListener("click", (event) => event.target === help && help.close());
  find("help-open").addEventListener("click", () => help.showModal());
  find("theme").addEventListener("click", switchTheme);
  document.addEventListener("keydown", onKey);
  try {
    const kept = localStorage.getItem("lm_eval report theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch {
    // Some browsers store nothing for pages opened from disk.
  }
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("lm_eval report theme", root.dataset.theme);
  } catch {
    // See above.
  }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
  const target = event.target;
  const typing = target instanceof HTMLInputElement;
  const inList =
    target === find("list") || target === document.body || target === find("main") || find("pane").contains(target);
  if (typing) {
    if (event.key === "Escape") leaveInput(target);
    else if ((event.key === "ArrowDown" || event.key === "Enter") && target.id === "search") find("list").focus();
    else return;
    if (event.key === "ArrowDown" && list.current < 0) moveBy(1);
    event.preventDefault();
    return;
  }
  if (target instanceof HTMLSelectElement) return;
  const act = actionOf(event.key, inList, target);
  if (!act) return;
  event.preventDefault();
  act();
}

function leaveInput(input) {
  if (!input.value) return input.blur();
  input.value = "";
  input.dispatchEvent(new Event("input"));
}

/** The action of a key; null when the page does not use the key. */
function actionOf(key, inList, target) {
  const onSamples = state.view === "samples";
  const paneScrolls = find("pane").contains(target);
  const page = Math.max(1, Math.floor(find("list").clientHeight / ROW) - 1);
  if (key === "?") return () => find("help").showModal();
  if (key === "t") return switchTheme;
  if (key === "/") return searchFromAnywhere;
  if (VIEWS[key - 1]) return () => (location.hash = `#${VIEWS[key - 1]}`);
  if (!onSamples) return null;
  if (key === "j") return () => moveBy(1);
  if (key === "k") return () => moveBy(-1);
  if (key === "c" && paneIsOpen()) return () => find("copy-link").click();
  if (key === "Escape" && paneIsOpen()) return closePane;
  if (key === "Escape" && state.q) return () => leaveInput(find("search"));
  if (!inList || paneScrolls) return null;
  if (key === "ArrowDown") return () => moveBy(1);
  if (key === "ArrowUp") return () => moveBy(-1);
  if (key === "PageDown") return () => moveBy(page);
  if (key === "PageUp") return () => moveBy(-page);
  if (key === "Home") return () => moveBy(-list.rows.length);
  if (key === "End") return () => moveBy(list.rows.length);
  if (key === "Enter" && list.current >= 0) return () => openRow(list.current, true);
  return null;
}

function searchFromAnywhere() {
  if (state.view !== "samples") {
    location.hash = "#samples";
    showAddress();
  }
  find("search").focus();
  find("search").select();
}
