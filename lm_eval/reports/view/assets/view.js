// The viewer: runs, matrix, a task over time, runs side by side, one sample of several runs.
//
// It stands on the functions of the report (make, find, marked, formatScore, …), which come before it in the same file.
// The state is in the address after `#/`, so that every view can be shared and kept. Texts of a run become text nodes
// only. As one HTML file it has no server, and shows the matrix alone.

const TABS = [
  ["runs", "Runs"],
  ["matrix", "Matrix"],
  ["time", "Over time"],
  ["beside", "Side by side"],
];
const VIEW_KEYS = [
  [["1", "2", "3", "4"], "runs, matrix, over time, side by side"],
  [["/"], "search"],
  [["j", "↓"], "next run, next sample"],
  [["k", "↑"], "previous run, previous sample"],
  [["Enter"], "open the run"],
  [["x"], "choose the run for side by side"],
  [["t"], "light or dark"],
  [["?"], "these keys"],
];
const FIRST_ROWS = 150; // rows that are drawn at first
const FIRST_CELLS = 2000; // cells of a table that are drawn at first
const POLL = 2000; // milliseconds between looks at runs that are going on

const known = { runs: null, live: [], version: -1, problems: {}, folder: "", inFile: false };
const here = { view: "", given: new URLSearchParams(), turn: 0, moves: {} };
const picked = new Set();

// Addresses and data.

/** The address of a view with parameters; empty ones are left out. */
function addressOf(view, given) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(given || {}))
    if (value !== "" && value !== null && value !== undefined && value !== false) query.set(key, wellFormed(value));
  return `#/${view}${query.size ? `?${query}` : ""}`;
}

/** Change parameters of this view in the address, and draw the view again. */
function change(given, draw = show) {
  const address = addressOf(here.view, { ...Object.fromEntries(here.given), ...given });
  try {
    history.replaceState(null, "", address);
  } catch {
    // Browsers refuse many changes within seconds; the next one sets the address.
  }
  readPlace(address);
  return draw(address);
}

