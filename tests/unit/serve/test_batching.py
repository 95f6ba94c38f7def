from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing

import pytest

from headway.serve.batching import BATCH_SIZES, Batcher, choose_batch


class Model:
    """Doubles numbers, and stops until it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Event()
        self.go = threading.Event()
        if not held:
            self.go.set()

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        self.started.set()
        assert self.go.wait(10)
        return [2 * item for item in items]


def put(batcher: Batcher[int, int], *items: int) -> list[Future[int]]:
    futures: list[Future[int]] = [Future() for _ in items]
    for item, future in zip(items, futures, strict=True):
        batcher.put(item, future)
    return futures


def test_a_lone_item_goes_at_once() -> None:
    model = Model()
    with closing(Batcher(model, max_batch=8)) as batcher:
        (future,) = put(batcher, 21)
        assert future.result(5) == 42
    assert model.batches == [[21]]


def test_what_gathers_while_the_model_is_busy_goes_together_in_its_order() -> None:
    model = Model(held=True)
    sizes: list[int] = []
    with closing(Batcher(model, max_batch=4, on_batch=lambda size, _: sizes.append(size))) as batcher:
        first = put(batcher, 0)
        assert model.started.wait(5)
        rest = put(batcher, *range(1, 11))
        model.go.set()
        assert [future.result(5) for future in first + rest] == [2 * item for item in range(11)]
    assert model.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert sizes == [1, 4, 4, 2]


def test_what_was_cancelled_is_passed_over() -> None:
    model = Model(held=True)
    with closing(Batcher(model, max_batch=2)) as batcher:
        put(batcher, 0)
        assert model.started.wait(5)
        futures = put(batcher, 1, 2, 3)
        assert futures[0].cancel()
        assert futures[1].cancel()
        model.go.set()
        assert futures[2].result(5) == 6
    assert model.batches == [[0], [3]]


def test_an_error_belongs_to_its_batch_alone() -> None:
    def run(items: list[int]) -> list[int]:
        if items == [1]:
            message = "no"
            raise RuntimeError(message)
        return items

    with closing(Batcher(run, max_batch=1)) as batcher:
        one, two = put(batcher, 1, 2)
        with pytest.raises(RuntimeError, match="no"):
            one.result(5)
        assert two.result(5) == 2


def test_batches_run_side_by_side_where_they_may() -> None:
    both = threading.Barrier(2)

    def run(items: list[int]) -> list[int]:
        both.wait(5)
        return items

    with closing(Batcher(run, max_batch=1, num_threads=2)) as batcher:
        assert [future.result(5) for future in put(batcher, 1, 2, 3, 4)] == [1, 2, 3, 4]


def test_closing_answers_what_waits() -> None:
    model = Model(held=True)
    batcher = Batcher(model, max_batch=2)
    futures = put(batcher, 1, 2, 3, 4, 5)
    threading.Timer(0.05, model.go.set).start()
    batcher.close()
    assert [future.result(0) for future in futures] == [2, 4, 6, 8, 10]
    assert not [thread for thread in threading.enumerate() if thread.name == "headway-model"]


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        (lambda _: 0.003, 16),
        (lambda size: 0.003 * size, 1),
        (lambda size: 0.003 * size**1.3, 1),
        (lambda size: 0.003 * (1 if size <= 4 else size), 4),
        (lambda size: 0.004 + 0.00002 * size, 16),
    ],
)
def test_the_batch_is_as_large_as_it_is_worth(
    seconds: Callable[[int], float], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    tried = []

    def run(size: int) -> None:
        tried.append(size)
        now[0] += seconds(size)

    assert choose_batch(run) == chosen
    assert set(tried) <= set(BATCH_SIZES)


def test_a_slow_model_is_not_tried_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0])

    def run(size: int) -> None:
        now[0] += 0.3 * size

    assert choose_batch(run, seconds=0.5) == 1
    assert now[0] < 2
    now[0] = 0
    assert choose_batch(run, seconds=0.1) == 1
    assert now[0] == pytest.approx(0.3)


def test_many_threads_may_put() -> None:
    def run(items: list[int]) -> list[int]:
        time.sleep(0.001)
        return [-item for item in items]

    with closing(Batcher(run, max_batch=16)) as batcher:
        found: dict[int, int] = {}

        def client(start: int) -> None:
            for item in range(start, start + 50):
                (future,) = put(batcher, item)
                found[item] = future.result(10)

        threads = [threading.Thread(target=client, args=(50 * number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {item: -item for item in range(400)}
