// A text to tokens, as the library `tokenizers` cuts it up in Python: WordPiece, after what was asked of that library
// about every character. The browser's own knowledge of Unicode is of another version, and is not used.

/**
 * @param {string} fitted The tokenizer's JSON.
 * @param {{changed: Object<string, string>, dropped: number[][], spaced: number[][], alone: string, hangul: boolean,
 *   order: Object<string, number>, starters: number[][], before: number[], after: number[]}} facts What
 *   `headway/inputs/text/browser.py` learned of its characters.
 * @returns {function(string, number): number[]} From a text and the most tokens that are wanted to tokens.
 */
export function tokenizer(fitted, facts) {
  const { model, added_tokens: added } = JSON.parse(fitted);
  const vocabulary = new Map(Object.entries(model.vocab));
  const special = new Map(added.map(({ content, id }) => [content, id]));
  const normal = normalizer(facts);
  const alone = new Set(facts.alone);
  return (text, most) => {
    const tokens = [];
    for (const piece of parted(text, [...special.keys()])) {
      if (special.has(piece)) tokens.push(special.get(piece));
      else for (const word of words(normal(piece), alone)) tokens.push(...pieces(word, vocabulary, model));
    }
    const { before, after } = facts;
    return [...before, ...tokens.slice(0, Math.max(most - before.length - after.length, 0)), ...after];
  };
}

// The text around the names of special tokens, and these.
function parted(text, names) {
  if (!names.length) return [text];
  const longestFirst = [...names].sort((one, other) => other.length - one.length);
  const escaped = longestFirst.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return text.split(new RegExp(`(${escaped.join("|")})`, "u"));
}

function normalizer({ changed, dropped, spaced, hangul, order, starters }) {
  const [isDropped, isSpaced, isStarter] = [dropped, spaced, starters].map(inRanges);
  const one = (character) => {
    const code = character.codePointAt(0);
    if (Object.hasOwn(changed, character)) return changed[character];
    if (isDropped(code)) return "";
    if (isSpaced(code)) return ` ${character} `;
    // Syllables of Hangul come apart by a rule that no version of Unicode changes.
    return hangul && code >= 0xac00 && code <= 0xd7a3 ? character.normalize("NFD") : character;
  };
  return (text) => {
    const characters = [];
    for (const character of text) {
      // Marks are ordered up to the next starter, even where that is left out itself.
      if (isStarter(character.codePointAt(0))) characters.push("");
      else characters.push(...one(character));
    }
    return ordered(characters, order).join("");
  };
}

// Marks after a letter, in Unicode's canonical order.
function ordered(characters, order) {
  for (let end = 1; end < characters.length; end += 1) {
    const rank = order[characters[end]] ?? 0;
    for (let at = end; rank && at && (order[characters[at - 1]] ?? 0) > rank; at -= 1) {
      [characters[at - 1], characters[at]] = [characters[at], characters[at - 1]];
    }
  }
  return characters;
}

// Whether a code point lies in one of the ranges, which rise.
function inRanges(ranges) {
  return (code) => {
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle][1] < code) low = middle + 1;
      else high = middle;
    }
    return low < ranges.length && ranges[low][0] <= code;
  };
}

// Words, and the marks between them, each of which is a word.
function words(text, alone) {
  const all = [];
  let word = "";
  for (const character of text) {
    const ends = character === " " || alone.has(character);
    if (!ends) word += character;
    else {
      if (word) all.push(word);
      if (character !== " ") all.push(character);
      word = "";
    }
  }
  if (word) all.push(word);
  return all;
}

// The longest pieces of a word that are tokens, from its beginning on; of a word that has others a token for the unknown.
function pieces(word, vocabulary, { unk_token: unknown, continuing_subword_prefix: prefix, max_input_chars_per_word: most }) {
  const characters = [...word];
  const tokens = [];
  for (let start = 0, end; start < characters.length && characters.length <= most; start = end) {
    let token;
    for (end = characters.length; end > start && token === undefined; end -= token === undefined) {
      token = vocabulary.get((start ? prefix : "") + characters.slice(start, end).join(""));
    }
    if (token === undefined) return [vocabulary.get(unknown)];
    tokens.push(token);
  }
  return tokens.length ? tokens : [vocabulary.get(unknown)];
}
