// One sample: its prompt, answers, choices and target, and information from the endpoint.

const paneIsOpen = () => !find("pane").hidden;

const PANE = { turn: 0 };

/** Show a row's sample next to the list, or over it on a narrow screen. */
async function openRow(row, step = false) {
  const turn = ++PANE.turn;
  const pane = find("pane");
  const wasOpen = paneIsOpen();
  list.current = row;
  pane.hidden = false;
  document.body.classList.add("pane-open");
  writeAddress(step && !wasOpen);
  drawRows();
  if (!wasOpen) showPlace(list.rows.indexOf(row));
  const slow = setTimeout(() => pane.replaceChildren(make("p.loading", null, "Reading…")), 150);
  const began = performance.now();
  try {
    const record = await index.readRecord(index.record[row]);
    if (turn !== PANE.turn) return;
    pane.replaceChildren(makePaneHead(row, record), make("div.pane-body", null, makeParts(row, record)));
    pane.scrollTop = 0;
    document.documentElement.dataset.opened = `${row} ${(performance.now() - began).toFixed(1)}`;
    if (!wasOpen && matchMedia("(max-width: 900px)").matches) pane.focus();
  } catch (error) {
    fail(error);
  } finally {
    clearTimeout(slow);
  }
}

function closePane() {
  PANE.turn++;
  find("pane").hidden = true;
  document.body.classList.remove("pane-open");
  writeAddress();
  showPlace(list.rows.indexOf(list.current));
  find("list").focus({ preventScroll: true });
}

function makePaneHead(row, record) {
  const task = index.task(row);
  const link = () => location.href.split("#")[0] + sampleAddress(row);
  const tool = (label, text, click, wide) =>
    make(
      "button.button.small.bare",
      { type: "button", "aria-label": label, title: label, class: wide ? "wide" : null, onclick: click },
      text,
    );
  const copyLink = tool("Copy link (c)", "Copy link", (event) => copyText(link(), event.currentTarget), true);
  copyLink.id = "copy-link";
  return make(
    "header.pane-head",
    null,
    makeSign(row),
    make("h2.pane-title", null, task.name, make("span.doc", null, `#${index.doc(row)}`)),
    makeFilterSwitch(row, record),
    make(
      "div.pane-tools",
      null,
      makeViewerLink(row),
      copyLink,
      tool(
        "Copy as JSON",
        "Copy JSON",
        (event) => copyText(JSON.stringify(record, null, 1), event.currentTarget),
        true,
      ),
      tool("Previous (k)", "↑", () => moveBy(-1)),
      tool("Next (j)", "↓", () => moveBy(1)),
      tool("Close (Esc)", "✕", closePane),
    ),
  );
}

/** Make the link to the same sample of other runs, where a viewer serves the page. */
function makeViewerLink(row) {
  if (!run.viewer) return null;
  const given = new URLSearchParams({ runs: run.viewer.run, task: index.task(row).name, doc: index.doc(row) });
  return make("a.button.small.bare.wide", { href: `${run.viewer.address}#/sample?${given}` }, "Other runs");
}

/** Make the buttons for the filter pipelines of a document. */
function makeFilterSwitch(row, record) {
  if (record.f.length < 2) return null;
  const { name } = index.task(row);
  const buttons = record.f.map(([filter]) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(filter === index.filter(row)),
        onclick: () => openRow(index.rowOf(wellFormed(name), wellFormed(index.doc(row)), wellFormed(filter))),
      },
      filter,
    ),
  );
  return make("div.segments", { role: "group", "aria-label": "Filter pipeline" }, buttons);
}

function makeParts(row, record) {
  const words = search.words;
  const filtered = record.f.find(([name]) => name === index.filter(row)) || record.f[0];
  const parts = [makeMetrics(row, filtered)];
  if (record.e) parts.push(makeError(record.e));
  for (const note of oddNotes(record)) parts.push(note);
  if (record.r) parts.push(makeTextScore(record));
  if (!(record.c && record.p.length > 1))
    parts.push(...record.p.map((prompt) => makePrompt(prompt, words, index.task(row).shots, record.r ? "Text" : "Prompt")));
  if (record.c && !record.r) parts.push(makeChoices(record, record.o, words));
  const answers = record.a && !record.e && makeAnswers(record, filtered, words);
  if (answers && record.j) parts.push(...besideJudgement(answers, record.j, words));
  else parts.push(answers, record.j && makeJudgement(record.j, words));
  parts.push(makeOutcome(record, filtered, words));
  if (record.o) parts.push(makeOther(record, filtered, words));
  const task = index.task(row);
  if (record.s !== undefined) parts.push(makeFolded("Generation settings", task.settings[record.s]));
  parts.push(makeFolded("Doc", record.d));
  return parts.filter(Boolean);
}

function makeMetrics(row, [, , metrics]) {
  const judged = index.blocks[index.block[row]].judgedBy;
  const chips = metrics.map(([name, value]) =>
    make(
      "span.chip.metric",
      { title: judged?.name === name ? "This metric judges the sample" : null },
      name,
      make("b", null, minus(formatValue(value))),
    ),
  );
  return make("div.strip", null, chips.length ? chips : make("span.muted", null, "No metrics"), makeChange(row));
}

