// Progress, kept in this browser and nowhere else; predictions; the start page. Events are those of the command line's
// log, so that `headway course progress --import` takes them as they are.
"use strict";

const progress = (() => {
  const KEY = "headway-course-progress-1";
  const FORMAT = "headway course progress 1";
  let memory = null;

  function events() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY) || "null");
      return stored && stored.format === FORMAT ? stored.events : memory || [];
    } catch {
      return memory || [];
    }
  }

  function keep(list) {
    memory = list;
    try {
      localStorage.setItem(KEY, JSON.stringify({ format: FORMAT, events: list }));
      return true;
    } catch {
      return false;
    }
  }

  const add = (kind, id, outcome, answer) =>
    keep([...events(), { kind, id, outcome, answer, hash: "", version: "", time: now() }]);
  const now = () => new Date().toISOString().replace("Z", "+00:00");

  // Adds what another browser or the command line wrote; how many events are new. Throws where it is no progress.
  function take(text) {
    const given = JSON.parse(text);
    const fields = ["kind", "id", "outcome", "time"];
    const valid = given && given.format === FORMAT && Array.isArray(given.events) &&
      given.events.every((event) => event && fields.every((field) => typeof event[field] === "string"));
    if (!valid) throw new Error("no progress");
    const known = new Set(events().map((event) => `${event.time} ${event.kind} ${event.id}`));
    const fresh = given.events.filter((event) => !known.has(`${event.time} ${event.kind} ${event.id}`));
    const plain = fresh.map(({ kind, id, outcome, answer = null, time }) =>
      ({ kind, id, outcome, answer, hash: "", version: "", time }));
    keep([...events(), ...plain].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)));
    return plain.length;
  }

  const asText = () => JSON.stringify({ format: FORMAT, events: events() }, null, 1);
  const latest = (kinds, id) => events().filter((event) => kinds.includes(event.kind) && event.id === id).pop();
  return { add, asText, clear: () => keep([]), events, latest, take };
})();

