"""The way of a picture through the server: admitted, decoded in a pool, answered in a batch, within its deadline."""

from __future__ import annotations

import asyncio
import math
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from headway.bundle.predictor import Predictor
from headway.bundle.reference import image_statistics
from headway.fields import Prediction
from headway.serve.batching import Batcher, choose_batch
from headway.serve.body import Picture, pictures_of
from headway.serve.decoding import Decoder
from headway.serve.metrics import Metrics
from headway.serve.problems import Kind, Problem
from headway.serve.settings import Settings

__all__ = ["Answer", "Service"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one picture: a prediction, or a problem.

    Attributes:
        picture: The picture.
        seconds: From admission to the end.
        prediction: The model's answer.
        problem: Why there is none.
        statistics: What was measured of the image, where it is written down.
    """

    picture: Picture
    seconds: float
    prediction: Prediction | None = None
    problem: Problem | None = None
    statistics: dict[str, float] = field(default_factory=dict)


class Service:
    """A predictor behind a bounded queue. Its methods are for one event loop's thread.

    Args:
        predictor: What answers.
        settings: The limits.
        metrics: Where it is counted.
    """

    def __init__(self, predictor: Predictor, settings: Settings, metrics: Metrics) -> None:
        self._predictor = predictor
        self._settings = settings
        self._metrics = metrics
        self._decoder = Decoder(predictor.input, max_pixels=settings.max_pixels)
        self._readers = ThreadPoolExecutor(_num_cores(), thread_name_prefix="headway-read")
        max_batch = _max_batch(predictor)
        # What gains nothing from batches gains from running side by side.
        num_threads = _num_cores() if max_batch == 1 else 1
        self._batcher = Batcher(self._run, max_batch=max_batch, num_threads=num_threads, on_batch=self._note_batch)
        self._num_inside = 0
        self._seconds_an_item = 0.01

    def close(self) -> None:
        """Finishes what was admitted and ends the threads."""
        self._readers.shutdown()
        self._batcher.close()

    def check_room(self, count: int = 1) -> None:
        """Refuses what would not fit into the queue.

        Raises:
            Problem: If there is no room for so many pictures.
        """
        if self._num_inside + count > self._settings.queue:
            wait = math.ceil(max(1.0, self._num_inside * self._seconds_an_item))
            detail = f"{self._num_inside} pictures are waiting already. Try again in {wait} s."
            raise Problem(Kind.BUSY, detail, headers={"retry-after": str(wait)})

    async def split(self, body: bytes, content_type: str) -> list[Picture]:
        """As `pictures_of`, off the event loop where it may take time."""
        if content_type[:20].lower().startswith("multipart/"):
            return await asyncio.get_running_loop().run_in_executor(self._readers, pictures_of, body, content_type)
        return pictures_of(body, content_type)

    async def answer(self, pictures: list[Picture]) -> list[Answer]:
        """The answers for pictures that came together, in their order.

        Raises:
            Problem: If there is no room for them, or the deadline passed.
        """
        self.check_room(len(pictures))
        start = time.perf_counter()
        futures = [self._admit(picture) for picture in pictures]
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                if len(pictures) == 1:
                    return [await self._wait(pictures[0], futures[0], start)]
                pairs = zip(pictures, futures, strict=True)
                return list(await asyncio.gather(*(self._wait(picture, future, start) for picture, future in pairs)))
        except TimeoutError:
            detail = f"The limit is {self._settings.deadline_seconds:g} s. Try again when there is less to do."
            raise Problem(Kind.DEADLINE, detail, headers={"retry-after": "1"}) from None
        finally:
            # What nobody waits for any more is not computed.
            for future in futures:
                future.cancel()

    def _admit(self, picture: Picture) -> Future[_Result]:
        future: Future[_Result] = Future()
        self._num_inside += 1
        self._metrics.inside.inc()
        loop = asyncio.get_running_loop()
        # The place in the queue is free once the picture is out of memory, not when its client gives up.
        reading = self._readers.submit(self._read, picture, future)
        reading.add_done_callback(lambda _: future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave)))
        return future

    def _leave(self) -> None:
        self._num_inside -= 1
        self._metrics.inside.dec()

    async def _wait(self, picture: Picture, future: Future[_Result], start: float) -> Answer:
        try:
            result = await asyncio.wrap_future(future)
        except Problem as problem:
            return Answer(picture=picture, seconds=time.perf_counter() - start, problem=problem)
        return Answer(
            picture=picture,
            seconds=time.perf_counter() - start,
            prediction=result.prediction,
            statistics=result.statistics,
        )

    def _read(self, picture: Picture, future: Future[_Result]) -> None:
        """In a thread of the pool: decodes a picture and hands it on to the batcher."""
        if future.cancelled():
            return
        try:
            with self._metrics.decode_seconds.time():
                array = self._decoder.read(picture)
            statistics = image_statistics(array) if self._settings.log else {}
        # Whatever it is, it belongs to the one who waits.
        except Exception as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        self._batcher.put((array, statistics), future)

    def _run(self, items: list[tuple[np.ndarray, dict[str, float]]]) -> list[_Result]:
        """In a thread of the batcher: the model itself."""
        predictions = self._predictor.answer(self._predictor.input.stack([array for array, _ in items]))
        return [_Result(found, statistics) for found, (_, statistics) in zip(predictions, items, strict=True)]

    def _note_batch(self, size: int, seconds: float) -> None:
        self._metrics.batch_items.observe(size)
        self._metrics.model_seconds.observe(seconds)
        self._seconds_an_item += 0.1 * (seconds / size - self._seconds_an_item)


@dataclass(frozen=True)
class _Result:
    prediction: Prediction
    statistics: dict[str, float]


def _max_batch(predictor: Predictor) -> int:
    """Measured on this machine, which also makes the first request as quick as the others."""
    image = predictor.input.read(np.zeros((8, 8, 3), np.uint8))
    return choose_batch(lambda size: predictor.answer(predictor.input.stack([image] * size)))


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
