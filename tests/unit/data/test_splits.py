from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, Split, TimeSplit
from headway.errors import ConfigError, DataError


def table(labels: Any, *, contents: list[str] | None = None, **columns: Any) -> pl.DataFrame:
    labels = list(labels)
    return pl.DataFrame({"y": labels, "content": contents or [f"h{i}" for i in range(len(labels))], **columns})


def parts_of(split: Split, items: pl.DataFrame) -> list[str | None]:
    return split.assign(items, target="y")


FIXED = table("a" * 10 + "b" * 6, g=[f"g{i // 2}" for i in range(16)], t=[(7 * i) % 16 for i in range(16)])


# The same everywhere: these lists must never change, or the runs of others could not be repeated.


def test_golden_random_split() -> None:
    short = [str(part)[:2] for part in parts_of(RandomSplit(0.25, test=0.25, seed=7), FIXED)]
    assert " ".join(short) == "tr tr tr va tr te va te tr tr tr tr te va va te"


def test_golden_group_split() -> None:
    short = [str(part)[:2] for part in parts_of(GroupSplit("g", 0.25, test=0.25, seed=7), FIXED)]
    assert " ".join(short) == "tr tr te te va va tr tr tr tr va va tr tr te te"


def test_golden_time_split() -> None:
    short = [str(part)[:2] for part in parts_of(TimeSplit("t", 0.25, test=0.25), FIXED)]
    assert " ".join(short) == "tr tr te tr te tr va tr va te tr te tr va tr va"


@pytest.mark.slow
def test_the_split_is_the_same_in_another_process() -> None:
    code = (
        "import polars as pl; from headway.data.splits import RandomSplit;"
        "t = pl.DataFrame({'y': ['a', 'b'] * 50, 'content': [f'h{i}' for i in range(100)]});"
        "print(RandomSplit(seed=3).assign(t, target='y'))"
    )
    here = RandomSplit(seed=3).assign(table(["a", "b"] * 50), target="y")
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        assert done.stdout.strip() == str(here)


# RandomSplit.


@pytest.mark.parametrize(
    ("valid", "test", "expected"),
    [
        (0.2, 0.0, {"a": (80, 20, 0), "b": (40, 10, 0), "c": (4, 1, 0)}),
        (0.2, 0.1, {"a": (70, 20, 10), "b": (35, 10, 5), "c": (3, 1, 1)}),
        (0.01, 0.01, {"a": (98, 1, 1), "b": (48, 1, 1), "c": (3, 1, 1)}),
        (0.8, 0.0, {"a": (20, 80, 0), "b": (10, 40, 0), "c": (1, 4, 0)}),
        (0.5, 0.49, {"a": (1, 50, 49), "b": (1, 25, 24), "c": (1, 2, 2)}),
        (0.99, 0.0, {"a": (1, 99, 0), "b": (1, 49, 0), "c": (1, 4, 0)}),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, -5])
def test_stratification_is_exact(valid: float, test: float, expected: dict[str, tuple[int, ...]], seed: int) -> None:
    items = table("a" * 100 + "b" * 50 + "c" * 5)
    found = Counter(zip(items["y"], parts_of(RandomSplit(valid, test=test, seed=seed), items), strict=True))
    for label, counts in expected.items():
        # 24.5 of 50 may be rounded either way, as long as nothing is lost.
        got = tuple(found[label, part] for part in ("train", "valid", "test"))
        assert sum(got) == sum(counts)
        assert np.abs(np.subtract(got, counts)).max() <= (1 if test == 0.49 else 0)
        assert got[0] >= 1


@pytest.mark.parametrize("total", range(3, 12))
@pytest.mark.parametrize(("valid", "test"), [(0.2, 0), (0.5, 0.4), (0.9, 0), (0.1, 0.85), (0.01, 0.01)])
def test_every_class_is_on_every_side(total: int, valid: float, test: float) -> None:
    items = table("a" * total + "b" * total)
    found = Counter(zip(items["y"], parts_of(RandomSplit(valid, test=test), items), strict=True))
    for label in "ab":
        assert found[label, "train"] >= 1
        assert found[label, "valid"] >= 1
        if test:
            assert found[label, "test"] >= 1


def test_one_item_of_a_class_is_there_to_learn_from() -> None:
    items = table("a" * 9 + "b")
    assert parts_of(RandomSplit(0.3), items)[-1] == "train"


