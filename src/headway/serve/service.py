"""The way of an item through the server: admitted, read in a pool, answered in a batch, within its deadline."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from headway.bundle.graph import GraphTimeout
from headway.bundle.predictor import Predictor
from headway.errors import ReadError
from headway.serve.batching import Batcher, choose_batch
from headway.serve.monitor import Metrics
from headway.serve.problems import Kind, Problem
from headway.serve.reader import Asked, Item, Reader
from headway.serve.settings import Settings
from headway.system.machine import num_cores
from headway.targets.base import Prediction

__all__ = ["Answer", "Service"]

T = TypeVar("T")

# Batches of which the model answered none, one after another, until the server says that it is not well.
_MAX_FAILED = 3


@dataclass(frozen=True)
class Answer:
    """What became of one item: a prediction, or a problem.

    Attributes:
        seconds: From admission to the end.
        prediction: The model's answer, in what it saw of the item; `geometry` says where in the item that lies.
        statistics: What is counted and written down of the answer, and of the item where there is a log.
    """

    item: Item
    seconds: float
    prediction: Prediction | None = None
    _: KW_ONLY
    geometry: Any = None
    problem: Problem | None = None
    statistics: dict[str, Any] = field(default_factory=dict)


class Service:
    """A predictor behind a bounded queue. Its methods are for one event loop's thread."""

    def __init__(self, predictor: Predictor, reader: Reader, settings: Settings, metrics: Metrics) -> None:
        self._predictor = predictor
        self._reader = reader
        self._settings = settings
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(num_cores(), thread_name_prefix="headway-read")
        example = reader.example()
        # Measured on this machine, which also makes the first request as quick as the others.
        max_batch = choose_batch(lambda size: predictor.answer(predictor.input.collate([example] * size)))
        # What gains nothing from batches gains from running side by side.
        num_threads = num_cores() if max_batch == 1 else 1
        self._batcher = Batcher(self._run, max_batch=max_batch, num_threads=num_threads, on_batch=self._note_batch)
        self._num_inside = 0
        self._seconds_an_item = 0.01
        self._num_failed = 0

    def close(self) -> None:
        """Finishes what was admitted and ends the threads."""
        # The readers first: what they have read is put to the batcher, which then ends.
        self._pool.shutdown()
        # By then a run has met its deadline. One that goes on all the same is in an operator that cannot be ended.
        self._batcher.close(seconds=self._settings.deadline_seconds + 2)

    @property
    def is_stuck(self) -> bool:
        """Whether a run of the model that was ended goes on all the same."""
        return self._predictor.session.is_stuck

    @property
    def is_well(self) -> bool:
        """Whether the model answers: no run of it is stuck, and the last few did not all fail."""
        return not self.is_stuck and self._num_failed < _MAX_FAILED

    def check_room(self, count: int = 1) -> None:
        """Refuses what would not fit into the queue.

        Raises:
            Problem: If there is no room for so many items.
        """
        if self._num_inside + count > self._settings.queue:
            wait = math.ceil(max(1.0, self._num_inside * self._seconds_an_item))
            detail = f"{self._num_inside} {self._predictor.input.nouns} are waiting already. Try again in {wait} s."
            raise Problem(Kind.BUSY, detail, headers={"retry-after": str(wait)})

    async def split(self, body: bytes, content_type: str) -> tuple[Sequence[Item], bool]:
        """As the reader's `split`, off the event loop where it may take time."""
        if self._reader.is_slow(body, content_type):
            return await self.aside(lambda: self._reader.split(body, content_type))
        return self._reader.split(body, content_type)

    async def aside(self, work: Callable[[], T]) -> T:
        """Does what takes long off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def answer(self, items: Sequence[Item]) -> list[Answer]:
        """The answers for items that came together, in their order.

        Raises:
            Problem: If there is no room for them, or the deadline passed.
        """
        self.check_room(len(items))
        start = time.perf_counter()
        futures = [self._admit(item) for item in items]
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                pairs = zip(items, futures, strict=True)
                return list(await asyncio.gather(*(self._wait(item, future, start) for item, future in pairs)))
        except TimeoutError:
            detail = f"The limit is {self._settings.deadline_seconds:g} s. Try again when there is less to do."
            raise Problem(Kind.DEADLINE, detail, headers={"retry-after": "1"}) from None
        finally:
            # What nobody waits for any more is not computed.
            for future in futures:
                future.cancel()

    def _admit(self, item: Item) -> Future[_Result]:
        future: Future[_Result] = Future()
        self._num_inside += 1
        self._metrics.inside.inc()
        loop = asyncio.get_running_loop()
        # The place in the queue is free once the item is out of memory, not when its client gives up.
        reading = self._pool.submit(self._read, item, future)
        reading.add_done_callback(lambda _: future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave)))
        return future

    def _leave(self) -> None:
        self._num_inside -= 1
        self._metrics.inside.dec()

    async def _wait(self, item: Item, future: Future[_Result], start: float) -> Answer:
        try:
            prediction, asked = await asyncio.wrap_future(future)
            if isinstance(prediction, ReadError):
                raise Problem(Kind.INTERNAL, f"The {self._predictor.input.noun} is {prediction}.")
        except Problem as problem:
            return Answer(item, time.perf_counter() - start, problem=problem)
        seconds, statistics = time.perf_counter() - start, self._predictor.target.statistics(prediction)
        # Added here, as the model's part of the way knows nothing of how an item was read.
        prediction = replace(prediction, notes=asked.notes) if asked.notes else prediction
        return Answer(item, seconds, prediction, geometry=asked.geometry, statistics=statistics | asked.statistics)

    def _read(self, item: Item, future: Future[_Result]) -> None:
        """In a thread of the pool: reads an item and hands it on to the batcher."""
        if future.cancelled():
            return
        try:
            with self._metrics.decode_seconds.time():
                asked = self._reader.read(item)
        # Whatever it is, it belongs to the one who waits.
        except Exception as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        self._batcher.put(asked, future)

    def _run(self, batch: list[Asked]) -> list[_Result]:
        """In a thread of the batcher: the model itself."""
        inputs = self._predictor.input.collate([asked.array for asked in batch])
        # Until it is through: whatever ends it counts.
        self._num_failed += 1
        try:
            predictions = self._predictor.answer(inputs, seconds=self._settings.deadline_seconds)
        except GraphTimeout as error:
            raise Problem(Kind.DEADLINE, f"{error} Other items are not affected.") from error
        self._num_failed = 0
        # The arrays are needed no more, and an answer may wait long for its client.
        return [
            (prediction, replace(asked, array=_NOTHING)) for prediction, asked in zip(predictions, batch, strict=True)
        ]

    def _note_batch(self, size: int, seconds: float) -> None:
        self._metrics.batch_items.observe(size)
        self._metrics.model_seconds.observe(seconds)
        # A running mean over about ten batches, for `Retry-After`.
        self._seconds_an_item += 0.1 * (seconds / size - self._seconds_an_item)


_Result = tuple[Prediction | ReadError, Asked]
_NOTHING = np.empty(0, np.uint8)
