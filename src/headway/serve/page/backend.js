// Where the answers come from: here the server that sent this page. A page without a server brings another file of
// this name, with the same two functions.

const RETRIES = 3;
const SHRUNK_SIDE = 2048;

let limits = { maxBytes: Infinity };

/**
 * What the model is.
 * @returns {Promise<{name: string, labels: string[], card: string, privacy: string, links: [string, string][]}>}
 *   `card` is Markdown; `privacy` is a sentence on where the pictures go; `links` are texts with addresses.
 */
export async function describe() {
  const response = await fetch("model");
  if (!response.ok) throw new Error(await words(response));
  const facts = await response.json();
  limits = { maxBytes: facts.max_body_bytes };
  return {
    name: facts.name,
    labels: facts.labels,
    card: facts.card,
    privacy: "Pictures are sent to this server, and to no other.",
    links: [["Use it from a program", "docs"]],
  };
}

/**
 * The answer for one picture.
 * @param {File} file
 * @returns {Promise<{label: string, score: number, probabilities: Object<string, number>, familiar: ?boolean,
 *   seconds: number}>} `probabilities` has the most probable first.
 * @throws {Error} whose message is to be shown to a person.
 */
export async function answer(file) {
  const body = file.size > limits.maxBytes ? await shrink(file) : file;
  for (let tries = 0; ; tries += 1) {
    const response = await send(body);
    if (response.ok) return response.json();
    if (response.status !== 503 || tries === RETRIES) throw new Error(await words(response));
    const seconds = Number(response.headers.get("retry-after")) || 1;
    await new Promise((done) => setTimeout(done, 1000 * Math.min(seconds, 5)));
  }
}

async function send(body) {
  try {
    const type = body.type || "application/octet-stream";
    return await fetch("predict", { method: "POST", body, headers: { "content-type": type } });
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
