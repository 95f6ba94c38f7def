"""A bundle's graph, a stranger's: which operators it may have, and how long and how much memory a run may take."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from headway.errors import ConfigError, HeadwayError
from headway.system.machine import memory_bytes, num_cores

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["OPERATORS", "Graph", "GraphTimeout", "check_operators", "empty_memory", "end_runs", "provider_names"]

T = TypeVar("T")

# Of ONNX's own domain, what computes on tensors alone and gives the same each time: what torch's exporter writes for
# networks of photos, tables, texts and sound. No control flow (If, Loop, Scan), whose end nobody can know; nothing
# random; no strings, sequences, maps or optional values.
OPERATORS = frozenset(
    """
    Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
    BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip
    Col2Im Compress Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT
    DeformConv DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand
    EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
    Greater GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax
    Identity InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual LinearAttention
    Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
    MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad
    Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    ReverseSequence RoiAlign RotaryEmbedding Round STFT Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid
    Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum SwiGLU Swish Tan Tanh
    TensorScatter ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor
    """.split()  # noqa: SIM905
)

# To open a graph, or to run it on a batch, beyond a second for each item.
MAX_SECONDS = 60.0
# A graph ends between two of its operators; this long one operator may go on.
_END_SECONDS = 1.0
# What the names of all of onnxruntime's providers end in.
_PROVIDER = "ExecutionProvider"
# Of the machine's memory, for what passes between operators.
_MEMORY_SHARE = 0.5

# Fields of ONNX's messages by their numbers in onnx.proto.
_MODEL_GRAPH, _MODEL_FUNCTIONS, _GRAPH_NODES = 7, 25, 1
_NODE_OPERATOR, _NODE_ATTRIBUTES, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_GRAPHS = (6, 11)


class GraphTimeout(HeadwayError, TimeoutError):  # noqa: N818 - it is a TimeoutError
    """The graph took longer than its deadline, and was ended."""


class Graph:
    """The graph in onnxruntime. Threads may share it.

    Args:
        graph: The bytes of an ONNX file.
        providers: Of onnxruntime, in the order in which they are asked; the CPU when None.

    Raises:
        ConfigError: If a provider is not installed, or cannot run on this machine.
        ValueError: If it has an operator that it may not have.
        GraphTimeout: If it does not open in time. What else onnxruntime raises has no base of its own.
    """

    def __init__(self, graph: bytes, *, providers: Sequence[str] | None = None) -> None:
        import onnxruntime

        names = provider_names(providers)
        check_operators(graph)
        self._session: onnxruntime.InferenceSession = _within(MAX_SECONDS, lambda: _open_session(graph, names))
        # It goes on without a provider that cannot be started, and would say so on the terminal alone.
        if missing := [name for name in names if name not in self._session.get_providers()]:
            what = "A provider of onnxruntime cannot run on this machine."
            fix = "Install its device's driver and libraries, or leave the provider out for the CPU."
            raise ConfigError(what, given=", ".join(missing), fix=fix)
        self._options = onnxruntime.RunOptions
        # What a graph goes on from, where it does: all but its first input.
        self._memories = {memory.name: memory.shape for memory in self._session.get_inputs()[1:]}

    @property
    def is_stuck(self) -> bool:
        """Whether a run goes on although it was ended: an operator of it takes longer than a second."""
        now = time.monotonic()
        return any(run.graph is self and now > run.deadline + _END_SECONDS for run in list(_watchdog.runs.values()))

    def get_inputs(self) -> list[onnxruntime.NodeArg]:
        """The graph's inputs, as onnxruntime describes them."""
        return list(self._session.get_inputs())

    def _empty(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        batch = max(map(len, inputs.values()), default=0)
        missing = {name: shape for name, shape in self._memories.items() if name not in inputs}
        return {name: empty_memory(shape, batch=batch) for name, shape in missing.items()}

    def run(
        self, names: Sequence[str] | None, inputs: Mapping[str, np.ndarray], *, seconds: float | None = None
    ) -> list[np.ndarray]:
        """The outputs of these names, all when None, for one batch.

        Args:
            names: The names of outputs.
            inputs: A batch for each of the graph's inputs; a memory that is left out is empty.
            seconds: How long it may take; a minute and a second for each item when None.

        Raises:
            GraphTimeout: If it takes longer. It ends after the operator that it is in.
        """
        inputs = {**self._empty(inputs), **inputs}
        if seconds is None:
            seconds = MAX_SECONDS + max(map(len, inputs.values()), default=0)
        # Options of its own, as `terminate` ends every run that shares them.
        run = _Run(self, self._options(), seconds)
        try:
            _watchdog.add(run)
            return [*map(np.asarray, self._session.run(names, inputs, run.options))]
        # What onnxruntime raises of a run that was ended has no class of its own.
        except Exception:
            run.raise_if_ended()
            raise
        finally:
            _watchdog.runs.pop(id(run), None)


def provider_names(providers: Sequence[str] | None) -> list[str]:
    """The full names of onnxruntime's providers, written with or without "ExecutionProvider"; the CPU's for None.

    Raises:
        ConfigError: If one of them is not installed.

    Example:
        >>> provider_names(["cpu"])
        ['CPUExecutionProvider']
    """
    import onnxruntime

    known = {name.removesuffix(_PROVIDER).lower(): name for name in onnxruntime.get_available_providers()}
    wanted = [name.strip().lower().removesuffix(_PROVIDER.lower()) for name in providers or ("cpu",)]
    if unknown := [name for name in wanted if name not in known]:
        what = "This installation of onnxruntime does not have the provider."
        fix = f"Choose of {', '.join(known)}, or install the onnxruntime that has it, such as onnxruntime-openvino."
        raise ConfigError(what, given=", ".join(unknown), fix=fix)
    return [known[name] for name in wanted]


def empty_memory(shape: Sequence[int | str | None], *, batch: int) -> np.ndarray:
    """What a graph remembers before it has read anything, by its input's shape: of an axis without a length nothing.

    Example:
        >>> empty_memory(["batch", "past", 2, 4], batch=3).shape
        (3, 0, 2, 4)
    """
    return np.zeros([batch, *(length if isinstance(length, int) else 0 for length in shape[1:])], dtype=np.float32)


class _Run:
    """A run of a graph that goes on."""

    __slots__ = ("deadline", "graph", "is_interrupted", "options", "seconds", "thread")

    def __init__(self, graph: Graph, options: onnxruntime.RunOptions, seconds: float) -> None:
        self.graph = graph
        self.options = options
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.thread = threading.get_ident()
        self.is_interrupted = False

    def raise_if_ended(self) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt
        if self.options.terminate:
            message = f"The graph did not answer within {self.seconds:g} s."
            raise GraphTimeout(message) from None


class _Watchdog:
    """One thread for all graphs of the process, which ends runs at their deadlines.

    A run costs a few entries here and no thread of its own: the thread sleeps until the earliest deadline that it
    knows, and is woken only for one that comes before.
    """

    def __init__(self) -> None:
        self.runs: dict[int, _Run] = {}
        self._condition = threading.Condition()
        self._wakes_at = float("inf")
        self._thread: threading.Thread | None = None

    def add(self, run: _Run) -> None:
        # First the run, then the time: the thread does it the other way round, so that one of both sees the other.
        self.runs[id(run)] = run
        if run.deadline < self._wakes_at:
            self._wake(run.deadline)

    def _wake(self, deadline: float) -> None:
        with self._condition:
            if self._thread is None:
                # A daemon: it waits for ever and must not keep the process alive.
                self._thread = threading.Thread(target=self._watch, name="headway-watchdog", daemon=True)
                self._thread.start()
            self._wakes_at = min(self._wakes_at, deadline)
            self._condition.notify()

    def _watch(self) -> None:
        with self._condition:
            while True:
                self._wakes_at, now = float("inf"), time.monotonic()
                for run in list(self.runs.values()):
                    if run.deadline <= now:
                        run.options.terminate = True
                    else:
                        self._wakes_at = min(self._wakes_at, run.deadline)
                self._condition.wait(None if self._wakes_at == float("inf") else max(self._wakes_at - now, 0))


_watchdog = _Watchdog()


def _after_fork() -> None:
    """A child process has none of its parent's threads, and none of its runs."""
    global _watchdog
    _watchdog = _Watchdog()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def end_runs(thread: int, *, seconds: float = _END_SECONDS) -> bool:
    """Ends the runs that a thread waits for, which get a KeyboardInterrupt; for signals, which Python keeps until then.

    Returns:
        Whether they have ended within `seconds`.
    """
    runs = {number: run for number, run in list(_watchdog.runs.items()) if run.thread == thread}
    for run in runs.values():
        run.is_interrupted = True
        run.options.terminate = True
    latest = time.monotonic() + seconds
    while runs.keys() & _watchdog.runs.keys():
        if time.monotonic() > latest:
            return False
        time.sleep(0.01)
    return True


def check_operators(graph: bytes) -> None:
    """Raises a ValueError unless an ONNX file has allowed operators alone, of ONNX's own domain."""
    for model_field, part in _fields(memoryview(graph)):
        if model_field == _MODEL_FUNCTIONS:
            message = "it has functions of its own"
            raise ValueError(message)
        if model_field == _MODEL_GRAPH:
            for _, node in (field for field in _fields(part) if field[0] == _GRAPH_NODES):
                _check_node(node)


def _check_node(node: memoryview) -> None:
    for number, value in _fields(node):
        if number == _NODE_OPERATOR and (name := bytes(value).decode(errors="replace")) not in OPERATORS:
            message = f"it has the operator {name[:60]!r}, which is not allowed"
            raise ValueError(message)
        if number == _NODE_DOMAIN and bytes(value) not in (b"", b"ai.onnx"):
            message = f"it has an operator of the domain {bytes(value[:60]).decode(errors='replace')!r}"
            raise ValueError(message)
        if number == _NODE_ATTRIBUTES and any(inner in _ATTRIBUTE_GRAPHS for inner, _ in _fields(value)):
            message = "it has a graph inside of an operator"
            raise ValueError(message)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message of protocol buffers, each as often as it is there: its number, and its bytes if any.

    Read here since the library `onnx` is not needed to answer, and is not there on a machine that only serves.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                length, (_, after) = 0, _varint(message, at)
                at = after
            case 1:
                length = 8
            case 2:
                length, at = _varint(message, at)
            case 5:
                length = 4
            case _:
                text = "it is not an ONNX file"
                raise ValueError(text)
        if length > end - at:
            text = "it is cut short"
            raise ValueError(text)
        # Of a longer key onnxruntime's reader takes 32 bits.
        yield (key & 0xFFFFFFFF) >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, and where it ends."""
    value = 0
    # Ten groups hold the 64 bits of the longest number; a longer one is damage or malice.
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        value |= (message[at] & 0x7F) << shift
        at += 1
        if message[at - 1] < 0x80:
            return value, at
    text = "it is cut short"
    raise ValueError(text)


def _within(seconds: float, work: Callable[[], T]) -> T:
    try:
        return _started(work).result(seconds)
    except TimeoutError as error:
        message = f"The graph did not open within {seconds:g} s."
        raise GraphTimeout(message) from error


def _started(work: Callable[[], T]) -> Future[T]:
    """Work in a thread of its own: who waits can be interrupted, and the process can end."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        # Whatever it is, it belongs to the one who waits.
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="headway-graph", daemon=True).start()
    return done


