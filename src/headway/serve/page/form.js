// The form for a row of a table: a field for each column, and rows pasted from a spreadsheet or a CSV file.

import { model, notice, take, takeLive } from "./cards.js";
import { openRows } from "./rows.js";
import { find, made } from "./words.js";

const MAX_OPTIONS = 30;
const MAX_PASTED = 100;
const MAX_NAMED = 4;
// Milliseconds without a key, after which a text is answered as far as it is written.
const PAUSE = 600;

let columns = [];
let typed;

/**
 * Shows the form instead of the place for pictures.
 * @param {{name: string, kind: string, choices: string[], typical: ?(number|string)}[]} given
 */
export function openForm(given) {
  columns = given;
  find("drop").hidden = true;
  find("fill").hidden = false;
  find("fields").replaceChildren(...columns.map(newField));
  fill(typical());
  find("row").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  if (model.explains) {
    find("empty-hint").hidden = true;
    find("row").addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(live, PAUSE);
    });
  }
  find("example").addEventListener("click", () => fill(typical()));
  find("empty").addEventListener("click", () => {
    fill({});
    inputs()[0].focus();
  });
  find("pasted").addEventListener("input", (event) => pasted(event.target.value));
  openRows(rowsOf);
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain");
    // A single value is for the field that it is pasted into.
    if (event.target.id === "pasted" || event.target.tagName === "TEXTAREA" || !/[\t,;\n]/.test(text.trim())) return;
    if (pasted(text)) event.preventDefault();
  });
}

function newField(column, place) {
  const id = `field-${place}`;
  const label = made("label", { htmlFor: id, textContent: column.name });
  return made("div", { className: "field" }, label, ...MAKERS[column.kind](column, id));
}

const MAKERS = {
  number: ({ typical: value }, id) => [made("input", { id, type: "number", step: "any", placeholder: value ?? "" })],
  date: ({ typical: value }, id) => [made("input", { id, type: value?.includes("T") ? "datetime-local" : "date" })],
  numbers: ({ typical: value }, id) => [made("textarea", { id, rows: 4, placeholder: value ?? "" })],
  text: ({ typical: value }, id) => [made("textarea", { id, rows: 4, placeholder: value ?? "" })],
  category: ({ choices, typical: value }, id) => {
    if (choices.length <= MAX_OPTIONS) {
      const options = choices.map((each) => made("option", { value: each, textContent: each }));
      return [made("select", { id }, made("option", { value: "", textContent: "not known" }), ...options)];
    }
    // Too many to look through: the browser looks for what is typed.
    const list = made("datalist", { id: `${id}-list` }, ...choices.map((each) => made("option", { value: each })));
    const input = made("input", { id, type: "text", placeholder: value ?? "", autocomplete: "off" });
    input.setAttribute("list", list.id);
    return [input, list];
  },
};

function inputs() {
  return columns.map((_, place) => find(`field-${place}`));
}

function typical() {
  return Object.fromEntries(columns.map(({ name, typical: value }) => [name, value]));
}

function fill(row) {
  inputs().forEach((input, place) => {
    const value = String(row[columns[place].name] ?? "");
    // A value that the model does not know can be asked about all the same.
    if (input.options && ![...input.options].some((each) => each.value === value)) {
      input.append(made("option", { value, textContent: value }));
    }
    input.value = input.type === "date" ? value.slice(0, 10) : value;
    input.removeAttribute("aria-invalid");
  });
}

function submit() {
  const row = {};
  for (const [place, input] of inputs().entries()) {
    const { name, kind } = columns[place];
    input.removeAttribute("aria-invalid");
    if (input.validity.badInput) {
      input.setAttribute("aria-invalid", "true");
      notice(`${name} must be ${kind === "date" ? "a date" : "a number"}; leave it empty where it is not known.`);
      input.focus();
      return;
    }
    row[name] = valued(input.value, kind);
  }
  notice("");
  ask([row]);
}

