"""A stage's forward and backward passes as compiled code, where a timed trial says that it pays within the stage.

The compiled function stands beside the model. Weights and their names, evaluation, checkpoints and export are those of
the plain module.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import torch

from headway.data.loader import Batch, Loader
from headway.errors import ConfigError
from headway.runs.checkpoint import Checkpoints, Saved
from headway.train.callbacks import TrainState
from headway.train.loop import gradients
from headway.train.optimizers import clear_gradients
from headway.train.options import Options

__all__ = ["Decision", "Trial", "compiled"]

# The name of the piece that holds what was decided: a run that goes on computes as it began.
PIECE = "compiled"

BACKEND = "inductor"
STEPS = 5

# Stages whose passes take less in all have no trial: compiling would take most of what it could save.
LEAST_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was measured, in seconds.

    Attributes:
        plain: A step's forward and backward passes as they are.
        compiled: The same, compiled.
        cost: What compiling took, for all shapes of batches that the stage has.
    """

    plain: float
    compiled: float
    cost: float

    def gain(self, steps: int) -> float:
        """Seconds that compiled passes save over so many steps, what compiling took aside.

        Example:
            >>> Trial(plain=0.5, compiled=0.25, cost=20.0).gain(100)
            25.0
        """
        return steps * (self.plain - self.compiled)

    def pays(self, steps: int) -> bool:
        """Whether they save more than compiling took.

        Example:
            >>> trial = Trial(plain=0.5, compiled=0.25, cost=20.0)
            >>> trial.pays(100), trial.pays(80)
            (True, False)
        """
        return self.gain(steps) > self.cost


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a stage does, and why.

    Attributes:
        is_compiled: Whether its passes are compiled.
        note: A sentence for the history.
        seconds: What it took to find out.
    """

    is_compiled: bool
    note: str
    seconds: float = 0.0


def compiled(options: Options, state: TrainState, loader: Loader, checkpoints: Checkpoints) -> Decision:
    """Has the passes of a stage compiled, if they are to be; weights, statistics and generators stay as they are.

    Args:
        options: Of the stage; its `compile` is "auto" for a timed trial, or "on" to do without one.
        state: Before its first step, the model in training mode; its `forward` becomes the compiled function.
        loader: The stage's batches.
        checkpoints: Where the decision is kept, or found when the run goes on.

    Returns:
        The decision. With "auto" a model that cannot be compiled is trained as it is.

    Raises:
        ConfigError: If it is "on", and the model cannot be compiled here.

    Source:
        Ansel et al. 2024, "PyTorch 2: Faster machine learning through dynamic Python bytecode transformation and graph
        compilation" (ASPLOS).
    """
    saved = checkpoints.load(PIECE)
    known = None if saved is None else Decision(**saved.values)
    if known is not None and not known.is_compiled:
        return known
    plain, start = state.forward, time.perf_counter()
    batch = next(iter(loader.epoch(state.epoch))).to(state.precision.device)
    # Each shape is compiled on its own, as code for all of them is slower; batches have equal sizes up to one item.
    shapes = (1 + (len(loader.part) % len(loader) > 0)) * max(len(set(options.sizes)), 1)
    try:
        with _untouched(state):
            if known is None and options.compile == "auto":
                found = _tried(state, batch, shapes)
            else:
                found = known or Decision(is_compiled=True, note="The forward and backward passes were compiled.")
                _compile(state, batch)
            if not found.is_compiled:
                state.forward = plain
    # Compilers fail in their own ways, and so do a user's modules under them; the plain passes are still there.
    except Exception as error:
        state.forward = plain
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if options.compile == "on":
            fix = 'Leave it out, or pass "auto" (--compile auto), which goes on without where it cannot be done.'
            raise ConfigError("The model cannot be compiled here.", given=reason, fix=fix) from error
        found = Decision(is_compiled=False, note=f"Not compiled: it failed ({reason}).")
    if known is None:
        found = replace(found, seconds=time.perf_counter() - start)
        checkpoints.save(PIECE, Saved(values=asdict(found)))
    return found


def _tried(state: TrainState, batch: Batch, shapes: int) -> Decision:
    steps, plain = state.total_steps, _seconds(state, batch)
    if steps * plain < LEAST_SECONDS:
        told = f"the forward and backward passes of all {steps} steps take about {steps * plain:.2g} s"
        return Decision(is_compiled=False, note=f"Not compiled, nor tried: {told}, and compiling is seldom quicker.")
    start = time.perf_counter()
    _compile(state, batch)
    cost = (time.perf_counter() - start) * shapes
    trial = Trial(plain=plain, compiled=_seconds(state, batch), cost=cost)
    told = f"a step's passes take {1000 * trial.compiled:.3g} ms instead of {1000 * plain:.3g} ms"
    told += f", over {steps} steps a gain of {trial.gain(steps):.3g} s for {cost:.3g} s of compiling"
    is_worth_it = trial.pays(steps)
    return Decision(is_compiled=is_worth_it, note=f"{'Compiled' if is_worth_it else 'Not compiled'}: {told}.")


def _compile(state: TrainState, batch: Batch) -> None:
    state.forward = torch.compile(state.model, dynamic=False, backend=BACKEND)
    # What is compiled is compiled when it is first called.
    _pass(state, batch)


def _seconds(state: TrainState, batch: Batch) -> float:
    """The median of a few steps, after one to warm up."""
    _pass(state, batch)
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        _pass(state, batch)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _pass(state: TrainState, batch: Batch) -> None:
    """The part of a step that may be compiled."""
    gradients(state, batch)
    clear_gradients(state.optimizer)
    state.precision.wait()


@contextmanager
def _untouched(state: TrainState) -> Iterator[None]:
    """A context after which what passes change is as it was before: statistics of batches, gradients, generators."""
    buffers = [(buffer, buffer.clone()) for buffer in state.model.buffers()]
    try:
        with state.precision.own_randomness():
            yield
    finally:
        clear_gradients(state.optimizer)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
