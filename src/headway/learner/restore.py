"""A learner made once more: from its run's folder, or with the same settings on other data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from headway.data.dataset import Data
from headway.errors import RunError
from headway.runs.run import differences, environment, open_run
from headway.train.objective import ClassWeights
from headway.train.progress import Progress, make_progress
from headway.train.stage import Setup

__all__ = ["made_again", "replay", "resume_run", "settings_of"]

L = TypeVar("L")

# The methods that a run writes down, and that are called again from what it wrote.
CALLS = ("fit", "fine_tune", "freeze", "load_weights")


def made_again(make: Callable[..., L], settings: Mapping[str, Any], data: Data, **own: Any) -> L:
    """A learner with a run's settings, not trained yet.

    Args:
        make: The class.
        settings: What decides the run, as plain values.
        data: The data set.
        own: What is no plain value, by the class's argument; `arch`, where it is a module, and `optimizer`, where it
            is not a name.
    """
    return make(
        data,
        own.pop("arch", None) or settings["arch"],
        optimizer=own.pop("optimizer", None) or settings["optimizer"],
        pretrained=bool(settings["pretrained"]),
        seed=settings["seed"],
        batch_size=settings["batch_size"],
        two_stages=settings["two_stages"],
        main_metric=settings["main_metric"],
        class_weights=settings["class_weights"],
        augment=settings["augment"],
        device=settings["device"],
        precision=settings["precision"],
        **own,
    )


def settings_of(
    setup: Setup,
    *,
    arch: str,
    pretrained: str,
    two_stages: bool | None,
    main_metric: str | None,
    class_weights: ClassWeights | None,
) -> dict[str, Any]:
    """What decides a learner's run, as the plain values that `made_again` takes.

    Args:
        setup: The learner's.
        arch: The architecture's name.
        pretrained: Where its weights are from; "" where they are random.
        two_stages: As the user passed it.
        main_metric: Likewise.
        class_weights: Likewise.
    """
    return {
        "arch": arch,
        "pretrained": pretrained,
        "two_stages": two_stages,
        "main_metric": main_metric,
        "class_weights": class_weights,
        "seed": setup.seed,
        "optimizer": setup.optimizer if isinstance(setup.optimizer, str) else None,
        "batch_size": "auto" if setup.split_batches else setup.batch_size,
        "device": str(setup.precision.device),
        "precision": str(setup.precision.dtype).removeprefix("torch."),
        "augment": setup.training_view.to_json(),
    }


def replay(learner: L, calls: Iterable[Mapping[str, Any]]) -> L:
    """The learner, trained by the same calls: each a method's name as "call", and its arguments.

    Raises:
        RunError: If a call is none that trains: a run's folder may come from anyone, and it must not name what is run.
    """
    for call in calls:
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

    found = data or folder.data(accept_changes=accept_changes, on_progress=count)
    learner = made_again(make, settings, found, run=folder, progress=shown, **own)
    changed = [each for each in differences(folder.config, environment()) if not each.startswith("git: ")]
    if changed and shown:
        shown.tell(f"Since the run began, this has changed, and the last bits may with it: {'; '.join(changed)}")
    return replay(learner, folder.config.get("training", []))
