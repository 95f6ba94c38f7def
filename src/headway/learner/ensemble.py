"""A trained model and a baseline together, their shares chosen on training rows that neither has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from headway.data.dataset import Data
from headway.data.splits import GroupSplit, RandomSplit, TimeSplit, assign_parts
from headway.errors import ConfigError
from headway.judge.ensemble import Ensemble, check_averaged, choose_weight, judge_ensemble
from headway.learner.baselines import one_baseline
from headway.learner.subject import TrainedModel

__all__ = ["ensemble", "inner_split"]

# Of the training rows, set aside to choose the weight.
_SHARE = 0.2


def ensemble(trained: TrainedModel, baseline: str, *, train_again: Callable[[Data], TrainedModel]) -> Ensemble:
    """The average of a model and a baseline, judged beside each alone.

    A model that has seen a row is surer of it than of others, so the weight is chosen on training rows that are set
    aside: model and baseline are trained again on the rest, as before. The ones that are averaged are those that were
    trained on all training rows; valid and test decide nothing.

    Raises:
        ConfigError: If there is no such baseline, or answers of this kind are not averaged.
    """
    # Before anything is trained again, which takes as long as it did the first time.
    check_averaged(trained.metrics, str(trained.data.target))
    known_baseline = one_baseline(trained, baseline)
    again = train_again(inner_split(trained.data, seed=trained.setup.seed))
    # On these rows alone neither has an advantage: model and baseline were both trained without them.
    theirs, ours = one_baseline(again, baseline).predictions["valid"], again.predictions("valid")
    weight = choose_weight(ours.predictions, theirs, ours.targets, metrics=trained.metrics)
    judged = {name: trained.predictions(name) for name in trained.judged}
    return judge_ensemble(
        {name: predicted.predictions for name, predicted in judged.items()},
        known_baseline,
        {name: predicted.targets for name, predicted in judged.items()},
        weight=weight,
        metrics=trained.metrics,
        chosen_on=len(ours),
        seed=trained.setup.seed,
    )


def inner_split(data: Data, *, seed: int) -> Data:
    """The training rows alone, a fifth of them as valid; split as the data were: by group, by time or at random.

    Raises:
        ConfigError: If nothing is left on one of the sides.
    """
    split, items = data.split, data.train.items
    if isinstance(split, TimeSplit):
        split = replace(split, valid=_SHARE, test=0.0)
    elif split.groups:
        split = GroupSplit(split.groups, valid=_SHARE, seed=seed)
    else:
        split = RandomSplit(_SHARE, seed=seed)
    parts = pl.Series("split", assign_parts(split, items, data.target), dtype=pl.String)
    inner = replace(data, items=items.with_columns(parts).filter(pl.col("split").is_not_null()), split=split)
    if not len(inner.train) or not len(inner.valid):
        given = f"{len(items)} training rows, {split.describe()}"
        what = "There are too few training rows to set some aside."
        raise ConfigError(what, given=given, fix="Use more data, or the model alone.")
    return inner
