// Texts of a sample, folded where they are long; prompts as text or as turns.

const MAX_SHOWN = 60000; // characters of a text that are shown at first

const questionOf = (prompt) => (prompt.m ? prompt.m[1].q : prompt.q);

/** Show a text, or the first part of a very long one. */
function makeText(text, words = [], kind = "") {
  const element = make("div.text", { class: kind || null });
  if (text === "") element.append(make("span.nothing", null, "empty"));
  else if (text.length <= MAX_SHOWN) element.append(...marked(text, words));
  else {
    const all = make(
      "button.button.small",
      { type: "button", onclick: () => element.replaceChildren(...marked(text, words)) },
      `Show all ${whole(text.length)} characters`,
    );
    element.append(...marked(text.slice(0, MAX_SHOWN), words), "… ", all);
  }
  return element;
}

function makePart(title, note, copy, ...content) {
  return make(
    "section",
    { "aria-label": title },
    make(
      "div.part-head",
      null,
      make("h3", null, title),
      note && make("span.note", null, note),
      copy && copyButton("Copy", copy),
    ),
    content,
  );
}

function makeFolded(title, text) {
  return make("details.folded", null, make("summary", null, title), makeText(text));
}

/** Show a prompt: the question, and folded what comes before it, which is decoded when it is unfolded. */
function makePrompt(prompt, words, shots, title = "Prompt") {
  const chat = prompt.m;
  const before = prompt.h || [];
  const inner = chat ? chat[1] : prompt;
  const content = [];
  if (before.length) content.push(chat ? makeTurnsBefore(before) : makeBefore(before, shots));
  if (chat) {
    const fold = inner.h && makeBefore(inner.h, shots);
    content.push(makeTurn(chat[0], [fold, makeText(inner.q, words)]));
  } else content.push(makeText(inner.q, words));
  const copy = make(
    "button.button.small.bare",
    { type: "button", onclick: async (event) => copyText(await wholePrompt(prompt), event.currentTarget || copy) },
    "Copy",
  );
  const head = make("div.part-head", null, make("h3", null, title), copy);
  return make("section", { "aria-label": title }, head, content);
}

async function wholePrompt(prompt) {
  const read = async (places) => (await Promise.all((places || []).map((place) => index.readText(place)))).join("");
  if (!prompt.m) return (await read(prompt.h)) + prompt.q;
  const turns = await Promise.all(
    (prompt.h || []).map(async ([role, places]) => ({ role, content: await read(places) })),
  );
  const [role, last] = prompt.m;
  return JSON.stringify([...turns, { role, content: (await read(last.h)) + last.q }], null, 2);
}

function makeBefore(places, shots) {
  const noun = shots === places.length ? "example" : "part";
  return lazily(
    make("details.before", null, make("summary", null, `${plural(places.length, noun)} before the question`)),
    async () => {
      const texts = await Promise.all(places.map((place) => index.readText(place)));
      return [make("div.text", null, texts.join(""))];
    },
  );
}

function makeTurnsBefore(turns) {
  return lazily(
    make("details.before.chat", null, make("summary", null, `${plural(turns.length, "turn")} before`)),
    async () => {
      const texts = await Promise.all(
        turns.map(([, places]) => Promise.all(places.map((place) => index.readText(place)))),
      );
      return turns.map(([role], place) => makeTurn(role, [makeText(texts[place].join(""))]));
    },
  );
}

/** Fill a <details> the first time it opens. */
function lazily(details, read) {
  const fill = async () => {
    details.removeEventListener("toggle", fill);
    details.append(...(await read()));
  };
  details.addEventListener("toggle", fill);
  return details;
}

function makeTurn(role, content) {
  return make("div.turn", { class: role === "user" ? "user" : null }, make("div.role", null, role), content);
}
