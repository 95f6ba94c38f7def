"""Whatever the table: nothing identical on two sides, groups whole, every part there, the same split every time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, Split, TimeSplit, _assign_groups, _wanted
from headway.errors import DataError
from headway.seeds import hash_groups, hash_order

FAST = settings(max_examples=80, deadline=None)

shares = st.tuples(st.floats(0.01, 0.98), st.one_of(st.just(0.0), st.floats(0.01, 0.98))).filter(
    lambda s: sum(s) < 0.99
)
seeds = st.integers(-(2**31), 2**70)


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    size = draw(st.integers(2, 40))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=size, max_size=size))

    return pl.DataFrame(
        {
            "content": column(st.integers(0, draw(st.integers(1, 60))).map(lambda i: f"h{i}")),
            "y": column(st.sampled_from("abc")),
            "g": column(st.integers(0, draw(st.integers(1, 20)))),
            "t": column(st.integers(0, draw(st.integers(1, 30)))),
            "s": column(st.sampled_from(["train", "train", "valid", "test"])),
        }
    )


def sides_of(keys: list[Any], parts: list[str | None]) -> list[set[str]]:
    """The sides that each key's rows lie on; rows left out lie nowhere."""
    found: dict[Any, set[str]] = {}
    for key, part in zip(keys, parts, strict=True):
        if part is not None:
            found.setdefault(key, set()).add(part)
    return list(found.values())


def assigned(split: Split, items: pl.DataFrame) -> list[str | None]:
    parts = split.assign(items, target="y")
    assert len(parts) == len(items)
    assert set(parts) <= {"train", "valid", "test", None}
    assert parts == split.assign(items, target="y")
    # Nothing identical is on two sides: the promise of every splitter.
    assert all(len(sides) == 1 for sides in sides_of(items["content"].to_list(), parts))
    return parts


def assigned_plainly(groups: list[str], labels: list[str], *, valid: float, test: float, seed: int) -> list[str]:
    """What the splitters do, group by group, as one would write it down."""
    held = {
        group: Counter(b for a, b in zip(groups, labels, strict=True) if a == group) for group in sorted(set(groups))
    }
    wanted = {label: _wanted(total, valid, test) for label, total in Counter(labels).items()}
    lacks = {"valid": {label: each[0] for label, each in wanted.items()}}
    if test:
        lacks["test"] = {label: each[1] for label, each in wanted.items()}
    parts, names = dict.fromkeys(held, "train"), list(held)
    order = [names[place] for place in hash_order(seed, names)]
    for group in order:
        fits = {part: sum(min(n, lack[label]) for label, n in held[group].items()) for part, lack in lacks.items()}
        part = max(fits, key=fits.__getitem__)
        if 2 * fits[part] > held[group].total():
            parts[group] = part
            for label, n in held[group].items():
                lacks[part][label] = max(lacks[part][label] - n, 0)
    by_size = sorted(order, key=lambda group: -held[group].total())
    for part in ("train", *lacks):
        sizes = Counter(parts.values())
        # "train" first, then the largest; of equal ones "valid".
        donors = sorted((each for each in ("train", "valid", "test") if sizes[each] > 1), key=lambda each: -sizes[each])
        donors.sort(key=lambda each: each != "train")
        if not sizes[part] and donors:
            parts[[group for group in by_size if parts[group] == donors[0]][-1]] = part
    return [parts[group] for group in groups]


@pytest.mark.slow
@FAST
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), min_size=1, max_size=40), shares, seeds)
def test_groups_go_where_the_plain_way_puts_them(
    rows: list[tuple[int, str]], share: tuple[float, float], seed: int
) -> None:
    groups, labels = [f"g{group}" for group, _ in rows], [label for _, label in rows]
    given = {"valid": share[0], "test": share[1]}
    found = _assign_groups(hash_groups(seed, groups), pl.Series("label", labels), **given)
    assert found == assigned_plainly(groups, labels, **given, seed=seed)


