"""What a report needs from a trained model: its answers, baselines, label checks, pictures, the learning curve.

Between the layers: the model answers here, in torch, and `headway.judge` looks at the arrays that come of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import polars as pl
import torch

from headway.data.dataset import Data, Part, PartName
from headway.data.loader import as_tensor
from headway.errors import ConfigError
from headway.inputs.image.field import Image
from headway.judge.baselines.run import BaselineResult, check_names
from headway.judge.diagnosis.finding import Finding, LayerActivity, describe
from headway.judge.interpret import activity, grad_cam, jpeg, pictures
from headway.judge.learning_curve import LearningCurve, learning_curve
from headway.judge.report.build import build_report
from headway.judge.report.inputs import Given, PartAnswers, part_answers
from headway.judge.report.page.examples import NUM_ISSUES
from headway.judge.report.report import Picture, Report
from headway.judge.report.sections import find_problems
from headway.judge.slices.groups import group_items
from headway.judge.verdict import ViewsGain, best_baseline, views_gain
from headway.learner.subject import Trained
from headway.seeds import generator
from headway.system.versions import library_versions
from headway.targets.mask.page import mask_pictures
from headway.train.linear_probe import solve_head
from headway.train.predictions import Predictions, check_views, predictions, predictions_of_views

__all__ = [
    "Diagnosis",
    "answers",
    "check_request",
    "curve",
    "findings",
    "make_report",
]

NUM_TRAIN = 200
"""Training items that the model answers for, to be compared with valid: a whole pass over train takes too long."""

NUM_ACTIVITY = 32
PICTURE_SIDE = 200
SMALL_SIDE = 72


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
        raise ConfigError("That part of the data has no rows.", given=repr(part), fix=fix)
    if tta:
        return _with_views(trained, part, tta)[1]
    return predictions(trained.setup, trained.data.part(part))


def check_request(trained: Trained, *, slices: Sequence[str], tta: int, own: Iterable[str]) -> None:
    """Finds mistakes in what is asked of a report, before the model answers for anything.

    Raises:
        ConfigError: If a column is not known or has no groups, `tta` cannot have an effect, or the name of one of the
            user's own baselines is taken.
    """
    if isinstance(slices, str):
        fix = f'Pass ["{slices}"].'
        raise ConfigError("`slices` must be a list of columns.", given=f"slices={slices!r}", fix=fix)
    for column in slices:
        group_items(trained.data.items, column)
    check_names(own, task=trained.task)
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
        task=trained.task,
        labels=trained.labels,
        baselines=baselines,
        slices=slices,
        search=_properties(data),
        train=_train_answers(trained),
        held_out=_held_out(trained),
        activity=_activity(trained),
        learning_curve=curve(trained) if trained.has_curve else None,
        views_gain=_gain(trained, tta) if tta else None,
        thresholds=trained.thresholds,
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
    of_input = data.input.report_sections(trained.setup, report.focus_part)
    found = sorted([*report.findings, *data.input.findings(trained.setup)], key=lambda finding: finding.rank)
    return replace(report, pictures=_pictures(trained, report), findings=found, **of_input)


def findings(trained: Trained, *, baselines: Sequence[BaselineResult] = ()) -> Diagnosis:
    """What is wrong with the model, without the rest of a report."""
    valid = _answered(trained, "valid")
    best = best_baseline(baselines, valid.targets, part="valid", task=trained.task)[0] if baselines else None
    given = Given(
        task=trained.task,
        labels=trained.labels,
        seen=valid,
        judged=valid,
        best=best,
        train=_train_answers(trained),
        held_out=_held_out(trained),
        activity=_activity(trained),
        history=trained.history.to_json(),
        thresholds=trained.thresholds,
        is_photos=isinstance(trained.data.input, Image),
        seed=trained.setup.seed,
    )
    found = [*find_problems(given), *trained.data.input.findings(trained.setup)]
    return Diagnosis(sorted(found, key=lambda finding: finding.rank))


def curve(trained: Trained) -> LearningCurve:
    """How good the head is by the number of training items.

    Raises:
        ConfigError: If there are no features, as for a model that was trained in one stage, or no classes.
    """
    if trained.task != "classification":
        what = "A learning curve is for classes."
        raise ConfigError(what, given=str(trained.data.target), fix="Look at `learner.report()` instead.")
    if trained.kept is None:
        raise ConfigError(
            "A learning curve needs the features of a pretrained body, which the first of two stages keeps.",
            given=f"{trained.settings.get('arch')}, not fine-tuned in two stages",
            fix="Call `fine_tune()` on a pretrained model first.",
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
    return part_answers(found.answers, found.targets, task=trained.task, rows=found.row, items=items)


def _held_out(trained: Trained) -> PartAnswers | None:
    """For the training rows, the answers of heads that were solved without them."""
    held_out = trained.kept.held_out if trained.kept else None
    train = trained.data.train
    if held_out is None:
        return None
    return part_answers(held_out, train.targets, task=trained.task, rows=train.rows)


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
    return setup.precision.layout(setup.prepare(as_tensor(images, setup.data.input.axes).to(setup.precision.device)))


def _pictures(trained: Trained, report: Report) -> dict[int, Picture]:
    """The items that the page shows: those with the largest losses, and suspected labels, small."""
    if not isinstance(trained.data.input, Image):
        return {}
    issues = [each for found in report.label_issues.values() for each in found.issues[:NUM_ISSUES]]
    shown = _plain(_images(trained.data, [each.row for each in issues]), side=SMALL_SIDE)
    far = _images(trained.data, [each.row for each in report.far_items])
    shown |= _plain(far, side=PICTURE_SIDE)
    if report.task == "segmentation":
        shown |= _masked(trained, report, far, shown)
    losses = _images(trained.data, [each.row for each in report.top_losses])
    if losses:
        # What the network looked at, where its answer is a class.
        classes = [report.labels.index(each.predicted) for each in report.top_losses]
        images = np.stack(list(losses.values()))
        heats = grad_cam(trained.setup.model, _inputs(trained, images), classes)
        shown |= dict(zip(losses, pictures(images, side=PICTURE_SIDE, heats=heats), strict=True))
    return shown


def _masked(
    trained: Trained, report: Report, images: dict[int, np.ndarray], shown: dict[int, Picture]
) -> dict[int, Picture]:
    """Items with their masks laid over them."""
    part = next(trained.data.part(name) for name in trained.judged if name == report.focus_part)
    found = predictions(trained.setup, Part(part.data, part.name, part.items.filter(pl.col("row").is_in(list(images)))))
    pictured = {}
    for row, answer, target in zip(found.row.tolist(), found.answers, found.targets, strict=True):
        drawn = mask_pictures(images[row], answer=answer, target=target, labels=report.labels)
        others = {name: jpeg(each, side=PICTURE_SIDE) for name, each in drawn.items()}
        pictured[row] = replace(shown[row], others=others)
    return pictured


def _plain(images: dict[int, np.ndarray], *, side: int) -> dict[int, Picture]:
    return dict(zip(images, pictures(np.stack(list(images.values())), side=side), strict=True)) if images else {}


def _images(data: Data, rows: Sequence[int]) -> dict[int, np.ndarray]:
    """Items as the model sees them, by their rows, in that order."""
    found = {}
    for name in data.parts:
        part = data.part(name)
        places = {int(row): place for place, row in enumerate(part.rows)}
        found |= {row: data.input.view(part.canvases([places[row]])[0]) for row in rows if row in places}
    return {row: found[row] for row in rows}