def _open_session(graph: bytes, providers: Sequence[str]) -> onnxruntime.InferenceSession:
    import onnxruntime

    # Before the first session, as sessions take the allocator that there is when they are made.
    _limit_memory()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # By its own choice onnxruntime pins its threads to cores, which fails inside containers.
    options.intra_op_num_threads = num_cores()
    # Threads that spin for long while they wait keep the cores busy after each answer, and beside other work they
    # slow it down by half; threads that never spin cost a millisecond an answer.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    options.add_session_config_entry("session.use_env_allocators", "1")
    # A graph may name files that hold its weights, looked for in the working folder: a stranger's graph gets none.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.path.join(os.devnull, "none")
    )
    # A second try without the provider would print, and hide that it failed.
    return onnxruntime.InferenceSession(graph, options, providers=[*providers], enable_fallback=0)


@cache
def _limit_memory() -> None:
    """Lets all graphs of the process together take a share of the machine's memory, and no more."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native  # pyright: ignore[reportAttributeAccessIssue]

    # What a session's own level does not cover: errors of sizes, which are raised as well.
    onnxruntime.set_default_logger_severity(4)
    where = native.OrtMemoryInfo("Cpu", native.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, native.OrtMemType.DEFAULT)
    arena = native.OrtArenaCfg({"max_mem": int(_MEMORY_SHARE * memory_bytes())})
    onnxruntime.create_and_register_allocator(where, arena)
