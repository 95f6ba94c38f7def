"""What a field of texts brings for judging, on real messages and reviews: copies, groups, drift, notes, the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.bundle.reference import reference
from headway.judge.report.page import render
from headway.judge.report.report import Report
from headway.serve.drift import Drift, compare
from tests.unit.inputs.text.reviews import read_messages, read_reviews

PLANTED = 40
TEXT = hw.Text("text")

FOREIGN = {
    "German": [
        "Der Film beginnt langsam, doch die Geschichte der alten Fischerin lässt einen nicht mehr los.",
        "Ich habe selten so gelacht wie bei dieser Verwechslung auf dem Bahnhof.",
        "Schöne Bilder, aber die Gespräche klingen wie aus einem Lehrbuch abgeschrieben.",
    ],
    "French": [
        "Les acteurs sont formidables, mais le scénario tourne en rond pendant deux heures.",
        "Un petit bijou que personne n'attendait cette année au festival.",
        "On s'ennuie ferme malgré les beaux paysages de la Bretagne en hiver.",
    ],
    "Spanish": [
        "Una comedia sencilla que hace reír sin necesidad de efectos especiales.",
        "La música es preciosa, aunque el final resulta demasiado largo y previsible.",
        "Hacía mucho tiempo que una película no me emocionaba de esta manera.",
    ],
    "Polish": [
        "Bardzo dobry film, chociaż zakończenie nieco mnie rozczarowało.",
        "Aktorzy grają znakomicie, a zdjęcia zapierają dech w piersiach.",
        "Nie polecam nikomu, kto szuka czegoś więcej niż pustej rozrywki.",
    ],
    "Russian": ["Фильм получился очень добрым и смешным.", "Скучно, долго и совершенно неинтересно."],
    "Japanese": ["とても面白い映画でした。", "役者の演技は素晴らしいが、話は退屈だった。"],
    "Arabic": ["الفيلم جميل جدا والقصة مؤثرة.", "لم يعجبني التمثيل في هذا الفيلم."],
}
CODE = [
    "for index in range(len(rows)):\n    total += rows[index]['price'] * 1.19\nreturn round(total, 2)",
    "SELECT id, name FROM users WHERE created_at > '2020-01-01' ORDER BY id DESC LIMIT 10;",
    "if (!ptr) { free(buf); return -EINVAL; } memcpy(dst, src, sizeof(struct node) * n);",
    '<div class="row"><span id="x1">{{ item.value }}</span></div>',
]


@pytest.fixture(scope="module")
def messages(shared_data: Callable[[str], Path]) -> pl.DataFrame:
    """800 messages, each by one of 50 authors, and behind them copies of the first of them in capitals."""
    texts, is_spam = read_messages(shared_data("sms_spam"))
    texts, labels = texts[:800], np.where(is_spam[:800], "spam", "ham").tolist()
    return pl.DataFrame(
        {
            "text": [*texts, *(f"{text.upper()} !" for text in texts[:PLANTED])],
            "author": [f"author {row % 50}" for row in range(800)] + ["copy"] * PLANTED,
            "label": [*labels, *labels[:PLANTED]],
        }
    )


def across(data: hw.Data) -> int:
    """Planted copies that lie on another side of the split than their text."""
    sides = dict(data.items.select("row", "split").iter_rows())
    return sum(sides.get(row) != sides.get(800 + row) for row in range(PLANTED) if {row, 800 + row} <= sides.keys())


@pytest.mark.slow
def test_near_copies_across_the_split_are_reported_and_moved_or_dropped(messages: pl.DataFrame) -> None:
    kept, moved, dropped = (
        hw.from_items(messages.drop("author"), input=TEXT, target="label", near_copies=choice)
        for choice in ("keep", "move", "drop")
    )
    assert across(kept) > 5
    (copies,) = kept.copies
    assert copies.sentence in " ".join(kept.summary().split())
    assert "row 8" in copies.sentence
    assert across(moved) == across(dropped) == 0
    assert not moved.copies
    assert not dropped.copies
    assert len(moved.items) == len(kept.items) > len(dropped.items)
    assert len(moved.valid) == pytest.approx(len(kept.valid), abs=0.03 * len(messages))


@pytest.mark.slow
def test_authors_are_kept_on_one_side_of_the_split(reviews: tuple[hw.Text, list[str]]) -> None:
    """With the copies of their texts that others have, where these are moved."""
    texts = reviews[1][:600]
    authors = [f"author {row % 60}" for row in range(600)]
    items = pl.DataFrame(
        {
            "text": [*texts, *(f"{text.upper()} !" for text in texts[:4])],
            "author": [*authors, *(f"copyist {row}" for row in range(4))],
            "label": ["yes", "no"] * 302,
        }
    )
    data = hw.from_items(items, input=TEXT, target="label", split=hw.GroupSplit("author"), near_copies="move")
    assert data.items.group_by("author").agg(pl.col("split").n_unique())["split"].max() == 1
    assert not data.copies
    assert len(data.valid) == pytest.approx(0.2 * len(items), abs=0.05 * len(items))


@pytest.fixture(scope="module")
def reviews(shared_data: Callable[[str], Path]) -> tuple[hw.Text, list[str]]:
    """A field that has read 3,000 reviews with the packaged tokenizer, and 1,000 others."""
    texts, _ = read_reviews(shared_data("rt_polarity"))
    return hw.Text("text").fit(pl.DataFrame({"text": texts[:3_000]})), texts[3_000:4_000]


def share_familiar(field: hw.Text, texts: Sequence[str]) -> float:
    familiar = field.familiar(field.collate([field.read(text) for text in texts]))
    assert familiar is not None
    return float(familiar.mean())


@pytest.mark.slow
def test_other_languages_and_code_are_not_familiar(reviews: tuple[hw.Text, list[str]]) -> None:
    field, others = reviews
    assert share_familiar(field, others) >= 0.975
    for texts in FOREIGN.values():
        assert share_familiar(field, texts) < 0.5, texts
    assert share_familiar(field, [text for texts in FOREIGN.values() for text in texts]) < 0.15
    assert share_familiar(field, CODE) <= 0.5
    assert share_familiar(field, ["xk qzv wpfj ggtr lkmn bvcx qqq"]) == 0
    again = hw.Text.from_json(field.to_json())
    assert share_familiar(again, others) == share_familiar(field, others)


@pytest.mark.parametrize(("count", "most"), [(50, 0.25), pytest.param(900, 0.15, marks=pytest.mark.slow)])
def test_learned_tokens_of_few_texts_tell_other_texts_too(
    reviews: tuple[hw.Text, list[str]], count: int, most: float
) -> None:
    others = reviews[1]
    rows = pl.DataFrame({"text": others[-count:]})
    field = hw.Text("text", tokenizer="byte_pair").fit(rows)
    assert share_familiar(field, others[:100]) >= 0.95
    # The fewer texts, the wider the limit.
    assert share_familiar(field, [text for texts in FOREIGN.values() for text in texts]) < most
    assert share_familiar(field, CODE) <= 0.5
    again = hw.Text.from_json(field.to_json())
    assert share_familiar(again, others) == share_familiar(field, others)


def test_scripts_that_no_training_text_had_are_noted(reviews: tuple[hw.Text, list[str]]) -> None:
    field, others = reviews
    assert field.scripts == ("Latin",)
    assert field.notes(others[0]) == ()
    note = "it is written in Cyrillic letters; the training texts' script is Latin"
    assert field.notes(FOREIGN["Russian"][0]) == (note,)
    assert field.read_many(["fine", FOREIGN["Russian"][0]])[1][1] == (note,)
    assert field.notes("12:30 - 14:00") == ("it has no letters; the training texts' script is Latin",)


def drift(field: hw.Text, before: Sequence[str], now: Sequence[str]) -> Drift:
    """What the log of a server that was sent some texts says beside a bundle that was judged on others."""
    answers = [{"label": "good", "score": 0.9}] * len(before)
    items = pl.DataFrame({"text": before})
    measured = [field.statistics(field.read(text)) for text in before]
    facts = reference(measured, answers, labels=["good"], columns=field.reference(items))
    log = [
        {
            "label": "good",
            "score": 0.9,
            **field.statistics(field.read(text)),
            "columns": field.bins({"text": text}, facts["columns"]),
        }
        for text in now
    ]
    return compare(facts, log, labels=["good"])


@pytest.mark.slow
def test_drift_is_seen_in_length_language_and_capitals(reviews: tuple[hw.Text, list[str]]) -> None:
    field, others = reviews
    before, same = others[:300], others[500:800]
    assert not drift(field, before, same).moved
    large = {
        name: {shift.name for shift in drift(field, before, now).shifts if shift.size == "large"}
        for name, now in {
            "long": [f"{text} {text}" for text in same],
            "shouted": [text.upper() for text in same],
            "Russian": FOREIGN["Russian"] * 50,
            "digits": [f"{text} 0800 123 456" for text in same],
        }.items()
    }
    assert large["long"] == {"num_tokens"}
    assert large["shouted"] == {"capitals"}
    assert {"token_rarity", "script", "non_ascii"} <= large["Russian"]
    assert "digits" in large["digits"]


@pytest.fixture(scope="module")
def report(messages: pl.DataFrame) -> Report:
    # A column of the user's that is called as one of the field's.
    data = hw.from_items(messages.with_columns(script=pl.lit("block letters")), input=TEXT, target="label")
    learner = hw.Learner(data, "text_cnn", device="cpu", precision="float32", progress=False)
    learner.fit(2)
    return learner.report(slices=["script", "num_characters", "author"])


@pytest.mark.slow
def test_a_report_compares_with_simple_models_of_words(report: Report) -> None:
    names = [row.name for row in report.baselines]
    assert {"majority class", "naive Bayes", "logistic regression and naive Bayes on TF-IDF"} <= set(names)
    # No features of a frozen network, so nothing is compared without it.
    assert report.verdict_without_pretrained is None
    assert "leak" in {finding.kind for finding in report.findings}


@pytest.mark.slow
def test_a_report_shows_texts_as_text(report: Report) -> None:
    page = render(report)
    assert set(report.pictures) >= {loss.row for loss in report["top_losses"]}
    row = report["top_losses"][0].row
    assert f'<blockquote class="item" dir="auto">{report.pictures[row].html}</blockquote>' in page
    spam = next(one for one in report["words"] if one.label == "spam")
    assert f'<th scope="row">{escape(spam.words[0].word)}</th>' in page
    assert [one["label"] for one in report.to_json()["words"]] == ["ham", "spam"]


@pytest.mark.slow
def test_slices_are_made_of_length_too_and_of_the_users_column_where_both_have_a_name(report: Report) -> None:
    assert report.slices is not None
    columns = {column for one in report.slices.slices for column in one.where}
    assert columns == {"script", "num_characters", "author"}
    assert "script = block letters" in {one.name for one in report.slices.slices}


def test_length_and_script_are_known_of_texts() -> None:
    items = pl.DataFrame({"title": ["Да", None], "body": ["нет", "12:30"]})
    known = hw.Text(["title", "body"]).properties(items)
    assert known == {"num_characters": [6, 6], "script": ["Cyrillic", "no letters"]}
    assert hw.Text("body").properties(items.head(0)) == {"num_characters": [], "script": []}
