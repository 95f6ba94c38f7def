// JPEG to pixels, bit for bit as libjpeg-turbo gives them with Pillow's settings, at full size or at 1/2, 1/4 or 1/8.
// A browser's own decoder has no reduced sizes, and a photo that is read otherwise is answered otherwise.
// ITU-T T.81 for the format; Loeffler, Ligtenberg and Moschytz 1989 for the inverse transform, whose fixed-point form
// is that of the Independent JPEG Group.

const ZIGZAG = new Uint8Array(64);
for (let sum = 0, place = 0; sum < 15; sum += 1) {
  for (let step = Math.max(0, sum - 7); step <= Math.min(sum, 7); step += 1) {
    const row = sum % 2 ? step : sum - step;
    ZIGZAG[place++] = 8 * row + (sum - row);
  }
}

/** A JPEG of a kind that is not decoded here: CMYK, arithmetic coding, 12 bits. The browser may know it. */
export class Unsupported extends Error {}

/**
 * Whether bytes begin as a JPEG does.
 * @param {Uint8Array} bytes
 */
export function isJpeg(bytes) {
  return bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Decodes a JPEG.
 * @param {Uint8Array} bytes
 * @param {{channels: number, side: number, maxPixels: number}} wanted 1 or 3 channels; the result is reduced while both
 *   sides stay at least `side`.
 * @returns {{width: number, height: number, full: number[], channels: number, data: Uint8Array, orientation: number}}
 *   `full` is width and height before it was reduced. A grey JPEG has one channel whatever is wanted. `orientation` is
 *   as in EXIF, from 1 to 8.
 */
export function decodeJpeg(bytes, wanted) {
  const jpeg = parse(bytes, wanted.maxPixels);
  const { width, height, components } = jpeg;
  const least = Math.floor(Math.min(width / wanted.side, height / wanted.side));
  const scale = [8, 4, 2].find((each) => least >= each) || 1;
  const size = { width: Math.ceil(width / scale), height: Math.ceil(height / scale) };
  const isColour = components.length === 3;
  if (isColour && wanted.channels === 1 && !jpeg.isYcc) throw new Unsupported("grey from RGB");
  const used = isColour && wanted.channels === 3 ? components : components.slice(0, 1);
  const planes = used.map((component) => upsampled(component, jpeg, 8 / scale, size));
  const data = planes.length === 1 ? planes[0] : merged(planes, jpeg.isYcc);
  return { ...size, full: [width, height], channels: planes.length, data, orientation: jpeg.orientation };
}

function parse(bytes, maxPixels) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const jpeg = { quant: [], dc: [], ac: [], restart: 0, orientation: 1, adobe: -1, isJfif: false, components: null };
  let at = 2;
  for (;;) {
    while (at < bytes.length && bytes[at] !== 0xff) at += 1;
    while (at < bytes.length && bytes[at] === 0xff) at += 1;
    if (at >= bytes.length) throw new Error("cut short");
    const marker = bytes[at++];
    if (marker === 0xd9) break;
    if (marker === 0x01 || marker === 0 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    if (at + 2 > bytes.length) throw new Error("cut short");
    const end = at + view.getUint16(at);
    if (end > bytes.length) throw new Error("cut short");
    const body = bytes.subarray(at + 2, end);
    at = end;
    if (marker === 0xdb) readQuant(body, jpeg);
    else if (marker === 0xc4) readHuffman(body, jpeg);
    else if (marker === 0xdd) jpeg.restart = 256 * body[0] + body[1];
    else if (marker === 0xe0) jpeg.isJfif ||= text(body, 0, 5) === "JFIF\0";
    else if (marker === 0xe1) jpeg.orientation = exifOrientation(body) || jpeg.orientation;
    else if (marker === 0xee && text(body, 0, 5) === "Adobe") jpeg.adobe = body[11];
    else if (marker >= 0xc0 && marker <= 0xc2) readFrame(body, jpeg, marker === 0xc2, maxPixels);
    else if (marker >= 0xc3 && marker <= 0xcf) throw new Unsupported("coding");
    else if (marker === 0xda) at = readScan(body, bytes, at, jpeg);
  }
  if (!jpeg.components) throw new Error("damaged");
  jpeg.isYcc = isYcc(jpeg);
  return jpeg;
}

function isYcc({ components, isJfif, adobe }) {
  if (isJfif) return true;
  if (adobe >= 0) return adobe !== 0;
  return components.map((each) => each.id).join() !== "82,71,66"; // the letters R, G, B
}

function text(bytes, start, count) {
  return String.fromCharCode(...bytes.subarray(start, start + count));
}

function exifOrientation(body) {
  if (text(body, 0, 6) !== "Exif\0\0" || body.length < 14) return 0;
  const view = new DataView(body.buffer, body.byteOffset + 6, body.length - 6);
  const little = view.getUint16(0) === 0x4949;
  try {
    const start = view.getUint32(4, little);
    for (let entry = 0; entry < view.getUint16(start, little); entry += 1) {
      const place = start + 2 + 12 * entry;
      if (view.getUint16(place, little) === 0x0112) return view.getUint16(place + 8, little);
    }
  } catch {
    return 0; // the pixels are there all the same
  }
  return 0;
}

function readQuant(body, jpeg) {
  for (let at = 0; at < body.length; ) {
    const [wide, id] = [body[at] >> 4, body[at++] & 15];
    const table = new Int32Array(64);
    for (let place = 0; place < 64; place += 1) {
      table[ZIGZAG[place]] = wide ? 256 * body[at] + body[at + 1] : body[at];
      at += wide ? 2 : 1;
    }
    jpeg.quant[id] = table;
  }
}

function readHuffman(body, jpeg) {
  for (let at = 0; at + 17 <= body.length; ) {
    const [kind, id] = [body[at] >> 4, body[at] & 15];
    const counts = body.subarray(at + 1, at + 17);
    at += 17;
    const total = counts.reduce((sum, count) => sum + count, 0);
    jpeg[kind ? "ac" : "dc"][id] = huffmanTable(counts, body.subarray(at, at + total));
    at += total;
  }
}

// For each possible next 16 bits the code's value and its length: 256 * value + length.
function huffmanTable(counts, values) {
  const table = new Uint16Array(65536);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= 16; length += 1) {
    for (let each = 0; each < counts[length - 1]; each += 1) {
      const start = code << (16 - length);
      table.fill(256 * values[place++] + length, start, start + (1 << (16 - length)));
      code += 1;
    }
    code <<= 1;
  }
  return table;
}