def test_identical_items_are_on_one_side_even_with_different_labels() -> None:
    contents = [f"h{i // 3}" for i in range(60)]
    items = table(["a", "b"] * 30, contents=contents)
    for seed in range(5):
        sides: dict[str, set[str | None]] = {}
        for content, part in zip(contents, parts_of(RandomSplit(0.3, test=0.2, seed=seed), items), strict=True):
            sides.setdefault(content, set()).add(part)
        assert all(len(each) == 1 for each in sides.values())
        assert {next(iter(each)) for each in sides.values()} == {"train", "valid", "test"}


def test_copies_are_drawn_no_more_often_than_others() -> None:
    # A fifth of the rows are pairs; were the largest groups placed first, valid would be pairs alone.
    contents = [f"h{i}" for i in range(400)] + [f"d{i // 2}" for i in range(100)]
    often = Counter[str]()
    for seed in range(20):
        parts = parts_of(RandomSplit(0.2, seed=seed), table("a" * 500, contents=contents))
        assert parts.count("valid") == pytest.approx(100, abs=1)
        often.update(content for content, part in zip(contents, parts, strict=True) if part == "valid")
    pairs = sum(count for content, count in often.items() if content.startswith("d"))
    assert 0.15 < pairs / often.total() < 0.25


def test_the_rows_order_does_not_matter() -> None:
    items = table("a" * 30 + "b" * 20)
    order = np.random.default_rng(0).permutation(50)
    here, there = (
        parts_of(RandomSplit(0.3, test=0.1, seed=2), items),
        parts_of(RandomSplit(0.3, test=0.1, seed=2), items[order]),
    )
    assert [here[i] for i in order] == there


def test_the_seed_matters_and_draws_evenly() -> None:
    items = table("a" * 50)
    often = Counter[int]()
    for seed in range(200):
        often.update(row for row, part in enumerate(parts_of(RandomSplit(0.2, seed=seed), items)) if part == "valid")
    assert sum(often.values()) == 200 * 10
    assert min(often[row] for row in range(50)) > 15
    assert max(often.values()) < 70


def test_most_items_keep_their_side_when_others_come() -> None:
    many = table("a" * 1000)
    before, after = parts_of(RandomSplit(), many[:900]), parts_of(RandomSplit(), many)
    moved = sum(one != two for one, two in zip(before, after, strict=False))
    assert moved < 20


@pytest.mark.parametrize("valid", [0, 1, -0.1, 1.5, float("nan")])
@pytest.mark.parametrize(
    "make", [RandomSplit, lambda v: GroupSplit("g", v), lambda v: TimeSplit("t", v), lambda v: ColumnSplit("s", v)]
)
def test_shares_out_of_range_are_refused(make: Any, valid: float) -> None:
    with pytest.raises(ConfigError, match="valid"):
        make(valid)


@pytest.mark.parametrize(("valid", "test"), [(0.5, 0.5), (0.2, -0.1), (0.2, float("nan"))])
def test_shares_must_leave_something_to_train_on(valid: float, test: float) -> None:
    for make in (
        lambda: RandomSplit(valid, test=test),
        lambda: GroupSplit("g", valid, test=test),
        lambda: TimeSplit("t", valid, test=test),
    ):
        with pytest.raises(ConfigError, match="valid"):
            make()


# GroupSplit.


def test_groups_stay_whole_and_shares_are_near() -> None:
    draw = np.random.default_rng(0)
    groups = [int(g) for g in draw.integers(0, 60, 1000)]
    labels = ["ab"[int(y)] for y in draw.integers(0, 2, 1000)]
    parts = parts_of(GroupSplit("g", 0.2, test=0.2), table(labels, g=groups))
    sides: dict[int, set[str | None]] = {}
    for group, part in zip(groups, parts, strict=True):
        sides.setdefault(group, set()).add(part)
    assert all(len(each) == 1 for each in sides.values())
    found = Counter(zip(labels, parts, strict=True))
    for label in "ab":
        for part in ("valid", "test"):
            assert abs(found[label, part] / labels.count(label) - 0.2) < 0.04


def test_groups_of_every_size_are_drawn() -> None:
    groups = [size for size in range(1, 21) for _ in range(size)]
    often = Counter[int]()
    for seed in range(100):
        parts = parts_of(GroupSplit("g", seed=seed), table("a" * len(groups), g=groups))
        # The share is 42 of 210 rows; the last group may miss it by half of itself.
        assert abs(parts.count("valid") - 42) <= 10
        often.update({group for group, part in zip(groups, parts, strict=True) if part == "valid"})
    assert min(often[group] for group in range(1, 21)) > 5
    assert max(often.values()) < 50


