from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError, ReadError
from headway.inputs.text.evidence import MAX_PARTS, TextEvidence, TextParts, TextPiece, score_of
from headway.inputs.text.field import Text
from headway.judge.report.page import render
from headway.targets.base import Prediction

GOOD, BAD = ("great", "lovely", "superb"), ("awful", "boring", "dreadful")
FILL = ["the", "film", "was", "with", "actors", "and", "a", "story", "about", "people", "in", "town"]


def reviews(count: int = 200) -> pl.DataFrame:
    """Eight words each, of which one says the label."""
    draw = np.random.default_rng(0)
    rows = []
    for number in range(count):
        words = draw.choice(FILL, 8)
        words[draw.integers(8)] = draw.choice(GOOD if number % 2 else BAD)
        rows.append((" ".join(words), "good" if number % 2 else "bad"))
    return pl.DataFrame(rows, schema=["review", "label"], orient="row")


class SumOfWords(nn.Module):
    """A number for each token and class, added up: leaving a token out and its gradient x input are the same."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, 2, padding_idx=0)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.words(inputs).sum(dim=1)


@pytest.fixture(scope="module")
def data() -> hw.Data:
    field = Text("review", tokenizer="byte_pair")
    return hw.from_items(reviews(), input=field, target=hw.Category("label"))


@pytest.fixture(scope="module")
def sums(data: hw.Data) -> hw.Learner:
    assert isinstance(data.input, Text)
    return hw.Learner(data, SumOfWords(data.input.vocabulary), progress=False, precision="float32")


@pytest.fixture(scope="module")
def learner(data: hw.Data) -> hw.Learner:
    learner = hw.Learner(data, "text_cnn", progress=False, precision="float32")
    learner.fit(5, lr=3e-3)
    return learner


@pytest.fixture(scope="module")
def report(learner: hw.Learner) -> hw.Report:
    return learner.report()


@pytest.fixture(scope="module")
def pair() -> Text:
    rows = pl.DataFrame({"title": ["Rain", "Sun"], "body": ["It rained all day.", "It shone all day."]})
    return Text(["title", "body"], tokenizer="byte_pair", max_tokens=64).fit(rows)


def parts_of(text: str, field: Text) -> list[str]:
    parts = TextParts(field, {"title": "", "body": text})
    return [parts.texts[column][start:end] for column, start, end in parts.spans]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It isn't well-made, is it?!", ["It", "isn't", "well-made", ",", "is", "it", "?!"]),
        ("面白い film", ["面", "白", "い", "film"]),
        ("gut \U0001f600\U0001f600 !", ["gut", "\U0001f600\U0001f600", "!"]),
        ("الفيلم جميل", ["الفيلم", "جميل"]),
        ("one", []),
        ("one \u200b", []),
        ("  \n one  ", []),
    ],
)
def test_a_text_has_words_and_other_marks_as_parts(text: str, parts: list[str], pair: Text) -> None:
    assert parts_of(text, pair) == parts


def test_neighbouring_words_of_a_long_text_are_left_out_together_and_columns_stay_apart() -> None:
    rows = pl.DataFrame({"title": ["a b c"], "body": ["d e f g"]})
    field = Text(["title", "body"], tokenizer="byte_pair", max_tokens=512).fit(rows)
    parts = TextParts(field, {"title": "a b c", "body": "d e f g " * 35})
    # 143 words in threes.
    assert len(parts.spans) == 48 <= MAX_PARTS
    assert parts.spans[0] == (0, 0, 5)
    assert parts.spans[1][0] == 1
    covered = [parts.texts[column][start:end] for column, start, end in parts.spans]
    assert " ".join(covered) == " ".join(parts.texts).strip()


def test_what_the_model_does_not_read_has_no_parts(pair: Text) -> None:
    parts = TextParts(pair, {"title": "Rain", "body": "all day " * 500})
    assert parts.spans[-1][2] < 600
    assert len(pair.read(parts.values[0])) == 64


@pytest.mark.parametrize("body", ["All day!", "", "  it <b>rained</b>\n\n\u202eall 面白い\U0001f600 "])
def test_pieces_together_are_the_text(body: str, pair: Text) -> None:
    parts = TextParts(pair, {"title": "Rain again", "body": body})
    evidence = parts.weighed([Prediction(label="1", value=1.0)] * len(parts.values), label=None, of="mm")
    assert {name: "".join(piece.text for piece in pieces) for name, pieces in evidence.columns.items()} == {
        "title": "Rain again",
        "body": body,
    }
    plain = re.sub("<[^>]*>", "", evidence.to_html())
    assert plain.startswith("titleRain againbody")
    assert "<b>rained" not in evidence.to_html()


def test_a_weight_is_what_the_answer_loses_without_the_word(pair: Text) -> None:
    parts = TextParts(pair, {"title": "", "body": "not good"})
    predictions = [Prediction(label="", probabilities={"no": share, "yes": 1 - share}) for share in (0.8, 0.2, 0.5)]
    evidence = parts.weighed(predictions, label=None, of="liked")
    assert (evidence.answer, evidence.unit) == ("no", "log odds")
    assert evidence.words == [("not", pytest.approx(np.log(16))), ("good", pytest.approx(np.log(4)))]
    against = parts.weighed(predictions, label="yes", of="liked")
    assert against.words[0] == ("not", pytest.approx(-np.log(16)))


def test_of_a_number_a_weight_is_in_its_unit(pair: Text) -> None:
    parts = TextParts(pair, {"title": "", "body": "not good"})
    evidence = parts.weighed([Prediction(label="", value=value) for value in (5.0, 2.0, 6.5)], label=None, of="stars")
    assert (evidence.answer, evidence.unit) == ("stars", "stars")
    assert evidence.words == [("not", 3.0), ("good", -1.5)]


def test_odds_of_classes_that_exclude_one_another_keep_their_digits_near_1() -> None:
    near = Prediction(label="", probabilities={"a": 1.0, "b": 1e-12})
    several = Prediction(label="", probabilities={"a": 1.0, "b": 0.9})
    assert score_of(near, "a") == pytest.approx(12 * np.log(10))
    assert score_of(several, "a") == pytest.approx(6 * np.log(10), rel=1e-3)


def test_a_strong_word_is_marked_and_a_weak_one_is_not() -> None:
    pieces = (TextPiece(text="fine", weight=2.0), TextPiece(text=" & "), TextPiece(text="it", weight=0.1))
    evidence = TextEvidence(answer="good", unit="log odds", columns={"review": pieces}, agreement=0.5)
    mark = '<mark class="for" style="--share:1.00" title="+2.00">fine</mark>'
    assert evidence.to_html() == f"{mark} &amp; it"
    assert evidence.to_html(limit=6) == f"{mark} &amp; ..."
    assert "rank correlation with gradients x input 0.50" in evidence._repr_html_()


@pytest.mark.slow
def test_a_trained_model_goes_by_the_words_that_say_the_label(learner: hw.Learner) -> None:
    evidence = learner.explain("the story was Superb with awful people", label="good")
    assert isinstance(evidence, TextEvidence)
    assert [text for text, _ in evidence.words[:2]] in (["Superb", "awful"], ["awful", "Superb"])
    weights = dict(evidence.words)
    assert weights["Superb"] > 1
    assert weights["awful"] < -1
    assert evidence.agreement is not None
    assert evidence.agreement > 0.3


def test_gradients_of_a_sum_rank_words_as_leaving_them_out_does(sums: hw.Learner) -> None:
    evidence = sums.explain("great film with awful actors about people")
    assert isinstance(evidence, TextEvidence)
    assert evidence.agreement == pytest.approx(1)
    # Two words have no ranks to speak of.
    few = sums.explain("great film")
    assert isinstance(few, TextEvidence)
    assert few.agreement is None


@pytest.mark.slow
def test_a_bundle_finds_the_same_without_torch(
    learner: hw.Learner, report: hw.Report, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = learner.export(tmp_path_factory.mktemp("bundle") / "model.headway", report=report)
    text = "a lovely story about boring people"
    ours, theirs = learner.explain(text), hw.load(path).explain(text)
    assert isinstance(ours, TextEvidence)
    assert theirs.agreement is None
    assert dict(theirs.words) == pytest.approx(dict(ours.words), abs=1e-3)


@pytest.mark.slow
def test_the_report_marks_the_words_of_top_losses(report: hw.Report) -> None:
    page = render(report)
    assert "Words that speak <mark" in page
    assert "Gradients x input rank the words alike with a rank correlation of 0." in page
    assert page.count('<mark class="for"') > len(report.sections["top_losses"].rows)


@pytest.mark.slow
def test_the_report_shows_the_nearest_training_texts_of_top_losses(learner: hw.Learner, report: hw.Report) -> None:
    row = report.sections["top_losses"].rows[0]
    text = learner.data.items.filter(pl.col("row") == row)["review"][0]
    similar = [
        f"<b>{label}</b>{review}" for review, label in learner.nearest(text, k=2).select("review", "label").iter_rows()
    ]
    assert f'<p class="file">Nearest training texts: {similar[0]} (' in report.pictures[row].html
    assert similar[1] in report.pictures[row].html


def test_errors_name_the_label_and_the_kind(sums: hw.Learner) -> None:
    with pytest.raises(ConfigError) as caught:
        sums.explain("so good", label="goood")
    assert str(caught.value) == (
        "`label` must be one of the model's classes.\n  Given: label='goood'\n  Fix:   Did you mean \"good\"?"
    )
    parts = TextParts(Text("review", tokenizer="byte_pair").fit(reviews(8)), "so good")
    with pytest.raises(ConfigError) as caught:
        parts.weighed([Prediction(label="1", value=1.0)] * 3, label="one", of="stars")
    assert str(caught.value) == (
        "`label` must be one of the model's classes.\n"
        "  Given: label='one'\n"
        "  Fix:   Leave it out: the answer is a number."
    )
    with pytest.raises(ConfigError) as caught:
        hw.Image("file").parts(b"")
    assert str(caught.value) == (
        "`explain` is not available for pictures: it leaves out words of texts.\n"
        "  Given: Image(column='file', size=224, channels=3, squeeze=1.25, crop=1.0)\n"
        "  Fix:   Look at `learner.report()` instead."
    )
    with pytest.raises(ReadError, match="empty: there is no text in it"):
        sums.explain(" ")
