// The head of the page: the run, what readers must know, and what the run cost.

function showOverview() {
  find("bar-model").textContent = run.model;
  const parts = [make("h1.title", null, run.model)];
  if (run.against) {
    parts.push(
      make(
        "p.versus",
        null,
        make("strong", null, run.against.self),
        " against ",
        make("strong", null, run.against.name),
      ),
    );
  }
  parts.push(
    make(
      "dl.facts",
      null,
      run.facts.map(([name, value]) => make("div", null, make("dt", null, name), make("dd", null, value))),
    ),
  );
  const warnings = [...run.warnings, ...pairingWarnings()];
  if (warnings.length) parts.push(make("ul.warnings", { "aria-label": "Warnings" }, warnings.map(makeWarning)));
  parts.push(makeFigures(run.figures));
  find("overview").replaceChildren(...parts);
}

function pairingWarnings() {
  const found = [];
  if (!run.against) return found;
  const { name, other_prompts: prompts, notes, warnings } = run.against;
  if (prompts)
    found.push({
      level: "error",
      text: `${plural(prompts, "sample")} had another prompt in ${name}: differences may come from the prompts.`,
    });
  return [
    ...found,
    ...notes,
    ...warnings
      .filter((warning) => warning.level === "error")
      .map((warning) => ({ level: warning.level, text: `${name}: ${warning.text}` })),
  ];
}

function makeWarning(warning) {
  const links = (warning.tasks || [])
    .slice(0, 6)
    .map(([task, count]) =>
      index.tasks.some((entry) => entry.name === task)
        ? make("a", { href: listAddress({ task, show: warning.show }) }, `${task} (${whole(count)})`)
        : make("span.muted", null, ` ${task} (${whole(count)})`),
    );
  const rest = (warning.tasks || []).length - links.length;
  return make(
    "li.warning",
    { class: warning.level },
    make("span.sign", { "aria-hidden": "true" }, { error: "!", fact: "•" }[warning.level] || "▲"),
    make("div", null, warning.text, links, rest > 0 && make("span.muted", null, `  and ${plural(rest, "task")} more`)),
  );
}

function makeFigures(figures) {
  const parts = [];
  const add = (name, value, ...subs) => {
    const sub = subs.filter(Boolean).join(" · ");
    parts.push(make("div", null, make("dt", null, name), make("dd", null, value, sub && make("div.sub", null, sub))));
  };
  const some = (key, words) => figures[key] > 0 && `${formatBig(figures[key])} ${words}`;
  add(
    "Documents scored",
    whole(figures.docs),
    plural(figures.tasks, "task"),
    figures.lost > 0 && `${whole(figures.lost)} lost`,
  );
  if (figures.prompt_tokens !== undefined) {
    add("Prompt tokens", formatBig(figures.prompt_tokens), some("cached_prompt_tokens", "cached"));
    add("Completion tokens", formatBig(figures.completion_tokens || 0), some("reasoning_tokens", "reasoning"));
  }
  if (figures.cost !== undefined)
    add("Cost", figures.cost.toLocaleString("en-US", { maximumSignificantDigits: 4 }), "at the prices given");
  if (figures.seconds !== undefined) add("Time", formatSeconds(figures.seconds));
  if (figures.latency_p50 !== undefined)
    add(
      "Latency (p50)",
      formatTime(figures.latency_p50),
      `p95 ${formatTime(figures.latency_p95)}`,
      figures.first_token_p50 !== undefined && `first token ${formatTime(figures.first_token_p50)}`,
      figures.tokens_per_second_p50 !== undefined && `${formatBig(figures.tokens_per_second_p50)} tokens/s`,
    );
  if (figures.requests !== undefined) {
    const calm = !figures.retries && !figures.failed_calls && "no retries";
    add(
      "Requests",
      whole(figures.requests),
      calm,
      some("retries", "retries"),
      some("failed_calls", "failed"),
      some("cached_answers", "answers from cache"),
    );
  }
  return make("div.figures-frame", null, make("dl.figures", { "aria-label": "What the run took" }, parts));
}
