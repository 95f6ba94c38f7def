// Where the answers come from: here the server that sent this page. A page without a server brings another file of
// this name, with the same functions.

const RETRIES = 3;
const SHRUNK_SIDE = 2048;

let limits = { maxBytes: Infinity, address: "predict" };
let described;
const files = new WeakMap();

/**
 * What the model is.
 * @returns {Promise<{name: string, task: string, target: string, labels: string[], question: string, summary: string,
 *   noun: string, nouns: string, media: ?{name: string, media_type: string, suffix: string}, error: ?number,
 *   columns: ?Object[], colours: ?Object<string, number[]>, card: string, privacy: string, links: [string, string][]}>}
 *   `question` is the title, `summary` what the model does, `media` the file that an answer comes with; `error` is how
 *   far a number is usually off; `columns` are those of a table's rows; `card` is Markdown; `privacy` is a sentence on
 *   where items go; `links` are texts with addresses.
 */
export function describe() {
  described = facts();
  return described;
}

async function facts() {
  const response = await fetch("model");
  if (!response.ok) throw new Error(await words(response));
  const { max_body_bytes: maxBytes, metrics, ...found } = await response.json();
  // The file comes with its answer, so that the model looks at an item once.
  limits = { maxBytes, media: found.media, address: found.media ? `predict?${found.media.name}=${found.media.suffix}` : "predict" };
  return {
    ...found,
    error: metrics?.test?.mae?.value ?? metrics?.valid?.mae?.value,
    privacy: `${found.columns ? "What you fill in is" : `${found.nouns[0].toUpperCase()}${found.nouns.slice(1)} are`} sent to this server, and to no other.`,
    links: [["Use it from a program", "docs"]],
  };
}

/**
 * The answer for one item: a picture, or a row's values by column.
 * @param {File|Object} item
 * @returns {Promise<{label: string, score: ?number, probabilities: Object<string, number>, value: *, familiar: ?boolean,
 *   notes: ?string[], seconds: number}>} `probabilities` has the most probable first.
 * @throws {Error} whose message is to be shown to a person.
 */
export async function answer(item) {
  // Without it, what to ask for is not known yet.
  await described?.catch(() => {});
  const found = await (await asked(item)).json();
  const { name, media_type: type } = limits.media ?? {};
  if (found[name]) files.set(item, new Blob([Uint8Array.from(atob(found[name]), (each) => each.charCodeAt(0))], { type }));
  return found;
}

/**
 * The file that came with an item's answer, such as a mask: a picture that is transparent where nothing is known.
 * @param {File} item
 * @returns {Promise<?Blob>}
 */
export async function media(item) {
  return files.get(item) ?? null;
}

/**
 * The answers for several rows, in their order: each is as `answer` gives it, or has a `problem` instead.
 * @param {Object[]} rows
 * @returns {Promise<Object[]>}
 * @throws {Error} whose message is to be shown to a person.
 */
export async function answerMany(rows) {
  return (await (await asked(rows)).json()).predictions;
}

/**
 * What in a row speaks for its answer: the pieces that its texts are made of, by column, each with a weight or null.
 * @param {Object} item
 * @returns {Promise<{prediction: Object, answer: string, unit: string,
 *   columns: Object<string, {text: string, weight: ?number}[]>}>} `prediction` is as `answer` gives it.
 * @throws {Error} whose message is to be shown to a person.
 */
export async function explain(item) {
  return (await asked(item, "explain")).json();
}

async function asked(item, address = limits.address) {
  const isFile = item instanceof Blob;
  // A photo that is made smaller has other pixels than the one that is shown; both fill the same box.
  const body = !isFile ? JSON.stringify(item) : item.size > limits.maxBytes ? await shrink(item) : item;
  const type = isFile ? body.type || "application/octet-stream" : "application/json";
  for (let tries = 0; ; tries += 1) {
    const response = await send(address, body, { "content-type": type, accept: "application/json" });
    if (response.ok) return response;
    if (response.status !== 503 || tries === RETRIES) throw new Error(await words(response));
    const seconds = Number(response.headers.get("retry-after")) || 1;
    await new Promise((done) => setTimeout(done, 1000 * Math.min(seconds, 5)));
  }
}

async function send(address, body, headers) {
  try {
    return await fetch(address, { method: "POST", body, headers });
  } catch {
    throw new Error("The server cannot be reached. Is it still running?");
  }
}

async function words(response) {
  try {
    const problem = await response.json();
    return problem.detail || problem.title;
  } catch {
    return `The server answered ${response.status}, without saying why.`;
  }
}

// A photo beyond the server's limit is made smaller here: the model sees far less than that anyway.
async function shrink(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file;
  }
  const scale = Math.min(1, SHRUNK_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done) => canvas.toBlob((blob) => done(blob || file), "image/jpeg", 0.92));
}
