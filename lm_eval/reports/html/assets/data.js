// The data blocks of the page: base64 of zlib-compressed JSON, decoded when they are needed.

const KEPT_CHUNKS = 16;
const chunks = new Map(); // block's id -> promise of its content; in the order of their last use
const everDecoded = new Set();

const parsed = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve);
  else resolve();
});

/** Decode a block; wait for it when the browser has not read all of it yet. */
async function readBlock(id) {
  let element = find(id);
  if (!element || !element.nextElementSibling) {
    await parsed;
    element = find(id);
  }
  const letters = atob(element.textContent);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function readChunk(id) {
  const held = chunks.get(id) || readBlock(id);
  chunks.delete(id);
  chunks.set(id, held);
  if (chunks.size > KEPT_CHUNKS) chunks.delete(chunks.keys().next().value);
  everDecoded.add(id);
  document.documentElement.dataset.decoded = everDecoded.size;
  return held;
}

/** Find the chunk that holds a position, given the first position of each chunk. */
function chunkOf(starts, position) {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What the list needs of all samples, without their texts: one row per document and filter. */
class Index {
  constructor(content) {
    Object.assign(this, content); // tasks, blocks, columns, records, texts: see samples.py
    this.size = this.blocks.reduce((sum, block) => sum + block.records.length, 0);
    this.block = new Uint16Array(this.size); // block of each row
    this.place = new Uint32Array(this.size); // position of the row in its block
    this.record = new Uint32Array(this.size); // record of the row
    this.score = new Float64Array(this.size); // value of the metric that judges it; NaN without one
    this.other = new Float64Array(this.size); // the same value in the other run
    this.outcome = new Uint8Array(this.size);
    let row = 0;
    this.blocks.forEach((block, number) => {
      block.start = row;
      const first = this.tasks[block.task].first;
      block.records.forEach((record, place) => {
        this.block[row] = number;
        this.place[row] = place;
        this.record[row++] = first + record;
      });
    });
    this.judge("");
  }

  /** Judge every row by a metric; rows of a block without it by the block's main metric. */
  judge(name) {
    const { ERROR, GRADED, NONE, RIGHT, WRONG } = OUTCOME;
    for (const block of this.blocks) {
      const metric = block.metrics.find((entry) => entry.name === name && entry.kind !== "none") || mainMetric(block);
      block.judgedBy = metric;
      for (let place = 0; place < block.records.length; place++) {
        const row = block.start + place;
        const value = metric ? metric.values[place] : null;
        const other = metric && metric.others ? metric.others[place] : null;
        this.score[row] = value === null ? NaN : value;
        this.other[row] = other === null ? NaN : other;
        if (this.flags(row) & FLAG.error) this.outcome[row] = ERROR;
        else if (value === null || metric.kind !== "unit") this.outcome[row] = NONE;
        else if (value !== 0 && value !== 1) this.outcome[row] = GRADED;
        else this.outcome[row] = (value === 1) !== Boolean(metric.lower) ? RIGHT : WRONG;
      }
    }
  }

  flags = (row) => this.columns.flags[this.record[row]];
  task = (row) => this.tasks[this.blocks[this.block[row]].task];
  filter = (row) => this.blocks[this.block[row]].filter;
  doc = (row) => this.columns.doc[this.record[row]];
  answer = (row) => this.blocks[this.block[row]].answers[this.place[row]];

  /** 1 when the row is better than in the other run, -1 when worse, 0 when equal or not known. */
  change(row) {
    const difference = this.score[row] - this.other[row];
    if (!difference) return 0;
    const metric = this.blocks[this.block[row]].judgedBy;
    return difference > 0 !== Boolean(metric.lower) ? 1 : -1;
  }

  /** Find the row of a document under a filter, or under any filter; -1 when there is none. */
  rowOf(task, doc, filter) {
    let any = -1;
    for (const block of this.blocks) {
      if (wellFormed(this.tasks[block.task].name) !== task) continue;
      const first = this.tasks[block.task].first;
      const place = block.records.findIndex((record) => wellFormed(this.columns.doc[first + record]) === doc);
      if (place < 0) continue;
      if (wellFormed(block.filter) === filter) return block.start + place;
      if (any < 0) any = block.start + place;
    }
    return any;
  }

  /** Read a record. */
  async readRecord(record) {
    const chunk = chunkOf(this.records, record);
    return (await readChunk(`records-${chunk}`))[record - this.records[chunk]];
  }

  /** Read a shared text. */
  async readText(position) {
    const chunk = chunkOf(this.texts, position);
    return (await readChunk(`texts-${chunk}`))[position - this.texts[chunk]];
  }
}

const OUTCOME = { NONE: 0, RIGHT: 1, WRONG: 2, GRADED: 3, ERROR: 4 };
const FLAG = { error: 1, length: 2, empty: 4, refusal: 8, filtered: 16, reasoning_only: 32, approximate: 64, unjudged: 128, differ: 256 };
const ODD = FLAG.length | FLAG.empty | FLAG.refusal | FLAG.filtered | FLAG.reasoning_only;

/** The metric that judges a block: the first whose values all lie within 0 and 1, else the first with numbers. */
const mainMetric = (block) =>
  block.metrics.find((metric) => metric.kind === "unit") || block.metrics.find((metric) => metric.kind === "number");
