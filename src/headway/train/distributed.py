"""Several processes that train one model: who reads what, and what they tell one another.

Every process has the whole model, and a share of each batch. Outputs and targets are gathered, so the loss is that of
the whole batch, whatever it is a mean of; each process passes back the gradient of its own outputs, and the sum over
processes is the gradient of the batch. One process is the case in which there is nothing to tell.

On a machine's processors they tell it through memory that they share, where they can, and by gloo elsewhere.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn

from headway.errors import ConfigError, HeadwayError, RunError, in_a_line
from headway.runs.checkpoint import Checkpoints, Saved
from headway.system.machine import num_cores
from headway.train.shared_memory import SharedMemory

__all__ = [
    "ALONE",
    "OTHERS_ENDED",
    "Processes",
    "check_shard",
    "check_share",
    "current",
    "join",
    "sharding",
    "threads_of",
]

# The exit status of a process that ends because another one has. Those who start processes know by it who is at fault.
OTHERS_ENDED = 75

# How often a process looks for the one that started it, and how long it has to save and end once that one is gone.
SECONDS_BETWEEN_LOOKS, SECONDS_TO_SAVE = 1.0, 30.0

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., torch.Tensor])


@dataclass(frozen=True)
class Processes:
    """The processes that train together, as one of them sees it.

    Attributes:
        rank: Which of them this is, from 0.
        world: How many there are.
        local_rank: Which of those on this machine this is.
        local_world: How many of them are on this machine, and share its cores.
        shard: Whether they divide parameters, gradients and the optimizer's state; see `headway.train.shard`.
        launch: The name of torchrun's launch, the same when it starts them again; None where it has none.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    shard: bool = False
    launch: str | None = None

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the run's folder and speaks to the user."""
        return self.rank == 0

    @property
    def share(self) -> tuple[int, int]:
        """Which share of how many is this process's."""
        return self.rank, self.world

    def counts(self, *counts: int) -> list[list[int]]:
        """For each of these numbers, what every process says, by rank."""
        if self.world == 1:
            return [[count] for count in counts]
        return _gathered(torch.tensor(counts)).T.tolist()

    def whole(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Every process's tensors, `[items, ...]` each, one after the other by rank; gradients go to one's own items.

        Every process computes the same from them, so nobody adds up what others pass back.
        """
        if self.world == 1:
            return tensors
        counts = self.counts(*map(len, tensors))
        return tuple(_Whole.apply(tensor, count, self) for tensor, count in zip(tensors, counts, strict=True))  # pyright: ignore[reportReturnType]

    def added(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over processes, always in their order, so that it has the same bits at every process and time."""
        return tensor if self.world == 1 else _gathered(tensor).sum(dim=0)

    def gathered(self, tensor: torch.Tensor) -> torch.Tensor:
        """Every process's tensor, `[processes, ...]`; all have one shape."""
        return tensor[None] if self.world == 1 else _gathered(tensor)

    def any(self, is_so: bool) -> bool:
        """Whether any process says so."""
        return any(self.counts(int(is_so))[0])

    def every(self, values: list[T]) -> list[T]:
        """The values of all processes, the first ones first: what a sequence dealt out to them gave, in its order."""
        if self.world == 1:
            return values
        dealt: list[Any] = [None] * self.world
        with _together():
            dist.all_gather_object(dealt, values)
        missing = object()
        return [value for value in chain(*zip_longest(*dealt, fillvalue=missing)) if value is not missing]

    def by_writer(self, make: Callable[[], T]) -> T:
        """What the writer makes, at every process; an error of ours is raised at all of them."""
        if self.world == 1:
            return make()
        answer: list[Any] = [None]
        if self.is_writer:
            try:
                answer = [make()]
            except HeadwayError as error:
                answer = [error]
        with _together():
            dist.broadcast_object_list(answer, src=0)
        if isinstance(answer[0], HeadwayError):
            raise answer[0]
        return answer[0]

    def first_here(self, make: Callable[[], T]) -> T:
        """What each process makes, the first one on each machine before the others, who find its files in the cache."""
        if self.local_rank:
            self.barrier()
            return make()
        try:
            return make()
        finally:
            self.barrier()

    def leave(self) -> bool:
        """Ends the work together: every process has the model. Whether this one writes what follows."""
        if self.world > 1:
            self.barrier()
            dist.destroy_process_group()
            _MEMORY.clear()
            torch.set_num_threads(num_cores())
        return self.is_writer

    def barrier(self) -> None:
        """Waits until every process is here."""
        self.counts(0)

    def parallel(self, forward: F, find_unused: Callable[[], Collection[nn.Parameter]]) -> F:
        """A model whose backward pass adds up the gradients of all processes.

        `find_unused` says which parameters no output depends on: these have no gradients to wait for.
        """
        if self.world == 1 or self.shard:
            return forward
        assert isinstance(forward, nn.Module)
        unused = set(map(id, find_unused()))
        ignored = [name for name, parameter in forward.named_parameters() if id(parameter) in unused]
        # Statistics of batches are the same everywhere already: they are those of the whole batch.
        ignored += [name for name, _ in forward.named_buffers()]
        parallel = nn.parallel.DistributedDataParallel
        parallel._set_params_and_buffers_to_ignore_for_model(forward, ignored)  # noqa: SLF001
        # What shares memory adds up in the gradients' own, without a copy.
        wrapped = parallel(forward, gradient_as_bucket_view=_memory() is not None)
        # The loss is a mean over the whole batch, so that gradients are summed, where torch takes their mean.
        wrapped.register_comm_hook(None, lambda _, bucket: _sum(bucket))
        return cast("F", wrapped)

    def adding_up(self, forward: Callable[..., Any], *, is_last: bool) -> AbstractContextManager[None]:
        """A context for one of several passes whose gradients add up: only the last one is told to others."""
        if self.shard:
            cast("Any", forward).set_requires_gradient_sync(is_last)
        if is_last or not isinstance(forward, nn.parallel.DistributedDataParallel):
            return nullcontext()
        return forward.no_sync()

    def checkpoints(self, checkpoints: Checkpoints) -> Checkpoints:
        """The same for all processes: the writer reads and writes them."""
        return checkpoints if self.world == 1 else _SharedCheckpoints(self, checkpoints)


ALONE = Processes()

_SHARD = ContextVar("shard", default=False)


def current() -> Processes:
    """Those of torch's default process group; one process where there is none."""
    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    # Who starts a group by hand may not say how many are on a machine.
    rank, world = dist.get_rank(), dist.get_world_size()
    local_rank, local_world = (
        int(os.environ.get(f"LOCAL_{name}", number)) for name, number in (("RANK", rank), ("WORLD_SIZE", world))
    )
    launch = os.environ.get("TORCHELASTIC_RUN_ID")
    # What all launches are called that nobody has named.
    return Processes(rank, world, local_rank, local_world, _SHARD.get(), None if launch == "none" else launch)


@contextmanager
def join(*, shard: bool = False) -> Iterator[Processes]:
    """A context in which this process trains with the others that torchrun started; alone where it started none.

    With `shard` they divide what they train among them.

    Where another process of this machine has ended, this one ends with the status `OTHERS_ENDED`, and says nothing.
    Where the one that started it has ended, which would have told it to stop, it stops as by SIGTERM.

    Raises:
        ConfigError: If there is nobody to divide it with.
        RunError: If processes of other machines cannot be reached.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched():
        if shard:
            check_shard(1)
        yield ALONE
        return
    local_rank, local_world = (int(os.environ[name]) for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    threading.Thread(target=_stop_without, args=(os.getppid(),), name="headway-parent", daemon=True).start()
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
        backend = "cpu:gloo,cuda:nccl"
    torch.set_num_threads(threads_of(local_world))
    try:
        with sharding(is_on=shard), _together(), warnings.catch_warnings():
            # Of kernels of one pixel, whose strides have two names.
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
            dist.init_process_group(backend)
            yield current()
    except _OthersEndedError:
        # Where all are on this machine, the one at fault says why, or who started it does.
        if int(os.environ["WORLD_SIZE"]) == local_world:
            sys.exit(OTHERS_ENDED)
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _stop_without(parent: int) -> None:
    """Tells this process to stop once its parent has ended; what was killed with SIGKILL tells its children nothing."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    while True:
        # The second time it does not wait for the end of a step.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_SAVE)


@contextmanager
def sharding(*, is_on: bool = True) -> Iterator[None]:
    """A context in which the processes of a group divide what they train."""
    before = _SHARD.set(is_on)
    try:
        yield
    finally:
        _SHARD.reset(before)


def check_shard(world: int) -> None:
    """Raises a ConfigError if there are too few processes to divide a model among them."""
    if world < 2:
        fix = "Pass --processes 2 or more, or leave --shard out."
        raise ConfigError("`--shard` divides a model among several processes.", given=f"{world} process", fix=fix)


def threads_of(local_world: int) -> int:
    """With how many threads a process computes that shares this machine with so many, itself counted."""
    return max(1, num_cores() // local_world)


def check_share(world: int, *, items: int, batches: int, batch_size: int) -> None:
    """Raises a ConfigError if a batch has no item for some of so many processes."""
    # Batches are equal up to one item.
    if items // batches < world:
        given = f"{world} processes, batch_size={batch_size}, {items} training items"
        fix = f"Use {items // batches} processes or fewer (--processes), or a larger batch (--batch-size)."
        raise ConfigError("Every process needs an item of each batch.", given=given, fix=fix)


class _Whole(torch.autograd.Function):
    """Every process's rows; the gradient of one's own."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, counts: Sequence[int], processes: Processes) -> torch.Tensor:
        ctx.own = slice(sum(counts[: processes.rank]), sum(counts[: processes.rank + 1]))
        # Shares differ by an item, and collectives want one shape.
        padded = tensor.new_zeros(max(counts), *tensor.shape[1:])
        padded[: len(tensor)] = tensor
        parts = processes.gathered(padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradients[0][ctx.own], None, None


class _SharedCheckpoints(Checkpoints):
    def __init__(self, processes: Processes, own: Checkpoints) -> None:
        # All know of it, since all must come to a save; one writes.
        super().__init__(processes.by_writer(lambda: own.folder))
        self._processes, self._own = processes, own

    def load(self, name: str) -> Saved | None:
        return self._processes.by_writer(lambda: self._own.load(name))

    def save(self, name: str, saved: Saved) -> None:
        if self._processes.is_writer:
            self._own.save(name, saved)

    def has(self, name: str) -> bool:
        return self._processes.by_writer(lambda: self._own.has(name))

    def forget(self, name: str) -> None:
        if self._processes.is_writer:
            self._own.forget(name)


# By group, for as long as there is one; a process has one group at a time.
_MEMORY: dict[Any, SharedMemory | None] = {}


def _memory() -> SharedMemory | None:
    """What the processes of the group share; all of them must ask. None where that is not one machine's memory."""
    group = dist.group.WORLD
    if group not in _MEMORY:
        _MEMORY.clear()
        # Those that compute on GPUs tell little by the CPU.
        _MEMORY[group] = SharedMemory.of_group() if dist.get_backend() == "gloo" else None
    return _MEMORY[group]


def _all(tensor: torch.Tensor) -> torch.Tensor:
    """Every process's tensor, `[processes, ...]`."""
    with _together():
        memory = _memory()
        if memory is not None and tensor.device.type == "cpu":
            return memory.gathered(tensor)
        gathered = tensor.new_empty(dist.get_world_size(), *tensor.shape)
        dist.all_gather(list(gathered.unbind()), tensor.contiguous())
        return gathered


def _gathered(tensor: torch.Tensor) -> torch.Tensor:
    """The same, of which a compiler's graph has no part."""
    return _outside_of_graphs()(tensor)


@cache
def _outside_of_graphs() -> Callable[[torch.Tensor], torch.Tensor]:
    # A compiler would look into how a process waits. To say so imports it, which takes a second that one process saves.
    return cast("Callable[[torch.Tensor], torch.Tensor]", torch.compiler.disable(_all))


def _sum(bucket: Any) -> torch.futures.Future[torch.Tensor]:
    memory, buffer = _memory(), bucket.buffer()
    if memory is not None and buffer.device.type == "cpu":
        memory.add_up(buffer)
        done = torch.futures.Future()
        done.set_result(buffer)
        return done
    work = dist.all_reduce(buffer, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])


class _OthersEndedError(RunError):
    """Another process of the run has ended, so that this one cannot go on."""


@contextmanager
def _together() -> Iterator[None]:
    """A context in which the end of another process is told in words."""
    try:
        yield
    except RuntimeError as error:
        # Torch has a type of error for it, but not gloo, and not in a backward pass.
        if isinstance(error, HeadwayError) or not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        what = "Another process of this run has ended, or cannot be reached."
        fix = "Look at what the others say. What was saved stays: headway resume RUN."
        raise _OthersEndedError(what, given=in_a_line(error), fix=fix) from error
