"""From a bundle to answers: numpy, Pillow and onnxruntime, never torch.

Normalisation and softmax are in the graph, and the input field is training's own: what is served cannot drift from it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import islice, repeat
from typing import Any, TypeVar

import numpy as np

from headway.bundle.fields import fields_of, first_line
from headway.bundle.format import Bundle, Check, damage, read_bundle, unpack_check
from headway.bundle.graph import Graph, GraphTimeout, empty_memory
from headway.errors import BundleError, ConfigError, ReadError, ShapeError
from headway.inputs.base import Input
from headway.inputs.protocols import Step
from headway.system.machine import num_cores
from headway.targets.base import Prediction, Target

__all__ = [
    "GRAPH_DISTANCE",
    "GRAPH_INPUT",
    "GRAPH_LOGITS",
    "GRAPH_MEMORY",
    "GRAPH_NEW_MEMORY",
    "GRAPH_OUTPUT",
    "Predictor",
    "load",
    "open_bundle",
    "sampled",
    "strict",
]

T = TypeVar("T")

# Characters of an item that its error shows: paths are whole, texts may be of any length.
_MAX_NAME = 300

_NO_ANSWER = "without an answer: the model gave NaN, infinity or a probability outside [0, 1]"

GRAPH_INPUT = "inputs"
GRAPH_OUTPUT = "outputs"
GRAPH_DISTANCE = "distance"
# Of a graph that goes on from what it has read.
GRAPH_MEMORY = "memory"
GRAPH_LOGITS = "logits"
GRAPH_NEW_MEMORY = "new_memory"


def load(path: str | os.PathLike[str], *, providers: Sequence[str] | None = None) -> Predictor:
    """Opens a bundle: checks its structure, sizes and hashes, then runs its own check.

    Args:
        path: A `model.headway` file, or an address: on the Hugging Face hub "hf://user/name" or "hf://user/name@revision",
            elsewhere such as "s3://models/pets.headway".
        providers: What of onnxruntime runs the graph, such as `["openvino"]` or `["CUDAExecutionProvider"]`, the first
            where it can, and the CPU what no other takes. Default: the CPU.

    Returns:
        A predictor, ready to answer.

    Raises:
        BundleError: If the file is not a bundle, damaged, unsafe, too new, or does not pass its own check.
        ConfigError: If a provider is not installed, or cannot run here.
    """
    return open_bundle(read_bundle(path), source=path, providers=providers)


def open_bundle(bundle: Bundle, *, source: object, providers: Sequence[str] | None = None) -> Predictor:
    """`load` for a bundle whose file was read already; `source` is what an error calls it."""
    input, target, threshold, tolerance = fields_of(bundle.manifest, source=source)
    check = unpack_check(bundle.files["check.npz"], source=source)
    try:
        session = Graph(bundle.files["model.onnx"], providers=providers)
    except ConfigError:
        raise
    # onnxruntime's exceptions have no base of their own.
    except Exception as error:
        raise damage(f"The bundle's graph cannot be opened ({first_line(error)}).", given=source) from error
    predictor = Predictor(manifest=bundle.manifest, input=input, target=target, session=session, threshold=threshold)
    _self_check(predictor, check, tolerance=tolerance, source=source, elsewhere=bool(providers))
    return predictor


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model from a bundle. Threads may share it. Made by `load`.

    Attributes:
        manifest: The bundle's manifest: metrics, baselines, versions and what else was written at export.
        input: How an item is read.
        target: How the model's output becomes a prediction.
        session: The graph in onnxruntime.
        threshold: The distance beyond which an item is not familiar; None where the bundle cannot tell.

    Example:
        ```python
        predictor = hw.load("runs/pets/model.headway")
        predictor.predict("rex.jpg").label
        for prediction in predictor.predict_many(Path("photos").glob("*.jpg")):
            print(prediction.label, prediction.score)
        ```
    """

    manifest: dict[str, Any] = field(repr=False)
    input: Input
    target: Target
    session: Graph = field(repr=False)
    threshold: float | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the graph's outputs; empty where the target has no classes."""
        return self.target.labels

    @property
    def writes(self) -> bool:
        """Whether the model writes text, so that `generate` works."""
        return self.input.writes and self._step(None) is not None

    def predict(self, item: Any) -> Prediction:
        """The answer for one item.

        Args:
            item: A path, the bytes of an image file, an open file, an array or a PIL image; of a table a row, such as
                a dict of columns and values.

        Raises:
            ReadError: If the item cannot be read; the text names it.
        """
        (answer,) = self._answer([self._read(item)])
        return strict(item, answer)

    def explain(self, item: Any, *, label: str | None = None) -> Any:
        """Which words of a text speak for a class, by default the most probable one: see `Learner.explain`."""
        parts = self.input.parts(item)
        return parts.weighed(list(self.predict_many(parts.values)), label=label, of=self.target.column)

    def predict_many(self, items: Iterable[Any], *, batch_size: int = 32) -> Iterator[Prediction]:
        """The answers for many items, in their order; items are taken as they are needed and read a little ahead.

        Args:
            items: What `predict` takes, from any iterable, however long; of a table also a frame.
            batch_size: Items that go through the model at once, at least 1.

        Returns:
            A generator. At an item that cannot be read it raises ReadError; `try_many` goes on.

        Raises:
            ConfigError: If `batch_size` is below 1.
        """
        return (strict(item, answer) for item, answer in self._stream(items, batch_size, self._answer))

    def try_many(self, items: Iterable[Any], *, batch_size: int = 32) -> Iterator[Prediction | ReadError]:
        """As `predict_many`, but an item that cannot be read gives its ReadError as a value, in its place."""
        return (answer for _, answer in self._stream(items, batch_size, self._answer))

    def try_outputs(self, items: Iterable[Any], *, batch_size: int = 32) -> Iterator[np.ndarray | ReadError]:
        """As `try_many`, but the graph's own answer for each item: what metrics are computed from.

        Returns:
            A generator of what `target.keep` keeps of `outputs`: float32 `[outputs]`; for masks uint8 `[height,
            width]`, the class of each pixel of what the model saw.
        """
        return (outputs for _, outputs in self._stream(items, batch_size, self._outputs))

    def generate(
        self,
        prompt: str = "",
        *,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        seconds: float | None = None,
    ) -> Iterator[str]:
        """The text that follows a prompt, a piece each time; only where the model was trained to write.

        Args:
            prompt: What the text begins with; it may be empty.
            max_tokens: Tokens to write, unless the text ends before.
            temperature: Below 1 what is likely becomes likelier; at 0 the likeliest token is always taken.
            top_k: Only so many of the likeliest tokens are drawn from; 0 for all.
            top_p: Only the likeliest tokens that together have this probability; 1 for all.
            seed: Decides the draws: the same seed writes the same text.
            seconds: How long all of it may take; when left out, a minute and a second for each token.

        Returns:
            A generator.

        Raises:
            ConfigError: If the model does not write, or an option is out of its range.
            GraphTimeout: If it takes longer.
        """
        sampling = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        return self.input.write(self._step(seconds), prompt, **sampling)

    def _step(self, seconds: float | None) -> Step | None:
        """How the graph goes on, for so many seconds from now; None where it has no memory."""
        ends = None if seconds is None else time.monotonic() + seconds
        memory = next((known for known in self.session.get_inputs() if known.name == GRAPH_MEMORY), None)
        if memory is None:
            return None

        def run(tokens: np.ndarray, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            left = None if ends is None else ends - time.monotonic()
            # A step is over before the watchdog would end it.
            if left is not None and left <= 0:
                message = f"The text was not finished within {seconds:g} s."
                raise GraphTimeout(message)
            inputs = {GRAPH_INPUT: tokens, GRAPH_MEMORY: past}
            logits, new = self.session.run([GRAPH_LOGITS, GRAPH_NEW_MEMORY], inputs, seconds=left)
            return logits, new

        return Step(run=run, empty=empty_memory(memory.shape, batch=1), grows="past" in memory.shape)

    def answer(self, inputs: np.ndarray, *, seconds: float | None = None) -> list[Prediction | ReadError]:
        """The answers for one batch of items that were read before; what a server calls.

        Args:
            inputs: As `input.read` gives them: for photos uint8 `[batch, height, width, channels]`.
            seconds: How long the graph may take; when left out, a minute and a second for each item.

        Returns:
            A prediction an item; `seconds` is its share of the batch's. What lies in a picture, such as points, is as
            the target's `decode` gives it, in what the model saw; `target.to_item` brings it into the picture. Where
            the graph gave NaN, infinity or a probability outside [0, 1], a ReadError stands in its place.

        Raises:
            ShapeError: If the inputs do not fit the graph.
            GraphTimeout: If it takes longer.
            BundleError: If the graph fails on them.
        """
        return [
            answer if isinstance(answer, ReadError) else replace(answer, familiar=familiar, seconds=spent)
            for answer, familiar, spent in self._decoded(inputs, seconds=seconds)
        ]

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """The graph itself: one batch of items in, probabilities or other outputs out.

        Args:
            inputs: As `answer` takes them.

        Returns:
            float32 `[batch, outputs]`; for classes each row sums to 1.
        """
        return self._run(inputs)[0]

    def distances(self, inputs: np.ndarray) -> np.ndarray | None:
        """How far items are from what the model was trained on; familiar up to `threshold`.

        Args:
            inputs: As `answer` takes them.

        Returns:
            float32 `[batch]`, or None where the bundle cannot tell.
        """
        return self._run(inputs)[1]

    def _run(self, inputs: np.ndarray, *, seconds: float | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        graph_input = self.session.get_inputs()[0]
        wanted, dtype = graph_input.shape[1:], np.dtype(self.input.dtype)
        if inputs.dtype != dtype or not _is_of_shape(inputs, wanted):
            raise ShapeError(
                f"`inputs` must be {dtype} [batch, {', '.join(map(str, wanted))}].",
                given=f"{inputs.dtype} {list(inputs.shape)}",
                fix="Pass a batch of what `predictor.input.read` gives, or call `predict`.",
            )
        names = [GRAPH_OUTPUT] if self.threshold is None else [GRAPH_OUTPUT, GRAPH_DISTANCE]
        try:
            outputs, *distances = self.session.run(names, {graph_input.name: inputs}, seconds=seconds)
        except GraphTimeout:
            raise
        # onnxruntime's exceptions have no base of their own. A graph may fail at another batch than its check's.
        except Exception as error:
            what = f"The bundle's graph fails on these items ({first_line(error)})."
            raise BundleError(what, given=f"{len(inputs)} items", fix="Export the model again.") from error
        return outputs, distances[0] if distances else None

    def _decoded(
        self, inputs: np.ndarray, *, seconds: float | None = None
    ) -> Iterator[tuple[Prediction | ReadError, bool | None, float]]:
        """For each item of a batch its answer, whether it is familiar, and its share of the time."""
        start = time.perf_counter()
        outputs, distances = self._run(inputs, seconds=seconds)
        # NaN is taken out first, since decoding may sort or round; those items are replaced in the next lines.
        answers: list[Prediction | ReadError] = [*self.target.decode_many(np.nan_to_num(outputs))]
        for position in np.flatnonzero(~self.target.is_valid(outputs)):
            answers[position] = ReadError(_NO_ANSWER)
        spent = (time.perf_counter() - start) / max(len(answers), 1)
        # A distance of NaN compares as false: not familiar.
        familiar = self.input.familiar(inputs) if distances is None else distances <= self.threshold
        verdicts: list[bool | None] = [None] * len(answers) if familiar is None else familiar.tolist()
        far = self.input.is_far(inputs)
        if far is not None:
            # Outside of the range that training saw, whatever the distance says.
            verdicts = [False if is_far else verdict for is_far, verdict in zip(far, verdicts, strict=True)]
        return zip(answers, verdicts, repeat(spent, len(answers)), strict=True)

    def _stream(
        self, items: Iterable[Any], batch_size: int, answered: Callable[[Sequence[_Read]], Iterable[T | ReadError]]
    ) -> Iterator[tuple[Any, T | ReadError]]:
        # A path is an iterable of letters, too.
        if isinstance(items, (str, bytes, os.PathLike)):
            what = "`items` must be several items, such as a list of paths or a frame."
            raise ConfigError(what, given=repr(items)[:80], fix="Pass one item to `predict`, or read the table first.")
        if batch_size < 1:
            raise ConfigError("`batch_size` must be at least 1.", given=batch_size, fix="Leave it out for 32.")
        source = iter(self.input.each(items))
        batches = self._rows(source, batch_size) if self.input.source == "values" else self._files(source, batch_size)
        return (pair for batch, read in batches for pair in zip(batch, answered(read), strict=True))

    def _rows(self, source: Iterator[Any], batch_size: int) -> _Batches:
        """Values are read so quickly that a thread would cost more."""
        while batch := list(islice(source, batch_size)):
            start = time.perf_counter()
            read = self.input.read_many(batch)
            seconds = (time.perf_counter() - start) / len(batch)
            yield batch, [_Read(array, notes=notes, seconds=seconds) for array, notes in read]

    def _files(self, source: Iterator[Any], batch_size: int) -> _Batches:
        waiting: deque[tuple[Any, Future[_Read]]] = deque()
        readers = ThreadPoolExecutor(num_cores(), thread_name_prefix="headway-read")
        try:
            while True:
                # Two batches: while one goes through the model, the next is being read.
                for item in islice(source, 2 * batch_size - len(waiting)):
                    waiting.append((item, readers.submit(self._read, item)))
                if not waiting:
                    return
                batch = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
                yield [item for item, _ in batch], [future.result() for _, future in batch]
        finally:
            # The garbage collector may close this in a thread that a reader waits for: to wait here could be for ever.
            readers.shutdown(wait=False, cancel_futures=True)

    def _read(self, item: Any) -> _Read:
        start, geometry, notes = time.perf_counter(), None, ()
        try:
            if self.target.needs_geometry:
                # An open file can be read only once.
                item = item.read() if hasattr(item, "read") else item
                geometry = self.input.geometry(item)
            array, notes = self.input.read_noted(item)
        except ReadError as error:
            array = error
        return _Read(array, geometry=geometry, notes=notes, seconds=time.perf_counter() - start)

    def _answer(self, items: Sequence[_Read]) -> Iterator[Prediction | ReadError]:
        for item, result in zip(items, self._of_good(items, self._decoded), strict=True):
            if isinstance(result, ReadError):
                yield result
                continue
            answer, familiar, seconds = result
            if isinstance(answer, ReadError):
                yield answer
                continue
            answer = self.target.to_item(answer, item.geometry) if self.target.needs_geometry else answer
            yield replace(answer, familiar=familiar, notes=item.notes, seconds=item.seconds + seconds)

    def _outputs(self, items: Sequence[_Read]) -> Iterator[np.ndarray | ReadError]:
        return self._of_good(items, lambda inputs: self.target.keep(self.outputs(inputs)))

    def _of_good(self, items: Sequence[_Read], run: Callable[[np.ndarray], Iterable[T]]) -> Iterator[T | ReadError]:
        """What a function gives for a batch of those items that could be read, with the others' errors between."""
        good = [item.array for item in items if not isinstance(item.array, ReadError)]
        results = iter(run(self.input.collate(good)) if good else ())
        return (item.array if isinstance(item.array, ReadError) else next(results) for item in items)


@dataclass(frozen=True)
class _Read:
    """An item as it was read, or why it could not be."""

    array: np.ndarray | ReadError
    _: KW_ONLY
    geometry: Any = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


# Items and what became of them, batch by batch.
_Batches = Generator[tuple[list[Any], list[_Read]], None, None]


def _is_of_shape(batch: np.ndarray, shape: Sequence[int | str | None]) -> bool:
    """Whether the items of a batch have this shape, where a name in place of a length allows any."""
    return batch.ndim == len(shape) + 1 and all(
        length == wanted or not isinstance(wanted, int) for length, wanted in zip(batch.shape[1:], shape, strict=True)
    )


def sampled(outputs: np.ndarray) -> np.ndarray:
    """What a bundle's check keeps of a batch `[batch, outputs, ...]`: of maps each eighth value along either side."""
    # A map for each item would make the check larger than everything else in the bundle.
    return outputs[(slice(None), slice(None), *[slice(None, None, 8)] * (outputs.ndim - 2))]


def _self_check(predictor: Predictor, check: Check, *, tolerance: float, source: object, elsewhere: bool) -> None:
    """Compares the graph's answers with the bundle's own, and its shapes with the fields'.

    `elsewhere` is whether a provider was asked for, which may be what computes something else.
    """
    inputs, distances, threshold = check.inputs, check.distances, predictor.threshold
    try:
        fits = _is_of_shape(inputs, predictor.input.shape) and (threshold is None) == (distances is None)
        outputs, far = predictor._run(inputs) if fits else (np.empty((0, 0)), None)  # noqa: SLF001
        outputs = sampled(outputs)
        wanted = (len(inputs), predictor.target.num_outputs)
        fits = fits and outputs.shape == check.outputs.shape and outputs.shape[:2] == wanted
        # Probabilities as they are; other numbers as a share of the largest.
        scale = max(1.0, float(np.abs(check.outputs).max(initial=0)))
        near = fits and bool(np.all(np.abs(outputs - check.outputs) <= tolerance * scale))
        if near and far is not None and distances is not None:
            fits = far.shape == distances.shape
            near = fits and bool(np.all(np.abs(far - distances) <= tolerance))
    # onnxruntime's exceptions have no base of their own.
    except Exception as error:
        raise damage(f"The bundle's own check cannot be run ({first_line(error)}).", given=source) from error
    if not fits:
        raise damage("The bundle's graph, its check and its fields do not fit one another.", given=source)
    if not near:
        what = "The model's outputs differ from the reference outputs stored in the file."
        fix = "Leave the provider out: if the file opens then, the provider computes something else."
        raise damage(what, given=source, fix=fix) if elsewhere else damage(what, given=source)


def strict(item: Any, answer: T | ReadError) -> T:
    """An item's answer, or its ReadError with the item's name, raised."""
    if isinstance(answer, ReadError):
        raise ReadError(f"{_name(item)}: {answer}") from answer
    return answer


def _name(item: Any) -> str:
    if not isinstance(item, (str, os.PathLike)):
        return type(item).__name__
    name = os.fspath(item)
    # A path reads as it is; a text may be long, and hold what cannot be printed.
    return name if len(name) <= _MAX_NAME and name.isprintable() else ascii(name[:_MAX_NAME])
