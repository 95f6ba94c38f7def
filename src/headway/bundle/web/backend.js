// Where the answers come from: here the model itself, run by onnxruntime-web in the browser. Nothing is sent anywhere.

import { read } from "./read.js";
import * as ort from "./runtime/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
// More threads need headers that a plain static host does not send.
ort.env.wasm.numThreads = 1;

let description;
let session;
let queue = Promise.resolve();

/**
 * What the model is; it is loaded meanwhile.
 * @returns {Promise<{name: string, labels: string[], card: string, privacy: string, links: [string, string][]}>}
 */
export async function describe() {
  const { name, labels, card } = await facts();
  opened().catch(() => {}); // told with the first answer
  const privacy = "Pictures stay on this device: the model runs in this browser.";
  return { name, labels, card, privacy, links: [] };
}

// Each is loaded once, by whoever asks first, and again after it failed.
function facts() {
  description ??= loaded("model.json").then((response) => response.json());
  description.catch(() => (description = undefined));
  return description;
}

function opened() {
  session ??= loaded("model.onnx")
    .then((response) => response.arrayBuffer())
    .then((graph) => ort.InferenceSession.create(new Uint8Array(graph), { executionProviders: ["wasm"] }));
  session.catch(() => (session = undefined));
  return session;
}

async function loaded(address) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Error("The model cannot be loaded. Is there a connection?");
  return response;
}

/**
 * The answer for one picture.
 * @param {Blob} file
 * @returns {Promise<{label: string, score: number, probabilities: Object<string, number>, familiar: ?boolean,
 *   seconds: number}>} `probabilities` has the most probable first.
 * @throws {Error} whose message is to be shown to a person.
 */
export function answer(file) {
  // One after the other: side by side they would only share the one thread, and their memory would add up.
  const found = queue.then(() => predict(file));
  queue = found.catch(() => {});
  return found;
}

async function predict(file) {
  const [model, ready] = [await facts(), await opened()];
  const start = performance.now();
  const { size, channels } = model.input;
  const images = new ort.Tensor("uint8", await read(file, model.input), [1, size, size, channels]);
  const outputs = await ready.run({ images });
  const scores = [...outputs.probabilities.data];
  const order = scores.map((_, place) => place).sort((one, other) => scores[other] - scores[one]);
  const distance = outputs.distance?.data[0];
  return {
    label: model.labels[order[0]],
    score: scores[order[0]],
    probabilities: Object.fromEntries(order.map((place) => [model.labels[place], scores[place]])),
    familiar: model.threshold === null ? null : distance <= model.threshold,
    seconds: (performance.now() - start) / 1000,
  };
}
