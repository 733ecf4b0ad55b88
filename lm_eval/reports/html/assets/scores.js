// The tree of scores.

const tree = { open: new Set(), name: "", sort: "order", descending: false, axes: null, nodes: null };
const MANY_ROWS = 36;

function showScores() {
  tree.nodes = new Map(run.scores.nodes);
  tree.axes = new Axes([...tree.nodes.values()].flatMap((node) => node.scores));
  const groups = [...tree.nodes].filter(([, node]) => node.members);
  // Open groups from the top while there is room; of a large suite only the groups are open.
  let rows = run.scores.roots.length;
  let level = run.scores.roots;
  while (level.length) {
    const members = level.flatMap((name) => node(name).members || []);
    if (rows + members.length > MANY_ROWS) break;
    for (const name of level) if (node(name).members) tree.open.add(name);
    rows += members.length;
    level = members;
  }
  const name = make("input.field", {
    type: "search",
    placeholder: "Filter by name",
    "aria-label": "Filter scores by name",
  });
  name.addEventListener("input", () => {
    tree.name = name.value.trim().toLowerCase();
    drawTree();
  });
  const fit = make(
    "button.button",
    { type: "button", "aria-pressed": "false", title: "Between 0 and 1, or as wide as the scores need" },
    "Fit axis",
  );
  fit.addEventListener("click", () => {
    tree.axes.fitted = !tree.axes.fitted;
    fit.setAttribute("aria-pressed", tree.axes.fitted);
    fit.textContent = tree.axes.fitted ? "Axis 0 to 1" : "Fit axis";
    drawTree();
  });
  const all = make("button.button", { type: "button" });
  all.addEventListener("click", () => {
    const open = groups.every(([group]) => tree.open.has(group));
    groups.forEach(([group]) => (open ? tree.open.delete(group) : tree.open.add(group)));
    drawTree();
  });
  tree.all = groups.length ? all : null;
  tree.groups = groups;
  const head = make(
    "div.scores-head",
    null,
    make("h2.section-title", null, "Scores"),
    tree.nodes.size > 6 && name,
    groups.length > 0 && all,
    fit,
  );
  tree.element = make("div.tree", { role: "table", "aria-label": "Scores" });
  if (!groups.length) tree.element.classList.add("flat");
  if (run.against) tree.element.classList.add("versus-run");
  find("scores").replaceChildren(head, tree.element, makeLegend());
  drawTree();
}

const node = (name) => tree.nodes.get(name) || { label: name, scores: [] };

function drawTree() {
  if (tree.all)
    tree.all.textContent = tree.groups.every(([group]) => tree.open.has(group)) ? "Collapse all" : "Expand all";
  const rows = [makeTreeHead()];
  const seen = new Set();
  for (const name of sorted(run.scores.roots)) addRows(rows, name, 0, seen);
  if (rows.length === 1) rows.push(make("p.muted", { class: "tree-row" }, "No task has this name."));
  tree.element.replaceChildren(...rows);
}

/** Whether the name, or the name of a member, matches the filter. */
function wanted(name, above = new Set()) {
  if (!tree.name || name.toLowerCase().includes(tree.name) || node(name).label.toLowerCase().includes(tree.name))
    return true;
  if (above.has(name)) return false;
  return (node(name).members || []).some((member) => wanted(member, new Set([...above, name])));
}

function addRows(rows, name, level, above) {
  if (above.has(name) || !wanted(name)) return;
  const entry = node(name);
  const open = tree.name !== "" || tree.open.has(name);
  const scores = entry.scores.length ? entry.scores : [null];
  scores.forEach((score, place) => rows.push(makeTreeRow(name, entry, score, level, open, place > 0)));
  if (!entry.members || !open) return;
  const inside = new Set([...above, name]);
  for (const member of sorted(entry.members)) addRows(rows, member, level + 1, inside);
}

