// Full-text search, chunk by chunk in short slices, so that typing never waits.

const SLICE = 10; // milliseconds of work before the browser may handle keys
const MAX_KEPT = 60e6; // characters of searched text kept for the next search

const search = { words: [], found: null, done: true, turn: 0, share: 1, held: new Map(), letters: 0, timer: 0 };

/** Split a query into words; quotes keep words together. */
const wordsOf = (text) =>
  [...text.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map(([, phrase, word]) => phrase || word);

const searchFound = (record) => search.found === null || search.found[record] === 1;

/** Start the search of the state once typing pauses. */
function startSearch() {
  clearTimeout(search.timer);
  search.timer = setTimeout(runSearch, state.q ? 90 : 0);
}

async function runSearch() {
  const turn = ++search.turn;
  search.words = wordsOf(state.q);
  if (!search.words.length) {
    [search.found, search.done] = [null, true];
    refresh();
    return;
  }
  search.found = new Uint8Array(index.columns.doc.length);
  search.done = false;
  search.share = 0;
  refresh();
  const order = chunksToSearch();
  let began = performance.now();
  let shown = began;
  for (let step = 0; step < order.length; step++) {
    const chunk = order[step];
    const first = index.records[chunk];
    const texts = await searchable(chunk);
    if (turn !== search.turn) return;
    texts.forEach((text, place) => {
      if (search.words.every((word) => text.includes(word))) search.found[first + place] = 1;
    });
    if (performance.now() - began < SLICE) continue;
    search.share = (step + 1) / order.length;
    if (performance.now() - shown > 120) {
      refresh({ keepPlace: true });
      shown = performance.now();
    }
    await breathe();
    if (turn !== search.turn) return;
    began = performance.now();
  }
  [search.done, search.share] = [true, 1];
  refresh({ keepPlace: true });
}

/** The chunks with documents of the chosen task; the list shows no others. */
function chunksToSearch() {
  const tasks = state.task ? tasksNamed(state.task) : new Set(index.tasks.keys());
  const chosen = new Set();
  for (const place of tasks) {
    const { first, count } = index.tasks[place];
    if (!count) continue;
    const last = chunkOf(index.records, first + count - 1);
    for (let chunk = chunkOf(index.records, first); chunk <= last; chunk++) chosen.add(chunk);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** The lower-case texts of a chunk's records, kept for the next search. */
async function searchable(chunk) {
  const held = search.held.get(chunk);
  if (held) return held;
  const id = `records-${chunk}`;
  const records = await (chunks.get(id) || readBlock(id));
  const texts = records.map((record) => [...recordTexts(record)].join("\n").toLowerCase());
  const letters = texts.reduce((sum, text) => sum + text.length, 0);
  if (search.letters + letters < MAX_KEPT) {
    search.held.set(chunk, texts);
    search.letters += letters;
  }
  return texts;
}

/** The searched texts of a record: questions, choices, answers, target, error; not the examples before a question. */
function* recordTexts(record) {
  for (const prompt of record.p) yield prompt.m ? prompt.m[1].q : prompt.q;
  for (const choice of record.c || []) yield choice[0];
  for (const answers of record.a || []) yield* answers;
  for (const [, answers] of record.f) yield* answers.flat().filter((answer) => answer !== null);
  for (const info of record.i || []) if (info.reasoning) yield info.reasoning;
  if (record.e) yield* Object.values(record.e);
  for (const verdict of record.j?.verdicts || []) yield* [verdict.text, verdict.reasoning].filter(Boolean);
  yield record.t;
}