// The answer to what is written so far; nothing where nothing is.
function live() {
  const row = Object.fromEntries(inputs().map((input, place) => [columns[place].name, valued(input.value, "text")]));
  if (Object.values(row).some((value) => value !== null)) takeLive({ name: named(row), item: row });
}

function valued(text, kind) {
  const given = text.trim();
  if (given === "") return null;
  // Text that is not a number is sent as it is: the answer says what is wrong with it.
  return kind === "number" && Number.isFinite(Number(given)) ? Number(given) : given;
}

function ask(rows) {
  clearTimeout(typed);
  take(rows.map((row) => ({ name: named(row), item: row })));
}

function named(row) {
  const known = columns.filter(({ name }) => row[name] !== null);
  const shown = known.slice(0, MAX_NAMED).map(({ name }) => `${name} ${row[name]}`);
  if (!shown.length) return "nothing is known";
  return `${shown.join(", ")}${known.length > MAX_NAMED ? ", \u2026" : ""}`;
}

// Rows as text. One is filled in, more are asked.
function pasted(text) {
  if (!text.trim()) return false;
  let rows;
  try {
    rows = rowsOf(text);
  } catch (error) {
    notice(error.message);
    return false;
  }
  if (rows.length > MAX_PASTED) {
    notice(`These are ${rows.length} rows; up to ${MAX_PASTED} can be asked about at once. A file may have more.`);
    return false;
  }
  notice("");
  fill(rows[0]);
  if (rows.length > 1) ask(rows);
  else find("ask").focus();
  find("pasted").value = "";
  return true;
}

// Text to rows by column: with a line of names, in any order, or with a value for each column.
function rowsOf(text) {
  const lines = cells(text.trim());
  // A row a moment: the values below one another are those of one series.
  if (columns.length === 1 && columns[0].kind === "numbers") return [{ [columns[0].name]: seriesOf(lines) }];
  const names = columns.map(({ name }) => name.trim());
  const heads = (lines[0] ?? []).map((cell) => cell.trim());
  const known = heads.filter((cell) => names.includes(cell)).length;
  // A file has columns besides these: all of these are enough.
  const isHead = lines.length > 1 && (known > heads.length / 2 || known === names.length);
  const order = isHead ? heads : names;
  const rest = isHead ? lines.slice(1) : lines;
  if (!rest.length || rest.some((line) => line.length !== order.length)) {
    throw new Error(`A row needs ${names.length === 1 ? "1 value" : `${names.length} values, in the order of the fields`}, or a first line with names.`);
  }
  return rest.map((line) => Object.fromEntries(columns.map(({ name, kind }) => {
    const place = order.indexOf(name.trim());
    return [name, place < 0 ? null : valued(line[place], kind)];
  })));
}

function seriesOf(lines) {
  const at = Math.max((lines[0] ?? []).findIndex((cell) => cell.trim() === columns[0].name), 0);
  const isHead = lines.length > 1 && !Number.isFinite(Number(lines[0][at]));
  const values = lines.length > 1 ? lines.slice(isHead ? 1 : 0).map((line) => line[at]) : lines.flat();
  return values.map((value) => value?.trim() || "?").join(" ");
}

// Text to lines of cells: separated by tabs, semicolons or commas, with quotes as in CSV.
function cells(text) {
  const separator = ["\t", ";", ","].find((each) => text.split("\n")[0].includes(each)) ?? ",";
  const lines = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const line = lines.at(-1);
    const each = text[at];
    if (each === '"' && quoted && text[at + 1] === '"') {
      line[line.length - 1] += '"';
      at += 1;
    } else if (each === '"') quoted = !quoted;
    else if (each === separator && !quoted) line.push("");
    else if (each === "\n" && !quoted) lines.push([""]);
    else if (each !== "\r") line[line.length - 1] += each;
  }
  return lines.filter((line) => line.length > 1 || line[0].trim());
}
