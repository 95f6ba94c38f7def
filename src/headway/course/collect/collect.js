// Collecting: pictures of a class while its button is held, or from files. Each is sent at once, and counted when the
// server has it.

import { find, made } from "./words.js";

const FRAME_MILLISECONDS = 200;
const SIDE = 512;
const ENOUGH_BURSTS = 5;

const cards = new Map();
let stream = null;
let held = null;
let waiting = Promise.resolve();

async function start() {
  find("camera").addEventListener("click", () => (stream ? stopCamera() : startCamera()));
  find("new-class").addEventListener("submit", addClass);
  // A button that is let go outside of the window is let go all the same.
  for (const kind of ["pointerup", "pointercancel", "blur"]) window.addEventListener(kind, letGo);
  document.addEventListener("visibilitychange", () => document.hidden && letGo());
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  try {
    const state = await asked("state");
    find("lesson").textContent = `Headway course, lesson ${state.lesson}`;
    find("folder").textContent = state.folder;
    find("next").textContent = `Then, in the lesson: pictures("${state.lesson}", door="mine")`;
    count(state.classes);
    for (const [label, files] of Object.entries(state.files)) fill(card(label), files);
  } catch (error) {
    notice(error.message);
  }
}

async function asked(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("The server does not answer. Is `headway course collect` still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}

function notice(text) {
  find("notice").textContent = text;
}

function speak(text) {
  find("spoken").textContent = text;
}

function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function addClass(event) {
  event.preventDefault();
  const name = find("name").value.trim().replace(/\s+/g, " ");
  const isName = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_ -]*[\p{L}\p{N}_])?$/u.test(name);
  notice(isName ? "" : "A class's name has letters, digits, spaces, hyphens and underscores.");
  if (!isName) return;
  find("name").value = "";
  card(name).element.querySelector(".choose").focus();
  speak(`Class ${name} added.`);
}

function card(label) {
  if (cards.has(label)) return cards.get(label);
  const element = find("class").content.firstElementChild.cloneNode(true);
  element.querySelector("h3").textContent = label;
  const own = { label, element, strip: element.querySelector(".strip"), pictures: 0, bursts: 0, removals: 0 };
  const files = element.querySelector("input");
  const button = element.querySelector(".take");
  button.disabled = !stream;
  for (const name of ["take", "choose", "remove-burst", "remove-picture", "undo"]) {
    const control = element.querySelector(`.${name}`);
    control.setAttribute("aria-label", `${control.textContent}: ${label}`);
  }
  button.addEventListener("pointerdown", (event) => event.button === 0 && hold(own));
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) hold(own);
  });
  button.addEventListener("keyup", letGo);
  // A screen reader clicks without a key or a pointer: one picture.
  button.addEventListener("click", (event) => event.detail === 0 && !held && press(own));
  button.addEventListener("blur", letGo);
  element.querySelector(".choose").addEventListener("click", () => files.click());
  files.addEventListener("change", () => {
    takeFiles(own, [...files.files]);
    files.value = "";
  });
  element.querySelector(".remove-burst").addEventListener("click", () => remove(own, { label }));
  element.querySelector(".remove-picture").addEventListener("click", () => removePicture(own));
  element.querySelector(".undo").addEventListener("click", () => undo(own));
  own.strip.setAttribute("aria-label", `Pictures of ${label}, the latest first`);
  own.strip.addEventListener("click", (event) => choose(own, event.target.closest("li")));
  own.strip.addEventListener("focusin", (event) => choose(own, event.target.closest("li")));
  own.strip.addEventListener("keydown", (event) => pressed(own, event));
  element.addEventListener("dragover", () => element.classList.add("over"));
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("over");
    takeFiles(own, [...event.dataTransfer.files]);
  });
  cards.set(label, own);
  find("classes").append(element);
  show(own);
  return own;
}

function count(classes) {
  for (const label of Object.keys(classes)) card(label);
  for (const own of cards.values()) {
    Object.assign(own, { pictures: 0, bursts: 0, removals: 0 }, classes[own.label]);
    show(own);
  }
}

function show(own) {
  const bursts = plural(own.bursts, "burst");
  own.element.querySelector(".count").textContent = `${plural(own.pictures, "picture")} in ${bursts}`;
  own.element.querySelector(".remove-burst").disabled = own.pictures === 0;
  own.element.querySelector(".remove-picture").disabled = !chosen(own);
  own.element.querySelector(".undo").disabled = own.removals === 0;
  const isFew = own.pictures > 0 && own.bursts < ENOUGH_BURSTS;
  const advice = `Take at least ${ENOUGH_BURSTS} bursts, from other sides and before other backgrounds.`;
  own.element.querySelector(".advice").textContent = isFew ? advice : "";
}

async function startCamera() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch {
    notice("The camera is not available: there is none, another program uses it, or the browser does not allow it.");
    return;
  }
  notice("");
  find("video").srcObject = stream;
  find("video").hidden = false;
  await find("video").play();
  showCamera();
}

function stopCamera() {
  letGo();
  stream.getTracks().forEach((track) => track.stop());
  stream = null;
  find("video").srcObject = null;
  find("video").hidden = true;
  showCamera();
}

