// A forecast as a chart: the last known values, then the medians, with a band for the intervals.

import { made } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE] = [640, 200, 8];
// Of what is known, so many times as many values are drawn as are forecast.
const TIMES = 3;

/**
 * A line of the list under an answer that holds the chart, and a table of the same numbers.
 * @param {number[][]} steps Median, low and high end of each value.
 * @param {?(number|string)[]|string} known The values before, as they were sent.
 */
export function chartOf(steps, known, write) {
  const before = numbers(known).slice(-TIMES * steps.length);
  const all = [...before, ...steps.flat()].filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (at) => (EDGE + ((WIDTH - 2 * EDGE) * at) / Math.max(before.length + steps.length - 1, 1)).toFixed(1);
  const y = (value) => (HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (value - low)) / (high - low || 1)).toFixed(1);
  const place = (value, at) => (Number.isFinite(value) ? `${x(at)},${y(value)}` : "");
  // From the last known value on, so that the line has no gap.
  const from = before.length ? [[before.at(-1), before.at(-1), before.at(-1)], ...steps] : steps;
  const first = before.length ? before.length - 1 : 0;
  const band = [...from.map((step, at) => place(step[2], first + at)), ...from.map((step, at) => place(step[1], first + at)).reverse()];
  const middle = from.map((step, at) => place(step[0], first + at));
  const label = `Chart: ${before.length} known values, then ${steps.length} forecast ones from ${write(steps[0][0])} to ${write(steps.at(-1)[0])}`;
  const svg = drawn("svg", { class: "forecast", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  svg.append(drawn("polygon", { class: "band", points: band.join(" ") }));
  svg.append(drawn("polyline", { class: "known", points: before.map(place).join(" ") }));
  svg.append(drawn("polyline", { class: "ahead", points: middle.join(" ") }));
  return made("li", { className: "chart" }, svg, tableOf(steps, write));
}

function tableOf(steps, write) {
  const cells = (tag, row) => row.map((text) => made(tag, { textContent: text }));
  const head = made("tr", {}, ...cells("th", ["Ahead", "Forecast", "80 % interval"]));
  const rows = steps.map(([middle, low, high], at) => made("tr", {}, ...cells("td", [at + 1, write(middle), `${write(low)} to ${write(high)}`])));
  return made("details", {}, made("summary", { textContent: "All values" }), made("table", {}, made("thead", {}, head), made("tbody", {}, ...rows)));
}

function numbers(known) {
  if (Array.isArray(known)) return known.map((value) => (value === null ? Number.NaN : Number(value)));
  return String(known ?? "").split(/[\s,;|[\]]+/).filter(Boolean).map(Number);
}

function drawn(tag, properties) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  return element;
}
