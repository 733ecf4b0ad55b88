// What judges said about a sample: the judgement beside the answer, jurors side by side, criteria one by one.

/** The label of a row's document; empty without a judge. */
const labelOf = (row) => index.columns.label?.[index.record[row]] || "";

/** The labels of the documents of some blocks, the most frequent first. */
function labelsOf(blocks) {
  const counts = new Map();
  if (index.columns.label)
    for (const block of blocks)
      for (let row = block.start; row < block.start + block.records.length; row++) {
        const label = labelOf(row);
        if (label) counts.set(label, (counts.get(label) || 0) + 1);
      }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([label]) => label);
}

const jurorsOf = (judgement) => [...new Set(judgement.verdicts.map((verdict) => verdict.juror || "judge"))];

/** Put a judgement beside the answer, or below it where several jurors or criteria need the room. */
function besideJudgement(answers, judgement, words) {
  const part = makeJudgement(judgement, words);
  const { baseline, criteria } = judgement;
  if (baseline) {
    const other = makePart("Baseline's answer", plural(baseline.length, "character"), () => baseline, makeText(baseline, words));
    return [make("div.columns.beside", null, answers, other), part];
  }
  const wide = jurorsOf(judgement).length > 1 || criteria;
  return wide ? [answers, part] : [make("div.columns.beside", null, answers, part)];
}

function makeJudgement(judgement, words) {
  const { status, score, label, reason, flips, pairs, verdicts, criteria } = judgement;
  const chips = [
    label !== undefined && make("span.chip.label", null, label),
    score !== null && make("span.chip.metric", null, "score", make("b", null, minus(formatValue(score)))),
    status !== "judged" && make("span.chip", { class: status === "unjudged" ? "odd" : null }, status),
    flips && make("span.chip.odd", null, `${flips} of ${plural(pairs, "pair")} flipped with the order`),
  ];
  const copy = () => JSON.stringify(judgement, null, 1);
  const jurors = jurorsOf(judgement);
  const about = jurors.length === 1 ? jurors[0] : `${jurors.length} judges`;
  return makePart(
    "Judgement",
    jurors.length ? about : null,
    copy,
    make("div.strip.judgement", null, chips),
    reason && make("p.muted", null, reason),
    criteria ? makeCriteria(judgement, words) : makeJurors(verdicts, jurors, words),
  );
}

/** One column for each juror, with its verdicts one below the other. */
function makeJurors(verdicts, jurors, words) {
  const columns = jurors.map((juror) => {
    const own = verdicts.filter((verdict) => (verdict.juror || "judge") === juror);
    return make(
      "div.juror",
      null,
      jurors.length > 1 && make("div.role", null, juror),
      own.map((verdict) => makeVerdict(verdict, own, words)),
    );
  });
  return make("div.columns.jurors", null, columns);
}

function makeVerdict(verdict, all, words) {
  const several = (key) => new Set(all.map((other) => other[key])).size > 1;
  const which = [
    several("answer") && `answer ${(verdict.answer || 0) + 1}`,
    verdict.first && `${verdict.first} first`,
    several("repeat") && `repeat ${(verdict.repeat || 0) + 1}`,
    verdict.attempts > 1 && `asked ${verdict.attempts} times`,
  ].filter(Boolean);
  const read = verdict.status === "ok" || verdict.status === undefined;
  return make(
    "div.verdict",
    null,
    make(
      "div.strip",
      null,
      read
        ? make("span.chip.label", null, verdict.label ?? formatValue(verdict.score))
        : make("span.chip.odd", null, verdict.status),
      read && verdict.score !== undefined && String(verdict.score) !== verdict.label
        ? make("span.chip.metric", null, "score", make("b", null, minus(formatValue(verdict.score))))
        : null,
      which.length > 0 && make("span.muted", null, which.join(", ")),
    ),
    verdict.error && make("p.muted", null, verdict.error),
    verdict.reasoning &&
      make(
        "details.folded.reasoning",
        { open: !verdict.text },
        make("summary", null, `Reasoning, ${plural(verdict.reasoning.length, "character")}`),
        makeText(verdict.reasoning, words),
      ),
    verdict.text && makeText(verdict.text, words, "plain"),
  );
}

/** The criteria of a rubric, each with its points, how many verdicts say that it is met, and these verdicts. */
function makeCriteria({ criteria, verdicts }, words) {
  const items = criteria.map(({ criterion, points, met, tags }, number) => {
    const own = verdicts.filter((verdict) => verdict.criterion === number);
    const wanted = points === null || points > 0;
    const sign = met === null ? "–" : met === 1 ? "✓" : met === 0 ? "✕" : "◐";
    const kind = met === null ? "none" : met > 0 && met < 1 ? "graded" : (met === 1) === wanted ? "right" : "wrong";
    return make(
      "details.folded.criterion",
      null,
      make(
        "summary",
        null,
        make("span.sign", { class: kind }, sign),
        make("span.words", null, marked(criterion, words)),
        points !== null && make("span.chip", null, plural(points, "point").replace("-", "−")),
        (tags || []).map((tag) => make("span.chip", null, tag)),
      ),
      make("div.columns.jurors", null, own.map((verdict) => makeVerdict(verdict, own, words))),
    );
  });
  return make("div.answers.criteria", null, items);
}
