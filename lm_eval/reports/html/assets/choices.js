// The choices of a sample with their log-likelihoods.

function makeChoices(record, other, words) {
  const several = record.p.length > 1;
  const likelihoods = record.c.map((choice) => choice[1]);
  const shares = record.c.map((choice) => choice[4]);
  const others = other?.c || [];
  const asked = record.c.length - (record.u || 0); // the last `u` were asked about without the question
  const best = bestOf(likelihoods.slice(0, asked));
  const bestShare = bestOf(shares.slice(0, asked));
  const longest = Math.max(...[...likelihoods, ...others].map((value) => (value === null ? 0 : -value)), 1e-9);
  const longestShare = Math.max(...shares.map((value) => (value === null ? 0 : -value)), 1e-9);
  const gold = new Set(record.g || []);
  const single = record.c.length === 1;
  const items = record.c.map(([text, likelihood, greedy, prompt, share], place) => {
    const tags = [];
    if (gold.has(place) && !single) tags.push(make("span.chip.tag-target", null, "◆ target"));
    if (place === best && !single)
      tags.push(make("span.chip.tag-chosen", null, bestShare !== null && bestShare !== best ? "likeliest" : "chosen"));
    if (place === bestShare && bestShare !== best && !single)
      tags.push(make("span.chip.tag-chosen.second", null, "likeliest per character"));
    if (greedy) tags.push(make("span.chip", { title: "Greedy decoding gives this text" }, "greedy"));
    return make(
      "li.choice",
      { class: place === best && !single ? "chosen" : null },
      make(
        "div.choice-text",
        null,
        several && make("span.context", null, marked(questionOf(record.p[prompt]), words)),
        make("span.words", null, marked(text.trim() === text ? text : JSON.stringify(text), words)),
        make("span.tags", null, tags),
      ),
      likelihood !== null && makeMeasure(likelihood, longest, place === best, false, others[place]),
      share !== null && makeMeasure(share, longestShare, place === bestShare, true),
    );
  });
  const note = shares.some((value) => value !== null) ? "thick: log-likelihood; thin: per character" : "log-likelihood";
  const title = single ? "Continuation" : "Choices";
  const more = other?.c ? "; black lines: the other run" : "";
  return makePart(title, `${note}; the longer the bar, the likelier${more}`, null, make("ol", null, items));
}

/** The log-likelihood of a complete text. */
function makeTextScore(record) {
  const [likelihood, other] = [record.c[0][1], record.o?.c?.[0]];
  const show = (value) => minus(formatScore(value));
  const text = likelihood === null ? "not a number" : show(likelihood);
  const note = typeof other === "number" ? `the other run: ${show(other)}` : null;
  return makePart("Log-likelihood of the text", note, null, make("p.number", null, text));
}

/** The length of a bar in percent: 100 for a log-likelihood of 0, and almost nothing for the least likely choice. */
const shareOf = (value, longest) => Math.max(0, Math.min(100, 100 + (value / (longest * 1.05)) * 100));

function bestOf(values) {
  let best = null;
  values.forEach((value, place) => {
    if (value !== null && (best === null || value > values[best])) best = place;
  });
  return best;
}

function makeMeasure(value, longest, best, thin, other) {
  const fill = make("div.fill");
  fill.style.width = `${shareOf(value, longest)}%`;
  const track = make("div.track", { "aria-hidden": "true" }, fill);
  if (typeof other === "number") {
    const line = make("div.theirs");
    line.style.left = `${shareOf(other, longest)}%`;
    track.append(line);
  }
  const number = make(
    "span.number",
    { title: other === undefined ? null : `other run: ${formatScore(other)}` },
    minus(formatScore(value)),
  );
  return make("div.measure", { class: [best && "best", thin && "thin"].filter(Boolean).join(" ") }, track, number);
}
