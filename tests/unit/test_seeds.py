from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import combinations
from typing import get_args

import numpy as np
import pytest

from headway import seeds
from headway.errors import ConfigError
from headway.seeds import _STREAMS, Stream, generator, hash_groups, hash_order, torch_seed


def test_the_numbers_never_change() -> None:
    # Runs are repeated, and splits were made, with these.
    assert generator(0, "order").integers(2**32, size=4).tolist() == [2684095488, 3497965580, 4268556838, 1888414677]
    drawn = generator(3, "augment", epoch=1, step=2, row=5).uniform(-1, 1, 3)
    assert drawn.tolist() == [-0.6932715703335146, 0.583605203256321, 0.6079045889089953]
    assert torch_seed(0, "init") == 7772340489142390514
    assert torch_seed(1, "forward", epoch=2, step=3) == 4124690735028566100


def test_streams_keep_their_numbers() -> None:
    first = {"init": 1, "order": 2, "augment": 3, "forward": 4, "head": 5, "bootstrap": 6, "baseline": 7}
    assert first.items() <= _STREAMS.items()
    assert len(set(_STREAMS.values())) == len(_STREAMS)
    assert set(get_args(Stream)) == set(_STREAMS)


def test_every_argument_counts_and_none_stands_for_another() -> None:
    places = [{}, *({name: value} for name in ("epoch", "step", "row") for value in (1, 2))]
    drawn = {(0, "order", *place.items()): generator(0, "order", **place).bytes(64) for place in places}
    drawn[1, "order"] = generator(1, "order").bytes(64)
    drawn[2**64 - 1, "order"] = generator(2**64 - 1, "order").bytes(64)
    drawn |= {(0, stream): generator(0, stream).bytes(64) for stream in _STREAMS if stream != "order"}
    for (one, first), (two, second) in combinations(drawn.items(), 2):
        assert first != second, (one, two)


def test_places_do_not_run_into_one_another() -> None:
    # A counter that was a sum, or that the draws ran through, would give the numbers of a neighbour.
    long = {row: generator(0, "augment", row=row).integers(2**63, size=1000) for row in range(3)}
    assert len(np.unique(np.concatenate(list(long.values())))) == 3000


def test_a_generator_is_fresh_each_time() -> None:
    generator(0, "order").random(10)
    assert generator(0, "order").random() == generator(0, "order").random()


@pytest.mark.parametrize("seed", [0, -3, 2**70])
def test_hash_order_is_that_of_the_digests(seed: int) -> None:
    keys = [f"k{number % 400}" for number in range(500)]
    digests = [hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest() for key in keys]
    assert hash_order(seed, keys).tolist() == sorted(range(500), key=lambda place: (digests[place], place))
    assert hash_order(seed, []).tolist() == []


@pytest.mark.parametrize("lows", [[7, 7, 7, 7], [7, 9, 7, 8]])
def test_keys_of_which_half_the_digest_is_the_same_are_told_apart(
    lows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = np.array([[5, 5, 5, 1], lows], dtype=np.uint64)
    monkeypatch.setattr(seeds, "_digests", lambda *_: tuple(digests.copy()))
    order, starts = hash_groups(0, list("abac"))
    assert order.tolist() == sorted(range(4), key=lambda place: (digests[0, place], digests[1, place], place))
    assert starts.tolist() == ([0, 1] if lows[0] == lows[1] else [0, 1, 3])


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ConfigError, match="seed"):
        generator(seed, "order")
    with pytest.raises(ConfigError, match="seed"):
        torch_seed(seed, "init")


def test_torch_seeds_fit_torch() -> None:
    seeds = [torch_seed(seed, "init", epoch=epoch, step=1) for seed in range(20) for epoch in range(20)]
    assert min(seeds) >= 0
    assert max(seeds) < 2**63
    assert max(seeds) > 2**62
    assert len(set(seeds)) == 400


def test_hash_order_never_changes() -> None:
    assert hash_order(0, list("pqrs")).tolist() == [2, 3, 1, 0]
    assert hash_order(1, list("pqrs")).tolist() == [1, 2, 3, 0]
    assert hash_order(0, []).tolist() == []
    assert hash_order(0, list("pqrs")).dtype == np.int64


@pytest.mark.slow
def test_hash_order_is_the_same_in_another_process() -> None:
    # Python's own hash of text changes with PYTHONHASHSEED.
    code = "from headway.seeds import hash_order; print(hash_order(5, [str(i) for i in range(50)]).tolist())"
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        assert done.stdout.strip() == str(hash_order(5, [str(i) for i in range(50)]).tolist())


def test_hash_order_keeps_items_in_place_when_others_come() -> None:
    few, many = [str(i) for i in range(30)], [str(i) for i in range(100)]
    ordered = [many[i] for i in hash_order(3, many)]
    assert [key for key in ordered if key in few] == [few[i] for i in hash_order(3, few)]
    assert ordered != many


def test_equal_keys_stay_in_their_order() -> None:
    order = hash_order(0, ["same", "other", "same", "same"]).tolist()
    assert [i for i in order if i != 1] == [0, 2, 3]


def test_hash_order_depends_on_the_keys_not_on_where_they_stand() -> None:
    keys = [str(i) for i in range(40)]
    there = [keys[i] for i in hash_order(9, keys)]
    back = keys[::-1]
    assert [back[i] for i in hash_order(9, back)] == there


def test_torch_seeds_differ_with_every_argument() -> None:
    places = [(0, "init", {}), (1, "init", {}), (0, "forward", {}), (11, "init", {}), (1, "forward", {})]
    places += [(0, "init", {name: value}) for name in ("epoch", "step") for value in (1, 2, 11)]
    places += [(0, "init", {"epoch": 1, "step": 2}), (0, "init", {"epoch": 2, "step": 1}), (0, "init", {"epoch": 12})]
    assert len({torch_seed(seed, stream, **place) for seed, stream, place in places}) == len(places)
