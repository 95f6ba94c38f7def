// A file of rows, such as a CSV file, answered as a table that can be saved.

import { answerMany } from "./backend.js";
import { model, notice } from "./cards.js";
import { figure, find, made, share } from "./words.js";

const AT_ONCE = 50;
const MAX_ROWS = 20_000;
const SHOWN = 200;
const LETTERS = 140;

/** Opens the door for files; `rowsOf` makes rows by column of a file's text, and throws where it cannot. */
export function openRows(rowsOf) {
  find("choose-rows").addEventListener("click", () => find("rows").click());
  find("rows").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) await answerFile(file, rowsOf).catch((error) => notice(error.message));
  });
}

async function answerFile(file, rowsOf) {
  const rows = rowsOf((await file.text()).replace(/^\ufeff/, ""));
  if (rows.length > MAX_ROWS) throw new Error(`${file.name} has ${rows.length} rows; up to ${MAX_ROWS} can be answered here. For more, use headway predict.`);
  notice("");
  const answers = [];
  find("table").hidden = false;
  find("save").hidden = true;
  for (let first = 0; first < rows.length; first += AT_ONCE) {
    find("table-count").textContent = `${file.name}: ${first} of ${rows.length} rows \u2026`;
    answers.push(...(await answerMany(rows.slice(first, first + AT_ONCE))));
  }
  const failed = answers.filter(({ problem }) => problem).length;
  const cut = rows.length > SHOWN ? ` The first ${SHOWN} are shown.` : "";
  find("table-count").textContent = `${file.name}: ${rows.length} rows${failed ? `, ${failed} without an answer` : ""}.${cut}`;
  find("table-rows").replaceChildren(head(), made("tbody", {}, ...rows.slice(0, SHOWN).map((row, number) => line(row, answers[number], number))));
  save(file.name, rows, answers);
  find("table-title").focus();
}

function head() {
  const names = ["Row", ...model.columns.map(({ name }) => name), model.target, "Probability"];
  return made("thead", {}, made("tr", {}, ...names.map((name) => made("th", { textContent: name, scope: "col" }))));
}

function line(row, { label, score, familiar, problem }, number) {
  const given = model.columns.map(({ name }) => made("td", { textContent: shortened(row[name]), dir: "auto" }));
  const said = problem ? problem.detail : familiar === false ? `${label} (unfamiliar)` : label;
  const answer = made("td", { className: problem ? "bad" : familiar === false ? "doubtful" : "", textContent: said });
  const chance = made("td", { textContent: score == null ? "" : share(score) });
  return made("tr", {}, made("th", { scope: "row", textContent: figure(number) }), ...given, answer, chance);
}

function shortened(value) {
  const text = String(value ?? "");
  return text.length > LETTERS ? `${text.slice(0, LETTERS)} \u2026` : text;
}

function save(name, rows, answers) {
  const columns = model.columns.map((column) => column.name);
  const lines = [[...columns, "prediction", "probability", "familiar", "problem"]];
  rows.forEach((row, number) => {
    const { label, score, familiar, problem } = answers[number];
    lines.push([...columns.map((column) => row[column]), label, score, familiar, problem?.detail]);
  });
  const text = lines.map((values) => values.map(quoted).join(",")).join("\r\n");
  const link = find("save");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `${name.replace(/\.[^.]*$/, "")}-answers.csv`;
  link.hidden = false;
}

function quoted(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
