// Words and elements that every part of the page needs. All text from elsewhere is set as text, never as HTML.

export function share(value) {
  if (value > 0.999) return "> 99.9 %";
  if (value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(1)} %`;
}

export function duration(seconds) {
  return seconds < 1 ? `${Math.max(1, Math.round(1000 * seconds))} ms` : `${seconds.toFixed(1)} s`;
}

export function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** As much of Markdown as a model card needs: headings, lists, tables, paragraphs. */
export function fromMarkdown(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const blocks = [];
  let at = 0;
  const run = (fits) => {
    const from = at;
    while (at < lines.length && fits(lines[at])) at += 1;
    return lines.slice(from, at);
  };
  const marked = [
    [(line) => line.startsWith("#"), (rows) => rows.map(heading)],
    [(line) => /^[-*] /.test(line), (rows) => [made("ul", {}, ...rows.map((row) => made("li", {}, ...inline(row.slice(2)))))]],
    [(line) => line.startsWith("|"), (rows) => [table(rows)]],
    [(line) => line === "", () => []],
  ];
  const plain = (line) => !marked.some(([fits]) => fits(line));
  const kinds = [...marked, [plain, (rows) => [made("p", {}, ...inline(rows.join(" ")))]]];
  while (at < lines.length) {
    const [fits, make] = kinds.find(([each]) => each(lines[at]));
    blocks.push(...make(run(fits)));
  }
  return blocks;
}

function heading(line) {
  const [, marks, text] = line.match(/^(#+)\s*(.*)$/);
  return made(`h${Math.min(marks.length + 2, 5)}`, {}, ...inline(text));
}

function table(rows) {
  const cells = rows.map((row) => row.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim()));
  const ruled = cells.length > 1 && cells[1].every((cell) => /^:?-+:?$/.test(cell));
  const line = (row, tag) => made("tr", {}, ...row.map((cell) => made(tag, {}, ...inline(cell))));
  const head = ruled ? [made("thead", {}, line(cells[0], "th"))] : [];
  return made("table", {}, ...head, made("tbody", {}, ...(ruled ? cells.slice(2) : cells).map((row) => line(row, "td"))));
}

function inline(text) {
  const parts = text.replace(/\\([|_*`])/g, "$1").split(/(\*\*[^*]+\*\*|`[^`]+`)/);
  return parts.map((part) => {
    if (part.startsWith("**") && part.endsWith("**") && part.length > 4) return made("strong", { textContent: part.slice(2, -2) });
    if (part.startsWith("`") && part.endsWith("`") && part.length > 2) return made("code", { textContent: part.slice(1, -1) });
    return document.createTextNode(part);
  });
}

/** An element of the page, by its id. */
export function find(id) {
  return document.getElementById(id);
}

/** A number with so many digits that count, written out. */
export function figure(value, digits = 4) {
  const near = Number(Number(value).toPrecision(digits));
  const isPlain = near === 0 || (Math.abs(near) >= 1e-6 && Math.abs(near) < 1e15);
  return isPlain ? near.toLocaleString("en-GB", { maximumFractionDigits: 12 }) : String(near);
}
