// Queues of items, and decisions by keyboard. All text from elsewhere is set as text, never as HTML.
import { made } from "./words.js";

const $ = (id) => document.getElementById(id);
const KEYS = { Enter: "keep", a: "accept", d: "drop", u: "unsure", s: "same_as", z: "undo" };
// Rows of entries that are drawn above and below the window.
const BEYOND = 6;
// Of the entries only those in and near the window are in the page, by their index; all have one height.
const elements = new Map();
let state, queue, entries = [], at = 0, grid = { columns: 1, height: 1, gap: 0 };

async function ask(address, body) {
  const response = await fetch(address, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({ detail: response.statusText }));
  if (!response.ok) throw new Error(answer.detail ?? "The server did not answer.");
  return answer;
}

async function attempt(work) {
  $("notice").textContent = "";
  try {
    return await work();
  } catch (error) {
    // A decision that was not written must not look as if it had been.
    $("notice").textContent = `${error.message} Nothing was written; try again.`;
    return undefined;
  }
}

function words(decision) {
  if (!decision) return "";
  return { keep: "kept", drop: "dropped", unsure: "unsure", relabel: `now ${decision.new}`, same_as: "same as another" }[decision.action];
}

function show(entry, element) {
  element.classList.toggle("drop", entry.decision?.action === "drop");
  element.querySelector(".decision").textContent = words(entry.decision);
}

function card(entry, index) {
  const said = made("div", { className: "words" });
  if (entry.label) said.append(made("span", { className: "own-label", textContent: entry.label }));
  if (entry.suggested) said.append(made("span", { className: "suggested", textContent: ` looks like ${entry.suggested}` }));
  said.append(made("div", { className: "file", textContent: entry.name ?? `row ${entry.row}` }));
  said.append(made("span", { className: "decision" }));
  const parts = [];
  if (state.shown === "picture") parts.push(made("img", { loading: "lazy", decoding: "async", src: `picture/${entry.row}`, alt: `row ${entry.row}` }));
  if (state.shown === "sound") parts.push(made("audio", { controls: true, preload: "none", src: `sound/${entry.row}`, tabIndex: -1 }));
  if (entry.values) {
    const names = Object.keys(entry.values);
    const pairs = names.map((name) => made("div", { className: String(entry.values[name]).length > 30 ? "long" : "" },
      made("dt", { textContent: name }), made("dd", { textContent: entry.values[name] })));
    const one = made("p", { className: "text", dir: "auto", tabIndex: 0, textContent: entry.values[names[0]] });
    parts.push(names.length > 1 ? made("dl", { dir: "auto", tabIndex: 0 }, ...pairs) : one);
  }
  const element = made("li", { className: "entry", tabIndex: -1 }, ...parts, said);
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", String(index === at));
  element.setAttribute("aria-posinset", index + 1);
  element.setAttribute("aria-setsize", entries.length);
  element.addEventListener("click", () => select(index));
  show(entry, element);
  return element;
}

/** Measures the grid anew: a queue was opened, or the window changed. */
function measure() {
  const list = $("items"), style = getComputedStyle(list);
  grid.gap = parseFloat(style.rowGap) || 0;
  grid.columns = style.gridTemplateColumns.split(" ").length;
  grid.height = (elements.values().next().value?.offsetHeight ?? 100) + grid.gap;
  // A queue of one entry has nothing that could be measured wrongly.
  list.style.height = `${Math.ceil(entries.length / grid.columns) * grid.height}px`;
}

/** Puts the entries in and near the window into the page, and takes all others out: ten thousand cost what fifty do. */
function draw() {
  const list = $("items"), { columns, height } = grid;
  const top = -list.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(top / height) - BEYOND) * columns;
  const last = Math.min(entries.length, (Math.ceil((top + innerHeight) / height) + BEYOND) * columns);
  for (const [index, element] of elements) {
    if (index >= first && index < last) continue;
    element.remove();
    elements.delete(index);
  }
  for (let index = first; index < last; index++) {
    if (elements.has(index)) continue;
    elements.set(index, card(entries[index], index));
    // Before the next one that is there, so that a screen reader meets them in their order.
    let next = null;
    for (let later = index + 1; later < last && !next; later++) next = elements.get(later) ?? null;
    list.insertBefore(elements.get(index), next);
  }
  list.style.paddingTop = `${(first / columns) * height}px`;
}