def test_groups_that_share_an_identical_item_are_one() -> None:
    # 0 and 1 share h0, 1 and 2 share h1: all three must stay together, through a chain.
    contents = ["h0", "x0", "h0", "h1", "h1", "x2", *(f"y{i}" for i in range(6))]
    groups = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    for seed in range(20):
        parts = parts_of(GroupSplit("g", 0.3, seed=seed), table("ab" * 6, contents=contents, g=groups))
        assert len(set(parts[:6])) == 1
        assert set(parts) == {"train", "valid"}


@pytest.mark.parametrize(("valid", "test"), [(0.2, 0), (0.9, 0), (0.2, 0.2), (0.45, 0.45), (0.1, 0.85)])
@pytest.mark.parametrize("sizes", [(10, 10, 10), (50, 2, 1), (5, 5, 1), (1, 1, 1), (97, 1, 1, 1)])
def test_few_groups_still_give_every_part(sizes: tuple[int, ...], valid: float, test: float) -> None:
    groups = [g for g, size in enumerate(sizes) for _ in range(size)]
    for seed in range(5):
        items = table((["a", "b"] * len(groups))[: len(groups)], g=groups)
        parts = parts_of(GroupSplit("g", valid, test=test, seed=seed), items)
        assert set(parts) == ({"train", "valid", "test"} if test else {"train", "valid"})


def test_where_no_group_fits_the_smallest_is_given() -> None:
    groups = [size for size in (20, 50, 30) for _ in range(size)]
    for seed in range(10):
        parts = parts_of(GroupSplit("g", 0.05, seed=seed), table("ab" * 50, g=groups))
        assert {group for group, part in zip(groups, parts, strict=True) if part == "valid"} == {20}


def test_two_groups_are_enough_without_test() -> None:
    assert set(parts_of(GroupSplit("g"), table("ab" * 4, g=[0, 1] * 4))) == {"train", "valid"}
    with pytest.raises(DataError, match="too few groups"):
        parts_of(GroupSplit("g", test=0.1), table("ab" * 4, g=[0, 1] * 4))
    with pytest.raises(DataError, match="1 separate groups"):
        parts_of(GroupSplit("g"), table("ab" * 2, contents=["h", "i", "h", "j"], g=[0, 0, 1, 1]))


@pytest.mark.parametrize("gaps", [[None, "x", "x", None], [float("nan"), 1.0, 1.0, float("nan")]])
def test_every_row_needs_a_group(gaps: list[Any]) -> None:
    items = table("abab", g=gaps, row=[10, 20, 30, 40])
    with pytest.raises(DataError, match=r"2 rows without one, the first: \[10, 40\]"):
        parts_of(GroupSplit("g"), items)


# TimeSplit.


def test_the_latest_rows_are_valid_and_the_very_latest_test() -> None:
    times = list(np.random.default_rng(0).permutation(20))
    parts = parts_of(TimeSplit("t", 0.25, test=0.1), table("ab" * 10, t=times))
    of = {part: sorted(int(t) for t, p in zip(times, parts, strict=True) if p == part) for part in set(parts)}
    assert of == {"train": [*range(13)], "valid": [*range(13, 18)], "test": [18, 19]}


@pytest.mark.parametrize(
    "times",
    [
        [dt.date(2020, 1, day) for day in (1, 2, 3, 4)],
        [dt.datetime(2020, 1, 1, hour) for hour in (1, 2, 3, 4)],
        ["2019-12-31", "2020-01-01", "2020-01-02", "2020-01-03"],
        [1.5, 2.5, 3.5, 4.5],
    ],
)
def test_times_of_any_kind(times: list[Any]) -> None:
    assert parts_of(TimeSplit("t", 0.25), table("abab", t=times)) == ["train", "train", "train", "valid"]


def test_rows_of_one_moment_stay_together() -> None:
    times = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    assert parts_of(TimeSplit("t", 0.1), table("a" * 10, t=times)) == ["train"] * 7 + ["valid"] * 3
    # The valid share begins inside of moment 2, which goes to valid whole.
    assert parts_of(TimeSplit("t", 0.5), table("a" * 10, t=times)) == ["train"] * 3 + ["valid"] * 7
    assert (
        parts_of(TimeSplit("t", 0.1, test=0.1), table("a" * 10, t=times))
        == ["train"] * 3 + ["valid"] * 4 + ["test"] * 3
    )


def test_the_first_moment_is_always_trained_on() -> None:
    assert parts_of(TimeSplit("t", 0.9), table("a" * 10, t=[1] * 8 + [2, 3])) == ["train"] * 8 + ["valid"] * 2
    times = [1, 2] + [3] * 8
    assert parts_of(TimeSplit("t", 0.5, test=0.1), table("a" * 10, t=times)) == ["train", "valid"] + ["test"] * 8