function readPlace(address = location.hash) {
  const [view, query] = address.replace(/^#\/?/, "").split("?");
  here.given = new URLSearchParams(query || "");
  here.view = ["sample", ...TABS.map(([name]) => name)].includes(view) ? view : known.inFile ? "matrix" : "runs";
}

const param = (name) => here.given.get(name) || "";

/** Ask the server. An answer that comes after the reader has gone to another view is an error, which is not shown. */
async function ask(name, given) {
  if (known.inFile) return (await readBlock("data"))[name];
  const turn = here.turn;
  const response = await fetch(`api/${name}?${new URLSearchParams(given || {})}`);
  const data = await response.json();
  if (turn !== here.turn) throw new Error("The reader has gone on.");
  if (!response.ok) throw new Error(data.error || response.statusText);
  return data;
}

// Small parts.

/** Write a date in UTC; a number that is no date gives an empty text. */
const dateOf = (seconds) =>
  seconds && Math.abs(seconds) < 8e12 ? new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") : "";
const settingText = ([name, value]) => `${name.replace("gen_kwargs.", "")} ${value}`;
const labelOf = (row) =>
  Object.keys(row.settings).length
    ? `${row.model} (${Object.entries(row.settings).map(settingText).join(", ")})`
    : row.model;
const valueText = (cell) => (typeof cell.value === "number" ? minus(formatScore(cell.value)) : cell.text || "N/A");
const intervalText = (cell) =>
  cell.interval ? `${minus(formatScore(cell.interval[0]))} to ${minus(formatScore(cell.interval[1]))}` : "";
const besideAddress = (runs, given) => addressOf("beside", { runs: [...runs].join(","), ...given });
const link = (name, href, ...children) => make(name, { href }, children);

/** Whether all words occur in a text; quotes keep words together. */
const holdsAll = (text, words) => words.every((word) => text.includes(word));

function makeSearch(label, name, draw) {
  const input = make("input.field", {
    type: "search",
    placeholder: label,
    "aria-label": label,
    spellcheck: "false",
    "data-search": name,
  });
  input.value = param(name);
  input.addEventListener("input", () => change({ [name]: input.value }, draw));
  return input;
}

function makePick(run, label) {
  const box = make("input.pick", { type: "checkbox", "aria-label": `Side by side: ${label}`, "data-run": run });
  box.checked = picked.has(run);
  box.addEventListener("change", () => pick(run, box.checked));
  return box;
}

function pick(run, on) {
  if (on) picked.add(run);
  else picked.delete(run);
  for (const box of document.querySelectorAll(".pick")) if (box.dataset.run === run) box.checked = on;
  drawTabs();
}

function drawTabs() {
  const tabs = known.inFile ? [["matrix", "Matrix"]] : TABS;
  find("tabs").replaceChildren(
    ...tabs.map(([view, title]) =>
      make(
        "a",
        {
          href: view === "beside" ? besideAddress(picked) : `#/${view}`,
          "data-view": view,
          "aria-current": here.view === view ? "page" : null,
        },
        title,
        view === "runs" && known.runs && make("span.count", null, whole(known.runs.length)),
        view === "beside" && picked.size > 0 && make("span.count", null, whole(picked.size)),
      ),
    ),
  );
}

/** Draw many rows: the first ones at once, the others on request, so that the page never waits for thousands. */
function drawMany(parent, items, makeOne, first = FIRST_ROWS) {
  const add = (from, to) => parent.append(...items.slice(from, to).map(makeOne));
  parent.replaceChildren();
  add(0, first);
  if (items.length <= first) return;
  const more = make("button.button.more-rows", { type: "button" }, `Show all ${whole(items.length)}`);
  more.addEventListener("click", () => {
    more.remove();
    add(first, items.length);
  });
  (parent.closest("table") || parent).after(more);
}

// Runs.

const RUN_SORTS = [
  ["", "Newest first", (a, b) => 0],
  ["old", "Oldest first", (a, b) => (a.date || 0) - (b.date || 0)],
  ["model", "By model", (a, b) => a.model.localeCompare(b.model)],
  ["cost", "Highest cost first", (a, b) => (b.cost || 0) - (a.cost || 0)],
  ["seconds", "Longest first", (a, b) => (b.seconds || 0) - (a.seconds || 0)],
  ["lost", "Most lost documents first", (a, b) => b.lost - a.lost],
];

/** What a search looks at: model, tasks, settings as `name=value`, date and path. */
function searchText(run) {
  const settings = Object.entries(run.settings).map(([name, value]) => `${name}=${value}`);
  return [run.model, ...run.tasks, ...settings, ...run.endpoints, dateOf(run.date), run.path].join("\n").toLowerCase();
}

async function loadRuns() {
  const data = await ask("runs");
  for (const run of data.runs) run.words = searchText(run);
  Object.assign(known, data);
  find("bar-model").textContent = data.folder.split("/").pop() || data.folder;
  find("bar-model").title = data.folder;
}

async function showRuns() {
  if (!known.runs) await loadRuns();
  const shown = make("span.shown", { id: "shown" });
  const list = make("div.runs", { id: "runs", role: "list" });
  const live = make("div.live-runs", { id: "live", "aria-label": "Runs that are going on" });
  const draw = () => {
    const words = wordsOf(param("q"));
    const sort = RUN_SORTS.find(([key]) => key === param("sort")) || RUN_SORTS[0];
    const runs = known.runs.filter(
      (run) => (!param("task") || run.tasks.includes(param("task"))) && holdsAll(run.words, words),
    );
    if (sort[0]) runs.sort(sort[2]);
    shown.textContent =
      runs.length === known.runs.length
        ? plural(runs.length, "run")
        : `${whole(runs.length)} of ${plural(known.runs.length, "run")}`;
    find("status").textContent = shown.textContent;
    list.parentElement?.querySelector(".more-rows")?.remove();
    drawMany(list, runs, makeRun);
    if (!runs.length)
      list.replaceChildren(
        make("p.nothing-found", null, known.runs.length ? "No run matches." : "No run is saved below this folder yet."),
      );
    for (const name of ["task", "sort"]) controls.querySelector(`[data-param=${name}]`).value = param(name);
    drawLive();
  };
  const select = (name, label, options) => {
    const element = makeSelect(label, options, param(name), (value) => change({ [name]: value }, draw));
    element.dataset.param = name;
    return element;
  };
  const tasks = [...new Set(known.runs.flatMap((run) => run.tasks))].sort();
  const controls = make(
    "div.view-controls",
    { role: "search" },
    makeSearch("Search model, task, date, setting=value", "q", draw),
    select("task", "Task", [["", "All tasks"], ...tasks.map((task) => [task, task])]),
    select(
      "sort",
      "Order",
      RUN_SORTS.map(([key, label]) => [key, label]),
    ),
    shown,
  );
  const problems = Object.entries(known.problems).map(([path, text]) =>
    make("p.callout", null, make("b", null, path), ` ${text}`),
  );
  find("view").replaceChildren(make("div.wide", null, controls, live, problems, list));
  here.moves = {
    items: () => [...document.querySelectorAll(".run")],
    open: (item) => item.querySelector("a").click(),
    pick: (item) => item.querySelector(".pick").click(),
  };
  here.redraw = draw;
  draw();
}

function makeRun(run) {
  const settings = Object.entries(run.settings).filter(([name]) => !name.endsWith("_seed"));
  const scores = run.scores.slice(0, 4);
  return make(
    "div.run",
    { role: "listitem", tabindex: "-1", "data-run": run.key },
    makePick(run.key, `${run.model}, ${dateOf(run.date)}`),
    make(
      "div.run-main",
      null,
      make("a.run-model", { href: besideAddress([run.key]) }, run.model),
      make(
        "span.run-settings",
        { title: settings.map(settingText).join("\n") },
        settings.slice(0, 6).map(settingText).join(" · "),
      ),
    ),
    make(
      "div.run-scores",
      null,
      scores.map(([task, metric, value]) =>
        make(
          "span.chip",
          { title: `${task} ${metric}` },
          task,
          make("b", null, value === null ? "N/A" : minus(formatScore(value))),
        ),
      ),
      run.scores.length > scores.length && make("span.muted", null, `+${run.scores.length - scores.length}`),
    ),
    make(
      "div.run-facts",
      null,
      make("span", null, dateOf(run.date)),
      make("span", null, plural(run.docs, "doc")),
      run.lost > 0 && make("span.lost", null, `${whole(run.lost)} lost`),
      run.seconds !== null && make("span", null, formatSeconds(run.seconds)),
      run.cost !== null && make("span", null, `cost ${run.cost.toPrecision(3)}`),
      run.speed.length > 0 && make("span", { title: run.speed.join("\n") }, run.speed[0]),
    ),
  );
}

function drawLive() {
  const element = find("live");
  if (!element) return;
  element.hidden = !known.live.length;
  element.replaceChildren(...known.live.map(makeLive));
}

function makeLive(run) {
  const share = run.total ? run.done / run.total : 0;
  const left = run.rate > 0 && run.status === "running" ? (run.total - run.done) / run.rate : null;
  const fill = make("div.fill");
  fill.style.width = `${100 * share}%`;
  const facts = [
    `${whole(run.done)} of ${whole(run.total)}`,
    run.status === "running" && `${run.rate >= 100 ? whole(run.rate) : run.rate.toPrecision(2)}/s`,
    left !== null && `${formatSeconds(left)} left`,
    run.cached > 0 && `${whole(run.cached)} cached`,
    run.retries > 0 && plural(run.retries, "retry").replace("retrys", "retries"),
    run.tokens > 0 && `${formatBig(run.tokens)} tokens`,
    run.cost !== null && `cost ${run.cost.toPrecision(3)}`,
    `started ${dateOf(run.started)}`,
  ];
  const names = {
    running: "running",
    scoring: "all answers are there",
    stopped: "stopped; the same command resumes it",
  };
  return make(
    "div.live-run",
    { class: run.status },
    make(
      "div.live-head",
      null,
      make("b", null, run.model),
      make("span.muted", null, run.tasks.slice(0, 6).join(", ")),
      make("span.chip", { class: run.status === "stopped" ? "error" : "" }, names[run.status]),
    ),
    make(
      "div.progress",
      {
        role: "progressbar",
        "aria-label": `Progress of ${run.model}`,
        "aria-valuemin": 0,
        "aria-valuemax": run.total,
        "aria-valuenow": run.done,
      },
      fill,
    ),
    make(
      "div.run-facts",
      null,
      facts.filter(Boolean).map((text) => make("span", null, text)),
      run.errors > 0 && make("span.lost", null, plural(run.errors, "error")),
    ),
  );
}

/** Look at the runs that are going on; read the list again when a run was saved. */
async function poll() {
  if (known.inFile || document.hidden) return;
  try {
    const { version, live } = await ask("live");
    if (here.view === "runs" && known.runs) {
      known.live = live;
      if (version !== known.version) {
        await loadRuns();
        drawTabs();
        here.redraw();
      } else drawLive();
    } else if (version !== known.version) known.runs = null;
  } catch {
    // The server has ended; the page still shows what it has.
  }
}

// Matrix.

const grid = { data: null, best: null, query: "", made: new Map(), mark: () => {} };

async function showMatrix() {
  const given = { rows: param("rows"), metric: param("metric") };
  for (const key of Object.keys(given)) if (!given[key]) delete given[key];
  const query = `${new URLSearchParams(given)} ${known.version}`;
  if (grid.query !== query) Object.assign(grid, { data: await ask("matrix", given), best: null, query });
  const table = make("table.matrix", { id: "matrix" });
  const note = make("p.legend", { id: "matrix-note" }, "Testing which scores are best …");
  const draw = () => drawMatrix(table);
  const metrics = [...new Set(grid.data.columns.map((column) => column.metric))];
  const controls = make(
    "div.view-controls",
    { role: "search" },
    makeSearch("Models", "model", draw),
    makeSearch("Tasks", "task", draw),
    !known.inFile &&
      makeSelect(
        "Metric",
        [["", "First metric of each task"], ["all", "All metrics"], ...metrics.map((name) => [name, name])],
        param("metric"),
        (metric) => change({ metric }),
      ),
    !known.inFile &&
      makeSelect(
        "Rows",
        [
          ["", "A row for each model and its settings"],
          ["run", "A row for each run"],
        ],
        param("rows"),
        (rows) => change({ rows }),
      ),
    grid.data.columns.some((column) => column.group) &&
      make(
        "button.button",
        { type: "button", onclick: () => change({ open: openGroups().size ? "" : "*" }, draw) },
        "Fold or unfold groups",
      ),
  );
  const empty = !grid.data.rows.length && make("p.nothing-found", null, "No run is saved below this folder yet.");
  find("view").replaceChildren(
    make(
      "div.wide",
      null,
      controls,
      empty,
      make("div.matrix-frame", { tabindex: "0", role: "region", "aria-label": "Scores" }, table),
      note,
    ),
  );
  here.moves = {};
  draw();
  await markBest(given);
}

/** Ask which scores are shown to be best; it may take longer than the scores. */
async function markBest(given) {
  grid.best = grid.best || (await ask("best", given));
  const held = Object.values(grid.best).filter((best) => best.holds).length;
  find("matrix-note").replaceChildren(
    make(
      "span",
      null,
      make("span.best-sign", null, "★"),
      " better than every other score of its column: each paired test on the same documents finds a difference at the 5 % level, corrected for the number of columns. ",
    ),
    make(
      "span",
      null,
      held
        ? `That holds for ${held} of ${plural(Object.keys(grid.best).length, "column")}.`
        : "No score is shown to be best.",
    ),
    make("span", null, " Small: the 95 % interval. ▲ in a title: its runs differ, see its tooltip."),
  );
  grid.mark();
}

const openGroups = () => {
  const groups = grid.data.columns.filter((column) => column.group).map((column) => column.task);
  return new Set(
    param("open") === "*"
      ? groups
      : param("open")
          .split(",")
          .filter((name) => groups.includes(name)),
  );
};

function shownColumns() {
  const open = openGroups();
  const words = wordsOf(param("task"));
  return grid.data.columns
    .map((column, place) => ({ ...column, place }))
    .filter((column) =>
      words.length
        ? holdsAll(`${column.label} ${column.task} ${column.metric}`.toLowerCase(), words)
        : column.groups.every((group) => open.has(group)),
    );
}

function drawMatrix(table) {
  const columns = shownColumns();
  const words = wordsOf(param("model"));
  const cells = new Map(grid.data.cells.map(([row, column, cell]) => [`${row} ${column}`, cell]));
  let rows = grid.data.rows.map((row, place) => ({ ...row, place, label: labelOf(row) }));
  if (words.length) rows = rows.filter((row) => holdsAll(row.label.toLowerCase(), words));
  const [by, down] = [param("sort").replace(/^-/, ""), param("sort").startsWith("-")];
  const sorted = columns.find((column) => keyOf(column) === by);
  if (sorted) {
    const value = (row) => cells.get(`${row.place} ${sorted.place}`)?.value ?? null;
    rows.sort((a, b) => (value(a) === null) - (value(b) === null) || (down ? 1 : -1) * (value(a) - value(b)));
  } else if (by === "model" && down) rows.reverse();
  const body = make("tbody");
  grid.made.clear();
  table.replaceChildren(makeMatrixHead(columns, by, down, table), body);
  table.parentElement?.querySelector(".more-rows")?.remove();
  const first = Math.max(40, Math.floor(FIRST_CELLS / Math.max(1, columns.length)));
  drawMany(body, rows, (row) => makeMatrixRow(row, columns, cells), first);
  // Once the tests are done, the few cells that they are about are drawn again, not the table.
  grid.mark = () => {
    for (const column of columns) {
      const best = grid.best[column.place];
      const old = best && grid.made.get(`${best.row} ${column.place}`);
      const row = rows.find((each) => each.place === best?.row);
      if (old && row) old.replaceWith(makeMatrixCell(row, column, cells.get(`${row.place} ${column.place}`)));
    }
  };
}

const keyOf = (column) => `${column.task}/${column.metric},${column.filter}`;

function makeMatrixHead(columns, by, down, table) {
  const sort = (key) => change({ sort: by === key ? (down ? "" : `-${key}`) : key }, () => drawMatrix(table));
  const sign = (key) => (by === key ? (down ? " ↑" : " ↓") : "");
  const order = (key) => (by === key ? (down ? "ascending" : "descending") : "none");
  const open = openGroups();
  const fold = (task) => {
    const now = new Set(open);
    if (!now.delete(task)) now.add(task);
    change({ open: [...now].join(",") }, () => drawMatrix(table));
    find("matrix")
      .querySelector(`[data-group="${CSS.escape(task)}"]`)
      ?.focus();
  };
  return make(
    "thead",
    null,
    make(
      "tr",
      null,
      make(
        "th",
        { scope: "col", "aria-sort": order("model") },
        make("button", { type: "button", onclick: () => sort("model") }, `Model${sign("model")}`),
      ),
      columns.map((column) =>
        make(
          "th",
          { scope: "col", "aria-sort": order(keyOf(column)), class: column.groups.length ? "member" : null },
          column.group &&
            make("button.fold", {
              type: "button",
              "aria-expanded": String(open.has(column.task)),
              "aria-label": `Members of ${column.label}`,
              "data-group": column.task,
              onclick: () => fold(column.task),
            }),
          make(
            "button",
            { type: "button", title: grid.data.notes[column.place] || column.task, onclick: () => sort(keyOf(column)) },
            breakable(column.label),
            grid.data.notes[column.place] && " ▲",
            sign(keyOf(column)),
          ),
          make(
            "span.detail",
            null,
            column.metric,
            column.filter !== "none" && ` ${column.filter}`,
            column.up === true ? " ↑" : column.up === false ? " ↓" : "",
          ),
        ),
      ),
    ),
  );
}

function makeMatrixRow(row, columns, cells) {
  const label = known.inFile ? make("span", null, row.model) : link("a", besideAddress([row.runs[0]]), row.model);
  const settings = Object.entries(row.settings).map(settingText).join(", ");
  return make(
    "tr",
    null,
    make(
      "th",
      { scope: "row" },
      !known.inFile && makePick(row.runs[0], row.label),
      label,
      settings && make("span.detail", null, settings),
      row.runs.length > 1 && make("span.detail", null, plural(row.runs.length, "run")),
      makeEndpoints(row),
    ),
    columns.map((column) => makeMatrixCell(row, column, cells.get(`${row.place} ${column.place}`))),
  );
}

/** Tell that the runs of a row asked several endpoints, which may serve different models under one name. */
function makeEndpoints({ endpoints }) {
  const about = ["The runs asked several endpoints; the newest run of a task counts.", ...endpoints].join("\n");
  return endpoints.length > 1 && make("span.detail", { title: about }, plural(endpoints.length, "endpoint"));
}

function makeMatrixCell(row, column, cell) {
  if (!cell) return make("td.none", null, "–");
  const best = grid.best?.[column.place];
  const first = best?.row === row.place;
  const parts = [
    dateOf(cell.date),
    cell.n !== null && plural(cell.n, "doc"),
    cell.lost > 0 && `${whole(cell.lost)} lost`,
    cell.shots !== undefined && `${cell.shots}-shot`,
    cell.limit && `limit ${cell.limit}`,
    cell.version && `version ${cell.version}`,
    first && best.p_holm !== null && `best with p ${formatProbability(best.p_holm)} (Holm)`,
    first && best.other_prompts && "tested with different prompts on the same documents",
    first &&
      best.reason &&
      `highest, but ${best.reason}${best.against === null ? "" : `, against ${labelOf(grid.data.rows[best.against])}`}`,
  ];
  const value = [valueText(cell), first && best.holds && make("span.best-sign", { title: "best" }, " ★")];
  const element = make(
    "td",
    { title: parts.filter(Boolean).join("\n"), class: first && best.holds ? "best" : null },
    known.inFile ? make("span", null, value) : link("a", besideAddress([cell.run], { task: column.task }), value),
    cell.interval &&
      make("span.detail", null, `${minus(formatScore(cell.interval[0]))}–${minus(formatScore(cell.interval[1]))}`),
    cell.lost > 0 && make("span.lost", null, `${whole(cell.lost)} lost`),
  );
  grid.made.set(`${row.place} ${column.place}`, element);
  return element;
}

// A task over time.

const COLOURS = 8;

async function showTime() {
  const data = await ask("series", { task: param("task"), key: param("key") });
  const drawing = make("div", { id: "plot" });
  const draw = () => drawing.replaceChildren(...makeSeries(data));
  const axis = [
    ["", "By date"],
    ["step", "By the last number in the model's name"],
  ];
  const controls = make(
    "div.view-controls",
    { role: "search" },
    makeSelect(
      "Task",
      data.tasks.map((task) => [task, task]),
      data.task,
      (task) => change({ task, key: "" }),
    ),
    makeSelect(
      "Metric",
      data.keys.map((key) => [key, key.replace(/,none$/, "")]),
      data.key,
      (key) => change({ key }),
    ),
    makeSelect("Axis", axis, param("axis"), (value) => change({ axis: value }, draw)),
    makeSearch("Models", "model", draw),
  );
  find("view").replaceChildren(make("div.wide", null, controls, drawing));
  here.moves = {};
  draw();
}

function makeSeries(data) {
  const bySteps = param("axis") === "step";
  const words = wordsOf(param("model"));
  const at = (point) => (bySteps ? point.step : point.date);
  const points = data.points.filter(
    (point) => typeof point.value === "number" && at(point) !== null && holdsAll(point.label.toLowerCase(), words),
  );
  if (!points.length)
    return [
      make(
        "p.nothing-found",
        null,
        data.points.length ? "No run of these has a value on this axis." : "No run has this task.",
      ),
    ];
  const lines = new Map();
  for (const point of points) {
    const name = bySteps ? point.family : point.label;
    lines.set(name, [...(lines.get(name) || []), point]);
  }
  for (const line of lines.values()) line.sort((a, b) => at(a) - at(b));
  return [drawPlot(lines, at, bySteps), makeKey(lines), makePointTable(lines, data.key)];
}

/** Make an SVG element. */
function draw(name, properties, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(properties || {})) element.setAttribute(key, value);
  append(element, children);
  return element;
}