function readFrame(body, jpeg, progressive, maxPixels) {
  if (body[0] !== 8) throw new Unsupported("bits");
  if (jpeg.components) throw new Error("damaged");
  const [height, width, count] = [256 * body[1] + body[2], 256 * body[3] + body[4], body[5]];
  if (!width || !height) throw new Error("damaged");
  if (width * height > maxPixels) throw new Error("too large");
  if (count !== 1 && count !== 3) throw new Unsupported("channels");
  const components = [];
  for (let each = 0; each < count; each += 1) {
    const [id, factors, quant] = body.subarray(6 + 3 * each, 9 + 3 * each);
    components.push({ id, h: factors >> 4, v: factors & 15, quant });
  }
  if (components.some(({ h, v }) => !(h >= 1 && h <= 4 && v >= 1 && v <= 4))) throw new Error("damaged");
  const [maxH, maxV] = [Math.max(...components.map((c) => c.h)), Math.max(...components.map((c) => c.v))];
  const [mcusX, mcusY] = [Math.ceil(width / (8 * maxH)), Math.ceil(height / (8 * maxV))];
  for (const component of components) {
    component.blocksX = Math.ceil((width * component.h) / (8 * maxH));
    component.blocksY = Math.ceil((height * component.v) / (8 * maxV));
    component.stride = mcusX * component.h;
    component.coefficients = new Int16Array(64 * component.stride * mcusY * component.v);
  }
  Object.assign(jpeg, { width, height, components, maxH, maxV, mcusX, mcusY, progressive });
}

