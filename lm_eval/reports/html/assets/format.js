// Format numbers.

const whole = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 0 });

/** Format a score: four decimals, as in the table of a run; with an exponent from 1e10 on. */
function formatScore(value) {
  const size = Math.abs(value);
  if (size >= 1e10) return value.toExponential(4);
  if (size >= 1000) return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return value.toFixed(4);
}

/** Format a value of one sample: at most four decimals, without trailing zeros. */
function formatValue(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? whole(value) : value.toExponential(4);
  const size = Math.abs(value);
  if (size >= 1e10 || size < 1e-4) return value.toExponential(3);
  return size >= 100 ? value.toFixed(2) : value.toFixed(4).replace(/0+$/, "");
}

/** Format a number with its sign, using the minus sign instead of a hyphen. */
const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + formatScore(Math.abs(value));
/** Format a p-value with three decimals. */
const formatProbability = (value) => (value < 0.0005 ? "<0.001" : value.toFixed(3));
const minus = (text) => text.replace("-", "−");

function formatSeconds(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Format a time that may be shorter than a second. */
const formatTime = (seconds) =>
  seconds < 1 ? `${Number((seconds * 1000).toPrecision(3))} ms` : formatSeconds(seconds);

function formatBig(number) {
  if (number < 1e5) return whole(number);
  const [scale, unit] = number < 1e6 ? [1e3, "k"] : number < 1e9 ? [1e6, "M"] : [1e9, "B"];
  return `${(number / scale).toFixed(number / scale < 10 ? 2 : number / scale < 100 ? 1 : 0)} ${unit}`;
}

const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Replace lone surrogates, which an address cannot hold. */
const wellFormed = (text) =>
  String(text).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
