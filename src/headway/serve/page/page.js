// The page: pictures in, answers out. It knows nothing of where answers come from: that is backend.js, which gives
// `describe()` and `answer(file)`. All text from elsewhere is set as text, never as HTML.

import { answer, describe } from "./backend.js";

const SHOWN_CLASSES = 5;
const AT_ONCE = 4;
const MAX_CARDS = 200;

const find = (id) => document.getElementById(id);
const waiting = [];
let running = 0;
let stream = null;

async function start() {
  listen();
  try {
    const model = await describe();
    find("name").textContent = model.name;
    find("labels").textContent = `This model tells apart ${listed(model.labels)}.`;
    document.title = `${model.name}: what is in the picture?`;
    find("privacy").textContent = model.privacy;
    find("links").replaceChildren(...model.links.map(([text, address]) => made("a", { textContent: text, href: address })));
    if (model.card) {
      find("card").replaceChildren(...fromMarkdown(model.card));
      find("about").hidden = false;
    }
  } catch (error) {
    find("labels").textContent = "";
    notice(error.message);
  }
}

function listen() {
  find("choose").addEventListener("click", () => find("files").click());
  find("photograph").addEventListener("click", photograph);
  for (const id of ["files", "capture"]) {
    find(id).addEventListener("change", (event) => {
      take([...event.target.files]);
      event.target.value = "";
    });
  }
  find("clear").addEventListener("click", clear);
  find("shoot").addEventListener("click", shoot);
  find("cancel").addEventListener("click", () => find("camera").close());
  find("camera").addEventListener("close", stopCamera);
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) event.preventDefault();
    take(files, "There is no picture in the clipboard.");
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    take([...event.dataTransfer.files], "What was dropped is not a file. Save the picture first, then drop the file.");
  });
}

function take(files, otherwise = "") {
  notice(files.length ? "" : otherwise);
  for (const file of files) {
    const card = newCard(file);
    waiting.push({ file, card });
  }
  if (files.length) {
    find("answers").scrollIntoView({ block: "nearest" });
    next();
  }
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

async function ask({ file, card }) {
  if (!card.isConnected) return;
  try {
    const prediction = await answer(file);
    show(card, prediction);
    const word = prediction.familiar === false ? "unfamiliar" : `${prediction.label}, ${share(prediction.score)}`;
    say(`${file.name}: ${word}`);
  } catch (error) {
    fail(card, error.message);
    say(`${file.name}: ${error.message}`);
  }
}

function newCard(file) {
  const card = find("answer").content.firstElementChild.cloneNode(true);
  const image = card.querySelector("img");
  const address = URL.createObjectURL(file);
  image.alt = `The picture ${file.name}`;
  image.addEventListener("load", () => URL.revokeObjectURL(address));
  image.addEventListener("error", () => {
    URL.revokeObjectURL(address);
    image.hidden = true;
    card.querySelector(".blank").hidden = false;
  });
  image.src = address;
  card.classList.add("waiting");
  card.querySelector(".file").textContent = file.name;
  card.querySelector(".label").textContent = "Looking \u2026";
  const remove = card.querySelector(".remove");
  remove.setAttribute("aria-label", `Remove ${file.name}`);
  remove.addEventListener("click", () => {
    // The keyboard's place must not be lost with the button.
    const neighbour = card.nextElementSibling || card.previousElementSibling;
    card.remove();
    (neighbour ? neighbour.querySelector(".remove") : find("choose")).focus();
    count();
  });
  const list = find("list");
  list.prepend(card);
  while (list.children.length > MAX_CARDS) list.lastElementChild.remove();
  count();
  return card;
}

function show(card, prediction) {
  const strange = prediction.familiar === false;
  card.classList.remove("waiting");
  card.classList.toggle("unfamiliar", strange);
  const label = card.querySelector(".label");
  if (strange) {
    label.textContent = "Unfamiliar";
    word(card, "This is unlike the pictures that the model learned from, so it cannot say. What follows is no more than a guess.");
  } else {
    label.replaceChildren(prediction.label, " ", made("small", { textContent: share(prediction.score) }));
  }
  // An object gives labels that look like numbers first, whatever their place.
  const top = Object.entries(prediction.probabilities)
    .sort((one, other) => other[1] - one[1])
    .slice(0, SHOWN_CLASSES);
  card.querySelector(".bars").replaceChildren(...top.map(([name, value]) => bar(name, value)));
  const rest = Object.keys(prediction.probabilities).length - top.length;
  const others = rest > 0 ? `${rest} more classes are below these. ` : "";
  card.querySelector(".took").textContent = `${others}Answered in ${duration(prediction.seconds)}.`;
}

function bar(name, value) {
  const fill = made("span", { className: "fill" });
  const track = made("span", { className: "track", ariaHidden: "true" }, fill);
  fill.style.width = "0";
  requestAnimationFrame(() => { fill.style.width = `${100 * value}%`; });
  const what = made("span", { className: "what", textContent: name, title: name });
  return made("li", {}, what, track, made("span", { className: "share", textContent: share(value) }));
}

function fail(card, message) {
  card.classList.remove("waiting");
  card.classList.add("failed");
  card.querySelector(".label").textContent = "No answer";
  word(card, message);
}

function word(card, text) {
  const place = card.querySelector(".word");
  place.textContent = text;
  place.hidden = false;
}

function count() {
  const number = find("list").children.length;
  find("answers").hidden = number === 0;
  find("count").textContent = number > 1 ? `${number} pictures` : "";
}

function clear() {
  waiting.length = 0;
  find("list").replaceChildren();
  count();
  notice("");
  find("choose").focus();
}

async function photograph() {
  const camera = navigator.mediaDevices?.getUserMedia;
  // A phone has a camera program of its own, which is better.
  if (!camera || matchMedia("(pointer: coarse)").matches) {
    find("capture").click();
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    notice("The camera cannot be used: there is none, or the browser was told not to allow it.");
    return;
  }
  notice("");
  find("video").srcObject = stream;
  find("camera").showModal();
  await find("video").play();
}

function shoot() {
  const video = find("video");
  const canvas = made("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    find("camera").close();
    if (blob) take([new File([blob], "photo.jpg", { type: "image/jpeg" })]);
    else notice("The camera gave no picture.");
  }, "image/jpeg", 0.92);
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  find("video").srcObject = null;
}

