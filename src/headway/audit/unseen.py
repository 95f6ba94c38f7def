"""Answers for every item by simple models that did not learn from it: what labels are judged by before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from headway.data.dataset import Data, Part
from headway.data.near_copies import same_content
from headway.errors import WeightsError
from headway.judge.baselines.base import Baseline, BaselineData
from headway.judge.baselines.run import run_baselines
from headway.judge.diagnosis.finding import RELABEL, Finding
from headway.judge.diagnosis.item_audit import Unseen
from headway.judge.learning_curve import LearningCurve
from headway.learner.learner import Learner
from headway.seeds import generator
from headway.train.body_features import body_features
from headway.train.linear_probe import solve_head

__all__ = ["answers_unseen", "check_moved", "head_curve", "rows_of"]

_FOLDS = 4
# Rows that the simple models are compared on, and that the best learns from in each fold: an audit must be quick.
_COMPARED, _LEARNED = 2_000, 20_000
# Beyond so many items a pretrained body takes minutes.
_MOST_FEATURES = 20_000


def answers_unseen(data: Data, *, seed: int = 0) -> Unseen | None:
    """Answers for the items by models that did not learn from them; None where no simple model knows such answers.

    Heads on the features of the pretrained model that training would start from, where the kind of input has no simple
    models of its own; else the best of those, learned without each quarter of the items. Near-copies share a fold.
    """
    if data.target.estimator is None:
        return None
    own = data.input.baselines(data.target)
    if not own and len(data.items) <= _MOST_FEATURES and (unseen := _by_heads(data, seed)) is not None:
        return unseen
    return _by_baselines(data, data.target.baselines() | own, seed)


def check_moved(data: Data, *, seed: int = 0) -> list[Finding]:
    """Where nothing tells the label: whether it does with the labels of the row before or after.

    Only for targets of one class an item.
    """
    labels = dict(zip(data.items["row"].to_list(), (data.target.labels[label] for label in data.placed), strict=True))
    for step, words in ((1, "after"), (-1, "before")):
        moved = {row: labels[row + step] for row in labels if row + step in labels}
        as_moved = data.rebuild(relabel=moved)
        unseen = answers_unseen(as_moved, seed=seed)
        if unseen is None or any(
            finding.kind == "no_better_than_baseline" for finding in data.target.audit(as_moved, unseen)
        ):
            continue
        right = float((unseen.predictions.argmax(axis=1) == unseen.targets).mean())
        sentence = (
            f"Each label seems to stand in the wrong row: with that of the row {words} it, {unseen.model} are right on "
            f"{right:.1%} of items that they did not see."
        )
        remedies = ("put labels and items together anew, by a name or an id",)
        evidence = {"step": step, "rows": list(moved), "suggested": list(moved.values())}
        return [Finding("label_noise", "serious", sentence, evidence, remedies, replace(RELABEL, solves=True))]
    return []


def rows_of(data: Data) -> Part:
    """All items of a data set as one part; its name says nothing."""
    return Part(data, "train", data.items).left()


def _by_heads(data: Data, seed: int) -> Unseen | None:
    try:
        learner = Learner(data, seed=seed, progress=False)
    except WeightsError:
        return None
    if not learner.two_stages:
        return None
    by_part = body_features(learner.setup)
    features, targets = (torch.cat(list(both)) for both in zip(*by_part.values(), strict=True))
    rows = np.concatenate([data.part(name).rows for name in data.parts])
    with _one_thread():
        head = solve_head(features, targets, target=data.target, objective=learner.setup.objective, seed=seed)
    assert head.held_out is not None
    order = np.argsort(rows)
    return Unseen(
        rows=rows[order],
        predictions=head.held_out.numpy()[order],
        targets=targets.numpy()[order],
        model=f"linear heads on the features of {learner.arch}",
        features=features.numpy()[order],
        weight_decay=head.weight_decay,
    )


def _by_baselines(data: Data, known: Mapping[str, Baseline], seed: int) -> Unseen | None:
    part, arrays, about = data.input.baseline_arrays(rows_of(data), seed=seed)
    known = {name: baseline for name, baseline in known.items() if baseline.needs in arrays}
    if not known or len(part) < _FOLDS:
        return None
    items = BaselineData(targets=part.targets, arrays=arrays, about=about, rows=part.rows)
    name = _best(items, known, data, seed)
    folds = _folds(data, part, seed)
    options = {"num_outputs": data.target.num_outputs, "seed": seed}
    predictions = np.empty((len(part), data.target.num_outputs))
    for fold in range(_FOLDS):
        others = np.flatnonzero(folds != fold)
        drawn = np.sort(generator(seed, "baseline", epoch=fold).permutation(others)[:_LEARNED])
        here = folds == fold
        answers = known[name].run(items.take(drawn), {"fold": items.take(np.flatnonzero(here))}, **options)
        predictions[here] = answers["fold"]
    return Unseen(rows=part.rows, predictions=predictions, targets=part.targets, model=name)


def _best(items: BaselineData, known: Mapping[str, Baseline], data: Data, seed: int) -> str:
    """The simple model that is best on items set aside, by the target's main metric."""
    drawn = items.take(np.sort(generator(seed, "baseline").permutation(len(items))[:_COMPARED]))
    metrics = data.target.metrics()
    options = {"known": known, "metrics": metrics, "num_outputs": data.target.num_outputs, "seed": seed}
    scores = {one.name: one.train_score for one in run_baselines(drawn, {}, **options) if one.train_score is not None}
    sign = 1 if metrics.higher_is_better else -1
    return max(scores, key=lambda name: sign * scores[name]) if scores else list(known)[-1]


def _folds(data: Data, part: Part, seed: int) -> np.ndarray:
    """A fold for each item, int64 `[items]`; near-copies share one, or each would confirm the other's wrong label."""
    contents = same_content(data.items, data.near_copies).filter(data.items["row"].is_in(part.rows.tolist()))
    numbers = contents.rank("dense").to_numpy().astype(np.int64) - 1
    order = generator(seed, "baseline", epoch=1).permutation(int(numbers.max()) + 1)
    return order[numbers] % _FOLDS


def head_curve(data: Data, unseen: Unseen | None, *, seed: int = 0) -> LearningCurve | None:
    """What more items would bring the head on frozen features; None where there are none, or no classes."""
    judge = data.target.learning_curve()
    if judge is None or unseen is None or unseen.features is None:
        return None
    options = {"target": data.target, "seed": seed, "decays": (unseen.weight_decay,)}

    def solve(features: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
        head = solve_head(torch.from_numpy(features), torch.from_numpy(targets), **options)
        return head(torch.from_numpy(new)).softmax(dim=1).numpy()

    sides = [np.isin(unseen.rows, data.part(name).rows) for name in ("train", "valid")]
    with _one_thread():
        return judge(
            *(array[side] for side in sides for array in (unseen.features, unseen.targets)), solve=solve, seed=seed
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Problems this small are solved faster on one thread than on several that wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
