// The list of samples. Only rows in view have elements.

const ROW = 58;
const OVERSCAN = 8; // rows with elements above and below those in view
const MAX_HEIGHT = 12e6; // pixels; browsers do not draw taller elements

const list = { rows: [], current: -1, made: new Map(), drawn: false };
const SIGNS = ["–", "✓", "✕", "◐", "!"];
const SIGN_NAMES = ["none", "right", "wrong", "graded", "error"];
const ODD_NAMES = {
  length: "cut",
  empty: "empty",
  refusal: "refusal",
  filtered: "filtered",
  reasoning_only: "reasoning only",
  approximate: "approximate",
  unjudged: "unjudged",
  differ: "verdicts differ",
};

function startList() {
  const element = find("list");
  let waiting = false;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawRows();
    });
  };
  element.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(element);
}

/** Filter again, and draw the controls and the list. */
function refresh({ keepPlace = false } = {}) {
  const { rows, counts } = filterRows();
  list.rows = rows;
  drawControls(counts);
  const finding = search.done ? "" : `, ${Math.round(search.share * 100)}% searched`;
  const text =
    rows.length === index.size
      ? plural(rows.length, "sample")
      : `${whole(rows.length)} of ${plural(index.size, "sample")}`;
  find("shown").textContent = text + finding;
  if (search.done) find("status").textContent = text;
  drawEmpty();
  const element = find("list");
  find("list-space").style.height = `${Math.min(rows.length * ROW, MAX_HEIGHT)}px`;
  if (!keepPlace) element.scrollTop = 0;
  for (const row of list.made.values()) row.remove();
  list.made.clear();
  if (!rows.includes(list.current) && !paneIsOpen()) list.current = -1;
  drawRows();
  if (state.view === "samples") writeAddress();
}

function drawEmpty() {
  const empty = find("list-empty");
  empty.hidden = list.rows.length > 0;
  if (list.rows.length) return;
  if (!index.size) {
    empty.replaceChildren(
      "This run has no samples to show.",
      make("br"),
      make("code", null, "lm_eval run … --log_samples --output_path DIR"),
      make("br"),
      "saves them.",
    );
  } else if (!search.done) {
    empty.replaceChildren("Searching…");
  } else {
    const reset = make("button.button", { type: "button", onclick: resetFilters }, "Show all samples");
    empty.replaceChildren("No sample matches.", make("br"), reset);
  }
}

function resetFilters() {
  Object.assign(state, DEFAULTS);
  index.judge("");
  runSearch();
}

/** The first row in view; proportional to the scroll position when the list is taller than an element can be. */
function topRow() {
  const element = find("list");
  const full = list.rows.length * ROW;
  if (full <= MAX_HEIGHT) return element.scrollTop / ROW;
  const room = MAX_HEIGHT - element.clientHeight;
  return ((element.scrollTop / room) * (full - element.clientHeight)) / ROW;
}

function drawRows() {
  const element = find("list");
  const top = topRow();
  const first = Math.max(0, Math.floor(top) - OVERSCAN);
  const last = Math.min(list.rows.length, Math.ceil(top + element.clientHeight / ROW) + OVERSCAN);
  for (const [place, row] of list.made) {
    if (place >= first && place < last) continue;
    row.remove();
    list.made.delete(place);
  }
  const space = find("list-space");
  const scaled = list.rows.length * ROW > MAX_HEIGHT;
  for (let place = first; place < last; place++) {
    let row = list.made.get(place);
    if (!row) {
      row = makeRow(list.rows[place], place);
      list.made.set(place, row);
      space.append(row);
    }
    row.style.top = `${scaled ? element.scrollTop + (place - top) * ROW : place * ROW}px`;
    row.setAttribute("aria-selected", String(list.rows[place] === list.current));
  }
  const current = list.rows.indexOf(list.current);
  if (list.made.has(current)) element.setAttribute("aria-activedescendant", `row-${current}`);
  else element.removeAttribute("aria-activedescendant");
}

function makeSign(row) {
  const outcome = index.outcome[row];
  return make(
    "span.sign",
    {
      class: SIGN_NAMES[outcome],
      role: "img",
      "aria-label": SIGN_NAMES[outcome] === "none" ? "not graded" : SIGN_NAMES[outcome],
    },
    SIGNS[outcome],
  );
}

function makeRow(row, place) {
  const record = index.record[row];
  const answer = index.answer(row);
  const target = index.columns.target[record];
  const filter = index.filter(row);
  const task = index.tasks.length > 1 && tasksOnView() > 1 ? `${index.task(row).name} · ` : "";
  const words = search.words;
  return make(
    "div.row",
    {
      role: "option",
      id: `row-${place}`,
      "aria-setsize": list.rows.length,
      "aria-posinset": place + 1,
      onclick: () => openRow(row, true),
    },
    makeSign(row),
    make("span.preview", null, marked(index.columns.preview[record] || "(no text)", words)),
    make("span.value", null, rowChips(row), formatRowValue(row)),
    make(
      "span.under",
      null,
      make("span.where", null, `${task}#${index.doc(row)}${filter === "none" ? "" : ` · ${filter}`}`),
      answer && make("span.answer", null, make("i", null, "answer"), marked(answer, words)),
      target && make("span.target", null, make("i", null, "target"), marked(target, words)),
    ),
  );
}

const tasksOnView = () => (state.task ? tasksNamed(state.task).size : index.tasks.length);

function formatRowValue(row) {
  const value = index.score[row];
  if (Number.isNaN(value) || value === 0 || value === 1) return "";
  return minus(formatValue(value));
}

function rowChips(row) {
  const chips = [];
  const flags = index.flags(row);
  for (const [name, bit] of Object.entries(FLAG))
    if (flags & bit && name !== "error") chips.push(make("span.chip.odd", null, ODD_NAMES[name]));
  const label = labelOf(row);
  if (label && label !== formatRowValue(row)) chips.push(make("span.chip.label", null, label));
  return [chips, makeChange(row)];
}

/** Show whether a sample is better or worse than in the other run. */
function makeChange(row) {
  const change = index.change(row);
  return (
    change !== 0 && make("span.chip", { class: change > 0 ? "better" : "worse" }, change > 0 ? "▲ better" : "▼ worse")
  );
}

/** Move through the list; an open sample changes with it. */
function moveBy(step) {
  if (!list.rows.length) return;
  const before = list.rows.indexOf(list.current);
  const place =
    before < 0 ? (step > 0 ? 0 : list.rows.length - 1) : Math.min(list.rows.length - 1, Math.max(0, before + step));
  if (paneIsOpen()) openRow(list.rows[place]);
  else {
    list.current = list.rows[place];
    drawRows();
  }
  showPlace(place);
}

/** Scroll a row into view. */
function showPlace(place) {
  if (place < 0) return;
  const element = find("list");
  const rows = element.clientHeight / ROW;
  const top = topRow();
  let wanted = top;
  if (place < top) wanted = place;
  else if (place + 1 > top + rows) wanted = place + 1 - rows;
  if (wanted !== top) {
    const full = list.rows.length * ROW;
    const scale = full <= MAX_HEIGHT ? 1 : (MAX_HEIGHT - element.clientHeight) / (full - element.clientHeight);
    element.scrollTop = wanted * ROW * scale;
  }
  drawRows();
}