function drawPlot(lines, at, bySteps) {
  const [width, height, left, right, top, bottom] = [960, 380, 62, 16, 14, 34];
  const all = [...lines.values()].flat();
  const values = all.flatMap((point) => [point.value, ...(point.interval || [])]);
  const places = all.map(at);
  const [first, last] = [Math.min(...places), Math.max(...places)];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low - room, high + room];
  const x = (place) =>
    first === last ? (left + width - right) / 2 : left + ((place - first) / (last - first)) * (width - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
  const step = roundUp((high - low) / 6);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${height}`,
    class: "time-plot",
    role: "img",
    "aria-label": "Score over time; the table below has the numbers",
  });
  for (const tick of ticks)
    svg.append(
      draw("line", { class: "grid-line", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      draw("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, minus(shortNumber(tick))),
    );
  const shares = first === last ? [0] : [0, 0.25, 0.5, 0.75, 1];
  for (const share of shares) {
    const place = first + share * (last - first);
    const anchor = first === last ? "middle" : share === 0 ? "start" : share === 1 ? "end" : "middle";
    svg.append(
      draw(
        "text",
        { class: "tick", x: x(place), y: height - 10, "text-anchor": anchor },
        bySteps ? whole(place) : dateOf(place).slice(0, last - first > 2 * 86400 ? 10 : 16),
      ),
    );
  }
  [...lines].forEach(([name, line], number) => {
    const colour = `series-${number % COLOURS}`;
    const path = line
      .map((point, place) => `${place ? "L" : "M"}${x(at(point)).toFixed(1)} ${y(point.value).toFixed(1)}`)
      .join("");
    svg.append(draw("path", { class: `series ${colour}`, d: path }));
    for (const point of line) {
      const about = `${point.label}\n${bySteps ? whole(at(point)) : dateOf(point.date)}\n${valueText(point)} ${intervalText(point) && `(${intervalText(point)})`}`;
      const mark = draw("a", { href: besideAddress([point.run]), "aria-label": about });
      if (point.interval)
        mark.append(
          draw("line", {
            class: `series-interval ${colour}`,
            x1: x(at(point)),
            x2: x(at(point)),
            y1: y(point.interval[0]),
            y2: y(point.interval[1]),
          }),
        );
      mark.append(
        draw("circle", { class: `series-dot ${colour}`, cx: x(at(point)), cy: y(point.value), r: 4.5 }),
        draw("title", null, about),
      );
      svg.append(mark);
    }
  });
  return make("div.plot-frame", null, svg);
}

const makeKey = (lines) =>
  make(
    "p.legend",
    null,
    [...lines.keys()]
      .slice(0, 40)
      .map((name, number) => make("span", null, make(`span.swatch.series-${number % COLOURS}`), name)),
    make("span", null, "lines: 95 % intervals"),
  );

function makePointTable(lines, key) {
  const head = ["Model", "Date", "Step", "Version", key.replace(/,none$/, ""), "95 % interval", "Docs"];
  const body = make("tbody");
  const table = make(
    "table.points",
    null,
    make(
      "thead",
      null,
      make(
        "tr",
        null,
        head.map((title) => make("th", { scope: "col" }, title)),
      ),
    ),
    body,
  );
  drawMany(body, [...lines.values()].flat(), (point) =>
    make(
      "tr",
      null,
      make("th", { scope: "row" }, link("a", besideAddress([point.run]), point.label)),
      [
        dateOf(point.date),
        point.step ?? "",
        point.version,
        valueText(point),
        intervalText(point),
        point.n === null ? "" : whole(point.n),
      ].map((text) => make("td", null, text)),
    ),
  );
  return make("div.matrix-frame", { tabindex: "0", role: "region", "aria-label": "The same as a table" }, table);
}

// Runs side by side.

async function showBeside() {
  const keys = param("runs").split(",").filter(Boolean);
  here.moves = {};
  if (!keys.length) {
    find("view").replaceChildren(
      make(
        "div.wide",
        null,
        make("p.nothing-found", null, "Choose runs in the list or the matrix (the box before a run, or the key x)."),
      ),
    );
    return;
  }
  const { runs, matrix } = await ask("beside", { runs: param("runs") });
  if (!picked.size && runs.length > 1) for (const run of runs) picked.add(run.key);
  drawTabs();
  const differences = new Map();
  const table = make("table.matrix.beside", { id: "beside" });
  const flips = make("div", { id: "flips" });
  const drawTable = () => drawBeside(table, flips, runs, matrix, differences);
  const title = runs.length === 1 ? runs[0].label : `${runs.length} runs side by side`;
  find("view").replaceChildren(
    make(
      "div.wide",
      null,
      make("h1.title", null, title),
      make(
        "div.run-cards",
        null,
        runs.map((run) => makeCard(run, runs)),
      ),
      make(
        "div.view-controls",
        { role: "search" },
        makeSearch("Tasks", "task", drawTable),
        runs.length === 1 && link("a.button.as-link", `report/${runs[0].key}`, "Report with all samples"),
      ),
      make("div.matrix-frame", { tabindex: "0", role: "region", "aria-label": "Scores side by side" }, table),
      runs.length > 1 &&
        make(
          "p.legend",
          null,
          `Differences are to ${runs[0].label}, over the documents that both answered, with the tests of lm_eval compare; coloured when the interval excludes 0 (1 for a ratio ×). p is corrected for all tests of the two runs (Holm).`,
        ),
      flips,
    ),
  );
  drawTable();
  for (const run of runs.slice(1)) {
    const data = await ask("differences", { runs: `${runs[0].key},${run.key}` });
    for (const row of data.rows) differences.set(`${run.key} ${row.task} ${row.metric},${row.filter}`, row);
    const card = document.querySelector(`.run-card[data-run="${run.key}"] .run-warnings`);
    card?.append(...data.notes.map((text) => make("li", null, text)));
    drawTable();
  }
}

function makeCard(run, runs) {
  const others = runs.filter((other) => other !== run);
  const rest = others.map((other) => other.key);
  const names = [...new Set(runs.flatMap((each) => Object.keys(each.settings)))];
  const settings = names
    .filter((name) => name in run.settings || others.length)
    .map((name) => [name, run.settings[name] ?? "–"]);
  const differs = (name) => others.some((other) => (other.settings[name] ?? "–") !== (run.settings[name] ?? "–"));
  return make(
    "section.run-card",
    { "data-run": run.key, "aria-label": run.label },
    make("h2.section-title", null, run.label),
    make(
      "p.run-facts",
      null,
      [
        dateOf(run.date),
        plural(run.docs, "doc"),
        run.seconds !== null && formatSeconds(run.seconds),
        run.cost !== null && `cost ${run.cost.toPrecision(3)}`,
        run.tokens !== null && `${formatBig(run.tokens)} tokens`,
        ...run.speed,
        run.version && `lm_eval ${run.version}`,
      ]
        .filter(Boolean)
        .map((text) => make("span", null, text)),
      run.lost > 0 && make("span.lost", null, `${whole(run.lost)} lost`),
    ),
    make("p.run-path", null, [run.path, ...run.endpoints].join(" · ")),
    make(
      "details",
      { open: others.length > 0 && settings.some(([name]) => differs(name)) },
      make("summary", null, "Settings"),
      make(
        "dl.pairs",
        null,
        settings.map(([name, value]) =>
          make("div", { class: differs(name) ? "differs" : null }, make("dt", null, name), make("dd", null, value)),
        ),
      ),
    ),
    make(
      "ul.run-warnings",
      null,
      run.warnings.slice(0, 8).map((text) => make("li", null, text)),
    ),
    make(
      "p.card-tools",
      null,
      link("a.button.small.as-link", `report/${run.key}`, "Report"),
      others.length > 0 && link("a.button.small.as-link", besideAddress([run.key, ...rest]), "Compare with this"),
      others.length > 0 && link("a.button.small.as-link", besideAddress(rest), "Remove"),
    ),
  );
}

function drawBeside(table, flips, runs, matrix, differences) {
  const words = wordsOf(param("task"));
  const cells = new Map(matrix.cells.map(([row, column, cell]) => [`${row} ${column}`, cell]));
  const columns = matrix.columns.map((column, place) => ({ ...column, place }));
  const rows = columns.filter(
    (column) =>
      !words.length ||
      holdsAll(`${column.task} ${column.label} ${column.groups.join(" ")} ${column.metric}`.toLowerCase(), words),
  );
  const body = make("tbody");
  table.replaceChildren(
    make(
      "thead",
      null,
      make(
        "tr",
        null,
        make("th", { scope: "col" }, "Task"),
        runs.map((run, place) => [
          make("th", { scope: "col" }, run.label),
          place > 0 && make("th", { scope: "col" }, "Difference"),
        ]),
      ),
    ),
    body,
  );
  table.parentElement?.querySelector(".more-rows")?.remove();
  drawMany(body, rows, (column) => {
    const samples = runs[0].samples.includes(column.task);
    const name = samples
      ? link(
          "a",
          `report/${runs[0].key}?${new URLSearchParams({ task: wellFormed(column.task) })}#samples`,
          column.label,
        )
      : make("span", null, column.label);
    const head = make(
      "th",
      { scope: "row" },
      name,
      make(
        "span.detail",
        null,
        column.metric,
        column.filter !== "none" && ` ${column.filter}`,
        column.up === true ? " ↑" : column.up === false ? " ↓" : "",
      ),
      samples &&
        link(
          "a.detail",
          addressOf("sample", { runs: runs.map((run) => run.key).join(","), task: column.task }),
          runs.length > 1 ? "samples side by side" : "first sample",
        ),
    );
    head.style.paddingLeft = `${8 + 16 * column.groups.length}px`;
    return make(
      "tr",
      null,
      head,
      runs.map((run, place) => [
        makePlainCell(cells.get(`${place} ${column.place}`)),
        place > 0 &&
          makeDifferenceCell(differences.get(`${run.key} ${column.task} ${column.metric},${column.filter}`), () =>
            showFlips(flips, runs, run, column, differences),
          ),
      ]),
    );
  });
}

