// A text, or a row with several, to the tokens that the model sees, as Headway's Python reads it.

import { tokenizer } from "./tokens.js";

const MAX_CHARACTERS = 100_000;
const NOT_COUNTED = 255;
const STEPS = 8;
// So many tokens of usual rarity are counted beside a text's own.
const USUAL = 5;
const USUAL_BYTES = 20;

let cached = {};

/**
 * Reads a row.
 * @param {Object<string, ?string>} row Texts by column.
 * @param {Object} field The bundle's input field, and `facts` of its characters.
 * @returns {Promise<{type: string, data: Int32Array, dims: number[], familiar: ?boolean, isFar: ?boolean}>}
 * @throws {Error} whose message is for a person.
 */
export async function look(row, field) {
  const tokens = tokensOf(field.text.map((name) => row[name] ?? "").map(checked), field);
  const isFar = field.surprisal ? isRare(tokens, field.surprisal) : null;
  const dims = [1, tokens.length];
  return { type: "int32", data: Int32Array.from(tokens), dims, familiar: isFar === null ? null : !isFar, isFar };
}

/** The tokens of the texts of one item. */
export function tokensOf(texts, field) {
  // What is not printed is no text: control characters, blanks, and what Unicode has not assigned.
  if (!texts.some((text) => /[^\p{C}\p{Z}]/u.test(text))) throw new Error("The row is empty: there is no text in it.");
  if (cached.fitted !== field.fitted) cached = { fitted: field.fitted, tokens: tokenizer(field.fitted, field.facts) };
  return cached.tokens(texts.join(field.facts.separator), field.max_tokens);
}

function checked(text) {
  if (/\p{Surrogate}/u.test(text)) throw new Error("The text must be valid Unicode.");
  return text.length > MAX_CHARACTERS ? [...text].slice(0, MAX_CHARACTERS).join("") : text;
}

// Whether a text is made of much rarer tokens than the training texts.
function isRare(tokens, surprisal) {
  const rarity = atob(surprisal.tokens);
  // By bytes of text where the bundle has each token's; else by tokens.
  const lengths = surprisal.lengths ? atob(surprisal.lengths) : null;
  const numUsual = lengths ? USUAL_BYTES : USUAL;
  let sum = surprisal.usual * numUsual;
  let count = numUsual;
  for (const token of tokens) {
    const value = rarity.charCodeAt(token);
    if (value === NOT_COUNTED) continue;
    sum += value / STEPS;
    count += lengths ? lengths.charCodeAt(token) : 1;
  }
  return sum / count > surprisal.limit;
}