function showCamera() {
  find("camera").textContent = stream ? "Stop the camera" : "Start the camera";
  find("camera").setAttribute("aria-pressed", String(Boolean(stream)));
  find("camera").classList.toggle("main", !stream);
  for (const own of cards.values()) own.element.querySelector(".take").disabled = !stream;
  speak(stream ? "The camera is on. Hold the button of a class to take pictures." : "The camera is off.");
}

function newBurst() {
  return `${Date.now().toString(36)}-${Math.floor(Math.random() * 36 ** 3).toString(36)}`;
}

function hold(own) {
  if (held || !stream) return;
  notice("");
  held = { own, burst: newBurst() };
  own.element.querySelector(".take").classList.add("held");
  find("camera-section").classList.add("taking");
  const { burst } = held;
  takeFrame(own, burst);
  held.timer = setInterval(() => takeFrame(own, burst), FRAME_MILLISECONDS);
}

function press(own) {
  hold(own);
  letGo();
}

function letGo() {
  if (!held) return;
  const { own, timer } = held;
  clearInterval(timer);
  held = null;
  own.element.querySelector(".take").classList.remove("held");
  find("camera-section").classList.remove("taking");
  waiting = waiting.then(() => speak(`${own.label}: ${plural(own.pictures, "picture")} in ${plural(own.bursts, "burst")}.`));
}

function takeFrame(own, burst) {
  const video = find("video");
  const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = made("canvas", { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  // The blob is made while others are sent; its turn in the queue is taken now.
  const blob = new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  waiting = waiting.then(async () => send(own, await blob, burst));
}

function takeFiles(own, files) {
  notice(files.length ? "" : "What was dropped is not a file.");
  // Files are taken for pictures of their own: nobody knows which were taken in one go.
  for (const file of files) waiting = waiting.then(() => send(own, file, newBurst(), file.name));
  waiting = waiting.then(() => speak(`${own.label}: ${plural(own.pictures, "picture")}.`));
}

async function send(own, blob, burst, name = "") {
  try {
    const query = new URLSearchParams({ label: own.label, burst });
    const before = own.pictures;
    const answer = await asked(`pictures?${query}`, { method: "POST", body: blob });
    count(answer.classes);
    if (own.pictures > before) addToStrip(own, answer.file);
  } catch (error) {
    letGo();
    notice(name ? `${name}: ${error.message}` : error.message);
  }
}

function addToStrip(own, file) {
  const address = file.split("/").map(encodeURIComponent).join("/");
  const alt = `${own.label}, picture ${own.strip.children.length + 1}`;
  const item = made("li", {}, made("img", { src: `picture/${address}`, alt, loading: "lazy", decoding: "async" }));
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.dataset.file = file;
  // One stop for the Tab key however many pictures there are; arrow keys go on from it.
  item.tabIndex = chosen(own) ? -1 : 0;
  if (!chosen(own) && own.strip.firstElementChild) own.strip.firstElementChild.tabIndex = -1;
  own.strip.prepend(item);
}

function fill(own, files) {
  own.strip.replaceChildren();
  for (const file of files) addToStrip(own, file);
  show(own);
}

function chosen(own) {
  return own.strip.querySelector("[aria-selected=true]");
}

function choose(own, item) {
  if (!item) return;
  for (const other of own.strip.children) {
    other.setAttribute("aria-selected", String(other === item));
    other.tabIndex = other === item ? 0 : -1;
  }
  show(own);
}

function pressed(own, event) {
  const items = [...own.strip.children];
  const columns = getComputedStyle(own.strip).gridTemplateColumns.split(" ").length;
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -items.length, End: items.length };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in moves) {
    const index = items.indexOf(event.target) + moves[event.key];
    items[Math.max(0, Math.min(index, items.length - 1))].focus();
  } else if (event.key === "Delete" || event.key === "Backspace") removePicture(own);
  else if (event.key === "z") undo(own);
  else return;
  event.preventDefault();
}

async function removePicture(own) {
  const item = chosen(own);
  if (!item) return;
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const isKeyboard = item === document.activeElement;
  await remove(own, { file: item.dataset.file });
  if (item.isConnected) return;
  choose(own, next);
  // A button that was disabled, or an item that is gone, would leave the keyboard nowhere.
  if (isKeyboard && next) next.focus();
  else if (!next) own.element.querySelector(".undo").focus();
}

async function remove(own, what) {
  try {
    const answer = await asked(`remove?${new URLSearchParams(what)}`, { method: "POST" });
    const removed = new Set(answer.removed);
    for (const item of [...own.strip.children]) if (removed.has(item.dataset.file)) item.remove();
    if (own.strip.firstElementChild && !chosen(own)) own.strip.firstElementChild.tabIndex = 0;
    notice("");
    count(answer.classes);
    speak(`${plural(removed.size, "picture")} of ${own.label} removed.`);
  } catch (error) {
    notice(error.message);
  }
}

async function undo(own) {
  try {
    const answer = await asked(`undo?${new URLSearchParams({ label: own.label })}`, { method: "POST" });
    notice("");
    count(answer.classes);
    if (!answer.restored.length) return;
    fill(own, answer.files[own.label]);
    const item = [...own.strip.children].find((one) => one.dataset.file === answer.restored.at(-1));
    choose(own, item);
    item.focus();
    speak(`${plural(answer.restored.length, "picture")} of ${own.label} brought back.`);
  } catch (error) {
    notice(error.message);
  }
}

start();