// The bits of a scan, with stuffed bytes taken out. Past a marker they are zeros, as in libjpeg.
class Bits {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
    this.buffer = 0;
    this.count = 0;
  }

  fill() {
    while (this.count <= 16) {
      let byte = 0;
      if (this.at >= this.bytes.length) throw new Error("cut short");
      if (this.bytes[this.at] !== 0xff) byte = this.bytes[this.at++];
      else if (this.bytes[this.at + 1] === 0) {
        byte = 0xff;
        this.at += 2;
      }
      this.buffer = ((this.buffer << 8) | byte) & 0xffffff;
      this.count += 8;
    }
  }

  code(table) {
    if (this.count < 16) this.fill();
    const found = table[(this.buffer >> (this.count - 16)) & 0xffff];
    if (!found) throw new Error("damaged");
    this.count -= found & 255;
    return found >> 8;
  }

  take(length) {
    if (!length) return 0;
    if (this.count < length) this.fill();
    this.count -= length;
    return (this.buffer >> this.count) & ((1 << length) - 1);
  }

  // A number of so many bits; those that begin with 0 are negative.
  signed(length) {
    const value = this.take(length);
    return length && value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  restart() {
    this.buffer = this.count = 0;
    while (this.at + 1 < this.bytes.length) {
      const next = this.bytes[this.at + 1];
      if (this.bytes[this.at] === 0xff && next >= 0xd0 && next <= 0xd7) {
        this.at += 2;
        return;
      }
      if (this.bytes[this.at] === 0xff && next !== 0 && next !== 0xff) return;
      this.at += 1;
    }
  }
}

function readScan(body, bytes, at, jpeg) {
  if (!jpeg.components) throw new Error("damaged");
  const chosen = [];
  for (let each = 0; each < body[0]; each += 1) {
    const component = jpeg.components.find(({ id }) => id === body[1 + 2 * each]);
    if (!component) throw new Error("damaged");
    const tables = body[2 + 2 * each];
    // A later scan may bring other tables of the same number.
    component.table = component.table || jpeg.quant[component.quant];
    chosen.push({ component, dc: jpeg.dc[tables >> 4], ac: jpeg.ac[tables & 15], last: 0 });
  }
  const [first, last, precision] = body.subarray(1 + 2 * body[0], 4 + 2 * body[0]);
  const scan = { first, last, high: precision >> 4, low: precision & 15, run: 0, bits: new Bits(bytes, at) };
  const decode = jpeg.progressive ? progressiveDecoder(scan) : baseline;
  const one = chosen.length === 1;
  const [across, down] = one
    ? [chosen[0].component.blocksX, chosen[0].component.blocksY]
    : [jpeg.mcusX, jpeg.mcusY];
  for (let mcu = 0; mcu < across * down; mcu += 1) {
    if (jpeg.restart && mcu && mcu % jpeg.restart === 0) {
      scan.bits.restart();
      scan.run = 0;
      for (const each of chosen) each.last = 0;
    }
    const [column, row] = [mcu % across, Math.floor(mcu / across)];
    for (const each of chosen) {
      const { h, v, stride, coefficients } = each.component;
      for (let y = 0; y < (one ? 1 : v); y += 1) {
        for (let x = 0; x < (one ? 1 : h); x += 1) {
          const block = one ? row * stride + column : (row * v + y) * stride + column * h + x;
          decode(each, scan, coefficients, 64 * block);
        }
      }
    }
  }
  return scan.bits.at;
}

function baseline(each, { bits }, coefficients, start) {
  each.last += bits.signed(bits.code(each.dc));
  coefficients[start] = each.last;
  for (let place = 1; place < 64; ) {
    const code = bits.code(each.ac);
    const length = code & 15;
    place += code >> 4;
    if (!length) {
      if (code !== 0xf0) return;
      place += 1;
    } else {
      coefficients[start + ZIGZAG[place & 63]] = bits.signed(length);
      place += 1;
    }
  }
}

