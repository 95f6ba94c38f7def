"""What a report needs from a trained model: its answers, baselines, label checks, pictures, the learning curve.

Between the layers: the model answers here, in torch, and `headway.judge` looks at the arrays that come of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from headway.data.dataset import Data, Part, PartName
from headway.data.loader import as_tensor
from headway.errors import ConfigError, explain
from headway.fields import Image
from headway.judge.arrays import PartAnswers, build_report, find_issues, find_problems, part_answers
from headway.judge.baselines import BaselineFunction, BaselineResult, Rows, check_names, run_baselines
from headway.judge.findings import Finding, LayerActivity, describe
from headway.judge.groups import group_items
from headway.judge.interpret import activity, grad_cam, pictures
from headway.judge.kept import load_results, save_results
from headway.judge.learning_curve import LearningCurve, learning_curve
from headway.judge.page.examples import NUM_ISSUES
from headway.judge.report import Picture, Report
from headway.judge.verdict import ViewsGain, views_gain
from headway.seeds import generator
from headway.train.features import solve_head
from headway.train.fine_tune import Features
from headway.train.fit import Setup
from headway.train.history import History
from headway.train.predictions import Predictions, check_views, predictions, predictions_of_views
from headway.versions import library_versions

__all__ = [
    "Diagnosis",
    "Trained",
    "answers",
    "baselines",
    "check_request",
    "curve",
    "findings",
    "make_report",
    "own_baselines",
]

NUM_TRAIN = 200
"""Training items that the model answers for, to be compared with valid: a whole pass over train takes too long."""

NUM_ACTIVITY = 32
PICTURE_SIDE = 200
SMALL_SIDE = 72


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model and what is known of how it was made.

    Attributes:
        setup: Data, model, and how it is run.
        history: What happened in training.
        features: The frozen body's features, where stage one was.
        settings: What decides the run, as plain values.
        folder: The run's folder; None without one.
    """

    setup: Setup
    history: History
    features: Features | None
    settings: Mapping[str, Any]
    folder: Path | None

    @property
    def data(self) -> Data:
        """The data set."""
        return self.setup.data

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the model's outputs."""
        return list(self.data.target.labels)

    @property
    def kept(self) -> Features | None:
        """The features, as long as every item that they are of can still be read."""
        parts = self.features.parts if self.features else {}
        fits = all(len(parts[name]) == len(self.data.part(name)) for name in self.data.parts if name in parts)
        return self.features if fits else None

    @property
    def judged(self) -> list[PartName]:
        """The parts that the model did not learn from."""
        return [name for name in self.data.parts if name != "train"]


class Diagnosis(tuple[Finding, ...]):
    """Findings, the most severe first; `text` tells them in words.

    Example:
        >>> Diagnosis()
        Diagnosis(nothing wrong)
    """

    __slots__ = ()

    @property
    def text(self) -> str:
        """The findings with what to try next, for a terminal."""
        return describe(self)

    def __repr__(self) -> str:
        return f"Diagnosis({', '.join(f'{each.kind}: {each.severity}' for each in self) or 'nothing wrong'})"


def answers(trained: Trained, part: PartName, *, tta: int = 0) -> Predictions:
    """The model's answers for a part; with `tta`, the mean over so many augmented views and the plain one.

    Raises:
        ConfigError: If there is no such part or it has no rows, or `tta` cannot have an effect.
    """
    if not len(trained.data.part(part)):
        fix = f"The parts are: {', '.join(trained.data.parts)}."
        raise ConfigError(explain("That part of the data has no rows.", given=repr(part), fix=fix))
    if tta:
        return _with_views(trained, part, tta)[1]
    return predictions(trained.setup, trained.data.part(part))


def baselines(trained: Trained) -> list[BaselineResult]:
    """Simple models, trained on the same rows and applied to the same parts; kept in the run's folder."""
    file = None if trained.folder is None else trained.folder / "baselines.npz"
    key = _key(trained)
    found = load_results(file, key) if file else None
    if found is None:
        train, parts = _rows(trained)
        found = run_baselines(train, parts, num_classes=len(trained.labels), seed=trained.setup.seed)
        # As they come back from the file, so that the first report is the same as the next.
        found = [each.in_float32() for each in found]
        if file:
            save_results(file, key, found)
    return found


