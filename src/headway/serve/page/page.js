// The page: pictures or rows in, answers out. It knows nothing of where answers come from: that is backend.js, which
// gives `describe()`, `answer(item)` and `mask(file)`.

import { describe } from "./backend.js";
import { clear, know, model, notice } from "./cards.js";
import { openForm } from "./form.js";
import { openPictures } from "./pictures.js";
import { figure, find, fromMarkdown, listed, made } from "./words.js";

const TITLES = {
  classification: () => "What is in the picture?",
  multilabel: () => "What is in the picture?",
  regression: question,
  points: () => "Where is it in the picture?",
  segmentation: () => "What is where in the picture?",
};

const WORDS = {
  classification: ({ labels }) => `This model tells apart ${listed(labels)}.`,
  multilabel: ({ labels }) => `This model looks for ${listed(labels)}: there may be several of them, or none.`,
  regression: ({ target, error }) => `This model answers with a number: ${target}.${error ? ` It is usually off by ${figure(error, 2)}.` : ""}`,
  points: ({ target }) => `This model finds places: ${target}.`,
  segmentation: ({ labels }) => `This model marks ${listed(labels)}.`,
};

// Reads well whatever the column is called: survived, price, num_rooms.
function question({ target }) {
  return `What would \u201c${target}\u201d be?`;
}

async function start() {
  find("clear").addEventListener("click", clear);
  openPictures();
  try {
    await know(describe());
    const title = (model.columns ? question : TITLES[model.task])(model);
    find("name").textContent = model.name;
    find("title").textContent = title;
    find("labels").textContent = WORDS[model.task](model);
    document.title = `${model.name}: ${title[0].toLowerCase()}${title.slice(1)}`;
    find("privacy").textContent = model.privacy;
    find("links").replaceChildren(...model.links.map(([text, address]) => made("a", { textContent: text, href: address })));
    if (model.columns) openForm(model.columns);
    if (model.card) {
      find("card").replaceChildren(...fromMarkdown(model.card));
      find("about").hidden = false;
    }
  } catch (error) {
    find("labels").textContent = "";
    notice(error.message);
  }
}

start();