function progressiveDecoder({ first, high }) {
  if (first === 0) return high ? refineDc : firstDc;
  return high ? refineAc : firstAc;
}

function firstDc(each, { bits, low }, coefficients, start) {
  each.last += bits.signed(bits.code(each.dc));
  coefficients[start] = each.last << low;
}

function refineDc(each, { bits, low }, coefficients, start) {
  if (bits.take(1)) coefficients[start] |= 1 << low;
}

function firstAc(each, scan, coefficients, start) {
  const { bits, last, low } = scan;
  if (scan.run) {
    scan.run -= 1;
    return;
  }
  for (let place = scan.first; place <= last; place += 1) {
    const code = bits.code(each.ac);
    const [skip, length] = [code >> 4, code & 15];
    place += skip;
    if (length) coefficients[start + ZIGZAG[place & 63]] = bits.signed(length) * (1 << low);
    else if (skip < 15) {
      scan.run = (1 << skip) + bits.take(skip) - 1;
      return;
    }
  }
}

function refineAc(each, scan, coefficients, start) {
  const { bits, last, low } = scan;
  const step = 1 << low;
  let place = scan.first;
  const correct = (index) => {
    if (bits.take(1) && !(coefficients[index] & step)) coefficients[index] += coefficients[index] > 0 ? step : -step;
  };
  while (!scan.run && place <= last) {
    const code = bits.code(each.ac);
    let skip = code >> 4;
    let value = 0;
    if (code & 15) value = bits.take(1) ? step : -step;
    else if (skip < 15) {
      scan.run = (1 << skip) + bits.take(skip);
      break;
    }
    for (; place <= last; place += 1) {
      const index = start + ZIGZAG[place];
      if (coefficients[index]) correct(index);
      else if (skip) skip -= 1;
      else {
        coefficients[index] = value;
        break;
      }
    }
    place += 1;
  }
  if (scan.run) {
    for (; place <= last; place += 1) {
      const index = start + ZIGZAG[place];
      if (coefficients[index]) correct(index);
    }
    scan.run -= 1;
  }
}

// A component's samples at the size of the picture. Where the picture is reduced, a component with fewer samples is
// reduced less, if both of its directions allow it.
function upsampled(component, jpeg, base, size) {
  let block = base;
  const [wide, high] = [jpeg.maxH * base, jpeg.maxV * base];
  while (block < 8 && wide % (component.h * block * 2) === 0 && high % (component.v * block * 2) === 0) block *= 2;
  const plane = samples(component, block);
  plane.width = Math.ceil((jpeg.width * component.h * block) / (8 * jpeg.maxH));
  plane.height = Math.ceil((jpeg.height * component.v * block) / (8 * jpeg.maxV));
  const [x, y] = [wide / (component.h * block), high / (component.v * block)];
  if (!Number.isInteger(x) || !Number.isInteger(y)) throw new Unsupported("sampling");
  const fancy = base > 1;
  if (x === 2 && y === 1 && fancy && plane.width > 2) return widened(plane, size, (row) => [row, row], [4, 0, 1, 2]);
  const beside = (row, below) => [row, Math.min(Math.max(below ? row + 1 : row - 1, 0), plane.height - 1)];
  if (x === 2 && y === 2 && fancy && plane.width > 2) return widened(plane, size, beside, [16, 1, 8, 7]);
  return x === 1 && y === 2 && fancy ? heightened(plane, size, beside) : repeated(plane, size, x, y);
}

