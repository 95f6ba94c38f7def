"""Simple models that a trained one must beat, and how long they take. Classic statistics, no network is trained.

A baseline is one function: training rows and parts to answer in, answers for each part out. Those of each kind of
target are in a file of their own (`simple_classes`, `simple_numbers` ...) and are listed in `BASELINES`; a baseline
of your own goes through `extra=`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np

from headway.errors import ConfigError, DataError, HeadwayError, ShapeError, did_you_mean
from headway.inputs.ratings import baselines as ratings
from headway.inputs.table import baselines as tables
from headway.judge.baselines.base import Baseline, BaselineFunction, Need, Rows, drawn_rows
from headway.judge.tasks import task_metrics
from headway.targets.categories import baselines as simple_labels
from headway.targets.category import baselines as simple_classes
from headway.targets.mask import metrics as segmentation
from headway.targets.number import baselines as simple_numbers
from headway.targets.points import metrics as points

__all__ = [
    "BASELINES",
    "BaselineFunction",
    "BaselineResult",
    "Rows",
    "check_names",
    "guesses",
    "run_baselines",
]

BASELINES: dict[str, dict[str, Baseline]] = {
    "classification": simple_classes.BASELINES | tables.CLASSES,
    "multilabel": simple_labels.BASELINES,
    "points": points.BASELINES,
    "regression": simple_numbers.BASELINES | tables.NUMBERS | ratings.BASELINES,
    "segmentation": segmentation.BASELINES,
}
"""Those of each task, by name, in the order in which they run."""


@dataclass(frozen=True)
class BaselineResult:
    """What a baseline answers.

    Attributes:
        name: The baseline's name.
        answers: For each part, float `[items, outputs]`: probabilities of the classes, or numbers in their unit.
        seconds: Learning and answering together.
        size: How many numbers it keeps to answer with; None where that is not known.
        needs: What it looks at. On features neither `seconds` nor `size` count the network that they come from.
    """

    name: str
    answers: dict[str, np.ndarray]
    seconds: float
    size: int | None = None
    needs: Need | None = None

    def in_float32(self) -> BaselineResult:
        """The same with answers of half the size."""
        smaller = {
            part: each.astype(np.float32) if each.dtype.kind == "f" else each for part, each in self.answers.items()
        }
        return replace(self, answers=smaller)


def run_baselines(
    train: Rows,
    parts: Mapping[str, Rows],
    *,
    num_outputs: int,
    seed: int = 0,
    task: str = "classification",
    names: Sequence[str] | None = None,
    extra: Mapping[str, BaselineFunction] | None = None,
) -> list[BaselineResult]:
    """Run each baseline that the rows have the means for.

    Args:
        train: Rows to learn from. Of more than 10,000, most baselines draw as many at random.
        parts: Rows to answer, by name, such as "valid" and "test".
        num_outputs: How many numbers the answer for one item is; of classes, which targets lie below, one each.
        seed: The run's seed.
        task: Whose baselines to run; see `BASELINES`.
        names: Which of them. Left out: all.
        extra: Baselines of your own, by name; they come last.

    Returns:
        One result a baseline, in the order of the registry. One that needs pixels, features or a table which some rows
        lack is left out.

    Raises:
        ConfigError: If the task or a name is not known, or a name is taken.
        DataError: If there are no rows to learn from or to answer, or targets are no class.
        ShapeError: If the parts' pixels, features or table have another shape than those of `train`, or a baseline of
            your own gives answers of the wrong shape.

    Example:
        >>> rows = Rows(targets=np.array([0, 1, 1]))
        >>> [result] = run_baselines(rows, {"valid": rows}, num_outputs=2, names=["majority class"])
        >>> result.answers["valid"][0].round(2).tolist()
        [0.33, 0.67]
    """
    chosen = _choose(task, names, extra or {})
    parts = dict(parts)
    _check(train, parts, num_outputs)
    if any(each.needs for each in chosen.values()):
        import_module("sklearn.linear_model")  # now, so that no baseline's seconds hold scikit-learn's import
    results = []
    for name, baseline in chosen.items():
        if baseline.needs and any(getattr(each, baseline.needs) is None for each in (train, *parts.values())):
            continue
        places = drawn_rows(len(train.targets), seed=seed, most=baseline.max_rows)
        rows = train if len(places) == len(train.targets) else train.take(places)
        start = time.perf_counter()
        answers = baseline.run(rows, parts, num_outputs=num_outputs, seed=seed)
        seconds = time.perf_counter() - start
        _check_answers(name, answers, parts, num_outputs, task)
        size = baseline.size(rows, num_outputs) if baseline.size else None
        results.append(BaselineResult(name, answers, seconds, size, baseline.needs))
    return results


def guesses(task: str) -> list[str]:
    """The baselines of a task that need no items: the targets are enough."""
    return [name for name, each in BASELINES[task].items() if each.needs is None]


def _choose(task: str, names: Sequence[str] | None, extra: Mapping[str, BaselineFunction]) -> dict[str, Baseline]:
    if task not in BASELINES:
        raise ConfigError("There are no baselines for this task.", given=task, fix=did_you_mean(task, BASELINES))
    known = BASELINES[task]
    for name in known if names is None else names:
        if name not in known:
            raise ConfigError("This baseline is not known.", given=name, fix=did_you_mean(name, known))
    check_names(extra, task=task)
    chosen = {name: known[name] for name in (known if names is None else names)}
    return chosen | {name: Baseline(function) for name, function in extra.items()}


def check_names(own: Iterable[str], *, task: str = "classification") -> None:
    """Raises a ConfigError if a user's own baseline has the name of one of the registry."""
    taken = sorted(set(own) & BASELINES[task].keys())
    if taken:
        raise ConfigError(
            "A baseline of your own has the name of another.", given=taken, fix="Give it a name of its own."
        )


