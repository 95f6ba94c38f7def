// The search: BM25 over the index of the build. `searching.py` splits and stems texts by the same rules.
"use strict";

const search = (() => {
  const ENDINGS = ["ization", "ational", "ations", "ation", "ingly", "edly", "ings", "ing", "ies", "ied", "ers", "es", "ed",
    "er", "ly", "s"];
  const MIN_STEM = 3;
  // How soon a word that is repeated counts no more, and how much long texts are held back.
  const [K, B] = [1.2, 0.75];
  const RESULTS = 30;

  function words(text) {
    const pieces = text.toLowerCase().match(/[a-z0-9_]+/g) || [];
    return pieces.flatMap((piece) => (piece.includes("_") ? [piece, ...piece.split("_").filter((part) => part)] : [piece]));
  }

  function stem(word) {
    if (word.endsWith("ss") || word.includes("_")) return word;
    const ending = ENDINGS.find((one) => word.endsWith(one) && word.length - one.length >= MIN_STEM);
    if (!ending) return word;
    return word.slice(0, -ending.length) + (["ies", "ied"].includes(ending) ? "y" : "");
  }

  // Numbers of entries, best first.
  function find(index, query) {
    const stems = [...new Set(words(query).map(stem))];
    const total = index.entries.length;
    const mean = index.lengths.reduce((sum, length) => sum + length, 0) / total;
    const scores = new Map();
    for (const term of stems) {
      // The last word may be half typed; a whole one counts more.
      const whole = Object.hasOwn(index.terms, term) ? [term] : [];
      const begun = whole.length || term.length < 3 ? [] : Object.keys(index.terms).filter((one) => one.startsWith(term));
      for (const one of [...whole, ...begun.slice(0, 40)]) {
        const postings = index.terms[one];
        const weight = Math.log(1 + (total - postings.length / 2 + 0.5) / (postings.length / 2 + 0.5));
        for (let at = 0; at < postings.length; at += 2) {
          const [entry, count] = [postings[at], postings[at + 1]];
          const long = K * (1 - B + (B * index.lengths[entry]) / mean);
          const score = (weight * count * (K + 1)) / (count + long);
          scores.set(entry, (scores.get(entry) || 0) + score * (whole.length ? 1 : 0.5));
        }
      }
    }
    return [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, RESULTS).map(([entry]) => entry);
  }

  // The words around the first hits, hits marked.
  function snippet(text, query) {
    const stems = new Set(words(query).map(stem));
    const isHit = (word) => words(word).some((part) => stems.has(stem(part)));
    const pieces = text.split(" ");
    const first = Math.max(0, pieces.findIndex(isHit) - 8);
    const shown = pieces.slice(first, first + 38);
    const parts = shown.flatMap((word) => [isHit(word) ? make("mark", {}, word) : word, " "]);
    return make("p", {}, first ? "… " : "", ...parts, first + 38 < pieces.length ? "…" : "");
  }

  function show(index, query) {
    const hits = query.trim() ? find(index, query) : [];
    const list = document.getElementById("hits");
    list.replaceChildren(...hits.map((number) => {
      const [address, title, page, text] = index.entries[number];
      return make("li", {}, make("h2", {}, make("a", { href: address }, title)), make("p", { class: "about" }, page),
        snippet(text, query));
    }));
    const none = "Nothing has these words. Try another form, or fewer of them.";
    const many = hits.length === RESULTS ? `The best ${RESULTS} results` : `${hits.length} result${hits.length > 1 ? "s" : ""}`;
    document.getElementById("count").textContent = !query.trim() ? "" : hits.length ? many : none;
  }

  function start() {
    const field = document.getElementById("words");
    field.value = new URLSearchParams(location.search).get("q") || "";
    field.closest("form").addEventListener("submit", (event) => event.preventDefault());
    field.addEventListener("input", () => show(window.search_index, field.value));
    show(window.search_index, field.value);
    field.focus();
  }

  return { find, start, stem, words };
})();

if (typeof module !== "undefined") module.exports = search;
else search.start();