@pytest.mark.slow
@FAST
@given(tables(), shares, seeds)
def test_random_split(items: pl.DataFrame, share: tuple[float, float], seed: int) -> None:
    parts = assigned(RandomSplit(share[0], test=share[1], seed=seed), items)
    assert None not in parts
    needed = 2 + (share[1] > 0)
    if items["content"].n_unique() >= needed:
        assert len(set(parts)) == needed


@pytest.mark.slow
@FAST
@given(st.lists(st.integers(4, 30), min_size=2, max_size=5), shares, seeds)
def test_random_split_keeps_every_class_on_every_side(counts: list[int], share: tuple[float, float], seed: int) -> None:
    labels = [str(label) for label, count in enumerate(counts) for _ in range(count)]
    items = pl.DataFrame({"y": labels, "content": [f"h{i}" for i in range(len(labels))]})
    found = Counter(zip(labels, assigned(RandomSplit(share[0], test=share[1], seed=seed), items), strict=True))
    for label, total in enumerate(counts):
        for part, wanted in (("valid", share[0]), ("test", share[1]), ("train", 1 - sum(share))):
            if part != "test" or wanted:
                assert found[str(label), part] >= 1
        assert abs(found[str(label), "valid"] - total * share[0]) <= 2


@pytest.mark.slow
@FAST
@given(tables(), shares, seeds, st.randoms(use_true_random=False))
def test_random_split_does_not_depend_on_the_order(
    items: pl.DataFrame, share: tuple[float, float], seed: int, random: Any
) -> None:
    # A part may lack enough items to fill it by class; which one goes there instead must not hang on the order either.
    order = list(range(len(items)))
    random.shuffle(order)
    split = RandomSplit(share[0], test=share[1], seed=seed)
    here, there = assigned(split, items), assigned(split, items[order])
    assert [here[i] for i in order] == there


@pytest.mark.slow
@FAST
@given(tables(), shares, seeds)
def test_group_split(items: pl.DataFrame, share: tuple[float, float], seed: int) -> None:
    try:
        parts = assigned(GroupSplit("g", share[0], test=share[1], seed=seed), items)
    except DataError as error:
        assert "too few groups" in str(error)  # noqa: PT017
        return
    assert None not in parts
    assert all(len(sides) == 1 for sides in sides_of(items["g"].to_list(), parts))
    assert len(set(parts)) == 2 + (share[1] > 0)


@pytest.mark.slow
@FAST
@given(tables(), shares)
def test_time_split(items: pl.DataFrame, share: tuple[float, float]) -> None:
    try:
        parts = assigned(TimeSplit("t", share[0], test=share[1]), items)
    except DataError as error:
        assert "too few moments" in str(error)  # noqa: PT017
        return
    assert None not in parts
    # An item counts as of its latest copy; then no row is later than a row of a later part.
    latest = dict(items.group_by("content").agg(pl.col("t").max()).iter_rows())
    times: dict[str, list[int]] = {}
    for content, part in zip(items["content"], parts, strict=True):
        times.setdefault(str(part), []).append(latest[content])
    present = [times[part] for part in ("train", "valid", "test") if part in times]
    assert all(max(one) < min(two) for one, two in pairwise(present))
    assert parts[items["t"].arg_max()] == ("test" if share[1] else "valid")


@pytest.mark.slow
@FAST
@given(tables(), seeds)
def test_column_split(items: pl.DataFrame, seed: int) -> None:
    assume("train" in items["s"].to_list())
    parts = assigned(ColumnSplit("s", seed=seed), items)
    rank = {"train": 0, "valid": 1, "test": 2}
    highest = dict(
        items.with_columns(r=pl.col("s").replace_strict(rank)).group_by("content").agg(pl.max("r")).iter_rows()
    )
    drawn = not any(
        part == "valid" and rank["valid"] == highest[c] for c, part in items.select("content", "s").iter_rows()
    )
    for content, given_part, part in zip(items["content"], items["s"], parts, strict=True):
        if rank[given_part] < highest[content]:
            assert part is None
        elif given_part == "train" and drawn:
            assert part in ("train", "valid")
        else:
            assert part == given_part
