// Where the answers come from: here the model itself, run by onnxruntime-web in the browser. Nothing is sent anywhere.

import { decoded, drawn } from "./answers.js";
import { look } from "./read.js";
import * as ort from "./runtime/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
// More threads need headers that a plain static host does not send.
ort.env.wasm.numThreads = 1;

let description;
let session;
let queue = Promise.resolve();
const masks = new WeakMap();

/**
 * What the model is; it is loaded meanwhile.
 * @returns {Promise<Object>} As backend.js of the server's page describes it.
 */
export async function describe() {
  const { fields, threshold, ...found } = await facts();
  opened().catch(() => {}); // told with the first answer
  const items = found.columns ? "What you fill in stays" : `${found.nouns[0].toUpperCase()}${found.nouns.slice(1)} stay`;
  return { ...found, privacy: `${items} on this device: the model runs in this browser.`, links: [] };
}

/** The answers for several items, in their order. */
export async function answerMany(items) {
  return Promise.all(items.map(answer));
}

/** What speaks for an answer is for texts, which this page does not take. */
export async function explain() {
  throw new Error("This page does not explain its answers.");
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
 * The answer for one item.
 * @param {Blob|Object} item A picture's file, or a row's values by column.
 * @returns {Promise<{label: string, score: ?number, probabilities: Object<string, number>, value: *,
 *   familiar: ?boolean, notes: string[]|undefined, seconds: number}>} `probabilities` has the most probable first.
 * @throws {Error} whose message is to be shown to a person.
 */
export function answer(item) {
  // One after the other: side by side they would only share the one thread, and their memory would add up.
  const found = queue.then(() => predict(item));
  queue = found.catch(() => {});
  return found;
}

/**
 * The mask of a picture that was answered before.
 * @param {Blob} file
 * @returns {Promise<?Blob>}
 */
export async function media(file) {
  const found = masks.get(file);
  return found ? drawn(found.value, found.frame, await facts()) : null;
}

async function predict(item) {
  const [model, ready] = [await facts(), await opened()];
  const start = performance.now();
  const { type, data, dims, frame, notes, familiar, isFar } = await look(item, model.fields.input);
  const outputs = await ready.run({ inputs: new ort.Tensor(type, data, dims) });
  const { value, ...found } = decoded(outputs.outputs, model, frame);
  if (model.media) masks.set(item, { value, frame });
  const isNear = model.threshold === null ? familiar ?? null : outputs.distance.data[0] <= model.threshold;
  return {
    ...found,
    ...(model.media ? {} : { value }),
    familiar: isFar ? false : isNear,
    notes,
    seconds: (performance.now() - start) / 1000,
  };
}
