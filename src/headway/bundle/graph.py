"""A bundle's graph, a stranger's: which operators it may have, and how long and how much memory a run may take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["OPERATORS", "Graph", "GraphTimeout", "check_operators", "num_cores"]

T = TypeVar("T")

# What torch's exporter writes for the layers and functions of networks. No control flow (If, Loop, Scan), whose end
# nobody can know; nothing random; no text, sequences or maps; no operator of another domain than ONNX's own.
OPERATORS = frozenset(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
    BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Concat Constant ConstantOfShape Conv
    ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand
    EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater
    GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization
    IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool
    MatMul Max MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow
    QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize RotaryEmbedding
    Round ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
    SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze
    Upsample Where Xor
    """.split()  # noqa: SIM905
)

# To open a graph, or to run it on a batch, beyond a second for each item.
MAX_SECONDS = 60.0
# A graph ends between two of its operators; this long one operator may go on.
_END_SECONDS = 1.0
# Of the machine's memory, for what passes between operators.
_MEMORY_SHARE = 0.5

# Fields of ONNX's messages by their numbers in onnx.proto.
_MODEL_GRAPH, _MODEL_FUNCTIONS, _GRAPH_NODES = 7, 25, 1
_NODE_OPERATOR, _NODE_ATTRIBUTES, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_GRAPHS = (6, 11)


class GraphTimeout(TimeoutError):  # noqa: N818 - it is a TimeoutError
    """The graph took longer than its deadline, and was ended."""


class Graph:
    """The graph in onnxruntime, on the CPU. Threads may share it.

    Args:
        graph: The bytes of an ONNX file.

    Raises:
        ValueError: If it has an operator that it may not have.
        GraphTimeout: If it does not open in time. What else onnxruntime raises has no base of its own.
    """

    def __init__(self, graph: bytes) -> None:
        check_operators(graph)
        self._session: onnxruntime.InferenceSession = _within(MAX_SECONDS, lambda: _open_session(graph))
        self._ended: list[Future[list[np.ndarray]]] = []

    @property
    def is_stuck(self) -> bool:
        """Whether a run that was ended goes on all the same."""
        return not all(run.done() for run in self._ended)

    def get_inputs(self) -> list[onnxruntime.NodeArg]:
        """The graph's inputs, as onnxruntime describes them."""
        return list(self._session.get_inputs())

    def run(
        self, names: Sequence[str] | None, inputs: Mapping[str, np.ndarray], *, seconds: float | None = None
    ) -> list[np.ndarray]:
        """The outputs of these names, all when None, for one batch.

        Whoever waits can be interrupted, as by Ctrl-C, which ends the run.

        Raises:
            GraphTimeout: If it takes longer than `seconds`; a minute and a second for each item when left out.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()
        limit = MAX_SECONDS + max(map(len, inputs.values()), default=0) if seconds is None else seconds
        run = _started(lambda: [*map(np.asarray, self._session.run(names, dict(inputs), options))])
        try:
            return run.result(limit)
        except BaseException as error:
            options.terminate = True
            if not run.done():
                self._ended = [*(ended for ended in self._ended if not ended.done()), run]
            if not isinstance(error, TimeoutError):
                raise
        # It is known here whether it ends, so that `is_stuck` is right as soon as the error is out.
        wait([run], _END_SECONDS)
        message = f"The graph did not answer within {limit:g} s."
        raise GraphTimeout(message)


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

    Thread(target=run, name="headway-graph", daemon=True).start()
    return done


def _open_session(graph: bytes) -> onnxruntime.InferenceSession:
    import onnxruntime

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
    # Its second try on the same processor would print, and fail again.
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"], enable_fallback=0)


@cache
def _limit_memory() -> None:
    """Lets all graphs of the process together take a share of the machine's memory, and no more."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native  # pyright: ignore[reportAttributeAccessIssue]

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**34
    where = native.OrtMemoryInfo("Cpu", native.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, native.OrtMemType.DEFAULT)
    arena = native.OrtArenaCfg({"max_mem": int(_MEMORY_SHARE * memory)})
    onnxruntime.create_and_register_allocator(where, arena)


def num_cores() -> int:
    """The processor's cores that this process may use."""
    # On a shared machine or in a container a process may use fewer cores than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
