// Choose the samples of the list by task, filter pipeline, outcome and search, and their order.

const SHOWS = [
  ["all", "All", () => true],
  ["right", "Right", (row) => index.outcome[row] === OUTCOME.RIGHT],
  ["wrong", "Wrong", (row) => index.outcome[row] === OUTCOME.WRONG],
  ["graded", "In between", (row) => index.outcome[row] === OUTCOME.GRADED],
  ["none", "Not graded", (row) => index.outcome[row] === OUTCOME.NONE],
  ["error", "Error", (row) => index.outcome[row] === OUTCOME.ERROR],
  ["odd", "Cut or empty", (row) => (index.flags(row) & ODD) !== 0],
  ["unjudged", "Unjudged", (row) => (index.flags(row) & FLAG.unjudged) !== 0],
  ["differ", "Verdicts differ", (row) => (index.flags(row) & FLAG.differ) !== 0],
  ["changed", "Changed", (row) => index.change(row) !== 0],
  ["better", "Better", (row) => index.change(row) > 0],
  ["worse", "Worse", (row) => index.change(row) < 0],
];
const SHOW_SIGNS = { right: OUTCOME.RIGHT, wrong: OUTCOME.WRONG, error: OUTCOME.ERROR };
const SORTS = [
  ["order", "As run"],
  ["doc", "By doc"],
  ["low", "Lowest score first"],
  ["high", "Highest score first"],
];
const SORTS_OF_JUDGED = [...SORTS, ["differ", "Verdicts that differ first"]];

/** The tasks of a name: the task itself, or the tasks of a group. */
function tasksNamed(name) {
  const found = new Set();
  const visit = (name, above) => {
    const place = index.tasks.findIndex((task) => task.name === name);
    if (place >= 0) found.add(place);
    if (!above.has(name)) for (const member of node(name).members || []) visit(member, new Set([...above, name]));
  };
  visit(name, new Set());
  return found;
}

/** List the rows that match the state, and count the rows that each outcome would list. */
function filterRows() {
  const tasks = state.task ? tasksNamed(state.task) : null;
  const chosen = SHOWS.find(([key]) => key === state.show) || SHOWS[0];
  const counts = new Map(SHOWS.map(([key]) => [key, 0]));
  const rows = [];
  for (const block of index.blocks) {
    if (tasks && !tasks.has(block.task)) continue;
    if (state.filter && block.filter !== state.filter) continue;
    for (let row = block.start; row < block.start + block.records.length; row++) {
      if (!searchFound(index.record[row]) || (state.label && labelOf(row) !== state.label)) continue;
      for (const [key, , holds] of SHOWS) if (holds(row)) counts.set(key, counts.get(key) + 1);
      if (chosen[2](row)) rows.push(row);
    }
  }
  return { rows: sortRows(rows), counts };
}

function sortRows(rows) {
  const { record, score, columns } = index;
  if (state.sort === "doc") return rows.sort((a, b) => record[a] - record[b] || a - b);
  if (state.sort === "differ" && columns.differ)
    return rows.sort((a, b) => columns.differ[record[b]] - columns.differ[record[a]] || a - b);
  if (state.sort === "low" || state.sort === "high") {
    const sign = state.sort === "low" ? 1 : -1;
    const key = (row) => (Number.isNaN(score[row]) ? Infinity : sign * score[row]);
    return rows.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b));
  }
  return rows;
}

/** Build the controls above the list once; drawControls sets what depends on the state. */
function makeControls() {
  const search = make("input.field", {
    id: "search",
    type: "search",
    placeholder: "Search questions, answers and targets",
    "aria-label": "Search questions, answers and targets; all words must occur, quotes keep words together",
    spellcheck: "false",
    oninput: () => {
      state.q = search.value;
      startSearch();
    },
  });
  const glass = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  glass.setAttribute("viewBox", "0 0 16 16");
  glass.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4l3.4 3.4");
  glass.append(line);
  find("controls").addEventListener("submit", (event) => event.preventDefault());
  find("controls").replaceChildren(
    make("div.search", null, glass, search),
    make("span", { id: "selects" }),
    make(
      "div.shows",
      { role: "group", "aria-label": "Show" },
      make("span", { id: "shows" }),
      make("span.shown", { id: "shown" }),
    ),
  );
  find("selects").style.display = "contents";
  find("shows").style.display = "contents";
}