def own_baselines(trained: Trained, extra: Mapping[str, BaselineFunction]) -> list[BaselineResult]:
    """A user's own baselines, by name, on the same rows; run each time, since a function is not known by its name.

    Raises:
        ConfigError: If a name is that of another baseline.
        ShapeError: If one of them gives probabilities of the wrong shape.
    """
    if not extra:
        return []
    train, parts = _rows(trained)
    return run_baselines(train, parts, num_classes=len(trained.labels), seed=trained.setup.seed, names=[], extra=extra)


def check_request(trained: Trained, *, slices: Sequence[str], tta: int, own: Iterable[str]) -> None:
    """Finds mistakes in what is asked of a report, before the model answers for anything.

    Raises:
        ConfigError: If a column is not known or has no groups, `tta` cannot have an effect, or the name of one of the
            user's own baselines is taken.
    """
    if isinstance(slices, str):
        fix = f'Pass ["{slices}"].'
        raise ConfigError(explain("`slices` must be a list of columns.", given=f"slices={slices!r}", fix=fix))
    for column in slices:
        group_items(trained.data.items, column)
    check_names(own)
    if tta:
        check_views(tta, trained.setup)


def make_report(
    trained: Trained,
    *,
    baselines: Sequence[BaselineResult],
    slices: Sequence[str] = (),
    tta: int = 0,
) -> Report:
    """The whole report on a model.

    Args:
        trained: The model.
        baselines: What simple models answered for the same parts.
        slices: Columns of the items by whose values every metric is given.
        tta: Augmented views whose gain is measured on valid; none when 0.

    Raises:
        ConfigError: If a column is not known or has no groups, or `tta` cannot have an effect.
    """
    data = trained.data
    report = build_report(
        {name: _answered(trained, name) for name in trained.judged},
        labels=trained.labels,
        baselines=baselines,
        slices=slices,
        search=_properties(data),
        train=_train_answers(trained),
        held_out=_held_out(trained),
        activity=_activity(trained),
        learning_curve=curve(trained) if trained.kept else None,
        views_gain=_gain(trained, tta) if tta else None,
        history=trained.history.to_json(),
        settings=dict(trained.settings),
        data=data.to_json(),
        versions=library_versions(),
        notes=trained.history.notes,
        seconds=sum(epoch.seconds for epoch in trained.history),
        size=sum(each.numel() for each in trained.setup.model.state_dict().values()),
        name=trained.folder.name if trained.folder else "",
        seed=trained.setup.seed,
    )
    return replace(report, pictures=_pictures(trained, report))


def findings(trained: Trained, *, baselines: Sequence[BaselineResult] = ()) -> Diagnosis:
    """What is wrong with the model, without the rest of a report."""
    valid = _answered(trained, "valid")
    issues = find_issues({"valid": valid, "train": _held_out(trained)}, trained.labels)
    right = [(each.answers["valid"].argmax(1) == valid.targets).mean() for each in baselines]
    found = find_problems(
        valid,
        labels=trained.labels,
        issues=issues,
        history=trained.history.to_json(),
        train=_train_answers(trained),
        activity=_activity(trained),
        baseline_accuracy=float(max(right)) if right else None,
    )
    return Diagnosis(found)