def _check(train: Rows, parts: Mapping[str, Rows], num_outputs: int) -> None:
    for part, rows in {"train": train, **parts}.items():
        targets = rows.targets
        # Targets of one dimension are class indices; all others are numbers, which their own field has checked.
        is_outside = targets.ndim == 1 and len(targets) > 0 and (targets.min() < 0 or targets.max() >= num_outputs)
        if not len(targets) or is_outside:
            raise DataError(
                "Baselines need rows to learn from and to answer, with classes from 0 to `num_outputs` - 1.",
                given=f"{part}: {len(targets)} rows"
                + (f", targets from {targets.min()} to {targets.max()}" if is_outside else "")
                + f", num_outputs={num_outputs}",
                fix="Leave out empty parts, and pass the number of all classes.",
            )
        for name in ("pixels", "features", "table"):
            ours, theirs = getattr(train, name), getattr(rows, name)
            if ours is not None and theirs is not None and ours.shape[1:] != theirs.shape[1:]:
                raise ShapeError(
                    f"`{name}` must have the same shape in every part.",
                    given=f"train {list(ours.shape)}, {part} {list(theirs.shape)}",
                    fix="Make them the same way for all parts.",
                )


def _check_answers(
    name: str, answers: Mapping[str, np.ndarray], parts: Mapping[str, Rows], num_outputs: int, task: str
) -> None:
    """What a baseline gave, checked as a model's own answers would be; the error says whose they are."""
    for part, rows in parts.items():
        given = np.shape(answers[part]) if part in answers else ()
        # An answer for each place of a picture has the picture's shape; any other is a row of outputs.
        wanted = (len(rows.targets), num_outputs) if rows.targets.ndim <= 2 else (len(rows.targets), *given[1:])
        if given != wanted:
            raise ShapeError(
                f"Baseline {name!r} must give one row of answers an item for part {part!r}.",
                given=f"shape {list(given)}, expected {list(wanted)}",
                fix="Return a dict with an array [items, num_outputs] for each of `parts`.",
            )
        try:
            task_metrics(task).check(answers[part], rows.targets)
        except HeadwayError as error:
            error.add_note(f"These are the answers of baseline {name!r} for part {part!r}.")
            raise
