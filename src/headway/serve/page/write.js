// The box that writes: a prompt in, text as it comes out. The model's events are lines `data: {"text": ...}`.

import { notice } from "./cards.js";
import { find } from "./words.js";

let running = null;

/** Shows the box in place of the form. */
export function openBox() {
  find("drop").hidden = true;
  find("fill").hidden = true;
  find("write").hidden = false;
  find("writing").addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) running.abort();
    else write();
  });
}

function settings() {
  const prompt = find("prompt").value;
  return { prompt, temperature: Number(find("temperature").value), seed: Math.floor(Math.random() * 2 ** 32) };
}

async function write() {
  notice("");
  const asked = settings();
  const text = document.createTextNode("");
  find("written").replaceChildren(Object.assign(document.createElement("b"), { textContent: asked.prompt }), text);
  running = new AbortController();
  find("go").textContent = "Stop";
  try {
    const options = { method: "POST", body: JSON.stringify(asked), headers: { "content-type": "application/json" }, signal: running.signal };
    const response = await fetch("generate", options);
    if (!response.ok) throw new Error((await response.json()).detail);
    for await (const event of events(response.body)) {
      if (event.text) text.data += event.text;
      if (event.problem) notice(event.problem);
    }
  } catch (error) {
    if (error.name !== "AbortError") notice(error.message);
  } finally {
    running = null;
    find("go").textContent = "Write";
    find("spoken").textContent = text.data;
  }
}

// The events of a body, as they are complete; one may come in several pieces.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (waiting + value).split("\n\n");
    waiting = lines.pop();
    for (const line of lines) yield JSON.parse(line.slice("data: ".length));
  }
}
