// A file to windows of its bytes, as Headway's Python reads it. Nothing in it is executed, parsed or unpacked.

const PADDING = 256;

/**
 * Reads a file: its head, its tail, and windows that lie evenly between them.
 * @param {Blob} file Of a long one the windows alone are read.
 * @param {{facts: {length: number, windows: number}}} field The bundle's input field.
 * @returns {Promise<{type: string, data: Int16Array, dims: number[]}>}
 * @throws {Error} whose message is for a person.
 */
export async function look(file, { facts: { length, windows } }) {
  if (!file.size) throw new Error("The file is empty: 0 bytes.");
  const count = Math.min(Math.ceil(file.size / length), windows);
  const last = Math.max(file.size - length, 0);
  const data = new Int16Array(count * length).fill(PADDING);
  for (let window = 0; window < count; window += 1) {
    const start = window < count - 1 ? Math.trunc(window * (last / (count - 1))) : last;
    data.set(new Uint8Array(await file.slice(start, start + length).arrayBuffer()), window * length);
  }
  return { type: "int16", data, dims: [1, count, length] };
}
