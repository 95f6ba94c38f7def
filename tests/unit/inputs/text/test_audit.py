from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

import headway as hw
from headway.audit.build import item_audit
from headway.inputs.text.languages import language_of


def test_a_word_that_says_the_label_is_found_and_can_be_taken_out() -> None:
    draw = np.random.default_rng(0)
    labels = [str(label) for label in draw.choice(["sport", "money", "art"], 150)]
    texts = [" ".join(f"w{word}" for word in draw.integers(0, 40, 9)) + f" (filed: {label})" for label in labels]
    data = hw.from_items({"text": texts, "label": labels}, input=hw.Text("text"), target="label")
    [finding] = [one for one in item_audit(data).findings() if one.kind == "leak"]
    # Of three classes one word tells one from the two others.
    assert finding.severity == "serious" or finding.severity == "warning"
    assert set(finding.evidence["words"]) <= {"sport)", "money)", "art)"}
    assert finding.line is not None
    names = {"data": data}
    exec(finding.line.python, names)
    assert not [one for one in item_audit(names["data"]).findings() if one.kind == "leak"]


def test_honest_words_are_no_leak() -> None:
    draw = np.random.default_rng(0)
    labels = ["spam" if is_spam else "ham" for is_spam in draw.random(200) < 0.4]
    texts = [
        " ".join(f"w{word}" for word in draw.integers(0, 40, 9))
        + (" free" if draw.random() < (0.7 if label == "spam" else 0.1) else "")
        for label in labels
    ]
    data = hw.from_items({"text": texts, "label": labels}, input=hw.Text("text"), target="label")
    assert not [one for one in item_audit(data).findings() if one.kind == "leak"]


def test_the_page_shows_no_personal_data() -> None:
    texts = [f"write to ada{row}@example.org about number {row}" if row < 8 else f"number {row}" for row in range(60)]
    data = hw.from_items({"text": texts, "label": ["a", "b"] * 30}, input=hw.Text("text"), target="label")
    audit = item_audit(data)
    shown = [str(audit.picture(position).html) for position in range(len(texts))]
    assert not [html for html in shown if "@" in html]
    assert sum("[email addresses]" in html for html in shown) == 8


def test_texts_in_another_language_are_named() -> None:
    english = "the film is good and it was not that long, but I have seen better ones with you number"
    german = "der Film ist gut und die Geschichte nicht zu lang, aber ich habe schon bessere gesehen Nummer"
    texts = [f"{german if row in (4, 9) else english} {row}" for row in range(60)]
    data = hw.from_items({"text": texts, "label": ["a", "b"] * 30}, input=hw.Text("text"), target="label")
    [finding] = [one for one in item_audit(data).findings() if one.kind == "mixed_texts"]
    assert (finding.evidence["how"], finding.evidence["rows"]) == ("language", [4, 9])
    assert finding.sentence.startswith("In another language than English (2 German): 2 of 60 texts")


def test_languages_of_real_texts(shared_data: Callable[[str], Path]) -> None:
    """Messages in English, and film reviews among which are a few in Spanish and Portuguese."""
    files = [shared_data("sms_spam") / "SMSSpamCollection.tsv", *sorted(shared_data("rt_polarity").glob("rt-*"))]
    messages, *reviews = (file.read_text(encoding="latin-1").splitlines()[:2000] for file in files)
    assert set(map(language_of, messages)) == {"", "English"}
    others = [text for texts in reviews for text in texts if language_of(text) not in ("", "English")]
    assert len(others) > 5
    assert not [text for text in others if re.search(r"\b(the|of|and|with)\b", text)]


def test_letters_of_another_encoding_are_named() -> None:
    texts = [f"the café of number {row}, or Zoë's" for row in range(40)]
    texts[7] = texts[7].encode().decode("latin-1")
    data = hw.from_items({"text": texts, "label": ["a", "b"] * 20}, input=hw.Text("text"), target="label")
    [finding] = [one for one in item_audit(data).findings() if one.kind == "mixed_texts"]
    assert (finding.evidence["how"], finding.evidence["rows"]) == ("encoding", [7])