function makeError(error) {
  const details = ["status", "attempts", "endpoint"]
    .filter((key) => error[key] && error[key] !== "null")
    .map((key) => `${key} ${error[key]}`);
  return make(
    "div.callout",
    { role: "note" },
    make("b", null, `Not answered: ${error.kind || "error"}. `),
    error.message || "",
    details.length > 0 && make("div.detail", null, details.join(" · ")),
  );
}

function oddNotes(record) {
  const outcomes = [...new Set((record.i || []).map((info) => info.outcome))].filter((outcome) =>
    Object.hasOwn(run.outcomes, outcome),
  );
  const notes = outcomes.map((outcome) => {
    const words = run.outcomes[outcome];
    return make("div.callout.odd", { role: "note" }, make("b", null, `${words[0].toUpperCase()}${words.slice(1)}.`));
  });
  if ((record.i || []).some((info) => info.approximate))
    notes.push(
      make("div.callout.odd", { role: "note" }, make("b", null, "A log-likelihood is a bound, not the exact value.")),
    );
  return notes;
}

/** The filtered answer and the values of each repeat; empty where the file does not say. */
function repeatsOf([, answers, , repeats], count) {
  const several = answers.length === 1 && Array.isArray(answers[0]) ? answers[0] : [];
  const [made, values] = repeats || [several, []];
  return [made.length === count ? made : [], values.filter(([, each]) => each.length === count)];
}

function makeAnswers(record, filtered, words) {
  const answers = record.a.flat();
  if (answers.length < 2)
    return makePart(
      "Answer",
      formatInfo((record.i || [])[0]),
      () => answers[0] || "",
      ...reasoningOf(record, 0, words),
      makeText(answers[0] ?? "", words),
    );
  const [made, values] = repeatsOf(filtered, answers.length);
  const items = answers.map((answer, place) =>
    make(
      "details.folded",
      { open: place === 0 },
      make(
        "summary",
        null,
        make("b", null, place + 1),
        values.map(([name, each]) =>
          make("span.chip.metric", null, name, make("b", null, minus(formatValue(each[place])))),
        ),
        made.length > 0 && make("span.chip.filtered", null, String(made[place] ?? "")),
        make("span.preview", null, answer.slice(0, 160)),
      ),
      reasoningOf(record, place, words),
      makeText(answer, words),
    ),
  );
  return makePart(
    `${answers.length} answers`,
    null,
    () => JSON.stringify(answers, null, 1),
    make("div.answers", null, items),
  );
}

function reasoningOf(record, place, words) {
  const info = (record.i || [])[record.i?.length === (record.a || []).flat().length ? place : 0];
  if (!info?.reasoning) return [];
  return [
    make(
      "details.folded.reasoning",
      null,
      make("summary", null, `Reasoning, ${plural(info.reasoning.length, "character")}`),
      makeText(info.reasoning, words),
    ),
  ];
}

/** Join filtered answers to one text. */
const joined = (answers) => answers.map((answer) => (Array.isArray(answer) ? answer.join("\n") : (answer ?? ""))).join("\n");

/** Why an answer ended and how many tokens it took, as the endpoint reported. */
function formatInfo(info) {
  const counts = (info?.usage || []).filter(([, count]) => count > 0).map(([kind, count]) => `${whole(count)} ${kind}`);
  return [
    info?.finish_reason && `finish reason ${info.finish_reason}`,
    counts.length > 0 && `tokens: ${counts.join(", ")}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The filtered answer next to the target. */
function makeOutcome(record, [name, answers], words) {
  const columns = [];
  if (record.a && !record.e) {
    const text = joined(answers);
    columns.push(makePart("Filtered answer", name === "none" ? "no filter" : name, () => text, makeText(text, words)));
  }
  const target =
    record.c && record.c.length > 1 && (record.g || []).length
      ? record.g.map((place) => record.c[place][0]).join("\n")
      : record.t;
  if (!record.r && (!record.c || record.c.length === 1 || !record.g))
    columns.push(makePart("Target", null, () => record.t, makeText(target, words)));
  return columns.length > 0 && make("div.columns", null, columns);
}

/** The answer of the other run. */
function makeOther(record, filtered, words) {
  const other = record.o;
  const others = other.f.find(([name]) => name === filtered[0]) || other.f[0];
  const chips = others[2].map(([name, value]) =>
    make("span.chip.metric", null, name, make("b", null, minus(formatValue(value)))),
  );
  const parts = [make("div.strip", null, make("h3", { class: "section-title" }, run.against.name), chips)];
  if (other.e) parts.push(makeError(other.e));
  if (other.a && !other.e) {
    const same = JSON.stringify(other.a) === JSON.stringify(record.a);
    const text = joined(others[1]);
    parts.push(
      same
        ? make("p.muted", null, "The same answer, letter by letter.")
        : makePart(
            "Answer",
            null,
            () => other.a.flat().join("\n\n"),
            other.a
              .flat()
              .slice(0, 8)
              .map((answer) => makeText(answer, words)),
          ),
    );
    if (!same)
      parts.push(
        makePart("Filtered answer", others[0] === "none" ? "no filter" : others[0], () => text, makeText(text, words)),
      );
  }
  if (other.j) parts.push(makeJudgement(other.j, words));
  return make("section.versus-part", { "aria-label": "The other run" }, parts);
}
