from __future__ import annotations

import json

import numpy as np
import pytest

from headway.bundle.reference import (
    MISSING,
    STATISTICS,
    answer_statistics,
    bin_of,
    column_reference,
    image_statistics,
    numbers_of,
    reference,
)
from headway.inputs.base import Column
from headway.targets.base import Prediction


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_statistics_are_what_they_say() -> None:
    image = noise(48, 40, 3)
    found, grey = image_statistics(image), image.astype(np.float64).mean(axis=2)
    assert found["brightness"] == pytest.approx(grey.mean() / 255, abs=1e-4)
    assert found["contrast"] == pytest.approx(grey.std() / 255, abs=1e-4)
    saturation = image.max(axis=2).astype(float) - image.min(axis=2)
    assert found["saturation"] == pytest.approx(saturation.mean() / 255, abs=1e-4)
    assert found["sharpness"] == pytest.approx(np.abs(np.diff(grey, axis=1)).mean() / 255, abs=1e-4)


def test_of_a_large_image_some_rows_speak_for_all() -> None:
    image = noise(224, 224, 3)
    small = image_statistics(image[:96])
    for name, value in image_statistics(image).items():
        assert value == pytest.approx(small[name], abs=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (300, 1, 3), (1, 300, 1), (28, 28, 1)])
@pytest.mark.parametrize("value", [0, 255])
def test_every_shape_has_statistics_between_0_and_1(shape: tuple[int, int, int], value: int) -> None:
    found = image_statistics(np.full(shape, value, np.uint8))
    assert tuple(found) == STATISTICS
    assert found == {"brightness": value / 255, "contrast": 0, "saturation": 0, "sharpness": 0}
    assert all(0 <= each <= 1 for each in image_statistics(noise(*shape)).values())


def test_a_reference_is_small_plain_and_ordered() -> None:
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], 40).astype(np.float32)
    told = [{"label": "abc"[row.argmax()], "score": float(row.max())} for row in probabilities]
    measured = map(image_statistics, noise(40, 16, 16, 3))
    found = reference(measured, told, labels=("a", "b", "c"), familiar=np.arange(40) > 3)
    assert json.loads(json.dumps(found)) == found
    assert len(json.dumps(found)) < 6000
    assert set(found["quantiles"]) == {"score", *STATISTICS}
    for values in found["quantiles"].values():
        assert len(values) == 101
        assert values == sorted(values)
    assert found["quantiles"]["score"][100] == pytest.approx(probabilities.max(), abs=1e-5)
    assert sum(found["labels"]) == pytest.approx(1)
    assert (found["items"], found["familiar"]) == (40, 0.9)


def test_a_columns_bins_hold_all_its_rows() -> None:
    draw = np.random.default_rng(0)
    columns = {
        "number": [*draw.normal(size=500).tolist(), None, float("nan"), "?"],
        "category": [*draw.choice(list("abcdefghijklmnopqrstuvwxyz"), 500).tolist(), None, "", 3.0, True],
        "date": [f"20{year:02d}-03-05" for year in draw.integers(0, 30, 500)] + [None],
    }
    for kind, values in columns.items():
        found = column_reference(Column(name="x", kind=kind), values)
        assert json.loads(json.dumps(found)) == found
        assert sum(found["bins"].values()) == pytest.approx(1, abs=1e-3)
        assert {bin_of(value, found, kind) for value in values} <= set(found["bins"])
        assert found["bins"][MISSING] > 0
        assert len(found["bins"]) <= 22


def test_a_column_that_is_mostly_one_value_has_few_bins() -> None:
    column = Column(name="gain", kind="number")
    found = column_reference(column, [0] * 95 + [100] * 5)
    assert found["edges"] == [0]
    assert found["bins"] == {"below 0": 0.0, "0 and above": 1.0, MISSING: 0.0}
    assert column_reference(column, [None, None])["bins"] == {"any": 0.0, MISSING: 1.0}
    assert bin_of(1, column_reference(column, [None]), "number") == "any"


@pytest.mark.parametrize(
    ("task", "prediction", "expected"),
    [
        ("multilabel", Prediction(label="a b", value=("a", "b")), {"labels": ["a", "b"]}),
        ("regression", Prediction(label="1", value=1234567.891), {"number": 1234570.0}),
        ("points", Prediction(label="", value=((0.0, 1.0), (0.5, 0.0))), {"x": 0.25, "y": 0.5}),
        (
            "segmentation",
            Prediction(label="a", probabilities={"a": 0.75, "b": 0.25}),
            {"shares": {"a": 0.75, "b": 0.25}},
        ),
    ],
)
def test_every_kind_of_answer_is_measured(task: str, prediction: Prediction, expected: dict[str, object]) -> None:
    measured = answer_statistics(prediction, task)
    assert measured == expected
    found = reference([], [measured] * 3, labels=("a", "b"))
    assert found["items"] == 3
    assert set(found["quantiles"]) == set(numbers_of(measured))
    if task == "multilabel":
        assert (found["labels"], found["no_label"]) == ([1.0, 1.0], 0.0)
