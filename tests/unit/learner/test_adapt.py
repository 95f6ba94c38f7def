"""Pretraining on one's own texts before their labels are learned: what it learns from, what it says, stops."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import headway as hw
from headway.errors import ConfigError, RunError
from headway.inputs.text.encoder import Encoder, EncoderSize
from headway.inputs.text.networks import PooledEncoder
from headway.train.model import BodyAndHead
from tests.stopping import QUIET, killed_at, same_bits, saves_counted, solve_heads_roughly, told

SIZE = EncoderSize(dim=16, heads=2, layers=2, width=32, dropout=0.0)
WORDS = ("sea", "boat", "wind", "salt", "harbour", "sail", "gull", "rope")


def rows(count: int = 60, *, unlabelled: int = 30) -> pl.DataFrame:
    """Texts of which each third is joyful; the last ones have no label."""
    draw = np.random.default_rng(0)
    moods = ["glad" if number % 3 else "sad" for number in range(count + unlabelled)]
    words = [" and ".join(draw.permutation(WORDS)[:4]) for _ in moods]
    texts = [
        f"a {mood} day with {word} number {row}" for row, (mood, word) in enumerate(zip(moods, words, strict=True))
    ]
    return pl.DataFrame({"text": texts, "mood": [*moods[:count], *[None] * unlabelled]})


def small_model(num_outputs: int = 2) -> hw.Model:
    torch.manual_seed(0)
    body = PooledEncoder(Encoder(SIZE), (0, 1, 2))
    return hw.Model(BodyAndHead(body, body.num_features, num_outputs), pretrained="a test")


def learner_of(data: hw.Data, **options: Any) -> hw.Learner:
    return hw.Learner(data, small_model(), batch_size=16, **{**QUIET, **options})


@pytest.fixture(scope="module")
def data() -> hw.Data:
    return hw.from_items(rows(), input=hw.Text("text"), target="mood")


@pytest.mark.slow
def test_it_learns_from_training_rows_and_rows_without_a_target(data: hw.Data, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.inputs.text.masked_words import Words

    seen: set[int] = set()
    hide = Words.hide

    def spy(self: Words, inputs: torch.Tensor, *, rows: np.ndarray, seed: int, epoch: int) -> Any:
        seen.update(rows.tolist())
        return hide(self, inputs, rows=rows, seed=seed, epoch=epoch)

    monkeypatch.setattr(Words, "hide", spy)
    learner = learner_of(data)
    history = learner.adapt(2)
    assert seen == {*data.train.rows.tolist(), *range(60, 90)}
    assert [(entry.stage, entry.epoch) for entry in history] == [("adapt", 1), ("adapt", 2)]
    losses = [entry.valid_loss for entry in history]
    assert losses[1] < losses[0]
    assert not len(learner.history)
    (note,) = learner.history.notes
    pattern = (
        r"Pretraining went on with 78 texts, 30 of them without a target\. On folds of 48 training rows, a head on "
        r"the frozen body has an accuracy of 0\.\d{3} before and [01]\.\d{3} after it: "
        r"[+-]0\.\d{3} \(95 % interval [+-]0\.\d{3} to [+-]0\.\d{3}\)\."
    )
    assert re.fullmatch(pattern, note), note


@pytest.mark.slow
def test_a_number_has_an_error() -> None:
    items = rows(unlabelled=0).with_columns(pl.int_range(60).cast(pl.Float64).alias("mood"))
    data = hw.from_items(items, input=hw.Text("text"), target=hw.Number("mood"))
    learner = hw.Learner(data, small_model(1), **QUIET)
    learner.adapt(1)
    assert "a head on the frozen body has a mean absolute error of " in learner.history.notes[0]


@pytest.mark.slow
def test_a_second_call_hides_other_words(data: hw.Data) -> None:
    learner = learner_of(data)
    learner.adapt(1)
    assert [entry.epoch for entry in learner.adapt(1)] == [1, 2]


@pytest.mark.slow
def test_in_minutes(data: hw.Data) -> None:
    assert len(learner_of(data).adapt(minutes=0.001)) == 1


def test_identical_texts_of_valid_stay_out() -> None:
    items = rows(unlabelled=0)
    valid = hw.from_items(items, input=hw.Text("text"), target="mood").valid.items
    copies = pl.DataFrame({"text": [*valid["text"], "another day"], "mood": [None] * (len(valid) + 1)})
    data = hw.from_items(pl.concat([items, copies], how="vertical_relaxed"), input=hw.Text("text"), target="mood")
    # The copies are items of their own to the split, which may now lie otherwise.
    left = set(data.unlabelled["text"])
    assert "another day" in left
    assert not left & set(data.valid.items["text"])
    assert left - {"another day"} <= set(data.train.items["text"])


@pytest.mark.parametrize(
    ("split", "left"),
    [
        (hw.ColumnSplit("part"), ["a"]),
        (hw.GroupSplit("author"), ["a", "b"]),
        (hw.TimeSplit("year"), ["a"]),
    ],
)
def test_rows_that_go_with_valid_or_test_stay_out(split: Any, left: list[str]) -> None:
    known = pl.DataFrame(
        {
            "text": [f"the {number}th text of all" for number in range(20)],
            "mood": ["glad", "sad"] * 10,
            "part": ["train"] * 15 + ["valid"] * 5,
            "author": [f"author {number}" for number in range(20)],
            "year": list(range(2000, 2020)),
        }
    )
    judged = hw.from_items(known, input=hw.Text("text"), target="mood", split=split).valid.items
    author = judged["author"][0]
    new = pl.DataFrame(
        {
            "text": ["a", "b", "c"],
            "mood": [None, None, None],
            "part": ["train", "test", "valid"],
            "author": ["new", "author 0" if author != "author 0" else "author 1", author],
            "year": [2001, 2018, 2030],
        }
    )
    if isinstance(split, hw.GroupSplit):
        trained = hw.from_items(known, input=hw.Text("text"), target="mood", split=split).train.items["author"][0]
        new = new.with_columns(pl.Series("author", ["new", trained, author]))
    table = pl.concat([known, new], how="vertical_relaxed")
    assert hw.from_items(table, input=hw.Text("text"), target="mood", split=split).unlabelled["text"].to_list() == left


def test_other_texts_without_a_target_are_other_data(tmp_path: Path) -> None:
    items = rows(12, unlabelled=6)
    changed = items.with_columns(
        pl.when(pl.col("mood").is_null()).then(pl.lit("other words")).otherwise(pl.col("text")).alias("text")
    )
    data, other = (hw.from_items(table, input=hw.Text("text"), target="mood") for table in (items, changed))
    assert data.items["content"].to_list() == other.items["content"].to_list()
    assert data.fingerprint != other.fingerprint
    assert data.fingerprint == hw.from_items(items, input=hw.Text("text"), target="mood").fingerprint
    learner_of(data, run=tmp_path / "run")
    with pytest.raises(RunError, match=r"^That is not the data set of the run\."):
        hw.Learner.resume(tmp_path / "run", data=other, arch=small_model(), progress=False)


@pytest.mark.slow
def test_killed_at_each_save(data: hw.Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solve_heads_roughly(monkeypatch)

    def train(learner: hw.Learner) -> None:
        learner.adapt(1)
        learner.fine_tune(0)

    with saves_counted() as saves:
        whole = learner_of(data, run=tmp_path / "whole")
        train(whole)
    assert {"before", "adapted"} <= set(saves)
    # Each kind of save at its first and last time.
    last = {name: number for number, name in enumerate(saves, 1)}
    for number in sorted({*last.values(), *(saves.index(name) + 1 for name in last)} - {1}):
        with killed_at(number, half_done=number % 2 == 1):
            train(learner_of(data, run=tmp_path / f"{number}"))
        learner = hw.Learner.resume(tmp_path / f"{number}", arch=small_model(), progress=False)
        if len(learner.run.config["training"]) < 2:
            learner.fine_tune(0)
        assert same_bits(learner.model, whole.model), (number, saves[number - 1])
        assert told(learner.history) == told(whole.history)
        assert told(learner.adapted) == told(whole.adapted)
        assert learner.data.unlabelled["text"].to_list() == data.unlabelled["text"].to_list()


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as error:
        call()
    return str(error.value)


def test_what_cannot_be_adapted(data: hw.Data) -> None:
    learner = hw.Learner(data, "text_cnn", **QUIET)
    assert refused(learner.adapt) == (
        "`adapt` needs a pretrained encoder of texts, or a convolutional network of series.\n"
        "  Given: Text('text'), BodyAndHead\n"
        "  Fix:   Leave it out, or choose an `arch`: minilm for texts, inception_time for series."
    )
    assert refused(lambda: learner.adapt(0)) == (
        "`adapt` needs at least one epoch.\n  Given: epochs=0\n  Fix:   Leave out `adapt`, or pass epochs=1."
    )
    assert refused(lambda: learner.adapt(1, minutes=2)) == (
        "`epochs` and `minutes` cannot be used together.\n  Given: epochs=1, minutes=2, lr=None\n  Fix:   Drop one."
    )


@pytest.mark.slow
def test_it_has_no_peeled_form(data: hw.Data) -> None:
    learner = learner_of(data)
    learner.adapt(1)
    assert refused(learner.peel) == (
        "This run cannot be written as the layer 'loop'.\n"
        "  Given: its body was pretrained further by `adapt`\n"
        "  Fix:   Train without `adapt`."
    )
