"""A call that trains, in a run: done once, and from then on read from its checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from headway.runs.checkpoint import Checkpoints, Saved, load_model, model_tensors
from headway.runs.run import Run
from headway.train.history import Epoch, History
from headway.train.stage import STAGE, Setup

__all__ = ["perform"]

DONE = "done"
NAMES_SHOWN = 5

T = TypeVar("T")


def perform(
    run: Run | None,
    number: int,
    name: str,
    settings: Mapping[str, Any],
    *,
    setup: Setup,
    history: History,
    work: Callable[[Setup], T],
    recall: Callable[[Setup], T],
) -> T:
    """Does the work of a call, or what is left of it; the model and the history are as after it.

    Args:
        run: Where checkpoints are kept; None for nowhere.
        number: How many calls came before.
        name: The method's name, with which a run that goes on calls it again.
        settings: Its arguments, plain JSON values.
        setup: Model, data and what stays the same.
        history: Gets the entries and notes.
        work: The call itself; it is given the setup with its checkpoints.
        recall: What `work` gave, from those checkpoints, when the call was finished before.

    Returns:
        What `work` gives.

    Raises:
        RunError: If another process is at work on the run.
        Stopped: If Ctrl-C or SIGTERM came.
    """
    lost_before = len(setup.data.lost)
    if run is None:
        result = work(setup)
        _note_lost(setup, history, lost_before)
        return result
    with run.held():
        if number and not run.checkpoints(number - 1).has(DONE):
            # It was broken off, and whoever called it goes on from there.
            _finish(run.checkpoints(number - 1), setup, history)
        keep = run.note_call(number, name, settings)
        setup = replace(setup, checkpoints=keep)
        done = keep.load(DONE)
        if done is None:
            result = work(setup)
            _note_lost(setup, history, lost_before)
            _finish(keep, setup, history)
            return result
        setup.data.lost.update(done.values["lost"])
        # Before the model is what the call made of it: a piece that is missing is computed as it was then.
        result = recall(setup)
        load_model(setup.model, done)
        setup.model.eval()
        for values in done.values["entries"][len(history) :]:
            setup.record(history, Epoch(**values))
        history.notes[:] = done.values["notes"]
        return result


def _finish(keep: Checkpoints, setup: Setup, history: History) -> None:
    values = {
        "entries": [asdict(entry) for entry in history],
        "notes": history.notes,
        "lost": list(setup.data.lost.items()),
    }
    keep.save(DONE, Saved(model_tensors(setup.model), values))
    keep.forget(STAGE)


def _note_lost(setup: Setup, history: History, before: int) -> None:
    """Says which items could not be read any more in a call before which so many were lost."""
    data, lost = setup.data, list(setup.data.lost.items())[before:]
    if lost:
        names = dict(zip(data.items["row"].to_list(), data.input.names(data.items), strict=True))
        shown = ", ".join(f"{names[row]} ({reason})" for row, reason in lost[:NAMES_SHOWN])
        more = f" and {len(lost) - NAMES_SHOWN} more" if len(lost) > NAMES_SHOWN else ""
        history.notes.append(f"{len(lost)} of {len(data.items)} items could not be read any more: {shown}{more}.")