function samples(component, block) {
  const stride = component.stride * block;
  const rows = component.coefficients.length / (64 * component.stride);
  const data = new Uint8Array(stride * rows * block);
  const inverse = { 1: inverse1, 2: inverse2, 4: inverse4, 8: inverse8 }[block];
  if (!component.table) throw new Error("damaged");
  for (let row = 0, start = 0; row < rows; row += 1) {
    for (let column = 0; column < component.stride; column += 1, start += 64) {
      inverse(component.coefficients, start, component.table, data, row * block * stride + column * block, stride);
    }
  }
  return { data, stride };
}

function repeated(plane, size, x, y) {
  if (x === 1 && y === 1 && plane.stride === size.width) return plane.data.subarray(0, size.width * size.height);
  const data = new Uint8Array(size.width * size.height);
  for (let row = 0, out = 0; row < size.height; row += 1) {
    const start = Math.floor(row / y) * plane.stride;
    for (let column = 0; column < size.width; column += 1) data[out++] = plane.data[start + Math.floor(column / x)];
  }
  return data;
}

// Twice as wide, and for two rows of the result a row of the plane with its neighbour, or alone: each sample is three
// parts of the nearest and one of the next.
function widened(plane, size, rowsOf, [parts, isTall, left, right]) {
  const data = new Uint8Array(size.width * size.height);
  const shift = Math.log2(parts);
  const last = plane.width - 1;
  const sums = new Int32Array(plane.width);
  for (let row = 0; row < size.height; row += 1) {
    const [near, far] = isTall ? rowsOf(row >> 1, row & 1) : rowsOf(row);
    for (let column = 0; column <= last; column += 1) {
      const value = plane.data[near * plane.stride + column];
      sums[column] = isTall ? 3 * value + plane.data[far * plane.stride + column] : value;
    }
    const start = row * size.width;
    for (let column = 0; column < size.width; column += 1) {
      const at = column >> 1;
      const isRight = column & 1;
      const beside = isRight ? Math.min(at + 1, last) : Math.max(at - 1, 0);
      data[start + column] = (3 * sums[at] + sums[beside] + (isRight ? right : left)) >> shift;
    }
  }
  return data;
}

function heightened(plane, size, rowsOf) {
  const data = new Uint8Array(size.width * size.height);
  for (let row = 0, out = 0; row < size.height; row += 1) {
    const [near, far] = rowsOf(row >> 1, row & 1);
    for (let column = 0; column < size.width; column += 1) {
      const sum = 3 * plane.data[near * plane.stride + column] + plane.data[far * plane.stride + column];
      data[out++] = (sum + (row & 1 ? 2 : 1)) >> 2;
    }
  }
  return data;
}

function merged([first, second, third], ycc) {
  const data = new Uint8ClampedArray(3 * first.length);
  for (let place = 0, out = 0; place < first.length; place += 1, out += 3) {
    const [y, b, r] = [first[place], second[place] - 128, third[place] - 128];
    data[out] = ycc ? y + ((91881 * r + 32768) >> 16) : y;
    data[out + 1] = ycc ? y + ((-22554 * b - 46802 * r + 32768) >> 16) : second[place];
    data[out + 2] = ycc ? y + ((116130 * b + 32768) >> 16) : third[place];
  }
  return new Uint8Array(data.buffer);
}

const space = new Int32Array(64);

function limited(value) {
  return value < -128 ? 0 : value > 127 ? 255 : value + 128;
}

function inverse1(coefficients, start, quant, data, out) {
  data[out] = limited((coefficients[start] * quant[0] + 4) >> 3);
}

function inverse2(coefficients, start, quant, data, out, stride) {
  const odd = (i7, i5, i3, i1) => -5906 * i7 + 6967 * i5 - 10426 * i3 + 29692 * i1;
  for (const column of [0, 1, 3, 5, 7]) {
    const at = (row) => coefficients[start + 8 * row + column] * quant[8 * row + column];
    const even = at(0) << 15;
    const rest = odd(at(7), at(5), at(3), at(1));
    space[column] = (even + rest + 4096) >> 13;
    space[8 + column] = (even - rest + 4096) >> 13;
  }
  for (let row = 0; row < 2; row += 1) {
    const at = 8 * row;
    const even = space[at] << 15;
    const rest = odd(space[at + 7], space[at + 5], space[at + 3], space[at + 1]);
    data[out + row * stride] = limited((even + rest + 524288) >> 20);
    data[out + row * stride + 1] = limited((even - rest + 524288) >> 20);
  }
}

