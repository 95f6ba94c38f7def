"""The whole texts of what somebody is told who passes what other libraries take, or forgets something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import HeadwayError
from tests.errors.test_train_errors import text


@pytest.fixture(scope="module")
def data() -> hw.Data:
    draw = np.random.default_rng(0)
    return hw.from_arrays(draw.random((60, 3)), ["no", "yes"] * 30)


@pytest.fixture(scope="module")
def learner(data: hw.Data) -> hw.Learner:
    learner = hw.Learner(data, device="cpu", progress=False)
    learner.fit(1)
    return learner


class Foreign(hw.Callback):
    def after_epoch(self) -> None: ...


def broken(targets: np.ndarray, predictions: np.ndarray) -> float:
    raise IndexError("list index out of range")


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(HeadwayError) as caught:
        call()
    return str(caught.value)


SPLIT = "`split` must be one of Headway's splits."
SPLIT_FIX = 'Pass valid=0.2 for a share, or an instance such as hw.GroupSplit("patient").'
SIZE = "`size` must be a whole number, the side of a square in pixels."
NEEDED = "on_train_begin, on_epoch_begin, on_batch_begin, on_batch_end, on_epoch_end, on_train_end, on_entry"
PARTS_FIX = "Pass one of train, valid. For other items call `predict_many`, or `headway evaluate`."


@pytest.mark.parametrize(
    ("call", "what", "given", "fix"),
    [
        (
            lambda d: hw.Learner("photos"),  # pyright: ignore[reportArgumentType]
            "`data` must be a data set.",
            "str",
            "Make one with hw.from_folder(...), hw.from_csv(...), hw.from_items(...) or hw.from_arrays(...).",
        ),
        (
            lambda d: hw.Learner(nn.Linear(3, 2), d),
            "`data` must be a data set.",
            "Linear",
            "The data come first: hw.Learner(data, model).",
        ),
        (lambda d: hw.from_arrays(np.ones((9, 2)), ["a"] * 9, split=0.2), SPLIT, "split=0.2", SPLIT_FIX),
        (lambda d: hw.Image("file", size=(96, 96)), SIZE, "(96, 96)", "Pass one number, such as size=224."),
        (lambda d: hw.Image("file", size="96"), SIZE, "'96'", "Pass one number, such as size=224."),
        (
            lambda d: hw.RandomSplit("0.2"),
            "`valid` must lie above 0, `test` at or above 0, and both together below 1.",
            "valid='0.2', test=0.0",
            "Pass shares of the items, such as valid=0.2.",
        ),
        (
            lambda d: hw.from_csv(pl.DataFrame({"a": [1]}), target="a"),
            "`path` must be a file; a table in memory is not one.",
            "DataFrame",
            "Call hw.from_items(frame, target=...).",
        ),
        (
            lambda d: hw.Learner(d, callbacks=Foreign()),
            "A callback has none of the methods that training calls.",
            "Foreign, with after_epoch",
            f"They are {NEEDED}.",
        ),
        (
            lambda d: hw.Learner(d, nn.Linear(5, 2)),
            "The model cannot compute outputs from two items.",
            "inputs float32 [2, 3]: mat1 and mat2 shapes cannot be multiplied (2x3 and 5x2)",
            "Make its first layer, and its `forward`, take such inputs.",
        ),
        (
            lambda d: hw.Learner(d, loss_fn=nn.NLLLoss(weight=torch.ones(5))),
            "`loss_fn` cannot compute a loss from the model's outputs and the targets.",
            "outputs float32 [2, 2], targets int64 [2]: weight tensor should be defined either for all 2 classes or no "
            "classes but got weight tensor of shape: [5]",
            "Pass a loss for such shapes and dtypes, or a function that converts them first.",
        ),
    ],
)
def test_what_cannot_be_made(call: Callable[[hw.Data], object], what: str, given: str, fix: str, data: hw.Data) -> None:
    assert refusal(lambda: call(data)) == text(what, given, fix)


@pytest.mark.parametrize(
    ("call", "what", "given", "fix"),
    [
        (lambda m: m.evaluate(m.data), "`part` must be the name of a part.", "Data", PARTS_FIX),
        (lambda m: m.evaluate(pl.DataFrame()), "`part` must be the name of a part.", "DataFrame", PARTS_FIX),
        (
            lambda m: m.predict_many("test.csv"),
            "`items` must be several items, such as a list of paths or a frame.",
            "'test.csv'",
            "Pass one item to `predict`, or read the table first.",
        ),
        (
            lambda m: m.fit(1, lr="0.01"),
            "`epochs` must be a whole number from 0, `minutes` and `lr` above 0.",
            "epochs=1, minutes=None, lr='0.01'",
            "Leave them out for the defaults.",
        ),
        (
            lambda m: m.fit(1, batch_size=4),
            "Unknown training option.",
            "batch_size=4",
            "Pass it to hw.Learner(data, batch_size=...).",
        ),
    ],
)
def test_what_cannot_be_called(
    call: Callable[[Any], object], what: str, given: str, fix: str, learner: hw.Learner
) -> None:
    assert refusal(lambda: call(learner)) == text(what, given, fix)


def test_batch_normalisation_of_one_item(data: hw.Data) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    learner = hw.Learner(data, module, batch_size=1, device="cpu", progress=False)
    assert refusal(lambda: learner.fit(1)) == text(
        "Batch normalisation needs more than one item a step.",
        "batch_size=1, a model with BatchNorm1d",
        "Pass batch_size=2 or more, or freeze_norm=True.",
    )


def test_a_metric_that_fails_says_what_it_was_given(data: hw.Data) -> None:
    learner = hw.Learner(data, device="cpu", progress=False, metrics=broken)
    fix = 'It is called as function(targets, predictions); those of scikit-learn are safest by name: "roc_auc".'
    assert refusal(learner.evaluate) == text(
        "Metric 'broken' failed.", "targets int64 [12], labels [12]: list index out of range", fix
    )


def test_rows_of_arrays_are_taken_by_position(learner: hw.Learner) -> None:
    row = np.array([0.1, 0.7, 0.3])
    named = learner.predict({"x0": 0.1, "x1": 0.7, "x2": 0.3})
    assert learner.predict(row).probabilities == named.probabilities
    assert learner.predict(row.tolist()).label == next(learner.predict_many(torch.from_numpy(row)[None])).label
    assert refusal(lambda: learner.predict([0.1])) == "list: a row must have 3 values, not the shape [1]"


def test_pictures_may_be_tensors() -> None:
    data = hw.from_arrays(torch.rand(40, 28, 28), torch.arange(40) % 2)
    assert str(data.input).startswith("Image")


def test_one_metric_or_callback_needs_no_list(data: hw.Data) -> None:
    learner = hw.Learner(data, device="cpu", progress=False, metrics="roc_auc", callbacks=hw.EarlyStopping())
    assert "roc_auc" in learner.setup.metrics


def test_an_estimate_is_a_number_where_one_is_wanted(learner: hw.Learner) -> None:
    accuracy = learner.evaluate()["accuracy"]
    assert float(accuracy) == accuracy.value
    assert f"{accuracy:.1f}" == f"{accuracy.value:.1f}"
    assert f"{accuracy}" == str(accuracy)


def test_a_few_stars_are_a_number_for_ratings(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    table = pl.DataFrame(
        {name: draw.integers(high, size=80) for name, high in (("user", 9), ("film", 9), ("stars", 5))}
    )
    table.write_csv(tmp_path / "ratings.csv")
    assert str(hw.from_csv(tmp_path / "ratings.csv", input=["user", "film"], target="stars").target).startswith(
        "Number"
    )


def test_a_table_of_photos_says_how_to_learn_from_these(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(30)]
    pl.DataFrame({"file": names, "label": ["cat", "dog"] * 15}).write_csv(tmp_path / "photos.csv")
    assert refusal(lambda: hw.from_csv(tmp_path / "photos.csv", target="label")) == text(
        "The table has no column to learn from.",
        "file: names files; to learn from these, pass it as the input",
        "Pass a column of texts or files as the input (--input), or name columns with Table(continuous=[...]).",
    )
    assert refusal(lambda: hw.from_csv(tmp_path / "photos.csv", target="label", size=96)) == text(
        "`size` has no effect on rows of values.",
        "size=96",
        'Leave it out, or name the column of photos: input="photo".',
    )


@pytest.mark.slow
def test_a_table_of_short_texts_says_how_to_learn_from_these(tmp_path: Path) -> None:
    texts = [f"tools for task {number}" for number in range(40)]
    pl.DataFrame({"text": texts, "label": ["cat", "dog"] * 20}).write_csv(tmp_path / "texts.csv")
    assert refusal(lambda: hw.from_csv(tmp_path / "texts.csv", target="label")) == text(
        "The table has no column to learn from.",
        "text: nearly as many different texts as rows (40 of 40)",
        "Pass a column of texts or files as the input (--input), or name columns with Table(continuous=[...]).",
    )
    assert str(hw.from_csv(tmp_path / "texts.csv", input="text", target="label").input) == "Text('text')"


def test_class_weights_name_labels_as_the_data_have_them() -> None:
    draw = np.random.default_rng(0)
    data = hw.from_arrays(draw.random((60, 3)), [0, 1] * 30)
    by_number = hw.Learner(data, class_weights={1: 3.0}, device="cpu", progress=False)  # pyright: ignore
    by_text = hw.Learner(data, class_weights={"1": 3.0}, device="cpu", progress=False)
    outputs, targets = torch.tensor([[0.0, 1.0], [0.3, 0.1]]), torch.tensor([0, 1])
    assert by_number.setup.objective.loss_fn(outputs, targets) == by_text.setup.objective.loss_fn(outputs, targets)


def test_an_estimator_takes_an_array_after_a_frame() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).random((60, 2)), columns=["a", "b"])
    estimator = hw.sklearn.HeadwayClassifier(epochs=1).fit(frame, ["no", "yes"] * 30)
    with pytest.warns(UserWarning, match="valid feature names"):
        predicted = estimator.predict(frame.to_numpy())
    assert predicted.tolist() == estimator.predict(frame).tolist()