function makePlainCell(cell) {
  if (!cell) return make("td.none", null, "–");
  const about = [
    cell.n !== null && plural(cell.n, "doc"),
    cell.shots !== undefined && `${cell.shots}-shot`,
    cell.version && `version ${cell.version}`,
  ].filter(Boolean);
  return make(
    "td",
    { title: about.join("\n") },
    make("span", null, valueText(cell)),
    cell.interval && make("span.detail", null, intervalText(cell)),
    cell.lost > 0 && make("span.lost", null, `${whole(cell.lost)} lost`),
  );
}

function makeDifferenceCell(row, open) {
  if (!row || row.difference === null) return make("td.none", null, "–");
  const none = row.ratio ? 1 : 0;
  const clear = row.interval && (row.interval[0] - none) * (row.interval[1] - none) > 0;
  const better = clear && row.gain ? Math.sign(row.gain) : 0;
  const details = row.test
    ? [row.interval && intervalText(row), row.p_holm !== null && `p ${formatProbability(row.p_holm)}`].filter(Boolean)
    : [row.reason];
  const changed =
    row.flips.length > 0 &&
    make("button.button.small.bare", { type: "button", onclick: open }, `${whole(row.wins)}▲ ${whole(row.losses)}▼`);
  return make(
    "td",
    { title: row.test ? `${row.test} over ${plural(row.n, "paired doc")}` : row.reason },
    make(
      "span",
      { class: better > 0 ? "better" : better < 0 ? "worse" : null },
      better > 0 ? "▲ " : better < 0 ? "▼ " : "",
      row.ratio ? `×${formatScore(row.difference)}` : signed(row.difference),
    ),
    make("span.detail", null, details.join(" · ")),
    changed,
  );
}

