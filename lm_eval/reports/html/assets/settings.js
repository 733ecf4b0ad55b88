// The settings of the run: its arguments, the endpoint, the environment, each task's config.

function showSettings() {
  const sections = run.settings.map(([title, pairs]) =>
    make(
      "section",
      null,
      make("h2.section-title", null, title),
      make(
        "dl.pairs",
        null,
        pairs.map(([name, value]) =>
          make("div", null, make("dt", null, name), make("dd", { tabindex: value.length > 2000 ? "0" : null }, value)),
        ),
      ),
    ),
  );
  if (run.configs.length) {
    const configs = run.configs.map(([name, text]) =>
      lazily(make("details", null, make("summary", null, name)), async () => [make("pre", null, text)]),
    );
    sections.push(make("section", null, make("h2.section-title", null, "Tasks"), make("div.configs", null, configs)));
  }
  sections.push(
    make("p.muted", null, `Made by lm_eval report from ${run.file}${run.against ? ` and ${run.against.file}` : ""}.`),
  );
  find("view-settings").replaceChildren(make("div.settings", null, sections));
}
