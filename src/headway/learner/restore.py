"""A learner made once more: from its run's folder, or with the same settings on other data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from headway.data.dataset import Data
from headway.errors import RunError
from headway.runs.run import differences, environment, open_run
from headway.train.progress import Progress, make_progress

__all__ = ["made_again", "replay", "resume_run"]

L = TypeVar("L")

# The methods that a run writes down, and that are called again from what it wrote.
CALLS = ("fit", "fine_tune", "freeze", "load_weights")

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
    data: Data | None,
    own: Mapping[str, Any],
    accept_changes: bool,
    progress: bool | Progress,
) -> L:
    """A run's learner again; see `Learner.resume`."""
    folder = open_run(run)
    settings = folder.check(data=data, own=own)
    shown = progress if isinstance(progress, Progress) else make_progress() if progress else False

    def count(done: int, total: int) -> None:
        if shown:
            shown.count("reading", done, total)

    data = data or folder.data(accept_changes=accept_changes, on_progress=count)
    learner = made_again(make, settings, data, run=folder, progress=shown, **own)
    changed = [change for change in differences(folder.config, environment()) if not change.startswith("git: ")]
    if changed and shown:
        shown.tell(f"Since the run began, this has changed, and the last bits may with it: {'; '.join(changed)}")
    return replay(learner, folder.config.get("training", []))