def test_an_identical_item_goes_where_the_latest_of_them_goes() -> None:
    contents = ["h0", "h1", "h0", "h3", "h4"]
    parts = parts_of(TimeSplit("t", 0.2, test=0.2), table("ababa", contents=contents, t=[1, 2, 5, 3, 4]))
    assert parts == ["test", "train", "test", "train", "valid"]


@pytest.mark.parametrize("times", [[1, None, 2, 3], [1.0, float("nan"), 2.0, 3.0]])
def test_every_row_needs_a_time(times: list[Any]) -> None:
    with pytest.raises(DataError, match="1 rows without a value"):
        parts_of(TimeSplit("t"), table("abab", t=times))


def test_too_few_moments_are_an_error() -> None:
    with pytest.raises(DataError, match="too few moments"):
        parts_of(TimeSplit("t"), table("abab", t=[1, 1, 1, 1]))
    with pytest.raises(DataError, match="too few moments"):
        parts_of(TimeSplit("t", 0.2, test=0.2), table("abab", t=[1, 1, 2, 2]))


# ColumnSplit.


def test_the_parts_are_taken_as_given() -> None:
    given = ["train", "Valid", " TEST ", "val", "validation", "training", "testing"]
    expected = ["train", "valid", "test", "valid", "valid", "train", "test"]
    assert parts_of(ColumnSplit("s"), table("abababa", s=given)) == expected


def test_copies_on_two_sides_stay_with_those_who_judge() -> None:
    contents = ["h0", "h0", "h1", "h1", "h2", "h2", "h3", "h3", "h4"]
    given = ["train", "valid", "train", "test", "valid", "test", "train", "train", "train"]
    expected = [None, "valid", None, "test", None, "test", "train", "train", "train"]
    assert parts_of(ColumnSplit("s"), table("a" * 9, contents=contents, s=given)) == expected


def test_valid_is_drawn_from_train_where_there_is_none() -> None:
    given = ["train"] * 40 + ["test"] * 10
    items = table("ab" * 25, s=given)
    parts = parts_of(ColumnSplit("s", valid=0.25, seed=4), items)
    assert parts[40:] == ["test"] * 10
    assert Counter(parts[:40]) == {"train": 30, "valid": 10}
    assert parts[:40] == parts_of(RandomSplit(0.25, seed=4), items[:40])
    assert parts != parts_of(ColumnSplit("s", valid=0.25, seed=5), items)


def test_nothing_is_drawn_where_valid_is_given() -> None:
    given = ["train"] * 40 + ["valid"]
    assert parts_of(ColumnSplit("s"), table("a" * 41, s=given)) == given


@pytest.mark.parametrize("wrong", [None, "", "dev", "trains", 1])
def test_other_names_of_parts_are_refused(wrong: Any) -> None:
    given = pl.Series("s", ["train", "valid", wrong], dtype=pl.Object if wrong == 1 else pl.String)
    with pytest.raises(DataError, match='"train", "valid" or "test"'):
        parts_of(ColumnSplit("s"), table("aba").with_columns(given))


@pytest.mark.parametrize("split", [GroupSplit("none"), TimeSplit("none"), ColumnSplit("none")])
def test_a_missing_column_is_an_error(split: Split) -> None:
    with pytest.raises(DataError, match="'none'"):
        parts_of(split, table("abab"))


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (RandomSplit(), "random, stratified by class, 20% valid, seed 0"),
        (RandomSplit(0.3, test=0.1, seed=4), "random, stratified by class, 30% valid, 10% test, seed 4"),
        (GroupSplit("site"), "whole groups by 'site', 20% valid, seed 0"),
        (TimeSplit("year", 0.1, test=0.2), "the latest rows by 'year', 10% valid, 20% test"),
        (ColumnSplit("part"), "as given by column 'part'"),
    ],
)
def test_each_split_says_what_it_does(split: Split, text: str) -> None:
    assert split.describe() == text


def test_text_that_is_no_iso_date_is_not_ordered() -> None:
    times = ["3/14/2020", "12/1/2019", "1/5/2021", "2/2/2022"]
    with pytest.raises(DataError, match="not an ISO date"):
        TimeSplit("t").assign(table("abab", t=times), target="y")
    dates = ["2020-03-14", "2019-12-01", "2021-01-05", "2022-02-02T10:00"]
    assert parts_of(TimeSplit("t", 0.25), table("abab", t=dates))[3] == "valid"