/** List the documents that changed between the first run and another, as links to their samples. */
function showFlips(element, runs, run, column, differences) {
  const row = differences.get(`${run.key} ${column.task} ${column.metric},${column.filter}`);
  const part = (title, better) => {
    const found = row.flips.filter((flip) => flip[1] === better);
    if (!found.length) return null;
    return make(
      "p",
      null,
      make("b", null, title),
      found.map(([doc]) =>
        link(
          "a.chip.as-link",
          addressOf("sample", {
            runs: [runs[0].key, run.key].join(","),
            task: column.task,
            doc,
            filter: column.filter,
          }),
          `#${doc}`,
        ),
      ),
    );
  };
  element.replaceChildren(
    make(
      "section.flips",
      { "aria-label": "Changed documents" },
      make("h2.section-title", null, `${column.label}: documents that changed`),
      part(`Better in ${run.label}: `, true),
      part(`Worse in ${run.label}: `, false),
      part("Changed: ", null),
    ),
  );
  element.scrollIntoView({ block: "nearest" });
}

// One sample of several runs.

async function showSample() {
  const data = await ask("sample", { runs: param("runs"), task: param("task"), doc: param("doc") });
  const turn = here.turn;
  // The report's own functions read these blocks, and build the parts of each sample.
  chunks.clear();
  find("blocks").replaceChildren(
    ...Object.entries(data.blocks).map(([id, text]) => make("script", { type: "text/plain", id }, text)),
  );
  run = { outcomes: data.outcomes };
  index = new Index(await readBlock("index"));
  const columns = await Promise.all(data.columns.map((column) => makeSampleColumn(column, data)));
  if (turn !== here.turn) return;
  const at = (doc) => addressOf("sample", { runs: param("runs"), task: data.task, doc, filter: param("filter") });
  const step = (doc, key, text, label) =>
    doc === null
      ? make("span.button.small.bare.as-link.off", null, text)
      : make(
          "a.button.small.bare.as-link",
          { href: at(doc), "data-step": key, "aria-label": label, title: label },
          text,
        );
  const others = data.others.map((other) => [other.run, `${other.model} · ${dateOf(other.date)}`]);
  const add = (key) =>
    key &&
    (location.hash = addressOf("sample", {
      runs: `${param("runs")},${key}`,
      task: data.task,
      doc: data.doc,
      filter: param("filter"),
    }));
  find("view").replaceChildren(
    make(
      "div.sample-view",
      null,
      make(
        "header.sample-head",
        null,
        make("h1.pane-title", null, data.task, make("span.doc", null, `#${data.doc}`)),
        make("span.muted", null, `${whole(data.place + 1)} of ${whole(data.count)}`),
        step(data.before, "k", "↑", "Previous (k)"),
        step(data.after, "j", "↓", "Next (j)"),
        others.length > 0 && makeSelect("Add a run", [["", "Next to another run …"], ...others], "", add),
        link(
          "a.button.small.as-link",
          besideAddress(
            data.columns.map((column) => column.run),
            { task: data.task },
          ),
          "Scores",
        ),
        link(
          "a.button.small.as-link",
          `report/${data.columns[0].run}?${new URLSearchParams({ task: wellFormed(data.task) })}#samples`,
          "All samples",
        ),
      ),
      make("div.sample-columns", null, columns),
    ),
  );
  here.moves = { step: (key) => document.querySelector(`[data-step=${key}]`)?.click() };
  document.documentElement.dataset.sample = data.doc;
}

