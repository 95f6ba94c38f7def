// Queues of items, and decisions by keyboard. All text from elsewhere is set as text, never as HTML.
import { made } from "./words.js";

const $ = (id) => document.getElementById(id);
const KEYS = { Enter: "keep", a: "accept", d: "drop", u: "unsure", s: "same_as", z: "undo" };
const CHUNK = 400;
let state, queue, entries = [], elements = [], at = 0, drawing = 0;

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
    const pairs = names.flatMap((name) => [made("dt", { textContent: name }), made("dd", { textContent: entry.values[name] })]);
    const one = made("p", { className: "text", dir: "auto", textContent: entry.values[names[0]] });
    const list = names.length > 1 ? made("dl", { dir: "auto" }, ...pairs) : one;
    parts.push(list);
  }
  const element = made("li", { className: "entry", tabIndex: -1 }, ...parts, said);
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  element.addEventListener("click", () => select(index));
  show(entry, element);
  return element;
}

/** Draws the queue in pieces, so that ten thousand items do not hold up the page. */
function draw() {
  const list = $("items"), own = ++drawing;
  list.replaceChildren();
  list.className = entries[0]?.values ? "text" : "";
  elements = [];
  const more = () => {
    if (own !== drawing) return;
    const piece = document.createDocumentFragment();
    for (const entry of entries.slice(elements.length, elements.length + CHUNK)) {
      elements.push(card(entry, elements.length));
      piece.append(elements.at(-1));
    }
    list.append(piece);
    if (elements.length < entries.length) setTimeout(more);
  };
  more();
}

function select(index) {
  if (!elements.length) return;
  elements[at]?.setAttribute("aria-selected", "false");
  at = Math.max(0, Math.min(index, elements.length - 1));
  const element = elements[at], entry = entries[at];
  element.setAttribute("aria-selected", "true");
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
  $("spoken").textContent = `${entry.name ?? `row ${entry.row}`}, ${entry.label ?? ""} ${words(entry.decision)}`;
}

function columns() {
  const top = elements[0]?.offsetTop;
  const next = elements.findIndex((element) => element.offsetTop > top);
  return next < 0 ? elements.length : next;
}

async function open(key) {
  const found = await attempt(() => ask(`queue/${key}`));
  if (!found) return;
  queue = key;
  entries = found;
  draw();
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

async function decide(action, label) {
  const entry = entries[at], before = entries[at - 1];
  if (action === "undo") {
    const undone = await attempt(() => ask("undo", {}));
    if (undone) {
      const index = entries.findIndex((one) => one.row === undone.row);
      if (index >= 0) {
        entries[index].decision = undone.decision;
        show(entries[index], elements[index]);
        select(index);
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
  const answer = await attempt(() => ask("decide", chosen));
  if (!answer) return;
  entry.decision = answer.decision;
  show(entry, elements[at]);
  select(at + 1);
  await refresh();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button, audio")) return;
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(), j: 1, k: -1 };
  const label = state?.labels[Number(event.key) - 1];
  if (event.key in moves) select(at + moves[event.key]);
  else if (event.key in KEYS) decide(KEYS[event.key]);
  else if (event.key === " " && elements[at]?.querySelector("audio")) {
    const player = elements[at].querySelector("audio");
    player.paused ? player.play() : player.pause();
  } else if (label) decide("relabel", label);
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll("#tools > button")) {
  button.addEventListener("click", () => decide(button.dataset.action));
}

await refresh();
$("choices").append(...state.labels.slice(0, 30).map((label, index) => {
  const button = made("button", { type: "button" }, label, ...(index < 9 ? [made("kbd", { textContent: String(index + 1) })] : []));
  button.addEventListener("click", () => decide("relabel", label));
  return button;
}));
if (state.queues.length) await open(state.queues[0].key);
