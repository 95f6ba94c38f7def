// The page: pictures or rows in, answers out. It knows nothing of where answers come from: that is backend.js, which
// gives `describe()`, `answer(item)` and `media(file)`.

import { describe } from "./backend.js";
import { clear, know, model, notice } from "./cards.js";
import { openForm } from "./form.js";
import { describeFiles, openPictures } from "./pictures.js";
import { openRecorder } from "./sounds.js";
import { figure, find, fromMarkdown, made } from "./words.js";
import { openBox } from "./write.js";

async function start() {
  find("clear").addEventListener("click", clear);
  openPictures();
  try {
    await know(describe());
    const title = model.question;
    find("name").textContent = model.name;
    find("title").textContent = title;
    find("labels").textContent = `${model.summary}${model.error ? ` It is usually off by ${figure(model.error, 2)}.` : ""}`;
    document.title = `${model.name}: ${title[0].toLowerCase()}${title.slice(1)}`;
    find("privacy").textContent = model.privacy;
    find("links").replaceChildren(...model.links.map(([text, address]) => made("a", { textContent: text, href: address })));
    if (model.writes) openBox();
    else if (model.columns) openForm(model.columns);
    else describeFiles();
    openRecorder();
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
