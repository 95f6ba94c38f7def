"""What a report needs from a trained model: its predictions, baselines, label checks, pictures, the learning curve.

Between the layers: the model predicts here, in torch, and `headway.judge` looks at the arrays that come of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import torch

from headway.data.dataset import Data, Part, PartName
from headway.errors import ConfigError
from headway.judge.baselines.run import BaselineResult, check_names
from headway.judge.diagnosis.diagnose import diagnose
from headway.judge.diagnosis.finding import Finding, describe, runnable
from headway.judge.fairness.learned import Learned
from headway.judge.fairness.rates import check_columns
from headway.judge.grouped_items import number_groups
from headway.judge.learning_curve import LearningCurve
from headway.judge.report.build import build_report
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.report import Report
from headway.judge.slices.groups import group_items
from headway.judge.verdict import ViewsGain, verdict_part, views_gain
from headway.learner.baselines import data_of, known_baselines
from headway.learner.subject import TrainedModel
from headway.predictions import LayerActivity, Predictions
from headway.seeds import generator
from headway.system.versions import library_versions
from headway.train.activity import activity
from headway.train.linear_probe import solve_head
from headway.train.predictions import as_inputs, check_views, predictions_of_views

__all__ = ["UNTRAINED", "Diagnosis", "check_request", "curve", "findings", "make_report", "predictions"]

# Training items that the model predicts, to be compared with valid: a whole pass over train takes too long.
NUM_TRAIN = 200

# Enough items to see a channel that is zero for each of them; the maps of all layers pass through memory.
NUM_ACTIVITY = 32

UNTRAINED = "This learner has not trained the model: its weights are as they were made or loaded."


class Diagnosis(tuple[Finding, ...]):
    """Findings, the most severe first; `text` tells them in words.

    Example:
        >>> Diagnosis()
        Diagnosis(no problems)
    """

    __slots__ = ()

    @property
    def text(self) -> str:
        """The findings with what to try next, for a terminal."""
        return describe(self)

    def __repr__(self) -> str:
        return f"Diagnosis({', '.join(f'{finding.kind}: {finding.severity}' for finding in self) or 'no problems'})"


def predictions(trained: TrainedModel, name: PartName, *, tta: int = 0) -> Predictions:
    """The model's predictions for a part; with `tta`, the mean over so many augmented views and the plain one.

    Raises:
        ConfigError: If there is no such part or it has no rows, or `tta` cannot have an effect.
    """
    if tta:
        return predictions_of_views(trained.setup, trained.part(name), views=tta)[1]
    return trained.predictions(name)


def check_request(
    trained: TrainedModel,
    *,
    slices: Sequence[str],
    tta: int,
    own: Iterable[str],
    groups: Sequence[str],
    clusters: str | None,
) -> None:
    """Finds mistakes in what is asked of a report, before the model predicts anything.

    Raises:
        ConfigError: If a column is not known or has no groups, `tta` cannot have an effect, or the name of one of the
            user's own baselines is taken.
    """
    if isinstance(slices, str):
        fix = f'Pass ["{slices}"].'
        raise ConfigError("`slices` must be a list of columns.", given=f"slices={slices!r}", fix=fix)
    # Its type says whether a column has groups; what the input knows of items takes time for many of them.
    first = trained.data.items.head(1)
    for items, columns in ((trained.described(first), slices), (first, [clusters] if clusters else ())):
        for column in columns:
            group_items(items, column)
    check_columns(groups, trained.described(first))
    check_names(own, known_baselines(trained))
    if tta:
        check_views(tta, trained.setup)


def make_report(
    trained: TrainedModel,
    *,
    baselines: Sequence[BaselineResult],
    slices: Sequence[str] = (),
    tta: int = 0,
    groups: Sequence[str] = (),
    clusters: str | None = None,
) -> Report:
    """The whole report on a model; see `Learner.report`."""
    inputs = replace(
        _inputs(trained, baselines),
        # A diagnosis alone looks at valid, so that test stays unseen; a report is where test is looked at.
        parts={name: trained.predictions(name) for name in trained.judged},
        slices=slices,
        groups=groups,
        learned=_learned(trained) if groups else None,
        clusters=_clusters(trained, clusters),
        search=_properties(trained.data),
        learning_curve=curve(trained, clusters) if trained.has_curve else None,
        views_gain=_gain(trained, tta) if tta else None,
        settings=dict(trained.settings),
        data=trained.data.to_json(),
        versions=library_versions(),
        notes=[*trained.data.notes, *trained.history.notes, *([] if len(trained.history) else [UNTRAINED])],
        seconds=sum(epoch.seconds for epoch in trained.history),
        size=sum(tensor.numel() for tensor in trained.setup.model.state_dict().values()),
        name=trained.folder.name if trained.folder else "",
    )
    # The judge knows no kind of input; what only this kind can say is added here.
    report, input = build_report(inputs), trained.data.input
    ranked = sorted([*report.findings, *input.findings(trained.setup)], key=lambda finding: finding.rank)
    ranked = [runnable(finding, trained.data.source) for finding in ranked]
    sections = input.report_sections(trained.setup, report) | report.sections
    notes = [*report.notes, *(section.note for section in sections.values() if section.note)]
    report = replace(report, findings=ranked, sections=sections, notes=notes)
    # Last, as the sections say which items are shown.
    return replace(report, pictures=input.report_pictures(trained.setup, report))


def findings(trained: TrainedModel, *, baselines: Sequence[BaselineResult] = ()) -> Diagnosis:
    """What is wrong with the model, without the rest of a report."""
    every = [*diagnose(_inputs(trained, baselines)), *trained.data.input.findings(trained.setup)]
    return Diagnosis([runnable(one, trained.data.source) for one in sorted(every, key=lambda finding: finding.rank)])


def _inputs(trained: TrainedModel, baselines: Sequence[BaselineResult]) -> ReportInputs:
    """What a diagnosis looks at, and a report besides."""
    return ReportInputs(
        target=trained.data.target,
        metrics=trained.metrics,
        parts={"valid": trained.predictions("valid")},
        baselines=baselines,
        train=_train_predictions(trained),
        held_out=_held_out(trained),
        activity=_activity(trained),
        history=trained.history.to_json(),
        tries=trained.data.input.tries,
        copies=trained.data.copies,
        seed=trained.setup.seed,
    )


def _learned(trained: TrainedModel) -> Learned:
    """The training rows, and those that the report is on, as simple models see them."""
    part = trained.data.train
    train = data_of(trained, part)
    assert train.rows is not None
    main = verdict_part(trained.judged)
    judged = next(trained.data.part(name) for name in trained.judged if name == main)
    items = trained.described(part.items[np.searchsorted(part.rows, train.rows).tolist()])
    return Learned(train=train, items=items, judged=data_of(trained, judged))


def _clusters(trained: TrainedModel, column: str | None) -> dict[str, np.ndarray]:
    """By part, the clusters of a column; of the one that the data were split by where none is named."""
    column = column or trained.data.split.groups
    if column is None:
        return {}
    return {name: number_groups(trained.data.part(name).items[column]) for name in trained.judged}


def curve(trained: TrainedModel, clusters: str | None = None) -> LearningCurve:
    """How good the head is by the number of training items.

    Raises:
        ConfigError: If there are no features, as for a model that was trained in one stage, or no classes.
    """
    judge = trained.data.target.learning_curve()
    if judge is None:
        what = "A learning curve is for classes."
        raise ConfigError(what, given=str(trained.data.target), fix="Look at `learner.report()` instead.")
    if trained.features is None:
        raise ConfigError(
            "A learning curve needs the features of a pretrained body, which the first of two stages keeps.",
            given=f"{trained.settings.get('arch')}, not fine-tuned in two stages",
            fix="Call `fine_tune()` on a pretrained model first.",
        )
    parts, data = trained.features.parts, trained.data
    options = {"target": data.target, "objective": trained.setup.objective, "seed": trained.setup.seed}
    options |= trained.features.choices

    def solve(features: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
        head = solve_head(torch.from_numpy(features), torch.from_numpy(targets), **options)
        return head(torch.from_numpy(new)).softmax(dim=1).numpy()

    rows = (parts["train"], data.train.targets, parts["valid"], data.valid.targets)
    threads = torch.get_num_threads()
    # Problems this small are solved faster on one thread than on several that wait for one another.
    torch.set_num_threads(1)
    try:
        return judge(*rows, solve=solve, seed=trained.setup.seed, groups=_clusters(trained, clusters).get("valid"))
    finally:
        torch.set_num_threads(threads)


def _gain(trained: TrainedModel, views: int) -> ViewsGain:
    # On valid: whether to use more views is a choice, and test is not for choosing.
    plain, averaged = predictions_of_views(trained.setup, trained.part("valid"), views=views)
    options = {"metrics": trained.metrics, "seed": trained.setup.seed}
    return views_gain(plain.predictions, averaged.predictions, plain.targets, part="valid", views=views, **options)


def _train_predictions(trained: TrainedModel) -> Predictions:
    # As they are, without augmentation, which valid has not either.
    part = trained.data.train
    drawn = np.sort(generator(trained.setup.seed, "bootstrap").permutation(len(part))[:NUM_TRAIN])
    return trained.predict(Part(part.data, part.name, part.items[drawn]))


def _held_out(trained: TrainedModel) -> Predictions | None:
    """For the training rows, the predictions of heads that were solved without them."""
    held_out = trained.features.held_out if trained.features else None
    train = trained.data.train
    return None if held_out is None else Predictions(rows=train.rows, predictions=held_out, targets=train.targets)


def _properties(data: Data) -> list[str]:
    # What a user knows of the items besides what goes in and comes out.
    own = {"row", "content", "split", *data.input.columns, *data.target.columns}
    columns = [name for name, kind in data.items.schema.items() if name not in own and kind != pl.Object]
    return [*columns, *(name for name in data.input.properties(data.items.head(0)) if name not in data.items.columns)]


def _activity(trained: TrainedModel) -> list[LayerActivity]:
    part = trained.data.valid
    arrays = part.data.input.view(part.canvases(np.arange(min(NUM_ACTIVITY, len(part)))))
    return activity(trained.setup.model, as_inputs(trained.setup, arrays))
