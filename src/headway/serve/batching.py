"""One batcher for all requests: whatever waits goes through the model together, at once.

It is work-conserving: it never waits for a batch to fill. While the model is busy items gather, and the next batch is
all of them, up to a limit; when nothing waits, a single item goes at once. So batches grow with the load by
themselves, and a lone request is as quick as without batching.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["BATCH_SIZES", "Batcher", "choose_batch"]

# What is tried. More gains little, and the memory that a batch takes stays with the process.
BATCH_SIZES = (1, 4, 16)

# An item of a larger batch must be this many times as quick.
_WORTH = 1.5
_TRIALS = 4

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class Batcher(Generic[_Item, _Answer]):
    """Threads that take all that waits, run a function on it, and hand out the answers.

    Args:
        run: A batch of items to as many answers, in their order.
        max_batch: The most items that are run together, at least 1.
        num_threads: Batches that may be run side by side.
        on_batch: Called with each batch's number of items and the seconds that the run took.

    Example:
        >>> batcher, future = Batcher(lambda items: [item * 2 for item in items], max_batch=8), Future()
        >>> batcher.put(21, future)
        >>> batcher.close()
        >>> future.result()
        42
    """

    def __init__(
        self,
        run: Callable[[list[_Item]], Sequence[_Answer]],
        *,
        max_batch: int,
        num_threads: int = 1,
        on_batch: Callable[[int, float], None] = lambda _size, _seconds: None,
    ) -> None:
        self._run = run
        self._max_batch = max_batch
        self._on_batch = on_batch
        self._waiting: deque[tuple[_Item, Future[_Answer]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name="headway-model", daemon=True) for _ in range(num_threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, item: _Item, future: Future[_Answer]) -> None:
        """Adds an item; its future gets the answer, or the error of its batch. A cancelled future is passed over."""
        with self._changed:
            assert not self._closed
            self._waiting.append((item, future))
            self._changed.notify()

    def close(self, *, seconds: float | None = None) -> None:
        """Answers what still waits, then ends the threads; one that is still busy after `seconds` is left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        latest = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if latest is None else max(latest - time.monotonic(), 0))

    def _work(self) -> None:
        while batch := self._take():
            items = [item for item, _ in batch]
            start = time.perf_counter()
            try:
                answers = self._run(items)
            # Whatever it is, it belongs to those who wait for the answers, and the next batch is to be tried.
            except Exception as error:
                for _, future in batch:
                    future.set_exception(error)
                continue
            self._on_batch(len(batch), time.perf_counter() - start)
            for (_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)

    def _take(self) -> list[tuple[_Item, Future[_Answer]]]:
        """All that waits, up to the limit, without what nobody waits for any more; empty once closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                taken = [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]
            # From here on a future cannot be cancelled, so its answer has somewhere to go.
            batch = [(item, future) for item, future in taken if future.set_running_or_notify_cancel()]
            if batch or not taken:
                return batch


def choose_batch(run: Callable[[int], object], *, seconds: float = 0.6) -> int:
    """The largest of `BATCH_SIZES` that is worth its while: an item takes two thirds of the time, or less.

    A model that is bound by fetching its weights answers sixteen items in little more time than one. A convolutional
    network on a processor does not: what passes between its layers outgrows the cache, and a batch of sixteen may take
    twice as long as sixteen batches of one.

    Sizes that the `seconds` do not suffice for are not chosen. `run` runs the model on so many items.

    Example:
        >>> choose_batch(lambda size: sum(range(100_000)))
        16
        >>> choose_batch(lambda size: sum(range(100_000 * size)))
        1
    """
    end = time.perf_counter() + seconds
    # The first run makes room, which takes longer.
    run(1)
    chosen = 1
    for size in BATCH_SIZES[1:]:
        quickest: dict[int, float] = {chosen: float("inf"), size: float("inf")}
        # In turn, and by the processor's time: what else the machine does just now is to have no say in it.
        for num_items in [*quickest] * _TRIALS:
            if time.perf_counter() > end:
                return chosen
            start = time.process_time()
            run(num_items)
            quickest[num_items] = min(quickest[num_items], (time.process_time() - start) / num_items)
        # A size that gains little would take memory, and keep the first of its items waiting, for nothing.
        if quickest[size] * _WORTH > quickest[chosen]:
            return chosen
        chosen = size
    return chosen