def curve(trained: Trained) -> LearningCurve:
    """How good the head is by the number of training items.

    Raises:
        ConfigError: If there are no features, as for a model that was trained in one stage.
    """
    if trained.kept is None:
        raise ConfigError(
            explain(
                "A learning curve needs the features of a pretrained body, which the first of two stages keeps.",
                given=f"{trained.settings.get('arch')}, not fine-tuned in two stages",
                fix="Call `fine_tune()` on a pretrained model first.",
            )
        )
    parts, data, seed = trained.kept.parts, trained.data, trained.setup.seed
    weight_decay = trained.kept.weight_decay

    def solve(features: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(features), torch.from_numpy(targets)
        head = solve_head(*given, target=data.target, seed=seed, decays=(weight_decay,))
        return head(torch.from_numpy(new)).softmax(dim=1).numpy()

    rows = (parts["train"], data.train.targets, parts["valid"], data.valid.targets)
    with _one_thread():
        return learning_curve(*rows, num_classes=data.target.num_outputs, solve=solve, seed=seed)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Problems this small are solved faster on one thread than on several that wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _with_views(trained: Trained, part: PartName, views: int) -> tuple[Predictions, Predictions]:
    return predictions_of_views(trained.setup, trained.data.part(part), views=views)


def _gain(trained: Trained, views: int) -> ViewsGain:
    """On valid: whether to use more views is a choice, and test is not for choosing."""
    plain, averaged = _with_views(trained, "valid", views)
    return views_gain(
        plain.answers, averaged.answers, plain.targets, part="valid", views=views, seed=trained.setup.seed
    )


def _train_answers(trained: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Answers for some training items as they are, without augmentation."""
    part = trained.data.train
    drawn = np.sort(generator(trained.setup.seed, "bootstrap").permutation(len(part))[:NUM_TRAIN])
    found = predictions(trained.setup, Part(part.data, part.name, part.items[drawn]))
    return found.answers, found.targets


def _answered(trained: Trained, name: PartName) -> PartAnswers:
    part = trained.data.part(name)
    found, items = predictions(trained.setup, part), part.left().items.select(pl.exclude(pl.Object))
    return part_answers(found.answers, found.targets, rows=found.row, items=items)


def _held_out(trained: Trained) -> PartAnswers | None:
    """For the training rows, the answers of heads that were solved without them."""
    held_out = trained.kept.held_out if trained.kept else None
    train = trained.data.train
    return None if held_out is None else part_answers(held_out, train.targets, rows=train.rows)


def _properties(data: Data) -> list[str]:
    """What a user knows of the items: columns other than those that go in, come out, or are Headway's own."""
    own = {"row", "content", "split", *data.input.columns, *data.target.columns}
    return [name for name, kind in data.items.schema.items() if name not in own and kind != pl.Object]


def _activity(trained: Trained) -> list[LayerActivity]:
    part = trained.data.valid
    images = part.data.input.view(part.canvases(np.arange(min(NUM_ACTIVITY, len(part)))))
    return activity(trained.setup.model, [_inputs(trained, images)])


def _inputs(trained: Trained, images: np.ndarray) -> torch.Tensor:
    """Images as the model takes them."""
    setup = trained.setup
    return setup.precision.layout(setup.prepare(as_tensor(images).to(setup.precision.device)))


def _pictures(trained: Trained, report: Report) -> dict[int, Picture]:
    """The items that the page shows: top losses with what the model looked at, and suspected labels, small."""
    if not isinstance(trained.data.input, Image):
        return {}
    issues = [each for found in report.label_issues.values() for each in found.issues[:NUM_ISSUES]]
    suspects = _images(trained.data, [each.row for each in issues])
    shown = (
        dict(zip(suspects, pictures(np.stack(list(suspects.values())), side=SMALL_SIDE), strict=True))
        if suspects
        else {}
    )
    losses = _images(trained.data, [each.row for each in report.top_losses])
    if losses:
        classes = [report.labels.index(each.predicted) for each in report.top_losses]
        images = np.stack(list(losses.values()))
        heats = grad_cam(trained.setup.model, _inputs(trained, images), classes)
        shown |= dict(zip(losses, pictures(images, side=PICTURE_SIDE, heats=heats), strict=True))
    return shown


def _images(data: Data, rows: Sequence[int]) -> dict[int, np.ndarray]:
    """Items as the model sees them, by their rows, in that order."""
    found = {}
    for name in data.parts:
        part = data.part(name)
        places = {int(row): place for place, row in enumerate(part.rows)}
        found |= {row: data.input.view(part.canvases([places[row]])[0]) for row in rows if row in places}
    return {row: found[row] for row in rows}


def _rows(trained: Trained) -> tuple[Rows, dict[str, Rows]]:
    """What baselines see of train, and of the parts to answer for."""
    data, features = trained.data, trained.kept.parts if trained.kept else {}
    size = data.input.size if isinstance(data.input, Image) else 0
    side = min(size, 28 if size < 64 else 16)
    rows = {
        # The pixels first: what can no longer be read is then left out of the targets, too.
        name: Rows(pixels=data.part(name).pixels(side), targets=data.part(name).targets, features=features.get(name))
        for name in data.parts
    }
    return rows["train"], {name: rows[name] for name in trained.judged}


def _key(trained: Trained) -> str:
    """What the baselines' answers depend on: the same key, the same answers."""
    digest = hashlib.sha256()
    if trained.kept:
        for name in sorted(trained.kept.parts):
            digest.update(np.ascontiguousarray(trained.kept.parts[name]).tobytes())
    decides = {
        "data": trained.data.fingerprint,
        "input": trained.data.input.to_json(),
        "seed": trained.setup.seed,
        "features": digest.hexdigest(),
        "versions": {name: library_versions()[name] for name in ("headway", "numpy", "scikit-learn")},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