function notice(text) {
  find("notice").textContent = text;
}

function say(text) {
  find("spoken").append(made("span", { textContent: `${text}. ` }));
  while (find("spoken").children.length > 20) find("spoken").firstElementChild.remove();
}

function share(value) {
  if (value > 0.999) return "> 99.9 %";
  if (value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(1)} %`;
}

function duration(seconds) {
  return seconds < 1 ? `${Math.max(1, Math.round(1000 * seconds))} ms` : `${seconds.toFixed(1)} s`;
}

function listed(labels) {
  const shown = labels.length > 12 ? [...labels.slice(0, 11), `${labels.length - 11} more`] : labels;
  return shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}` : shown.join("");
}

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// As much of Markdown as a model card needs: headings, lists, tables, paragraphs.
function fromMarkdown(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const blocks = [];
  let at = 0;
  const run = (fits) => {
    const from = at;
    while (at < lines.length && fits(lines[at])) at += 1;
    return lines.slice(from, at);
  };
  const marked = [
    [(line) => line.startsWith("#"), (rows) => rows.map(heading)],
    [(line) => /^[-*] /.test(line), (rows) => [made("ul", {}, ...rows.map((row) => made("li", {}, ...inline(row.slice(2)))))]],
    [(line) => line.startsWith("|"), (rows) => [table(rows)]],
    [(line) => line === "", () => []],
  ];
  const plain = (line) => !marked.some(([fits]) => fits(line));
  const kinds = [...marked, [plain, (rows) => [made("p", {}, ...inline(rows.join(" ")))]]];
  while (at < lines.length) {
    const [fits, make] = kinds.find(([each]) => each(lines[at]));
    blocks.push(...make(run(fits)));
  }
  return blocks;
}

function heading(line) {
  const [, marks, text] = line.match(/^(#+)\s*(.*)$/);
  return made(`h${Math.min(marks.length + 2, 5)}`, {}, ...inline(text));
}

function table(rows) {
  const cells = rows.map((row) => row.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim()));
  const ruled = cells.length > 1 && cells[1].every((cell) => /^:?-+:?$/.test(cell));
  const line = (row, tag) => made("tr", {}, ...row.map((cell) => made(tag, {}, ...inline(cell))));
  const head = ruled ? [made("thead", {}, line(cells[0], "th"))] : [];
  return made("table", {}, ...head, made("tbody", {}, ...(ruled ? cells.slice(2) : cells).map((row) => line(row, "td"))));
}

function inline(text) {
  const parts = text.replace(/\\([|_*`])/g, "$1").split(/(\*\*[^*]+\*\*|`[^`]+`)/);
  return parts.map((part) => {
    if (part.startsWith("**") && part.endsWith("**") && part.length > 4) return made("strong", { textContent: part.slice(2, -2) });
    if (part.startsWith("`") && part.endsWith("`") && part.length > 2) return made("code", { textContent: part.slice(1, -1) });
    return document.createTextNode(part);
  });
}

start();
