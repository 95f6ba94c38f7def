// Files of bytes, as the report draws them: line by line, coloured by what each byte is, and their entropy below.

import { made } from "./words.js";

const WIDTH = 64;
const CURVE = 16;
const STRETCH = 256;
const MAX_BYTES = 2 ** 20;
const COLOURS = { zero: [0, 0, 0], control: [90, 200, 120], printable: [70, 130, 240], high: [240, 150, 60], full: [255, 255, 255] };
const INK = [170, 30, 60];
const PAPER = [245, 245, 245];

/** In place of a picture: the bytes of a file, of a long one those of its beginning. */
export async function showBytes(place, name, file) {
  const canvas = made("canvas", { className: "bytes", width: WIDTH, height: 1 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `The bytes of ${name}, and their entropy`);
  place.querySelector("img").hidden = true;
  place.append(canvas);
  draw(canvas, new Uint8Array(await file.slice(0, MAX_BYTES).arrayBuffer()));
}

function draw(canvas, values) {
  const whole = Math.ceil(values.length / WIDTH);
  const lines = Math.min(whole, WIDTH);
  canvas.height = lines + CURVE;
  const context = canvas.getContext("2d");
  const image = context.createImageData(WIDTH, lines + CURVE);
  const paint = (line, column, colour) => image.data.set([...colour, 255], 4 * (line * WIDTH + column));
  for (let line = 0; line < lines; line += 1) {
    // Of a long file as many lines as there are columns, evenly over it.
    const start = WIDTH * (lines > 1 ? Math.floor((line * (whole - 1)) / (lines - 1)) : 0);
    for (let column = 0; column < WIDTH; column += 1) paint(line, column, start + column < values.length ? COLOURS[kind(values[start + column])] : PAPER);
  }
  const stretch = Math.max(STRETCH, Math.ceil(values.length / WIDTH));
  const count = Math.ceil(values.length / stretch);
  for (let column = 0; column < WIDTH; column += 1) {
    const at = Math.floor(column / Math.ceil(WIDTH / count)) * stretch;
    const height = Math.round((entropy(values.subarray(at, at + stretch)) / 8) * (CURVE - 1));
    for (let line = 0; line < CURVE; line += 1) paint(lines + line, column, CURVE - 1 - line <= height ? INK : PAPER);
  }
  context.putImageData(image, 0, 0);
}

function kind(value) {
  if (value === 0) return "zero";
  if (value === 255) return "full";
  if (value >= 128) return "high";
  return value < 32 || value === 127 ? "control" : "printable";
}

function entropy(values) {
  const counts = new Float64Array(256);
  for (const value of values) counts[value] += 1;
  return counts.reduce((sum, count) => (count ? sum - (count / values.length) * Math.log2(count / values.length) : sum), 0);
}