function sorted(names) {
  if (tree.sort === "order") return names;
  const key = (name) => {
    const score = node(name).scores[0] || {};
    return tree.sort === "name" ? node(name).label.toLowerCase() : (score[tree.sort] ?? -Infinity);
  };
  const sign = tree.descending ? -1 : 1;
  return [...names].sort((a, b) => sign * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

function makeTreeHead() {
  const title = (area, text, sort) => {
    const how = tree.sort === sort ? (tree.descending ? "descending" : "ascending") : "none";
    const cell = make(`div.cell-${area}`, { role: "columnheader", "aria-sort": sort && how });
    if (!sort) cell.append(text);
    else cell.append(make("button", { type: "button", onclick: () => sortTree(sort) }, text));
    return cell;
  };
  const plot = make(
    "div.cell-plot",
    { role: "columnheader" },
    make("span.unseen", null, "Plot"),
    makeAxis(tree.axes.shared()),
  );
  return make(
    "div.tree-row.tree-head",
    { role: "row" },
    title("name", "Task", "name"),
    title("metric", "Metric"),
    title("n", "Docs"),
    title("value", run.against ? make("span", null, make("span.dot"), "Value") : "Value", "value"),
    run.against ? title("other", make("span", null, make("span.ring"), "Value"), "other") : title("stderr", "Stderr"),
    plot,
    run.against && title("difference", "Difference", "difference"),
  );
}

/** Sort numbers from the highest and names from A; a second click reverses, a third restores the run's order. */
function sortTree(by) {
  const first = by !== "name";
  if (tree.sort !== by) [tree.sort, tree.descending] = [by, first];
  else if (tree.descending === first) tree.descending = !first;
  else tree.sort = "order";
  drawTree();
}

function makeTreeRow(name, entry, score, level, open, continued) {
  const nameCell = make("div.cell-name", { role: "cell" });
  nameCell.style.paddingLeft = `${level * 18}px`;
  if (!continued) nameCell.append(...nameParts(name, entry, open));
  const row = make(
    "div.tree-row",
    { role: "row", class: [entry.members && "group", continued && "continued"].filter(Boolean).join(" ") },
    nameCell,
  );
  if (!score) return row;
  const value = typeof score.value === "number" ? formatScore(score.value) : score.text || "N/A";
  const filter = score.filter !== "none" && make("span.filter", null, ` ${score.filter}`);
  const arrow =
    score.up !== undefined &&
    make("span.arrow", { title: score.up ? "higher is better" : "lower is better" }, score.up ? "↑" : "↓");
  row.append(
    make("div.cell-metric", { role: "cell" }, score.metric, arrow, filter),
    make("div.cell-n", { role: "cell" }, !continued && entry.n !== undefined && whole(entry.n)),
    make("div.cell-value", { role: "cell" }, minus(value), run.against && spreadOf(score.stderr)),
    run.against
      ? makeOtherCell(score)
      : make("div.cell-stderr", { role: "cell" }, score.stderr === undefined ? "" : `± ${formatScore(score.stderr)}`),
    makePlotCell(score, entry),
  );
  if (run.against) row.append(makeDifference(score));
  return row;
}

const spreadOf = (stderr) => stderr !== undefined && make("span.detail", null, `± ${formatScore(stderr)}`);

function makeOtherCell(score) {
  const known = typeof score.other === "number";
  return make(
    "div.cell-other",
    { role: "cell" },
    known && minus(formatScore(score.other)),
    known && spreadOf(score.other_stderr),
  );
}

function nameParts(name, entry, open) {
  const fold = entry.members
    ? make("button.fold", {
        type: "button",
        "aria-expanded": String(open),
        "aria-label": `Members of ${entry.label}`,
        onclick: () => {
          if (open) tree.open.delete(name);
          else tree.open.add(name);
          drawTree();
          [...tree.element.querySelectorAll(".fold")]
            .find((fold) => fold.getAttribute("aria-label") === `Members of ${entry.label}`)
            ?.focus();
        },
      })
    : make("span.no-fold");
  const has = tasksNamed(name).size > 0;
  const words = breakable(entry.label);
  const label = has
    ? make("a", { href: listAddress({ task: name }), title: `Samples of ${name}` }, words)
    : make("span", null, words);
  const shots = entry.shots > 0 && make("span.shots", null, `${entry.shots}-shot`);
  const lost = entry.lost > 0 && make("span.lost", null, `${whole(entry.lost)} lost`);
  return [fold, label, shots || "", lost || ""];
}

/** Allow a line break after each underscore of a name. */
const breakable = (name) => name.split(/(?<=_)/).flatMap((part, place) => (place ? [make("wbr"), part] : [part]));

function makePlotCell(score, entry) {
  const parts = [];
  if (score.interval) {
    const how = score.method === "normal" ? "value ± 1.96 stderr" : score.method;
    parts.push(
      `95% interval ${minus(formatScore(score.interval[0]))} to ${minus(formatScore(score.interval[1]))}${how ? ` (${how})` : ""}`,
    );
  }
  if (score.bounds) {
    const [low, high] = score.bounds.map(formatScore);
    parts.push(`${low} to ${high} if every lost doc were wrong, or right`);
  }
  if (entry.n !== undefined) parts.push(plural(entry.n, "doc"));
  if (score.clusters !== undefined) parts.push(`in ${plural(score.clusters, "cluster")}`);
  if (score.effective_n !== undefined) parts.push(`worth ${formatValue(score.effective_n)} independent documents`);
  return make(
    "div.cell-plot",
    { role: "cell", title: parts.join(", ") },
    make("span.unseen", null, parts[0] || ""),
    makePlot(score, tree.axes),
  );
}

/** Make the cell of a difference. It is coloured only if the interval excludes 0 (or 1, for a ratio). */
function makeDifference(score) {
  const cell = make("div.cell-difference", { role: "cell" });
  if (score.difference === undefined) return cell;
  const interval = score.difference_interval;
  const none = score.ratio ? 1 : 0;
  const clear = interval && (interval[0] - none) * (interval[1] - none) > 0;
  const better = clear && score.up !== undefined ? Math.sign(score.difference - none) * (score.up ? 1 : -1) : 0;
  const words = better > 0 ? "better" : better < 0 ? "worse" : "";
  const details = [];
  if (interval && interval[0] !== interval[1])
    details.push(`${minus(formatScore(interval[0]))} to ${minus(formatScore(interval[1]))}`);
  if (score.wins !== undefined)
    details.push(`${whole(score.wins)}▲ ${whole(score.losses)}▼`);
  const test = [];
  if (score.p !== undefined) test.push(`p ${formatProbability(score.p)}`);
  if (score.p_holm !== undefined) test.push(`Holm ${formatProbability(score.p_holm)}`);
  cell.append(
    make("span.test", { title: describeTest(score) }, test.join(" · ")),
    make(
      "span.delta",
      { class: words, title: words || (interval ? "no clear difference" : score.no_test && `no paired test: ${score.no_test}`) },
      better > 0 ? "▲ " : better < 0 ? "▼ " : "",
      score.ratio ? `×${formatScore(score.difference)}` : signed(score.difference),
    ),
    make("span.detail", { title: describeTest(score) }, details.join(" · ")),
  );
  return cell;
}

/** Describe the test of a difference: its name, the documents, and the difference that it could detect. */
function describeTest(score) {
  if (score.test === undefined) return null;
  const parts = [
    `${score.test === "mcnemar" ? "McNemar's test" : score.test} over ${plural(score.paired, "paired doc")}`,
    `${plural(score.wins, "doc")} better, ${whole(score.losses)} worse`,
  ];
  const [value, other] = score.paired_values;
  if (value !== null && other !== null) parts.push(`${formatScore(value)} against ${formatScore(other)} over these`);
  if (score.mde !== undefined)
    parts.push(`a true difference of ${score.ratio ? "×" : ""}${formatScore(score.mde)} is found 4 times out of 5`);
  return parts.join("; ");
}

function makeLegend() {
  const scores = [...tree.nodes.values()].flatMap((entry) => entry.scores).filter((score) => score.interval);
  const methods = new Set(scores.map((score) => score.method));
  const names = [...methods].filter((method) => method && method !== "normal").sort();
  const said = [...names, ...(methods.has("normal") ? ["value ± 1.96 stderr where the file has none"] : [])];
  if (!scores.length) return "";
  return make(
    "p.legend",
    null,
    make(
      "span",
      null,
      make("span.dot"),
      run.against ? run.against.self : "score",
      `, with its 95% interval (${said.join(", ")})`,
    ),
    run.against && make("span", null, make("span.ring"), run.against.name),
    scores.some((score) => score.bounds) &&
      make("span", null, make("span.band"), "from every lost doc wrong to every lost doc right"),
    run.against &&
      make(
        "span",
        null,
        "Difference with its 95% interval over paired documents, and how many documents are better ▲ or worse ▼; coloured when the interval excludes 0 (1 for a ratio ×). p and Holm as in lm_eval compare",
      ),
  );
}
