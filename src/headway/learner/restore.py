"""A learner made once more: from its run's folder, or with the same settings on other data.

A call that trains is done once, and from then on read from its checkpoints; to go on is to make the same calls again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from headway.data.dataset import Data
from headway.errors import RunError
from headway.runs.checkpoint import DONE, STAGE, Checkpoints, Saved, load_model, model_tensors
from headway.runs.run import Run, differences, environment, open_run
from headway.train.distributed import current
from headway.train.history import Epoch, History
from headway.train.progress import Progress, make_progress
from headway.train.stage import Setup

__all__ = ["Call", "made_again", "recorded", "replay", "resume_run"]

NAMES_SHOWN = 5

L = TypeVar("L")

# The methods that a run writes down, and that are called again from what it wrote.
CALLS = ("adapt", "fit", "fine_tune", "freeze", "load_weights")

# The learner's arguments that a run's settings hold.
SETTINGS = (
    "arch",
    "pretrained",
    "two_stages",
    "main_metric",
    "class_weights",
    "seed",
    "optimizer",
    "batch_size",
    "device",
    "precision",
    "augment",
)


def made_again(make: Callable[..., L], settings: Mapping[str, Any], data: Data, **own: Any) -> L:
    """A learner with a run's settings, not trained yet; `own` are arguments that are no plain values."""
    # By name, as a run's folder may hold more, and may come from anyone.
    arguments = {name: settings[name] for name in SETTINGS}
    # Where the weights came from is known by the architecture's name; a module of one's own replaces that name.
    arguments["pretrained"] = bool(settings["pretrained"])
    return make(data, **arguments | {name: value for name, value in own.items() if value is not None})


def replay(learner: L, calls: Iterable[Mapping[str, Any]]) -> L:
    """The learner, trained by the same calls: each a method's name as "call", and its arguments."""
    for call in calls:
        # A run's folder may come from anyone, and it must not name what is run.
        if call.get("call") not in CALLS:
            what = "The run's config.json names a call that does not train, so nothing of it was run."
            fix = "Use a run's folder only as Headway wrote it."
            raise RunError(what, given=f"call={call.get('call')!r}", fix=fix)
        getattr(learner, call["call"])(**{name: value for name, value in call.items() if name != "call"})
    return learner


def resume_run(
    make: Callable[..., L],
    run: str | os.PathLike[str],
    *,
    data: Data | str | os.PathLike[str] | None,
    own: Mapping[str, Any],
    accept_changes: bool,
    progress: bool | Progress,
) -> L:
    """A run's learner again; see `Learner.resume`."""
    folder = open_run(run)
    same, moved_to = (data, None) if isinstance(data, Data) else (None, data)
    settings = folder.check(data=same, own=own)
    # Made here, since files are read before there is a learner.
    shown = progress if isinstance(progress, Progress) else make_progress() if progress else False

    def count(done: int, total: int) -> None:
        if shown:
            shown.count("reading", done, total)

    same = same or current().first_here(
        lambda: folder.data(folder=moved_to, accept_changes=accept_changes, on_progress=count)
    )
    learner = made_again(make, settings, same, run=folder if current().is_writer else None, progress=shown, **own)
    # Git's state differs after any commit, of whatever file.
    changed = [change for change in differences(folder.config, environment()) if not change.startswith("git: ")]
    if changed and shown:
        shown.tell(f"Since the run began, this has changed, and the last bits may with it: {'; '.join(changed)}")
    return replay(learner, folder.config.get("training", []))


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
        RunError: If another process is using the run.
        Stopped: If Ctrl-C or SIGTERM came.
    """
    lost_before = len(setup.data.lost)
    with run.held() if run else nullcontext():
        if run and number and not run.checkpoints(number - 1).has(DONE):
            # The call before was broken off, and whoever called it goes on from there.
            _finish(run.checkpoints(number - 1), setup, history)
        checkpoints = run.note_call(number, call) if run else Checkpoints(None)
        # Of several processes one has the run's folder, and tells the others what is in it.
        processes = current()
        checkpoints = processes.checkpoints(checkpoints)
        setup = replace(setup, checkpoints=checkpoints, processes=processes)
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
        # Those of the calls before are there already.
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
    # Only now: killed between the two, the call is done and the stage's checkpoint is not looked at.
    checkpoints.forget(STAGE)


def _note_lost(setup: Setup, history: History, before: int) -> None:
    """Notes which items could not be read any more in a call before which `before` were lost."""
    data, lost = setup.data, list(setup.data.lost.items())[before:]
    if lost:
        names = dict(zip(data.items["row"].to_list(), data.input.names(data.items), strict=True))
        shown = ", ".join(f"{names[row]} ({reason})" for row, reason in lost[:NAMES_SHOWN])
        more = f" and {len(lost) - NAMES_SHOWN} more" if len(lost) > NAMES_SHOWN else ""
        history.notes.append(f"{len(lost)} of {len(data.items)} items could not be read any more: {shown}{more}.")
