// A card for each item: it waits, is answered, and shows the answer as its kind is best seen.

import { answer, explain, media } from "./backend.js";
import { showBytes } from "./bytes.js";
import { showEvidence } from "./evidence.js";
import { chartOf } from "./forecasts.js";
import { showSound } from "./sounds.js";
import { duration, figure, find, made, share } from "./words.js";

const SHOWN_CLASSES = 5;
const SHOWN_POINTS = 20;
const AT_ONCE = 4;
const MAX_CARDS = 200;
const SVG = "http://www.w3.org/2000/svg";

/** What the model is, as backend.js describes it, once it has. */
export const model = { task: "", nouns: "items" };

const waiting = [];
let known = Promise.resolve();
let running = 0;

/** Takes the promise of what the model is. Items may come before it is kept. */
export function know(described) {
  known = described.then((found) => Object.assign(model, found));
  return known;
}

/**
 * Asks about items, a card each.
 * @param {{name: string, item: File|Object}[]} asked An item is a picture's file, or a row's values by column.
 */
export function take(asked) {
  find("list").querySelector(".live")?.remove();
  for (const each of asked) waiting.push({ ...each, card: newCard(each) });
  if (asked.length) {
    find("answers").scrollIntoView({ block: "nearest" });
    next();
  }
}

/** Asks about an item that is still being written: its card takes the place of the one before. */
export async function takeLive({ name, item }) {
  find("list").querySelector(".live")?.remove();
  const card = newCard({ name, item });
  card.classList.add("live");
  try {
    // This alone, which is not written into the server's log.
    const evidence = await explain(item);
    show(card, evidence.prediction, item);
    showEvidence(card, evidence);
    // Of the answers to half of a text the last alone is of interest.
    if (card.isConnected) say(spoken(evidence.prediction));
  } catch (error) {
    fail(card, error.message);
  }
}

/** Removes all cards. */
export function clear() {
  waiting.length = 0;
  find("list").replaceChildren();
  count();
  notice("");
  first().focus();
}

/** A word to all, where something went wrong that no card is for. */
export function notice(text) {
  find("notice").textContent = text;
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    ask(waiting.shift()).finally(() => {
      running -= 1;
      next();
    });
  }
}

async function ask({ name, item, card }) {
  if (!card.isConnected) return;
  try {
    const [prediction] = await Promise.all([answer(item), known]);
    show(card, prediction, item);
    say(`${name}: ${spoken(prediction)}`);
    if (model.media?.media_type.startsWith("image/")) await showOver(card, item);
    // An answer stands without its evidence, too.
    if (model.explains) explain(item).then((evidence) => showEvidence(card, evidence), () => {});
  } catch (error) {
    fail(card, error.message);
    say(`${name}: ${error.message}`);
  }
}

function spoken(prediction) {
  return prediction.familiar === false ? "unfamiliar" : shownAs().spoken(prediction);
}

function newCard({ name, item }) {
  const card = find("answer").content.firstElementChild.cloneNode(true);
  if (item instanceof Blob && isSound(item)) showSound(card.querySelector(".photo"), name, item);
  else if (item instanceof Blob && model.nouns === "files") showBytes(card.querySelector(".photo"), name, item);
  else if (item instanceof Blob) preview(card, name, item);
  else card.classList.add("row");
  card.classList.add("waiting");
  card.querySelector(".file").textContent = name;
  card.querySelector(".file").title = name;
  card.querySelector(".label").textContent = "Looking \u2026";
  const remove = card.querySelector(".remove");
  remove.setAttribute("aria-label", `Remove ${name}`);
  remove.addEventListener("click", () => {
    // The keyboard's place must not be lost with the button.
    const neighbour = card.nextElementSibling || card.previousElementSibling;
    card.remove();
    (neighbour ? neighbour.querySelector(".remove") : first()).focus();
    count();
  });
  const list = find("list");
  list.prepend(card);
  while (list.children.length > MAX_CARDS) list.lastElementChild.remove();
  count();
  return card;
}

