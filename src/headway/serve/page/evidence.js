// A text on its card, with the words marked that speak for the answer or against it.

import { made } from "./words.js";

// Weaker words stay plain; where no word changes the odds by a factor of two, all look weak.
const WEAKEST = 0.1;
const TWICE = 0.7;

/**
 * Shows a row's texts with its evidence, as backend.js gives it, in place of the row's name.
 * @param {Element} card
 * @param {{answer: string, unit: string, columns: Object<string, {text: string, weight: ?number}[]>}} evidence
 */
export function showEvidence(card, { answer, unit, columns }) {
  const texts = Object.entries(columns);
  const weights = texts.flatMap(([, pieces]) => pieces.map(({ weight }) => Math.abs(weight ?? 0)));
  const scale = Math.max(...weights, unit === "log odds" ? TWICE : Number.MIN_VALUE);
  const shown = texts.map(([name, pieces]) => {
    const head = texts.length > 1 ? [made("b", { textContent: name })] : [];
    return made("p", { dir: "auto" }, ...head, ...pieces.map((piece) => marked(piece, scale)));
  });
  const legend = made("p", { className: "took" }, "Words ", example("for"), ` ${answer}, and words `, example("against"), " it.");
  const hasMarks = weights.some((weight) => weight >= WEAKEST * scale);
  card.querySelector(".file").classList.add("unseen");
  card.querySelector(".evidence")?.remove();
  card.querySelector(".bars").before(made("div", { className: "evidence" }, ...shown, ...(hasMarks ? [legend] : [])));
}

function marked({ text, weight }, scale) {
  const share = Math.abs(weight ?? 0) / scale;
  if (share < WEAKEST) return text;
  const mark = made("mark", { className: weight > 0 ? "for" : "against", textContent: text });
  mark.title = `${weight > 0 ? "+" : "\u2212"}${Math.abs(weight).toFixed(2)}`;
  mark.style.setProperty("--share", share.toFixed(2));
  return mark;
}

function example(kind) {
  const mark = made("mark", { className: kind, textContent: kind });
  mark.style.setProperty("--share", 1);
  return mark;
}
