// A row's values by column to the numbers and category indices that the model sees, as Headway's Python reads them.

// What scaled numbers come near to, and beyond what they change no more.
const LIMIT = 3;
const FAR = 1e6;
const LARGEST = 3.4028234663852886e38;
const MS_A_DAY = 86_400_000;
// What Python takes for blanks.
const BLANKS = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const AROUND = new RegExp(`^${BLANKS}|${BLANKS}$`, "gu");
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * Reads a row.
 * @param {Object<string, ?(number|string)>} row
 * @param {{columns: Object[], facts: {order: number[], columns: Object[]}}} field The bundle's input field.
 * @returns {Promise<{type: string, data: Float32Array, dims: number[], notes: string[], isFar: boolean}>}
 * @throws {Error} whose message is for a person.
 */
export async function look(row, { columns, facts: { order, columns: known } }) {
  const values = [];
  const notes = [];
  let isFar = false;
  columns.forEach((column, place) => {
    const read = READ[column.kind](row[column.name] ?? null, column, known[place]);
    values.push(...read.values);
    if (read.note) notes.push(`${quoted(column.name)} ${read.note}`);
    isFar ||= read.isFar;
  });
  const data = Float32Array.from(order, (place) => values[place]);
  return { type: "float32", data, dims: [1, data.length], notes, isFar };
}

const READ = {
  number(value, column, { limits, range }) {
    if (value !== null && typeof value !== "number") throw wrong(column, "must be a number, not text");
    if (Math.abs(value) > LARGEST) throw wrong(column, "must be a number of at most 3.403e+38");
    const values = [value === null ? 0 : scaled(value, column.scale)];
    const isFar = outside(values, limits);
    const strange = `is ${general(value, 6)}, far outside of the training range, ${range}`;
    if (column.has_missing) values.push(value === null ? 1 : 0);
    return { values, isFar, note: value === null ? missing(column) : isFar ? strange : "" };
  },
  category(value, column, { is_complete: isComplete }) {
    const text = normal(value);
    const place = text === null ? -1 : column.values.indexOf(text);
    const index = text === null && column.has_missing ? column.values.length + 1 : place + 1;
    const strange = `is ${shown(text)}, which training had too rarely or never`;
    return { values: [index], isFar: isComplete && !index, note: text === null ? missing(column) : index ? "" : strange };
  },
  date(value, column, { limits, range }) {
    const names = Object.keys(NUMBERS).filter((name) => name in column.scales);
    if (value === null) return { values: [...names, "month", "weekday"].map(() => 0), isFar: false, note: missing(column) };
    const moment = parsed(value, column);
    const origin = parsed(column.origin, column);
    const values = names.map((name) => scaled(NUMBERS[name](moment, origin), column.scales[name]));
    const isFar = outside(values, limits);
    const note = isFar ? `is ${moment.day.toISOString().slice(0, 10)}, far outside of the training range, ${range}` : "";
    return { values: [...values, moment.day.getUTCMonth() + 1, moment.day.getUTCDay() || 7], isFar, note };
  },
};

// What a moment says as a number, in the order of the model's inputs.
const NUMBERS = {
  year: ({ day }) => day.getUTCFullYear(),
  "day of year": ({ day }) => Math.floor((day - at(day.getUTCFullYear(), 1, 1)) / MS_A_DAY) + 1,
  day: ({ day }) => day.getUTCDate(),
  hour: ({ day }) => day.getUTCHours() + day.getUTCMinutes() / 60,
  days: (moment, origin) => (moment.day - origin.day + (moment.micros - origin.micros) / 1000) / MS_A_DAY,
};

function scaled(value, { median, width }) {
  const distance = Math.min(Math.max((value - median) / width, -FAR), FAR);
  return distance / Math.sqrt(1 + (distance / LIMIT) ** 2);
}

// Whether a number lies outside of its limits, in float32 as the model has it; a limit that is null is infinite.
function outside(values, limits) {
  return limits.some(([low, high], place) => {
    const value = Math.fround(values[place]);
    return (low !== null && value < low) || (high !== null && value > high);
  });
}

// A category's name in its normal form; null where it is missing.
function normal(value) {
  if (value === null) return null;
  const text = String(value).replace(AROUND, "").normalize("NFC");
  const bare = /^(?:0|-?[1-9]\p{Nd}*)\.0+$/u.test(text) ? text.slice(0, text.indexOf(".")) : text;
  const plain = /^(true|false)$/i.test(bare) ? bare.toLowerCase() : bare;
  return plain === "" || plain === "?" ? null : plain;
}

function parsed(value, column) {
  const [, year, month, date, hour = 0, minute = 0, second = 0, fraction = "", zone = ""] = DATE.exec(value) ?? [];
  const whole = at(Number(year), Number(month), Number(date));
  const isDay = whole.getUTCMonth() + 1 === Number(month) && Number(year) > 0;
  if (!isDay || hour > 23 || minute > 59 || second > 59) {
    throw wrong(column, "must be a date such as 2026-05-31 or 2026-05-31T14:30:00");
  }
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)/.exec(zone) ?? [null, "+", 0, 0];
  const offset = (sign === "-" ? -1 : 1) * (60 * hours + Number(minutes));
  const seconds = 60 * (60 * hour + Number(minute) - offset) + Number(second);
  const micros = Number(fraction.padEnd(6, "0"));
  return { day: new Date(whole.getTime() + 1000 * seconds), micros };
}

function at(year, month, date) {
  const day = new Date(0);
  // Date.UTC takes a year below 100 for one of the last century.
  day.setUTCFullYear(year, month - 1, date);
  return day;
}

function missing(column) {
  return column.has_missing ? "" : "is missing, as it never was in training";
}

function wrong(column, message) {
  return new Error(`The column ${JSON.stringify(column.name)} ${message}.`);
}

// As Python shows a text.
function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escapes = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [mark]: `\\${mark}` };
  const plain = (character) => escapes[character] ?? (/^[^\p{C}\p{Z}]$|^ $/u.test(character) ? character : coded(character));
  return `${mark}${[...text].map(plain).join("")}${mark}`;
}

// A character that is not printed, by its number.
function coded(character) {
  const code = character.codePointAt(0);
  const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

function shown(text) {
  const characters = [...quoted(text ?? "")];
  return characters.length <= 40 ? characters.join("") : `${characters.slice(0, 37).join("")}...`;
}

// A number with so many digits, as Python's format "g" has it.
function general(value, digits) {
  if (!value) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < digits) return String(Number(value.toPrecision(digits)));
  return `${Number(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