function drawControls(counts) {
  const search = find("search");
  if (search.value !== state.q) search.value = state.q;
  const change = (key) => (value) => {
    state[key] = value;
    if (key === "task") [state.filter, state.by, state.label] = ["", "", ""];
    if (key === "by") index.judge(value);
    refresh();
  };
  const selects = [];
  const blocks = index.blocks.filter((block) => !state.task || tasksNamed(state.task).has(block.task));
  if (index.tasks.length > 1) selects.push(makeSelect("Task", taskOptions(), state.task, change("task")));
  const filters = [...new Set(blocks.map((block) => block.filter))];
  if (filters.length > 1) {
    const options = filters.map((name) => [name, name === "none" ? "no filter" : name]);
    selects.push(makeSelect("Filter pipeline", [["", "All filters"], ...options], state.filter, change("filter")));
  }
  const metrics = [
    ...new Set(blocks.flatMap((block) => block.metrics.filter((metric) => metric.kind !== "none").map((metric) => metric.name))),
  ];
  if (metrics.length > 1) {
    const first = new Set(blocks.map((block) => mainMetric(block)?.name));
    const label = first.size === 1 ? `Judged by ${[...first][0]}` : "Judged by main metric";
    const others = metrics
      .filter((name) => first.size > 1 || !first.has(name))
      .map((name) => [name, `Judged by ${name}`]);
    selects.push(makeSelect("Judged by", [["", label], ...others], state.by, change("by")));
  }
  const labels = labelsOf(blocks);
  if (labels.length) {
    const options = [["", "All labels"], ...labels.map((label) => [label, `Label ${label}`])];
    selects.push(makeSelect("Label", options, state.label, change("label")));
  }
  const sorts = index.columns.differ ? SORTS_OF_JUDGED : SORTS;
  selects.push(makeSelect("Order", sorts, state.sort, change("sort")));
  const focused = document.activeElement?.getAttribute("aria-label");
  find("selects").replaceChildren(...selects);
  selects.find((select) => select.getAttribute("aria-label") === focused)?.focus();
  drawShows(counts);
}

function taskOptions() {
  const option = (name, text) => [name, text];
  const groups = run.scores.nodes.filter(([name, entry]) => entry.members && tasksNamed(name).size);
  const tasks = index.tasks.map((task) => option(task.name, task.name));
  if (!groups.length) return [["", "All tasks"], ...tasks];
  return [
    ["", "All tasks"],
    ["Groups", groups.map(([name]) => option(name, `${name} (${tasksNamed(name).size})`))],
    ["Tasks", tasks],
  ];
}

function drawShows(counts) {
  const known = find("shows").querySelectorAll("button");
  const buttons = SHOWS.filter(([key]) => key === "all" || key === state.show || anyRow(key)).map(([key, label]) => {
    const button = make(
      "button.show",
      {
        type: "button",
        "data-show": key,
        class: counts.get(key) ? null : "none",
        "aria-pressed": String(state.show === key),
        onclick: () => {
          state.show = state.show === key ? "all" : key;
          refresh();
        },
      },
      label,
      make("span.count", null, whole(counts.get(key))),
    );
    return button;
  });
  const focused = [...known].find((button) => button === document.activeElement)?.dataset.show;
  find("shows").replaceChildren(...buttons);
  buttons.find((button) => button.dataset.show === focused)?.focus();
}

const anyRows = new Map();

/** Whether any sample of the run has an outcome; only such outcomes get a button. */
function anyRow(key) {
  const known = `${key} ${state.by}`;
  if (!anyRows.has(known)) {
    const holds = SHOWS.find(([name]) => name === key)[2];
    let found = false;
    for (let row = 0; row < index.size && !found; row++) found = holds(row);
    anyRows.set(known, found);
  }
  return anyRows.get(known);
}
