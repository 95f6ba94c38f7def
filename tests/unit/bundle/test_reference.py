from __future__ import annotations

import json

import numpy as np
import pytest

from headway.bundle.reference import numbers_of, reference
from headway.inputs.image.statistics import STATISTICS, image_statistics
from headway.targets.base import Prediction, Target
from headway.targets.categories.field import Categories
from headway.targets.category.field import Category
from headway.targets.mask.field import Mask
from headway.targets.number.field import Number
from headway.targets.points.field import Points


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


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


@pytest.mark.parametrize(
    ("target", "prediction", "expected"),
    [
        (Category("x"), Prediction(label="a", score=0.123456), {"label": "a", "score": 0.12346}),
        (Categories("x"), Prediction(label="a b", value=("a", "b")), {"labels": ["a", "b"]}),
        (Number("x"), Prediction(label="1", value=1234567.891), {"number": 1234570.0}),
        (Points("x"), Prediction(label="", value=((0.0, 1.0), (0.5, 0.0))), {"x": 0.25, "y": 0.5}),
        (
            Mask("x", classes=["a", "b"]),
            Prediction(label="a", probabilities={"a": 0.75, "b": 0.25}),
            {"shares": {"a": 0.75, "b": 0.25}},
        ),
    ],
)
def test_every_kind_of_answer_is_measured(target: Target, prediction: Prediction, expected: dict[str, object]) -> None:
    measured = target.statistics(prediction)
    assert measured == expected
    found = reference([], [measured] * 3, labels=("a", "b"))
    assert found["items"] == 3
    assert set(found["quantiles"]) == set(numbers_of(measured))
    if isinstance(target, Categories):
        assert (found["labels"], found["no_label"]) == ([1.0, 1.0], 0.0)
