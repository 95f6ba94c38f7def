from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from scipy.stats import fisher_exact

from headway.errors import ConfigError, ShapeError
from headway.judge.slices.worst import worst_slices
from tests.judging import metrics_of

LABELS = ["cat", "dog", "fox"]


def table(count: int, *, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "file": [f"{k}.png" for k in range(count)],
            "row": np.arange(count),
            "site": draw.choice(list("abcdef"), count),
            "sex": draw.choice(["f", "m"], count),
            "age": draw.random(count),
            "camera": ["x"] * count,
        }
    )


def predictions(accuracy: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, 1])
    targets = draw.integers(3, size=len(accuracy))
    right = draw.random(len(accuracy)) < accuracy
    return np.eye(3)[np.where(right, targets, (targets + 1) % 3)], targets


def test_finds_a_group() -> None:
    items = table(2000)
    probabilities, targets = predictions(np.where(items["site"] == "c", 0.65, 0.9))
    found = worst_slices(probabilities, targets, items, labels=LABELS, metrics=metrics_of())
    # And not what it has in common with others, which is no worse than the group itself.
    assert [each.where for each in found.found] == [{"site": "c"}]
    (worst,) = found.found
    rows = (items["site"] == "c").to_numpy()
    right = probabilities.argmax(1) == targets
    assert worst.count == rows.sum()
    assert worst.metrics["accuracy"].value == pytest.approx(right[rows].mean())
    cells = [[right[rows].sum(), (~right[rows]).sum()], [right[~rows].sum(), (~right[~rows]).sum()]]
    # Site, sex, age, class; half of the error goes to them, half to the pairs.
    assert worst.p == pytest.approx(2 * (6 + 2 + 5 + 3) * fisher_exact(cells, alternative="less")[1])
    assert found.sentences[0].startswith(f"Worse on site = c ({rows.sum()} items)")
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["num_compared"] == found.num_compared


def test_finds_what_two_groups_have_in_common() -> None:
    items = table(3000)
    bad = ((items["site"] == "c") & (items["sex"] == "f")).to_numpy()
    probabilities, targets = predictions(np.where(bad, 0.5, 0.9))
    found = worst_slices(probabilities, targets, items, labels=LABELS, metrics=metrics_of())
    assert found.found[0].where == {"site": "c", "sex": "f"}
    assert found.found[0].name == "site = c and sex = f"
    assert (
        worst_slices(probabilities, targets, items, labels=LABELS, metrics=metrics_of(), n=1).found == found.found[:1]
    )


def test_finds_a_class() -> None:
    items = table(2000)
    _, targets = predictions(np.ones(2000))
    right = np.random.default_rng(1).random(2000) < np.where(targets == 2, 0.6, 0.9)
    probabilities = np.eye(3)[np.where(right, targets, (targets + 1) % 3)]
    found = worst_slices(probabilities, targets, items, labels=LABELS, metrics=metrics_of())
    assert found.found[0].where == {"actual class": "fox"}


@pytest.mark.slow
def test_false_alarms_are_rare() -> None:
    alarms = 0
    for seed in range(150):
        items = table(800, seed=seed)
        alarms += bool(
            worst_slices(*predictions(np.full(800, 0.85), seed=seed), items, labels=LABELS, metrics=metrics_of()).found
        )
    assert alarms <= 12


def test_columns_that_are_no_groups_are_left_out() -> None:
    items = table(300)
    probabilities, targets = predictions(np.full(300, 0.9))
    named = pl.Series(LABELS).gather(targets)
    items = items.with_columns(label=named, box=pl.Series([[1, 2]] * 300), when=pl.lit(None))
    found = worst_slices(probabilities, targets, items, labels=LABELS, metrics=metrics_of())
    assert found.left_out == {
        "file": "no value has 30 items",
        "row": "every item has a different value",
        "camera": "all items have the same value",
        "label": "it holds the same values as the class",
        "box": "its values cannot be grouped",
        "when": "all items have the same value",
    }
    assert found.found == []
    assert found.sentences == [f"No slice is distinguishably worse than the rest ({found.num_compared} compared)."]
    only = worst_slices(probabilities, targets, items, labels=LABELS, metrics=metrics_of(), columns=["sex"])
    assert only.left_out == {}
    assert only.num_compared == 2 + 3 + 6


def test_too_few_items_give_nothing() -> None:
    found = worst_slices(*predictions(np.full(20, 0.5)), table(20), labels=LABELS, metrics=metrics_of())
    assert (found.found, found.num_compared) == ([], 0)
    assert found.sentences == ["No slice is large enough to be compared with the rest."]


def test_too_many_pairs_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.judge.slices.worst._MOST_WORK", 1000)
    items = table(600)
    found = worst_slices(
        *predictions(np.where(items["site"] == "c", 0.4, 0.9), seed=1), items, labels=LABELS, metrics=metrics_of()
    )
    assert found.left_out["pairs"] == "6 pairs of columns on 600 items would take too long"
    assert found.num_compared == 16
    assert [each.name for each in found.found] == ["site = c"]


def test_bad_input() -> None:
    probabilities, targets = predictions(np.full(40, 0.9))
    with pytest.raises(ConfigError, match="no such column"):
        worst_slices(probabilities, targets, table(40), labels=LABELS, metrics=metrics_of(), columns=["place"])
    boxes = pl.DataFrame({"box": [[1]] * 40})
    with pytest.raises(ConfigError, match="cannot be grouped"):
        worst_slices(probabilities, targets, boxes, labels=LABELS, metrics=metrics_of(), columns=["box"])
    with pytest.raises(ShapeError, match="39 items"):
        worst_slices(probabilities, targets, table(39), labels=LABELS, metrics=metrics_of())
