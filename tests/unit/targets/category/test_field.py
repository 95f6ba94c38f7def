from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import BundleError, ConfigError, DataError
from headway.inputs.registry import input_from_json
from headway.targets.base import Prediction
from headway.targets.category.field import Category
from headway.targets.registry import target_from_json


def test_fit_takes_the_sorted_labels_as_text() -> None:
    field = Category("label")
    fitted = field.fit(pl.DataFrame({"label": [10, 9, None, 10]}))
    assert fitted.labels == ("10", "9")
    assert fitted.num_outputs == 2
    assert field.labels == ()


def test_fit_keeps_the_labels_that_the_user_named() -> None:
    field = Category("label", labels=("z", "a", "unseen"))
    assert field.fit(pl.DataFrame({"label": ["a", "z"]})) is field


def test_encode_follows_the_order_of_the_labels() -> None:
    field = Category("label", labels=("z", "a", "m"))
    encoded = field.encode(["m", "z", "a", "m"])
    assert encoded.tolist() == [2, 0, 1, 2]
    assert encoded.dtype == np.int64


@pytest.mark.parametrize(
    ("values", "labels"), [([True, False], ("false", "true")), ([7, 8], ("7", "8")), ([0.5], ("0.5",))]
)
def test_labels_of_any_type_are_their_text(values: list[object], labels: tuple[str, ...]) -> None:
    field = Category("label").fit(pl.DataFrame({"label": values}))
    assert field.labels == labels
    assert field.encode(values).tolist() == [labels.index(str(value).lower()) for value in values]


@pytest.mark.parametrize("value", ["Cat", "c at", "", None, 1])
def test_an_unknown_label_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="not among the model's classes"):
        Category("label", labels=("cat", "dog")).encode(["cat", value])


def test_no_values_give_no_indices() -> None:
    assert Category("label", labels=("a",)).encode([]).shape == (0,)


def test_labels_given_twice_are_refused() -> None:
    with pytest.raises(ConfigError, match="differ"):
        Category("label", labels=("a", "b", "a"))


def test_decode_ranks_the_classes_and_keeps_the_order_of_ties() -> None:
    field = Category("label", labels=("a", "b", "c", "d"))
    answer = field.decode(np.array([0.2, 0.3, 0.3, 0.2], dtype=np.float32))
    assert answer.label == "b"
    assert answer.score == pytest.approx(0.3)
    assert list(answer.probabilities) == ["b", "c", "a", "d"]
    assert answer.probabilities["d"] == pytest.approx(0.2)
    assert type(answer.score) is float
    many = tuple(f"{i:03}" for i in range(200))
    answer = Category("label", labels=many).decode(np.resize([0.004, 0.006], 200))
    assert tuple(answer.probabilities) == many[1::2] + many[::2]


def test_a_batch_is_decoded_as_each_item_alone() -> None:
    field = Category("label", labels=("a", "b", "c"))
    scores = np.array([[0.2, 0.2, 0.6], [0.5, 0.1, 0.4], [0.3, 0.4, 0.3]], dtype=np.float32)
    found = field.decode_many(scores)
    assert found == [field.decode(each) for each in scores]
    assert [list(each.probabilities) for each in found] == [["c", "a", "b"], ["a", "c", "b"], ["b", "a", "c"]]
    assert field.decode_many(scores[:0]) == []


def test_a_prediction_is_plain_json() -> None:
    answer = Prediction(label="a", score=0.75, probabilities={"a": 0.75, "b": 0.25})
    assert json.loads(json.dumps(answer.to_json())) == {
        "label": "a",
        "score": 0.75,
        "probabilities": {"a": 0.75, "b": 0.25},
        "familiar": None,
    }


@pytest.mark.parametrize("values", [{}, {"kind": None}, {"kind": "image"}, {"kind": "mood"}])
def test_an_unknown_kind_of_target_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="kind"):
        target_from_json(values)


def test_a_target_is_no_input() -> None:
    with pytest.raises(BundleError, match="kind"):
        input_from_json(Category("label", labels=("a",)).to_json())


def test_blanks_around_a_label_do_not_count() -> None:
    rows = pl.DataFrame({"label": ["a", " a ", "b", "", "  ", None]})
    field = Category("label").fit(rows)
    assert field.labels == ("a", "b")
    assert field.is_missing(rows) == [False, False, False, True, True, True]
    assert field.encode(["b ", " a"]).tolist() == [1, 0]
    assert field.strata(rows)[:3] == ["a", "a", "b"]
    assert Category("label", labels=(" a", "b")).encode(["a"]).tolist() == [0]


@pytest.mark.slow
def test_identical_items_with_different_labels_are_named_before_training() -> None:
    texts = [f"the {number}th day of the journey" for number in range(12)]
    moods = ["glad", "sad"] * 6
    assert hw.from_items({"text": texts, "mood": moods}, input=hw.Text("text"), target="mood").notes == ()
    both = {"text": [*texts, texts[0], texts[0], texts[3]], "mood": [*moods, "sad", "glad", "glad"]}
    data = hw.from_items(both, input=hw.Text("text"), target="mood")
    sentence = (
        "5 items in 2 sets of identical ones have different labels in column 'mood', such as rows 0 (glad) and 12 "
        "(sad): at least one of them is wrong."
    )
    assert data.notes == (sentence,)
    assert sentence in data.summary()
