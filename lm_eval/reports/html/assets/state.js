// The state of the page. It is kept in the address, so that views and samples can be shared.

const VIEWS = ["scores", "samples", "settings"];
const DEFAULTS = { task: "", filter: "", by: "", label: "", show: "all", q: "", sort: "order" };

const state = { view: "scores", sample: null, ...DEFAULTS };

let run; // the run: see overview.py
let index; // the samples, an Index

/** Read the state from the address. */
function readAddress() {
  const [path, query] = location.hash.slice(1).split("?");
  const [view, ...sample] = path.split("/").map(decode);
  const given = new URLSearchParams(query || "");
  for (const [key, value] of Object.entries(DEFAULTS)) state[key] = given.get(key) ?? value;
  state.view = view === "sample" ? "samples" : VIEWS.includes(view) ? view : "scores";
  state.sample = view === "sample" && sample.length >= 2 ? sample.slice(0, 3) : null;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function query(values) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(DEFAULTS))
    if (values[key] !== value) given.set(key, wellFormed(values[key]));
  return given.size ? `?${given}` : "";
}

/** The address of a view of the samples. */
const listAddress = (values) => `#samples${query({ ...DEFAULTS, ...values })}`;

/** The address of a row's sample, without the filters of the list. */
const sampleAddress = (row) =>
  `#sample/${[index.task(row).name, index.doc(row), index.filter(row)].map((part) => encodeURIComponent(wellFormed(part))).join("/")}`;

/** Write the state to the address, as a new entry of the history or replacing the current one. */
function writeAddress(step = false) {
  let address = `#${state.view}`;
  if (state.view === "samples")
    address = (list.current >= 0 && paneIsOpen() ? sampleAddress(list.current) : "#samples") + query(state);
  if (location.hash === address) return;
  try {
    history[step ? "pushState" : "replaceState"](null, "", address);
  } catch {
    location.replace(address);
  }
}