function redraw() {
  for (const element of elements.values()) element.remove();
  elements.clear();
  $("items").className = entries[0]?.values ? "text" : "";
  draw();
  measure();
  draw();
}

function select(index) {
  if (!entries.length) return;
  elements.get(at)?.setAttribute("aria-selected", "false");
  at = Math.max(0, Math.min(index, entries.length - 1));
  const entry = entries[at];
  if (!elements.has(at)) {
    const row = Math.floor(at / grid.columns);
    scrollBy({ top: $("items").getBoundingClientRect().top + row * grid.height - innerHeight / 3, behavior: "instant" });
    draw();
  }
  const element = elements.get(at);
  element.setAttribute("aria-selected", "true");
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
  $("spoken").textContent = `${entry.name ?? `row ${entry.row}`}, ${entry.label ?? ""} ${words(entry.decision)}`;
}

async function open(key) {
  const found = await attempt(() => ask(`queue/${key}`));
  if (!found) return;
  queue = key;
  entries = found;
  at = 0;
  scrollTo({ top: 0, behavior: "instant" });
  redraw();
  select(Math.max(0, entries.findIndex((entry) => !entry.decision)));
  await refresh();
}

async function refresh() {
  state = await ask("state");
  $("whose").textContent = `Decisions of ${state.author}.${state.kappa === null ? "" : ` Agreement of two people (Cohen's kappa): ${state.kappa.toFixed(2)}.`}`;
  $("file").textContent = state.file;
  $("queues").replaceChildren(...state.queues.map((one) => {
    const button = made("button", { type: "button" }, `${one.title} `, made("small", { textContent: `${one.decided} of ${one.count}` }));
    if (one.key === queue) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => open(one.key));
    return button;
  }));
}

// Keys come faster than answers: the next item is there at once, and what was decided is sent in its order.
let sent = Promise.resolve();
function inOrder(send) {
  sent = sent.then(send);
  return sent;
}

async function decide(action, label) {
  const entry = entries[at], before = entries[at - 1];
  if (action === "undo") {
    const undone = await inOrder(() => attempt(() => ask("undo", {})));
    if (undone) {
      const index = entries.findIndex((one) => one.row === undone.row);
      if (index >= 0) {
        entries[index].decision = undone.decision;
        select(index);
        show(entries[index], elements.get(index));
      }
      await refresh();
    }
    return;
  }
  if (!entry) return;
  const chosen = { row: entry.row, action };
  if (action === "relabel") chosen.new = label;
  if (action === "accept") Object.assign(chosen, { action: "relabel", new: entry.suggested });
  if (action === "same_as") chosen.new = before ? String(before.row) : null;
  if (chosen.action !== action && !entry.suggested) return;
  const index = at;
  select(at + 1);
  const answer = await inOrder(() => attempt(() => ask("decide", chosen)));
  if (!answer) {
    if (entries[index] === entry) select(index);
    return;
  }
  entry.decision = answer.decision;
  if (entries[index] === entry && elements.has(index)) show(entry, elements.get(index));
  await refresh();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button, audio")) return;
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: grid.columns, ArrowUp: -grid.columns, j: 1, k: -1 };
  const label = state?.labels[Number(event.key) - 1];
  if (event.key in moves) select(at + moves[event.key]);
  else if (event.key in KEYS) decide(KEYS[event.key]);
  else if (event.key === " " && elements.get(at)?.querySelector("audio")) {
    const player = elements.get(at).querySelector("audio");
    player.paused ? player.play() : player.pause();
  } else if (label) decide("relabel", label);
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll("#tools > button")) {
  button.addEventListener("click", () => decide(button.dataset.action));
}

let asked = false;
addEventListener("scroll", () => {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}, { passive: true });
addEventListener("resize", redraw);

await refresh();
$("choices").append(...state.labels.slice(0, 30).map((label, index) => {
  const button = made("button", { type: "button" }, label, ...(index < 9 ? [made("kbd", { textContent: String(index + 1) })] : []));
  button.addEventListener("click", () => decide("relabel", label));
  return button;
}));
if (state.queues.length) await open(state.queues[0].key);
