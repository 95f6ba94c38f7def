from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import headway as hw
from tests.stopping import QUIET


@pytest.fixture(scope="module")
def table() -> hw.Learner:
    draw = np.random.default_rng(0)
    x, color = draw.normal(size=80), draw.choice(["red", "blue"], 80)
    frame = pl.DataFrame({"x": x, "color": color, "y": np.where((x > 0) ^ (color == "red"), "yes", "no")})
    learner = hw.Learner(hw.from_items(frame, target="y"), **QUIET)
    learner.fit(3)
    return learner


@pytest.mark.slow
def test_a_row_is_answered_as_by_the_bundle(table: hw.Learner, tmp_path: Path) -> None:
    rows = [{"x": 1.5, "color": "red"}, {"x": None, "color": "green"}, {"x": 1e9, "color": "red"}]
    ours = [table.predict(row) for row in rows]
    for found in (table.predict_many(rows), table.predict_many(pl.DataFrame(rows))):
        scores = [(each.label, each.score) for each in found]
        assert scores == [(each.label, pytest.approx(each.score, abs=1e-6)) for each in ours]
    theirs = list(hw.load(table.export(tmp_path / "table.headway")).predict_many(rows))
    assert [each.label for each in ours] == [each.label for each in theirs]
    assert [each.notes for each in ours] == [each.notes for each in theirs]
    assert [(one.familiar, two.familiar) for one, two in zip(ours, theirs, strict=True)][1:] == [(False, False)] * 2
    # In this process there is no distance, so of other rows it is not known.
    assert ours[0].familiar is None
    assert [each.score for each in ours] == pytest.approx([each.score for each in theirs], abs=1e-4)


def test_items_of_the_data_are_answered_as_in_predictions(digits_data: hw.Data) -> None:
    learner = hw.Learner(digits_data, **QUIET)
    files = digits_data.valid.items["file"].to_list()
    probabilities = learner.predictions("valid").probabilities
    found = [[each.probabilities[label] for label in digits_data.target.labels] for each in learner.predict_many(files)]
    assert np.allclose(found, probabilities, atol=1e-5)


def test_what_cannot_be_read(digits_data: hw.Data) -> None:
    with pytest.raises(hw.ReadError, match=r"nothing\.png"):
        hw.Learner(digits_data, **QUIET).predict("nothing.png")


def test_a_learner_says_what_it_is(table: hw.Learner, digits_data: hw.Data) -> None:
    assert repr(table).startswith("Learner(realmlp, ")
    assert " parameters; Data(64 train, 16 valid; " in repr(table)
    assert "; History(3 epochs, accuracy " in repr(table)
    assert repr(hw.Learner(digits_data, **QUIET)).endswith("; not trained)")


@pytest.mark.slow
def test_a_learner_that_has_not_trained_says_so(digits_data: hw.Data, tmp_path: Path) -> None:
    sentence = "This learner has not trained the model: its weights are as they were made or loaded."
    said: list[str] = []
    learner = hw.Learner(digits_data, **QUIET)
    report = learner.report()
    assert sentence in report.notes
    learner.progress = SimpleNamespace(tell=said.append)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headway.learner.learner.export_trained", lambda path, **facts: path)
        learner.export(tmp_path / "model.headway", report=report)
        assert said == [sentence]
        learner.progress = None
        learner.fit(1)
        assert sentence not in learner.report().notes
