"""A call that trains, in a run: done once, and from then on read from its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

from headway.runs.checkpoint import DONE, STAGE, Checkpoints, Saved, load_model, model_tensors
from headway.runs.run import Run
from headway.train.history import Epoch, History
from headway.train.stage import Setup

__all__ = ["Call", "recorded"]

NAMES_SHOWN = 5


@dataclass
class Call:
    """A call that trains, as it is made in a run."""

    # With the checkpoints of this call.
    setup: Setup
    # Whether the run has finished it before: then there is nothing to train, and what the call made of model and
    # history is read when its context ends.
    is_done: bool = False


@contextmanager
def recorded(
    run: Run | None, number: int, call: Mapping[str, Any], *, setup: Setup, history: History
) -> Iterator[Call]:
    """A context for a call that trains; after it model and history are as the call left them.

    `number` is how many calls came before. `call` has the method's name as "call", and its arguments as plain JSON
    values, with which a run that goes on calls it again.

    Raises:
        RunError: If another process is at work on the run.
        Stopped: If Ctrl-C or SIGTERM came.
    """
    lost_before = len(setup.data.lost)
    with run.held() if run else nullcontext():
        if run and number and not run.checkpoints(number - 1).has(DONE):
            # The call before was broken off, and whoever called it goes on from there.
            _finish(run.checkpoints(number - 1), setup, history)
        checkpoints = run.note_call(number, call) if run else Checkpoints(None)
        setup = replace(setup, checkpoints=checkpoints)
        done = checkpoints.load(DONE)
        if done is None:
            yield Call(setup)
            _note_lost(setup, history, lost_before)
            _finish(checkpoints, setup, history)
            return
        setup.data.lost.update(done.values["lost"])
        # Before the model is what the call made of it: a piece that is missing is computed as it was then.
        yield Call(setup, is_done=True)
        load_model(setup.model, done)
        setup.model.eval()
        for values in done.values["entries"][len(history) :]:
            setup.record(history, Epoch(**values))
        history.notes[:] = done.values["notes"]


def _finish(checkpoints: Checkpoints, setup: Setup, history: History) -> None:
    values = {
        "entries": [asdict(entry) for entry in history],
        "notes": history.notes,
        "lost": list(setup.data.lost.items()),
    }
    checkpoints.save(DONE, Saved(model_tensors(setup.model), values))
    checkpoints.forget(STAGE)


def _note_lost(setup: Setup, history: History, before: int) -> None:
    """Notes which items could not be read any more in a call before which `before` were lost."""
    data, lost = setup.data, list(setup.data.lost.items())[before:]
    if lost:
        names = dict(zip(data.items["row"].to_list(), data.input.names(data.items), strict=True))
        shown = ", ".join(f"{names[row]} ({reason})" for row, reason in lost[:NAMES_SHOWN])
        more = f" and {len(lost) - NAMES_SHOWN} more" if len(lost) > NAMES_SHOWN else ""
        history.notes.append(f"{len(lost)} of {len(data.items)} items could not be read any more: {shown}{more}.")