function isSound(file) {
  return model.nouns === "recordings" || file.type.startsWith("audio/");
}

function preview(card, name, file) {
  const image = card.querySelector("img");
  const address = URL.createObjectURL(file);
  image.alt = `The picture ${name}`;
  image.addEventListener("load", () => URL.revokeObjectURL(address));
  image.addEventListener("error", () => {
    URL.revokeObjectURL(address);
    image.hidden = true;
    card.querySelector(".blank").hidden = false;
  });
  image.src = address;
}

function show(card, prediction, item) {
  const strange = prediction.familiar === false;
  card.classList.remove("waiting");
  card.classList.toggle("unfamiliar", strange);
  const shown = shownAs();
  card.classList.toggle("whole", Boolean(shown.points || model.media));
  const label = card.querySelector(".label");
  if (strange) {
    label.textContent = "Unfamiliar";
    const guess = shown.guess ? ` Its guess: ${shown.guess(prediction)}.` : "";
    word(card, `This is unlike the ${model.nouns} that the model was trained on. Do not rely on the answer.${guess}`);
  } else {
    label.replaceChildren(...shown.label(prediction));
  }
  if (prediction.notes?.length) {
    const notes = prediction.notes.join("; ");
    card.classList.add("noted");
    const doubt = strange ? "" : " The answer may be less sure than usual.";
    word(card, `${card.querySelector(".word").textContent} New to the model: ${notes}.${doubt}`.trim());
  }
  const [bars, others] = shown.bars(prediction, item);
  card.querySelector(".bars").replaceChildren(...bars);
  if (shown.points) showPoints(card, shown.points(prediction));
  card.querySelector(".took").textContent = `${others}Answered in ${duration(prediction.seconds)}.`;
}

function shownAs() {
  return SHOWN[model.task] ?? SHOWN.other;
}

// How each kind of answer is shown: as a title, in bars, aloud, and as a guess where the title says otherwise.
const SHOWN = {
  classification: {
    label: ({ label, score }) => [label, " ", made("small", { textContent: share(score) })],
    bars: ({ label, probabilities }) => ranked(probabilities, (name) => name === label),
    spoken: ({ label, score }) => `${label}, ${share(score)}`,
  },
  multilabel: {
    label: ({ value }) => (value.length ? [chips(value)] : ["None of them"]),
    bars: ({ value, probabilities }) => ranked(probabilities, (name) => value.includes(name), value.length),
    spoken: ({ value }) => value.join(", ") || "none of them",
  },
  regression: {
    label: ({ value }) => [made("span", { className: "number", textContent: figure(value) }), " ", made("small", { textContent: model.target })],
    bars: ({ familiar }) => [[], model.error && familiar !== false ? `Usually off by ${figure(model.error, 2)}. ` : ""],
    spoken: ({ value }) => `${model.target} ${figure(value)}`,
    guess: ({ value }) => figure(value),
  },
  points: {
    label: ({ value }) => [`${value.length} point${value.length === 1 ? "" : "s"}`, " ", made("small", { textContent: "in pixels" })],
    bars: ({ value }) => [value.slice(0, SHOWN_POINTS).map(place), value.length > SHOWN_POINTS ? `${value.length - SHOWN_POINTS} more points are not listed. ` : ""],
    spoken: ({ value }) => value.map(([x, y]) => `${x}, ${y}`).join("; "),
    points: ({ value }) => value,
  },
  segmentation: {
    label: ({ label, probabilities }) => [label, " ", made("small", { textContent: `${share(probabilities[label])} of the picture` })],
    bars: ({ probabilities }) => ranked(probabilities, () => true, 12, model.colours),
    spoken: ({ label, probabilities }) => `${label}, ${share(probabilities[label])} of the picture`,
  },
  forecast: {
    label: ({ value }) => [made("span", { className: "number", textContent: figure(value[0][0]) }), " ", made("small", { textContent: "is the next value" })],
    bars: ({ value }, item) => [[chartOf(value, item[model.columns[0].name], figure)], ""],
    spoken: ({ value }) => `next ${figure(value[0][0])}`,
    guess: ({ value }) => figure(value[0][0]),
  },
  other: {
    label: ({ label }) => [label],
    bars: ({ label, probabilities }) => ranked(probabilities, (name) => name === label),
    spoken: ({ label }) => label,
  },
};