// An element with attributes and children; texts are never read as HTML.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "html") element.innerHTML = value; // from the build alone: Markdown without HTML in it
    else if (typeof value === "function") element.addEventListener(name, value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function guesses() {
  for (const box of document.querySelectorAll("[data-guess]")) {
    const id = box.dataset.guess;
    const results = "answered" in box.dataset ? [] : [...document.querySelectorAll(".cell .result")];
    const result = results.find((one) => one.children.length &&
      box.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    const note = make("p", { class: "guessed", hidden: true });
    // Within what is folded: whether the guess was right is the answer.
    const folded = result && result.querySelector("details > summary");
    if (folded) folded.after(note);
    else if (result) result.prepend(note);
    const said = make("p", { role: "status", class: "about" });
    const show = (answer) => {
      const right = box.dataset.right;
      const outcome = !right ? "" : answer === right ? ". Right." : `. It was: ${right}`;
      note.textContent = `You guessed: ${answer}${outcome}`;
      note.hidden = false;
      said.textContent = result ? "Kept. It stands beside the result below." : note.textContent;
    };
    const save = (answer) => {
      progress.add("guess", id, "", answer);
      show(answer);
    };
    const before = progress.latest(["guess"], id);
    const list = box.querySelector(".choices");
    if (list) {
      const options = [...list.children].map((item, number) => {
        const text = item.textContent.trim();
        const radio = make("input", {
          type: "radio", name: `guess-${id}`, value: String(number), change: () => save(text),
        });
        radio.checked = Boolean(before) && before.answer === text;
        return make("label", { class: "option" }, radio, make("span", { html: item.innerHTML }));
      });
      list.replaceWith(make("fieldset", {}, make("legend", { class: "unseen" }, "Your guess"), ...options));
    } else {
      const field = make("input", { type: "text", id: `guess-field-${id}`, autocomplete: "off" });
      field.value = before ? before.answer : "";
      const form = make("form", {
        class: "typed",
        submit: (event) => {
          event.preventDefault();
          if (field.value.trim()) save(field.value.trim());
        },
      }, make("label", { for: `guess-field-${id}`, class: "unseen" }, "Your guess"), field, make("button", {}, "Keep it"));
      box.querySelector(".blank").replaceWith(form);
    }
    box.append(said);
    if (before) show(before.answer);
  }
}

function sections() {
  const details = document.querySelector(".side details");
  if (!details) return;
  const wide = matchMedia("(min-width: 68.01rem)");
  const adapt = () => (details.open = wide.matches);
  wide.addEventListener("change", adapt);
  adapt();
  const links = new Map([...details.querySelectorAll("a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.isIntersecting ? seen.add(entry.target) : seen.delete(entry.target);
    // The last one that has begun in the upper part of the window.
    const current = [...links.keys()].map((id) => document.getElementById(id)).filter((part) => seen.has(part)).pop();
    for (const link of links.values()) link.removeAttribute("aria-current");
    if (current) links.get(current.id).setAttribute("aria-current", "true");
  }, { rootMargin: "0px 0px -60% 0px" });
  for (const id of links.keys()) {
    const part = document.getElementById(id);
    if (part) watcher.observe(part);
  }
}

function start() {
  const lessons = window.course ? window.course.lessons : {};
  const answered = (id) => progress.latest(["question", "recall"], id);
  const next = [];
  for (const line of document.querySelectorAll("[data-lesson]")) {
    const lesson = lessons[line.dataset.lesson];
    const done = lesson.questions.map(answered).filter((event) => event);
    const right = done.filter((event) => event.outcome === "right").length;
    line.hidden = done.length === 0;
    line.textContent = `${done.length} of ${lesson.questions.length} questions answered, ${right} right`;
    if (done.length < lesson.questions.length) next.push([line.dataset.lesson, lesson, done.length]);
  }
  const target = document.getElementById("next");
  if (!target) return;
  if (next.length && next[0][2]) {
    const [number, lesson, count] = next[0];
    const address = `lesson-${number.padStart(2, "0")}-questions.html`;
    const link = make("a", { href: address }, `the questions of lesson ${number}, ${lesson.title}`);
    target.replaceChildren("Go on with ", link, `: ${count} of ${lesson.questions.length} are answered.`);
  } else if (next.length) {
    const [number, lesson] = next[0];
    const link = make("a", { href: `lesson-${number.padStart(2, "0")}.html` }, `lesson ${number}, ${lesson.title}`);
    target.replaceChildren(Object.keys(lessons)[0] === number ? "Start with " : "Go on with ", link, ".");
  } else target.textContent = "You have answered every question. To keep what you know: headway course review.";
}

function exchange() {
  const box = document.getElementById("text-box");
  if (!box) return;
  const [text, said] = [document.getElementById("text"), document.getElementById("said")];
  const on = (id, action) => {
    const button = document.getElementById(id);
    button.disabled = false;
    button.addEventListener("click", action);
  };
  const open = (value) => {
    box.hidden = false;
    text.value = value;
    text.focus();
  };
  on("copy", async () => {
    open(progress.asText());
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      said.textContent = "Copied. Paste it into a file, such as progress.json.";
    } catch {
      said.textContent = "Press Ctrl-C, or Command-C on a Mac, to copy the text.";
    }
  });
  on("paste", () => {
    open("");
    said.textContent = "Paste the text into the box, then press “Add this progress”.";
  });
  on("take", () => {
    try {
      said.textContent = `Added ${progress.take(text.value)} answers.`;
      box.hidden = true;
      start();
    } catch {
      said.textContent = "This text is no progress. Copy it again, from { to }.";
    }
  });
  let sure = false;
  on("forget", () => {
    if (sure) progress.clear();
    said.textContent = sure ? "Forgotten." : "This removes all of your answers from this browser. Press it again to do so.";
    sure = !sure;
    start();
  });
}

function filter() {
  const field = document.getElementById("filter");
  if (!field) return;
  const failures = [...document.querySelectorAll(".failure")];
  const texts = failures.map((one) => `${one.textContent} ${one.id} ${one.dataset.tags}`.toLowerCase());
  field.closest("[hidden]").hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter((word) => word);
    let shown = 0;
    failures.forEach((one, number) => {
      one.hidden = !words.every((word) => texts[number].includes(word));
      shown += !one.hidden;
    });
    for (const family of document.querySelectorAll(".family")) {
      family.hidden = !family.querySelector(".failure:not([hidden])");
    }
    document.getElementById("count").textContent = words.length ? `${shown} of ${failures.length} failures` : "";
  });
}

// A page that is a file may not load a model.
for (const frame of document.querySelectorAll(".model iframe")) {
  frame.hidden = location.protocol === "file:";
  if (!frame.hidden) frame.src = frame.dataset.page;
  frame.parentElement.querySelector(".of-files").hidden = !frame.hidden;
}
guesses();
sections();
start();
exchange();
filter();
