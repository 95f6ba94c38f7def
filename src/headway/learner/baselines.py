"""Simple models beside a trained one: run on the same rows, their predictions kept in the run's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from headway.data.dataset import Part
from headway.errors import ConfigError
from headway.judge.baselines.base import Baseline, BaselineData, BaselineFunction
from headway.judge.baselines.run import BaselineResult, load_results, run_baselines, save_results
from headway.judge.grouped_items import number_groups
from headway.learner.subject import TrainedModel
from headway.system.versions import library_versions
from headway.train.model import is_fixed

__all__ = ["data_of", "find_baselines", "known_baselines", "one_baseline", "own_baselines"]


def find_baselines(trained: TrainedModel) -> list[BaselineResult]:
    """Simple models, trained on the same rows and applied to the same parts; kept in the run's folder."""
    file = None if trained.folder is None else trained.folder / "baselines.npz"
    key = _key(trained)
    results = load_results(file, key) if file else None
    if results is None:
        # As they come back from the file, so that the first report is the same as the next.
        results = [result.in_float32() for result in _run(trained)]
        if file:
            save_results(file, key, results)
    return results


def own_baselines(trained: TrainedModel, extra: Mapping[str, BaselineFunction]) -> list[BaselineResult]:
    """A user's own baselines, by name, on the same rows; run each time, since a function is not known by its name.

    Raises:
        ConfigError: If a name is that of another baseline.
        ShapeError: If one of them gives predictions of the wrong shape.
    """
    # None of the known ones, which `find_baselines` has run.
    return _run(trained, names=[], extra=extra) if extra else []


def known_baselines(trained: TrainedModel) -> dict[str, Baseline]:
    """Those that the kind of target brings, and then those of the kind of input."""
    return trained.data.target.baselines() | trained.data.input.baselines(trained.data.target)


def _run(trained: TrainedModel, **chosen: Any) -> list[BaselineResult]:
    data = {name: data_of(trained, trained.data.part(name)) for name in trained.data.parts}
    column = trained.data.split.groups
    return run_baselines(
        data["train"],
        {name: data[name] for name in trained.judged},
        known=known_baselines(trained),
        metrics=trained.metrics,
        num_outputs=trained.data.target.num_outputs,
        seed=trained.setup.seed,
        groups=None if column is None else number_groups(trained.data.part("train").items[column]),
        **chosen,
    )


def one_baseline(trained: TrainedModel, name: str) -> BaselineResult:
    """One baseline by its name, on the same rows.

    Raises:
        ConfigError: If there is none of that name for this task and these items.
    """
    results = _run(trained, names=[name])
    if not results:
        what, fix = "This baseline is not for items of this kind.", "Look at `learner.baselines()` for those that are."
        raise ConfigError(what, given=f"{name!r}, {trained.data.input}", fix=fix)
    return results[0]


def data_of(trained: TrainedModel, part: Part) -> BaselineData:
    """What baselines see of a part."""
    data, features = trained.data, trained.features
    part, arrays, about = data.input.baseline_arrays(part, seed=trained.setup.seed)
    # Of a body with no weights a linear model on its features would be the very model that is compared.
    if features and part.name in features.parts and not is_fixed(trained.setup.model):
        # A kind may take fewer rows than the part has, and features must be those of the same.
        arrays["features"] = features.parts[part.name][np.isin(features.rows[part.name], part.rows)]
    return BaselineData(targets=part.targets, arrays=arrays, about=about, rows=part.rows)


def _key(trained: TrainedModel) -> str:
    """What the baselines' predictions depend on: the same key, the same predictions."""
    # Features decide, too: another body, or other weights of it, give other ones.
    digest = hashlib.sha256()
    for _, array in sorted(trained.features.parts.items() if trained.features else ()):
        digest.update(np.ascontiguousarray(array).tobytes())
    decides = {
        "data": trained.data.fingerprint,
        "input": trained.data.input.to_json(),
        "target": trained.data.target.to_json(),
        "seed": trained.setup.seed,
        "main": trained.metrics.main,
        "features": digest.hexdigest(),
        "versions": {name: library_versions()[name] for name in ("headway", "numpy", "scikit-learn")},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