function chips(names) {
  const each = names.map((name, at) => [at ? made("span", { className: "unseen", textContent: ", " }) : "", made("span", { className: "chip", textContent: name })]);
  return made("span", { className: "chips" }, ...each.flat());
}

function ranked(probabilities, isGiven, least = 0, colours = {}) {
  // An object gives labels that look like numbers first, whatever their place.
  const all = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const top = all.slice(0, Math.max(SHOWN_CLASSES, least));
  const rest = all.length - top.length;
  const bars = top.map(([name, value]) => bar(name, value, { given: isGiven(name), colour: colours[name] }));
  return [bars, rest > 0 ? `${rest} more classes are below these. ` : ""];
}

function bar(name, value, { given, colour }) {
  const fill = made("span", { className: "fill" });
  const track = made("span", { className: "track", ariaHidden: "true" }, fill);
  fill.style.width = "0";
  if (colour) fill.style.background = `rgb(${colour.join(",")})`;
  requestAnimationFrame(() => { fill.style.width = `${100 * value}%`; });
  const what = made("span", { className: "what", textContent: name, title: name });
  const line = made("li", {}, what, track, made("span", { className: "share", textContent: share(value) }));
  line.classList.toggle("given", given);
  return line;
}

function place([x, y], number) {
  const where = `${x.toFixed(1)} from the left, ${y.toFixed(1)} from the top`;
  return made("li", { className: "place" }, made("span", { className: "what", textContent: String(number + 1) }), made("span", { textContent: where }));
}

// Drawn in the picture's own pixels: the drawing fits its box just as the picture fits its own.
function showPoints(card, points) {
  const image = card.querySelector("img");
  const draw = () => {
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    if (!width) return;
    const radius = Math.max(width, height) / 60;
    const svg = drawn("svg", { class: "over", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    points.forEach(([x, y], number) => {
      const text = drawn("text", { x: x + 1.5 * radius, y: y - 0.7 * radius, "font-size": 3 * radius, "stroke-width": radius / 2 });
      text.textContent = String(number + 1);
      svg.append(drawn("circle", { cx: x, cy: y, r: radius, "stroke-width": radius / 3 }), text);
    });
    card.querySelector(".photo").append(svg);
  };
  if (image.complete) draw();
  else image.addEventListener("load", draw);
}

function drawn(tag, properties) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  return element;
}

async function showOver(card, file) {
  const found = await media(file);
  if (!found || !card.isConnected) return;
  const over = made("img", { className: "over", alt: "" });
  const address = URL.createObjectURL(found);
  over.addEventListener("load", () => URL.revokeObjectURL(address));
  over.src = address;
  card.querySelector(".photo").append(over);
}

function fail(card, message) {
  card.classList.remove("waiting");
  card.classList.add("failed");
  card.querySelector(".label").textContent = "No answer";
  word(card, message);
}

function word(card, text) {
  const line = card.querySelector(".word");
  line.textContent = text;
  line.hidden = false;
}

function count() {
  const number = find("list").children.length;
  find("answers").hidden = number === 0;
  find("count").textContent = number > 1 ? `${number} ${model.nouns}` : "";
}

function say(text) {
  find("spoken").append(made("span", { textContent: `${text}. ` }));
  while (find("spoken").children.length > 20) find("spoken").firstElementChild.remove();
}

function first() {
  return model.columns ? find("row").querySelector("input, select, textarea") : find("choose");
}
