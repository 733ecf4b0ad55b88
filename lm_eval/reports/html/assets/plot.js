// Draw a score as a dot and its interval as a line.

/** The axes: one for all scores within 0 and 1, and one per metric for the others. */
class Axes {
  constructor(scores) {
    this.fitted = false;
    this.unit = [0, 1];
    this.own = new Map();
    this.fit = [1, 0];
    const values = new Map();
    for (const score of scores) {
      const ends = [score.value, score.other, ...(score.interval || [])].filter((value) => typeof value === "number");
      const main = [score.value, score.other].filter((value) => typeof value === "number");
      const seen = values.get(score.metric) || [[], []];
      seen[0].push(...main);
      seen[1].push(...ends);
      values.set(score.metric, seen);
    }
    for (const [metric, [main, ends]] of values) {
      if (main.every((value) => value >= 0 && value <= 1)) {
        this.fit = [Math.min(this.fit[0], ...ends), Math.max(this.fit[1], ...ends)];
      } else {
        const low = Math.min(0, ...main);
        this.own.set(metric, [low < 0 ? -roundUp(-low) : 0, roundUp(Math.max(...main) * 1.02)]);
      }
    }
    const room = Math.max(0.02, (this.fit[1] - this.fit[0]) * 0.06);
    this.fit = [
      Math.max(0, Math.floor((this.fit[0] - room) * 20) / 20),
      Math.min(1, Math.ceil((this.fit[1] + room) * 20) / 20),
    ];
  }

  shared = () => (this.fitted ? this.fit : this.unit);
  of = (metric) => this.own.get(metric) || this.shared();
}

/** Round up to the next of 1, 2, 2.5, 5, 10, … */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].find((step) => step * power >= value * 0.999999) * power;
}

function makePlot(score, axes) {
  const [low, high] = axes.of(score.metric);
  const own = axes.own.has(score.metric);
  const at = (value) => Math.min(100, Math.max(0, ((value - low) / (high - low)) * 100));
  const element = make(
    "div.plot",
    { class: own ? "own-axis" : null, "aria-hidden": "true" },
    make("div.grid", null, make("i"), make("i"), make("i"), make("i")),
  );
  const put = (name, left, width) => {
    const part = make(`div.${name}`);
    part.style.left = `${left}%`;
    if (width !== undefined) part.style.width = `${width}%`;
    element.append(part);
    return part;
  };
  if (score.bounds) put("bounds", at(score.bounds[0]), at(score.bounds[1]) - at(score.bounds[0]));
  if (score.interval && typeof score.value === "number") {
    const [from, to] = score.interval;
    const whisker = put("whisker", at(from), at(to) - at(from));
    if (from < low) whisker.classList.add("opens-left");
    if (to > high) whisker.classList.add("opens-right");
  }
  if (typeof score.other === "number") put("ring", at(score.other));
  if (typeof score.value === "number") put("dot", at(score.value));
  if (own) element.append(make("span.end", null, shortNumber(low)), make("span.end.high", null, shortNumber(high)));
  return element;
}

const shortNumber = (value) =>
  Math.abs(value) >= 1e5 ? value.toExponential(0).replace("e+", "e") : String(+value.toPrecision(4));

function makeAxis([low, high]) {
  const element = make("div.axis", { "aria-hidden": "true" });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const tick = make("span", null, String(+(low + (high - low) * share).toFixed(3)).replace(/^0\./, "."));
    tick.style.left = `${share * 100}%`;
    element.append(tick);
  }
  return element;
}
