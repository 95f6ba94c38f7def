// What decides whether an answer is right: the functions of `marking.py` and the marks of `questions.py`, once more.
// Both languages run tests/course/marking_cases.json, and every question of the course with the same answers.
"use strict";

const marking = (() => {
  const NUMBER = "[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:e[+-]?[0-9]+)?";
  const WHOLE_NUMBER = new RegExp(`^(?:${NUMBER})$`);
  const SEPARATORS = /[ \t\n\r\u00a0.,;:!?()\[\]{}"'`´‘’“”*_/\\<>=+|-]+/;
  const TOKEN = new RegExp(`${NUMBER}|[a-z_][a-z0-9_.]*|[^ \\t\\n\\r,]`, "gu");
  const WRAPPERS = ["tensor", "array", "torch.size", "torch.tensor", "np.array", "size", "np.float64", "np.float32",
    "np.int64"];
  const DETAILS =
    /,?[ \n]*(?:dtype=[a-z0-9_.]+|device='[^']*'|grad_fn=<[^>]*>|requires_grad=(?:true|false))/g;

  const strip = (text, signs) => {
    let start = 0;
    let end = text.length;
    while (start < end && signs.includes(text[start])) start += 1;
    while (end > start && signs.includes(text[end - 1])) end -= 1;
    return text.slice(start, end);
  };

  function plain_number(text) {
    if (/^[+-]?[1-9][0-9]{0,2}(?:[ ,][0-9]{3})+(?:\.[0-9]+)?$/.test(text)) text = text.replace(/[ ,]/g, "");
    else if (/^[+-]?[0-9]*,[0-9]+$/.test(text)) text = text.replace(/,/g, ".");
    return WHOLE_NUMBER.test(text) ? Number(text) : null;
  }

  function read_number(text, units = []) {
    text = strip(text, " \t\n\r\u00a0").replace(/\u2212/g, "-").replace(/\u00a0/g, " ").toLowerCase();
    const longest = [...units].sort((a, b) => b.length - a.length);
    const unit = longest.find((one) => one && text.endsWith(one.toLowerCase()));
    if (unit) text = text.slice(0, -unit.length).replace(/ +$/, "");
    let divisor = 1;
    if (text.endsWith("%")) {
      text = text.slice(0, -1).replace(/ +$/, "");
      divisor = 100;
    }
    const slash = text.indexOf("/");
    let value = plain_number(strip(slash < 0 ? text : text.slice(0, slash), " "));
    if (slash >= 0) {
      const bottom = plain_number(strip(text.slice(slash + 1), " "));
      value = value === null || !bottom ? null : value / bottom;
    }
    return value === null ? null : value / divisor;
  }

  function read_as_points(text, units = []) {
    const share = units.includes("points") ? read_number(text) : null;
    return share === null ? null : 100 * share;
  }

  const is_close = (value, answer, within) =>
    Math.abs(value - answer) <= within + 1e-9 * Math.max(within, Math.abs(answer));

  const words_of = (text) => text.toLowerCase().split(SEPARATORS).filter((word) => word);

  function singular(word) {
    const ends = (...endings) => endings.some((ending) => word.endsWith(ending));
    if ([...word].length < 4 || !ends("s") || ends("ss", "is", "ias")) return word;
    if (ends("ies")) return `${word.slice(0, -3)}y`;
    return ends("sses", "xes", "zes", "ches", "shes", "iases") ? word.slice(0, -2) : word.slice(0, -1);
  }

  function fold_word(text) {
    let words = words_of(text);
    if (words.length > 1 && ["a", "an", "the"].includes(words[0])) words = words.slice(1);
    return words.length ? [...words.slice(0, -1), singular(words[words.length - 1])].join(" ") : "";
  }

  const has_keyword = (text, keyword) => ` ${words_of(text).join(" ")}`.includes(` ${words_of(keyword).join(" ")}`);

  function is_nearly(word, term) {
    if (term.length < 7) return word === term;
    let start = 0;
    while (start < Math.min(word.length, term.length) && word[start] === term[start]) start += 1;
    const [own, right] = [word.slice(start), term.slice(start)];
    const swapped = right.slice(1, 2) + right.slice(0, 1) + right.slice(2);
    return own.slice(1) === right.slice(1) || own.slice(1) === right || own === right.slice(1) || own === swapped;
  }

  function closing(tokens, start) {
    let depth = 0;
    for (let position = start; position < tokens.length; position += 1) {
      depth += (tokens[position] === "[") - (tokens[position] === "]");
      if (depth === 0) return position;
    }
    return tokens.length;
  }

  function output_tokens(text) {
    const same = { "(": "[", ")": "]", '"': "'" };
    const cleaned = text.toLowerCase().replace(DETAILS, "").replace(/\u2212/g, "-");
    let tokens = (cleaned.match(TOKEN) || []).map((token) => same[token] || token);
    for (let start = tokens.length - 2; start >= 0; start -= 1) {
      if (WRAPPERS.includes(tokens[start]) && tokens[start + 1] === "[") {
        const end = closing(tokens, start + 1);
        tokens = [...tokens.slice(0, start), ...tokens.slice(start + 2, end), ...tokens.slice(end + 1)];
      }
    }
    if (tokens.length > 3 && tokens[0] === "[" && closing(tokens, 0) === tokens.length - 1) tokens = tokens.slice(1, -1);
    return tokens;
  }

  function same_token(token, expected) {
    if (!WHOLE_NUMBER.test(expected) || !WHOLE_NUMBER.test(token)) return token === expected;
    const [value, answer] = [Number(token), Number(expected)];
    if (/^[+-]?[0-9]+$/.test(expected)) return value === answer;
    return is_close(value, answer, 1e-4 * Math.max(1, Math.abs(answer)));
  }

  function same_output(text, expected) {
    const [tokens, wanted] = [output_tokens(text), output_tokens(expected)];
    return tokens.length === wanted.length && tokens.every((token, number) => same_token(token, wanted[number]));
  }

  const broken_order = (order, before) =>
    before.filter(([first, second]) => order.indexOf(first) > order.indexOf(second));

  // One function a kind: the question as JSON and an answer give {share, right, self_marked}.
  const whole = (right) => ({ share: right ? 1 : 0, right, self_marked: false });
  const close_to = (question, value, answer) =>
    is_close(value, answer, question.within || 1e-6 * Math.max(1, Math.abs(question.answer)));
  const marks = {
    choice: (question, answer) => whole(question.options[answer].right),
    several(question, answer) {
      const wrong = question.options.filter((option, number) => option.right !== answer.includes(number)).length;
      const share = Math.max(0, (question.options.length - 2 * wrong) / question.options.length);
      return { share, right: wrong === 0, self_marked: false };
    },
    number(question, answer) {
      const value = read_number(answer, question.units);
      const points = read_as_points(answer, question.units);
      return whole([value, points].some((one) => one !== null && close_to(question, one, question.answer)));
    },
    predict: (question, answer) => whole(same_output(answer, question.answer)),
    order(question, answer) {
      const steps = question.steps.map((_, number) => number);
      if ([...answer].sort((a, b) => a - b).join() !== steps.join()) return whole(false);
      const stated = question.before.map(([first, second]) => [first - 1, second - 1]);
      const pairs = stated.length ? stated : steps.slice(1).map((step) => [step - 1, step]);
      const broken = broken_order(answer, pairs).length;
      return { share: 1 - broken / pairs.length, right: broken === 0, self_marked: false };
    },
    bug(question, answer) {
      const [line, symptom] = [answer.line === question.line, question.symptom[answer.symptom].right];
      return { share: (line + symptom) / 2, right: line && symptom, self_marked: false };
    },
    word(question, answer) {
      const word = fold_word(answer);
      const known = question.wrong.some((wrong) => fold_word(wrong.text) === word);
      return whole(!known && question.accept.some((form) => is_nearly(word, fold_word(form))));
    },
    recall(question, answer) {
      const ticked = answer.ideas.filter((tick) => tick).length;
      const share = answer.ideas.length === question.ideas.length ? ticked / question.ideas.length : 0;
      return { share, right: share === 1, self_marked: true };
    },
  };

  const mark = (question, answer) => marks[question.kind](question, answer);
  const suggested = (question, text) =>
    question.ideas.map((idea) => idea.any.every((group) => group.some((word) => has_keyword(text, word))));

  return {
    broken_order, fold_word, has_keyword, is_close, is_nearly, mark, output_tokens, read_as_points, read_number,
    same_output, suggested, words_of,
  };
})();

if (typeof module !== "undefined") module.exports = marking;
