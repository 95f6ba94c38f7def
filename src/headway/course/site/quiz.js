// Questions: asked, marked by marking.js, explained, and written down as the command line does.
"use strict";

const quiz = (() => {
  const MIN_CHARACTERS = 15;

  // The same order for the same learner and attempt.
  function shuffled(count, key) {
    const weight = (number) => {
      let hash = 2166136261;
      for (const sign of `${key}/${number}`) hash = Math.imul(hash ^ sign.codePointAt(0), 16777619);
      // The last sign must reach the high bits.
      hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
      return (hash ^ (hash >>> 13)) >>> 0;
    };
    return [...Array(count).keys()].sort((a, b) => weight(a) - weight(b));
  }

  const button = (text, action, attributes = {}) => make("button", { type: "button", click: action, ...attributes }, text);
  const labelled = (type, name, value, ...content) =>
    make("label", { class: "option" }, make("input", { type, name, value: String(value) }), make("span", {}, ...content));
  const html = (text) => make("span", { html: text });
  const checked = (form, name) =>
    [...form.querySelectorAll(`input[name="${name}"]`)].filter((field) => field.checked).map((field) => Number(field.value));

  function optionList(options, order, type, name, legend) {
    const items = order.map((number) => labelled(type, name, number, html(options[number].html)));
    return make("fieldset", {}, make("legend", {}, legend), ...items);
  }

  // What stands behind each option once it is answered; `isChosen` says which were.
  function explainOptions(form, name, options, isChosen) {
    for (const field of form.querySelectorAll(`input[name="${name}"]`)) {
      const option = options[Number(field.value)];
      field.disabled = true;
      field.closest(".option").classList.add("off");
      const text = field.nextElementSibling;
      if (option.right) text.append(make("b", { class: "tag right" }, "right"));
      if (isChosen(Number(field.value))) text.append(make("b", { class: "tag chosen" }, "your answer"));
      text.append(make("span", { class: "because", html: option.because }));
    }
  }

  // Each kind: `fields(form)` puts its controls there, `read(form)` gives the answer or a sentence that asks for one,
  // `explain(form, answer, mark)` gives what to say, as HTML.
  const kinds = {
    choice: {
      recallFirst: true,
      fields: ({ question, order, name }) => [optionList(question.options, order, "radio", name, "Choose one")],
      read: ({ form, name }) => checked(form, name)[0] ?? "Choose an option.",
      explain({ form, name, question }, answer) {
        explainOptions(form, name, question.options, (number) => number === answer);
        return [];
      },
    },
    several: {
      recallFirst: true,
      fields: ({ question, order, name }) =>
        [optionList(question.options, order, "checkbox", name, "Choose all that are right")],
      read: ({ form, name }) => checked(form, name),
      explain({ form, name, question }, answer) {
        explainOptions(form, name, question.options, (number) => answer.includes(number));
        return [];
      },
    },
    number: {
      fields: ({ question, name }) => [typed(name, "Your number", question.units[0] || "")],
      read({ form, question }) {
        const text = form.querySelector("input").value.trim();
        if (!text) return { objection: "Type a number." };
        if (marking.read_number(text, question.units) === null) {
          return { objection: "This is not a number. Numbers look like 0.5, 1/2 or 50 %." };
        }
        return text;
      },
      explain({ question }, answer, mark) {
        const value = marking.read_number(answer, question.units);
        const within = question.within || 1e-6 * Math.max(1, Math.abs(question.answer));
        const isShare = mark.right && !marking.is_close(value, question.answer, within);
        if (mark.right) return isShare ? [{ text: `${answer} is ${question.shown_answer}.` }] : [];
        const points = marking.read_as_points(answer, question.units) ?? value;
        const known = question.wrong.find((wrong) =>
          [value, points].some((one) => marking.is_close(one, wrong.near, within)));
        return [known && known.because, { text: `The answer is ${question.shown_answer}.` }];
      },
    },
    predict: {
      fields: ({ name }) => [
        make("label", { for: name }, "It prints"), make("textarea", { id: name, class: "code", rows: "2", spellcheck: "false" }),
      ],
      read: ({ form }) => form.querySelector("textarea").value.trim() || { objection: "Type what it prints." },
      explain({ question }, answer, mark) {
        if (mark.right) return [];
        const known = question.wrong.find((wrong) => marking.same_output(answer, wrong.text));
        return [known && known.because, { text: "It prints", code: question.answer.trim() }];
      },
    },
    order: {
      fields({ question, order, said }) {
        const list = make("ol", { class: "steps" });
        const move = (item, by) => {
          const other = by < 0 ? item.previousElementSibling : item.nextElementSibling;
          if (!other) return;
          by < 0 ? other.before(item) : other.after(item);
          refresh();
          const position = [...list.children].indexOf(item) + 1;
          said.textContent = `Now step ${position} of ${list.children.length}.`;
          const [up, down] = item.querySelectorAll("button");
          (by < 0 ? (up.disabled ? down : up) : down.disabled ? up : down).focus();
        };
        const refresh = () => {
          [...list.children].forEach((item, position) => {
            const [up, down] = item.querySelectorAll("button");
            up.disabled = position === 0;
            down.disabled = position === list.children.length - 1;
          });
        };
        for (const number of order) {
          const text = question.steps[number];
          const item = make("li", { "data-step": String(number) }, make("span", {}, text));
          item.append(
            button("↑", () => move(item, -1), { "aria-label": `Move up: ${text}` }),
            button("↓", () => move(item, 1), { "aria-label": `Move down: ${text}` }),
          );
          list.append(item);
        }
        refresh();
        return [list];
      },
      read: ({ form }) => [...form.querySelectorAll("[data-step]")].map((item) => Number(item.dataset.step)),
      explain({ form, question }, answer) {
        for (const one of form.querySelectorAll(".steps button")) one.disabled = true;
        const stated = question.before.map(([first, second]) => [first - 1, second - 1]);
        const pairs = stated.length ? stated : question.steps.slice(1).map((_, step) => [step, step + 1]);
        return marking.broken_order(answer, pairs).map(([first, second]) =>
          ({ text: `“${question.steps[first]}” comes before “${question.steps[second]}”.` }));
      },
    },
    bug: {
      fields({ question, order, name, box }) {
        const lines = [...box.querySelectorAll(".lines > li > code")].map((line, number) =>
          make("li", {}, make("label", {}, make("input", { type: "radio", name: `${name}-line`, value: String(number + 1) }),
            make("span", { class: "number-of-line" }, String(number + 1)), make("code", { html: line.innerHTML }))));
        box.querySelector(".lines").hidden = true;
        return [
          make("fieldset", {}, make("legend", {}, "Which line is wrong?"), make("ol", { class: "lines" }, ...lines)),
          optionList(question.symptom, order, "radio", name, "What happens then?"),
        ];
      },
      read({ form, name }) {
        const [line, symptom] = [checked(form, `${name}-line`)[0], checked(form, name)[0]];
        if (line === undefined) return { objection: "Choose a line." };
        return symptom === undefined ? { objection: "Choose what happens." } : { line, symptom };
      },
      explain({ form, name, question }, answer) {
        explainOptions(form, name, question.symptom, (number) => number === answer.symptom);
        for (const field of form.querySelectorAll(`input[name="${name}-line"]`)) field.disabled = true;
        const faulty = question.code.split("\n")[question.line - 1].trim();
        return answer.line === question.line ? [] : [{ text: `The fault is in line ${question.line}:`, code: faulty }];
      },
    },
    word: {
      fields: ({ name }) => [typed(name, "Your word", "")],
      read: ({ form }) => form.querySelector("input").value.trim() || { objection: "Type a word." },
      explain({ question }, answer, mark) {
        if (mark.right) return [];
        const word = marking.fold_word(answer);
        const known = question.wrong.find((wrong) => marking.fold_word(wrong.text) === word);
        return [known && known.because, { text: `The word is ${question.accept[0]}.` }];
      },
    },
    recall: {
      fields: ({ name }) => [
        make("label", { for: name }, "Your answer, in your own words. You will mark it yourself."),
        make("textarea", { id: name, rows: "4" }),
      ],
      read({ form }) {
        const text = form.querySelector("textarea").value.trim();
        return text.length >= MIN_CHARACTERS ? { text, ideas: [] } : { objection: `Write at least ${MIN_CHARACTERS} characters.` };
      },
      explain: ({ question }, answer) =>
        question.traps.filter((trap) => trap.any.some((word) => marking.has_keyword(answer.text, word))).map((trap) => trap.say),
    },
  };

  function typed(name, label, unit) {
    const field = make("input", { type: "text", id: name, autocomplete: "off", spellcheck: "false" });
    return make("div", { class: "typed" }, make("label", { for: name }, label), field, unit && make("span", {}, unit));
  }

  // A paragraph from HTML of the build, or from a text with a piece of code below.
  function sentence(one) {
    if (typeof one === "string") return [make("p", { html: one })];
    return [make("p", {}, one.text), one.code && make("pre", { class: "code", tabindex: "0" }, make("code", {}, one.code))]
      .filter((part) => part);
  }

  function ask(box) {
    const id = box.dataset.question;
    const question = window.questions && window.questions[id];
    if (!question) return;
    const kind = kinds[question.kind];
    const events = progress.events();
    const attempt = events.filter((event) => event.id === id && ["question", "recall"].includes(event.kind)).length + 1;
    const learner = events.length ? events[0].time : "";
    const choices = question.options || question.steps || question.symptom || [];
    const order = shuffled(choices.length, `${learner}/${id}/${attempt}`);
    const said = make("p", { class: "about", role: "status" });
    const form = make("form", { class: "answering", novalidate: true });
    const context = { box, question, order, form, said, name: `answer-${id}` };
    box.querySelector(".answering")?.remove();
    for (const part of box.querySelectorAll(":scope > .choices, :scope > .blank, :scope > .mark")) part.hidden = true;
    form.append(...kind.fields(context));

    let hinted = false;
    const hint = question.hint && button("Hint", () => {
      hinted = true;
      hint.replaceWith(make("p", { class: "hint-text", html: question.hint }));
    });
    const submit = make("button", { class: "main" }, question.kind === "recall" ? "Compare" : "Answer");
    const ways = make("p", { class: "ways" }, submit, hint || null);
    form.append(ways, said);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (submit.disabled) return;
      const answer = kind.read(context);
      const objection = typeof answer === "string" && question.kind === "choice" ? answer : answer.objection;
      if (objection) {
        said.textContent = objection;
        return;
      }
      submit.disabled = true;
      ways.remove();
      if (question.kind === "recall") tickIdeas(context, answer, () => finish(context, answer, hinted));
      else finish(context, answer, hinted);
    });
    if (kind.recallFirst && document.body.classList.contains("questions")) {
      form.hidden = true;
      const show = button("Show the options", () => {
        form.hidden = false;
        show.remove();
        form.querySelector("input").focus();
      });
      box.append(show);
    }
    box.append(form);
  }

  // A free answer is compared by whoever wrote it: keywords only suggest which ideas are there.
  function tickIdeas(context, answer, done) {
    const { question, form, said, name } = context;
    const ideas = question.ideas.map((idea, number) => labelled("checkbox", `${name}-idea`, number, html(idea.html)));
    marking.suggested(question, answer.text).forEach((tick, number) => (ideas[number].firstChild.checked = tick));
    form.querySelector("textarea").readOnly = true;
    const group = make("fieldset", { tabindex: "-1" }, make("legend", {}, "Which of these does your answer say?"), ...ideas);
    const save = button("Mark it", () => {
      const ticked = checked(form, `${name}-idea`);
      answer.ideas = question.ideas.map((_, number) => ticked.includes(number));
      for (const field of group.querySelectorAll("input")) field.disabled = true;
      save.remove();
      done();
    }, { class: "main" });
    form.append(make("p", {}, make("b", {}, "A good answer: "), html(question.answer_html)), group, save);
    said.textContent = "";
    group.focus();
  }

  function finish(context, answer, hinted) {
    const { box, question, form, said } = context;
    const mark = marking.mark(question, answer);
    const outcome = mark.right ? "right" : mark.share > 0 ? "partly" : "wrong";
    let rating = mark.right && !hinted ? "good" : "again";
    if ((mark.right && hinted) || (mark.self_marked && mark.share > 0 && mark.share < 1)) rating = "hard";
    const share = Math.round(mark.share * 1e4) / 1e4;
    progress.add(mark.self_marked ? "recall" : "question", question.id, outcome, { share, answer, hinted, rating, source: "site" });

    const verdict = mark.right ? "Right." : mark.share > 0 ? `Partly right: ${mark.share.toFixed(2)} of 1 (${question.partly}).` : "Not right.";
    const said_ = kind_of(question).explain(context, answer, mark).filter((one) => one).flatMap(sentence);
    for (const field of form.querySelectorAll("input[type=text], textarea")) field.readOnly = true;
    said.textContent = "";
    // Screen readers announce it; it is there before its text, as they need.
    const result = make("div", { class: `mark${mark.right ? " right" : ""}`, role: "status" });
    form.append(result);
    result.append(make("p", { class: "verdict" }, verdict), ...said_, make("p", { html: question.why }));
    if (!mark.right && document.body.classList.contains("questions")) result.append(readAgain(question));
    result.append(make("p", { class: "ways" }, button("Answer again", () => again(box))));
    count();
  }

  const kind_of = (question) => kinds[question.kind];

  function readAgain(question) {
    const lesson = question.id.split(".")[0].padStart(2, "0");
    return make("p", {}, "To read again: ", make("a", { href: `lesson-${lesson}.html#${question.section}` }, "the section"), ".");
  }

  function again(box) {
    ask(box);
    const target = box.querySelector(".answering:not([hidden]) input, .answering:not([hidden]) textarea, :scope > button");
    if (target) target.focus();
  }

  // A question that was answered before shows how it went.
  function open(box) {
    ask(box);
    const before = progress.latest(["question", "recall"], box.dataset.question);
    if (!before) return;
    const words = { right: "right", partly: "partly right", wrong: "not right yet" };
    const day = new Date(before.time).toLocaleDateString("en-GB", { day: "numeric", month: "long" });
    box.querySelector(".about").append(make("small", {}, ` · answered on ${day}: ${words[before.outcome] || before.outcome}`));
  }

  function count() {
    const target = document.getElementById("count");
    const boxes = [...document.querySelectorAll("[data-question]:not([hidden])")];
    if (!target) return;
    const done = boxes.map((box) => progress.latest(["question", "recall"], box.dataset.question)).filter((event) => event);
    const right = done.filter((event) => event.outcome === "right").length;
    target.textContent = `${done.length} of ${boxes.length} answered, ${right} right.`;
  }

  function keys() {
    const field = document.getElementById("keys");
    if (!field) return;
    field.closest("[hidden]").hidden = false;
    field.addEventListener("change", () => {
      for (const box of document.querySelectorAll("[data-question]")) box.hidden = field.checked && !("key" in box.dataset);
      count();
    });
  }

  return { count, keys, open, shuffled };
})();

for (const box of document.querySelectorAll("[data-question]")) quiz.open(box);
quiz.keys();
quiz.count();
