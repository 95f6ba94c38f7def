// A picture file to the pixels that the model sees, as Headway's Python reads it: Pillow's bicubic filter in the same
// fixed-point numbers.

import { decodeJpeg, isJpeg, Unsupported } from "./jpeg.js";

const MAX_PIXELS = 100_000_000;
const BITS = 22;

/**
 * Reads a picture.
 * @param {Blob} file
 * @param {{size: number, channels: number, squeeze: number, crop: number}} field The bundle's input field.
 * @returns {Promise<Uint8Array>} `[size, size, channels]`
 * @throws {Error} whose message is for a person.
 */
export async function read(file, field) {
  return (await look(file, field)).data;
}

/**
 * Reads a picture, and says what part of it the model sees.
 * @returns {Promise<{type: string, data: Uint8Array, dims: number[], frame: {width: number, height: number, left: number, top: number, right: number,
 *   bottom: number}}>} The frame is in the picture's own pixels.
 */
export async function look(file, field) {
  if (!file.size) throw new Error("The file is empty.");
  const side = roundHalfEven(field.size / field.crop);
  const image = inChannels(await decode(file, side, field.channels), field.channels);
  const square = resized(image, side, field.squeeze);
  const data = middle(square, side, field.size, field.channels);
  const dims = [1, field.size, field.size, field.channels];
  return { type: "uint8", data, dims, frame: frameOf(image.full, field, side) };
}

function frameOf([width, height], { squeeze, size }, side) {
  const [wide, high] = [Math.min(width, squeeze * height), Math.min(height, squeeze * width)];
  const start = Math.floor((side - size) / 2);
  const [left, top] = [(width - wide) / 2 + (start * wide) / side, (height - high) / 2 + (start * high) / side];
  return { width, height, left, top, right: left + (size * wide) / side, bottom: top + (size * high) / side };
}

async function decode(file, side, channels) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!isJpeg(bytes)) return byBrowser(file);
  try {
    return upright(decodeJpeg(bytes, { side, channels, maxPixels: MAX_PIXELS }));
  } catch (error) {
    if (error instanceof Unsupported) return byBrowser(file);
    if (error.message === "too large") throw new Error("The picture is too large: over 100 megapixels.");
    throw new Error(`The picture is damaged${error.message === "cut short" ? ": its end is missing" : ""}.`);
  }
}

async function byBrowser(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error("This is not a picture that your browser can read.");
  }
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) throw new Error("The picture is too large: over 100 megapixels.");
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from];
    data[to + 1] = rgba[from + 1];
    data[to + 2] = rgba[from + 2];
  }
  return { width, height, full: [width, height], channels: 3, data };
}

// Turned as EXIF says.
function upright({ width, height, full, channels, data, orientation }) {
  if (!(orientation >= 2 && orientation <= 8)) return { width, height, full, channels, data };
  const swapped = orientation >= 5;
  const flipX = [2, 3, 7, 8].includes(orientation);
  const flipY = [3, 4, 6, 7].includes(orientation);
  const [wide, high] = swapped ? [height, width] : [width, height];
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < high; y += 1) {
    for (let x = 0; x < wide; x += 1) {
      const [column, row] = swapped ? [y, x] : [x, y];
      const from = channels * ((flipY ? height - 1 - row : row) * width + (flipX ? width - 1 - column : column));
      for (let channel = 0; channel < channels; channel += 1) turned[to++] = data[from + channel];
    }
  }
  return { width: wide, height: high, full: swapped ? [...full].reverse() : full, channels, data: turned };
}

function inChannels(image, channels) {
  if (image.channels === channels) return image;
  const count = image.width * image.height;
  const data = new Uint8Array(count * channels);
  for (let place = 0; place < count; place += 1) {
    if (channels === 3) data.fill(image.data[place], 3 * place, 3 * place + 3);
    else {
      const [red, green, blue] = image.data.subarray(3 * place, 3 * place + 3);
      data[place] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
    }
  }
  return { ...image, channels, data };
}

// The middle of the picture, squeezed into a square.
function resized(image, side, squeeze) {
  const { width, height, channels, data } = image;
  if (width === side && height === side) return data;
  const wide = Math.min(width, squeeze * height);
  const high = Math.min(height, squeeze * width);
  const [left, top] = [(width - wide) / 2, (height - high) / 2];
  const across = filter(width, Math.fround(left), Math.fround(left + wide), side);
  const down = filter(height, Math.fround(top), Math.fround(top + high), side);
  // The two directions in the order that Pillow takes them: what lies between is rounded.
  const downFirst = height > side && height - side > 2 * (width - side);
  const half = downFirst ? downwards(down, data, width, channels) : sideways(across, data, width, height, channels);
  const square = downFirst ? sideways(across, half, width, side, channels) : downwards(down, half, side, channels);
  return new Uint8Array(square.buffer);
}

function sideways(filters, data, width, height, channels) {
  const out = new Uint8ClampedArray(filters.length * height * channels);
  for (let y = 0; y < height; y += 1) {
    pass(filters, data, y * width * channels, channels, out, y * filters.length * channels, channels, channels);
  }
  return out;
}

function downwards(filters, data, width, channels) {
  const stride = width * channels;
  const out = new Uint8ClampedArray(filters.length * stride);
  for (let x = 0; x < stride; x += channels) pass(filters, data, x, stride, out, x, stride, channels);
  return out;
}

function pass(filters, from, start, step, to, out, outStep, channels) {
  for (let place = 0; place < filters.length; place += 1) {
    const { first, weights } = filters[place];
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = 1 << (BITS - 1);
      let at = start + first * step + channel;
      for (let each = 0; each < weights.length; each += 1, at += step) sum += from[at] * weights[each];
      to[out + place * outStep + channel] = sum >> BITS;
    }
  }
}

// For each place of the result where its samples begin, and their weights. Shrinking widens the filter.
function filter(size, start, end, count) {
  const scale = (end - start) / count;
  const wide = Math.max(scale, 1);
  const support = 2 * wide;
  const filters = [];
  for (let place = 0; place < count; place += 1) {
    const center = start + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const last = Math.min(Math.trunc(center + support + 0.5), size);
    const values = [];
    for (let x = first; x < last; x += 1) values.push(bicubic((x - center + 0.5) * (1 / wide)));
    const sum = values.reduce((total, value) => total + value, 0);
    const weights = values.map((value) => Math.trunc((value / sum) * 2 ** BITS + (value < 0 ? -0.5 : 0.5)));
    filters.push({ first, weights: Int32Array.from(weights) });
  }
  return filters;
}

function bicubic(value) {
  const x = Math.abs(value);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

function middle(square, side, size, channels) {
  const start = Math.floor((side - size) / 2);
  const data = new Uint8Array(size * size * channels);
  for (let row = 0; row < size; row += 1) {
    const from = ((start + row) * side + start) * channels;
    data.set(square.subarray(from, from + size * channels), row * size * channels);
  }
  return data;
}

// As Python rounds.
function roundHalfEven(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