function inverse4(coefficients, start, quant, data, out, stride) {
  for (let place = 0; place < 64; place += 1) space[place] = coefficients[start + place] * quant[place];
  for (let column = 0; column < 8; column += 1) if (column !== 4) four(column, 8, 12);
  for (let row = 0; row < 4; row += 1) {
    four(8 * row, 1, 19);
    for (let column = 0; column < 4; column += 1) data[out + row * stride + column] = limited(space[8 * row + column]);
  }
}

// The transform of eight numbers in `space` to four, in place; the fifth plays no part.
function four(at, step, shift) {
  const half = 1 << (shift - 1);
  const [i0, i1, i2] = [space[at] << 14, space[at + step], space[at + 2 * step]];
  const [i3, i5] = [space[at + 3 * step], space[at + 5 * step]];
  const [i6, i7] = [space[at + 6 * step], space[at + 7 * step]];
  const even = 15137 * i2 - 6270 * i6;
  const inner = -1730 * i7 + 11893 * i5 - 17799 * i3 + 8697 * i1;
  const outer = -4176 * i7 - 4926 * i5 + 7373 * i3 + 20995 * i1;
  space[at] = (i0 + even + outer + half) >> shift;
  space[at + 3 * step] = (i0 + even - outer + half) >> shift;
  space[at + step] = (i0 - even + inner + half) >> shift;
  space[at + 2 * step] = (i0 - even - inner + half) >> shift;
}

function inverse8(coefficients, start, quant, data, out, stride) {
  for (let place = 0; place < 64; place += 1) space[place] = coefficients[start + place] * quant[place];
  for (let column = 0; column < 8; column += 1) eight(column, 8, 11);
  for (let row = 0; row < 8; row += 1) {
    eight(8 * row, 1, 18);
    for (let column = 0; column < 8; column += 1) data[out + row * stride + column] = limited(space[8 * row + column]);
  }
}

// The transform of eight numbers in `space`, in place.
function eight(at, step, shift) {
  const half = 1 << (shift - 1);
  const [i0, i1, i2, i3] = [space[at], space[at + step], space[at + 2 * step], space[at + 3 * step]];
  const [i4, i5] = [space[at + 4 * step], space[at + 5 * step]];
  const [i6, i7] = [space[at + 6 * step], space[at + 7 * step]];
  const turn = 4433 * (i2 + i6);
  const [even2, even3] = [turn - 15137 * i6, turn + 6270 * i2];
  const [sum, difference] = [((i0 + i4) << 13) + half, ((i0 - i4) << 13) + half];
  const all = 9633 * (i7 + i3 + i5 + i1);
  const [z1, z2] = [-7373 * (i7 + i1), -20995 * (i5 + i3)];
  const [z3, z4] = [all - 16069 * (i7 + i3), all - 3196 * (i5 + i1)];
  const [odd0, odd1] = [12299 * i1 + z1 + z4, 25172 * i3 + z2 + z3];
  const [odd2, odd3] = [16819 * i5 + z2 + z4, 2446 * i7 + z1 + z3];
  space[at] = (sum + even3 + odd0) >> shift;
  space[at + 7 * step] = (sum + even3 - odd0) >> shift;
  space[at + step] = (difference + even2 + odd1) >> shift;
  space[at + 6 * step] = (difference + even2 - odd1) >> shift;
  space[at + 2 * step] = (difference - even2 + odd2) >> shift;
  space[at + 5 * step] = (difference - even2 - odd2) >> shift;
  space[at + 3 * step] = (sum - even3 + odd3) >> shift;
  space[at + 4 * step] = (sum - even3 - odd3) >> shift;
}