async function makeSampleColumn(column, data) {
  const rest = data.columns.filter((other) => other !== column).map((other) => other.run);
  const head = make(
    "div.column-head",
    null,
    make("h2", null, link("a", besideAddress([column.run]), column.label)),
    rest.length > 0 &&
      make(
        "a.button.small.bare.as-link",
        {
          href: addressOf("sample", { runs: rest.join(","), task: data.task, doc: data.doc, filter: param("filter") }),
          "aria-label": `Remove ${column.label}`,
        },
        "✕",
      ),
  );
  if (!column.rows.length)
    return make("section.sample-column", { "aria-label": column.label }, head, make("p.muted", null, column.reason));
  const row = column.rows.find((each) => index.filter(each) === param("filter")) ?? column.rows[0];
  const record = await index.readRecord(index.record[row]);
  const switches =
    column.rows.length > 1 &&
    make(
      "div.segments",
      { role: "group", "aria-label": "Filter pipeline" },
      column.rows.map((each) =>
        make(
          "button",
          {
            type: "button",
            "aria-pressed": String(each === row),
            onclick: () => change({ filter: index.filter(each) }),
          },
          index.filter(each),
        ),
      ),
    );
  return make(
    "section.sample-column",
    { "aria-label": column.label },
    head,
    make("div.column-signs", null, makeSign(row), switches),
    make("div.pane-body", null, makeParts(row, record)),
  );
}

