// Elements. Texts of a run become text nodes and form values only, never markup or addresses.

/** Find an element by its id. */
const find = (id) => document.getElementById(id);

/**
 * Make an element.
 * @param {string} name  "div", or "div.class.other"
 * @param {object} [properties]  attributes; `on…` functions become listeners, false and null are left out
 * @param {...(Node|string|number|null|false|Array)} children
 */
function make(name, properties, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className += ` ${value}`;
    else element.setAttribute(key, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** Make a <select>; options are [value, label] or [group label, [options]]. */
function makeSelect(label, options, value, onchange) {
  const option = ([key, text]) => make("option", { value: key, selected: key === value }, text);
  const element = make("select", { "aria-label": label, onchange: () => onchange(element.value) });
  for (const [key, content] of options) {
    if (Array.isArray(content)) element.append(make("optgroup", { label: key }, content.map(option)));
    else element.append(option([key, content]));
  }
  return element;
}

/** Mark the searched words in a text. */
function marked(text, words) {
  const lower = text.toLowerCase();
  if (!words.length || lower.length !== text.length) return [text];
  const parts = [];
  let done = 0;
  while (done < text.length && parts.length < 2000) {
    let place = -1;
    let found = "";
    for (const word of words) {
      const next = lower.indexOf(word, done);
      if (next >= 0 && (place < 0 || next < place || (next === place && word.length > found.length)))
        [place, found] = [next, word];
    }
    if (place < 0) break;
    parts.push(text.slice(done, place), make("mark", null, text.slice(place, place + found.length)));
    done = place + found.length;
  }
  parts.push(text.slice(done));
  return parts;
}

/** Copy a text and confirm it on the button. */
async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1200);
}

const copyButton = (label, text) =>
  make(
    "button.button.small.bare",
    { type: "button", onclick: (event) => copyText(text(), event.currentTarget) },
    label,
  );

/** Let the browser handle keys and paint before the next step. */
const breathe = () =>
  new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
  });