// The page.

const SHOWS_OF_VIEW = { runs: showRuns, matrix: showMatrix, time: showTime, beside: showBeside, sample: showSample };

async function show(address) {
  const turn = ++here.turn;
  readPlace(typeof address === "string" ? address : location.hash);
  document.body.dataset.view = here.view;
  drawTabs();
  const began = performance.now();
  try {
    await SHOWS_OF_VIEW[here.view]();
    find("failure").hidden = true;
  } catch (error) {
    if (turn !== here.turn) return;
    find("failure").textContent = `This cannot be shown: ${error.message || error}`;
    find("failure").hidden = false;
    find("view").replaceChildren();
  }
  if (turn !== here.turn) return;
  document.documentElement.dataset.shown = `${here.view} ${(performance.now() - began).toFixed(1)}`;
  document.documentElement.dataset.ready = "1";
}

function move(by) {
  const items = here.moves.items?.() || [];
  if (!items.length) return here.moves.step?.(by > 0 ? "j" : "k");
  const now = items.indexOf(document.activeElement?.closest(".run"));
  const next = items[Math.min(items.length - 1, Math.max(0, now + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function onViewKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
  const target = event.target;
  if (target instanceof HTMLInputElement && target.type !== "checkbox") {
    if (event.key === "Escape") target.value ? leaveInput(target) : target.blur();
    return;
  }
  if (target instanceof HTMLSelectElement) return;
  const item = target.closest?.(".run");
  const act = {
    "?": () => find("help").showModal(),
    t: switchTheme,
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: here.moves.items && (() => move(1)),
    ArrowUp: here.moves.items && (() => move(-1)),
    x: item && (() => here.moves.pick(item)),
    Enter: item === target && item && (() => here.moves.open(item)),
  }[event.key];
  const tab = !known.inFile && TABS[event.key - 1];
  if (!act && !tab) return;
  event.preventDefault();
  if (act) act();
  else location.hash = tab[0] === "beside" ? besideAddress(picked) : `#/${tab[0]}`;
}

function startPage() {
  known.inFile = find("data") !== null;
  if (known.inFile) find("bar-model").textContent = "lm_eval matrix";
  const help = find("help");
  const keys = VIEW_KEYS.map(([names, text]) => [
    make(
      "dt",
      null,
      names.map((name) => make("kbd", null, name)),
    ),
    make("dd", null, text),
  ]);
  help.append(
    make("h2.section-title", { id: "help-title" }, "Keys"),
    make("dl.keys", null, keys),
    make("button.button", { type: "button", onclick: () => help.close() }, "Close"),
  );
  help.addEventListener("click", (event) => event.target === help && help.close());
  find("help-open").addEventListener("click", () => help.showModal());
  find("theme").addEventListener("click", switchTheme);
  document.addEventListener("keydown", onViewKey);
  addEventListener("hashchange", show);
  try {
    const kept = localStorage.getItem("lm_eval report theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch {
    // Some browsers store nothing for pages opened from disk.
  }
  setInterval(poll, POLL);
  show();
}

startPage();
