"""A user's own metrics are measured wherever the target's are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, make_scorer
from torch import nn

import headway as hw
from headway.judge import intervals
from tests.stopping import QUIET, killed_at, told

Make = Callable[..., nn.Module]


def macro_f1_own(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Of ten classes, as scikit-learn's, which takes ten times as long to check its arguments."""
    counts = np.bincount(10 * targets + predictions, minlength=100).reshape(10, 10)
    sums = counts.sum(axis=0) + counts.sum(axis=1)
    return float((2 * counts.diagonal()[sums > 0] / sums[sums > 0]).mean())


CHOICES: dict[str, Any] = {
    "a function": macro_f1_own,
    "a name": "f1_macro",
    "a scorer": make_scorer(f1_score, average="macro"),
    "a Metric": hw.Metric("own_f1", macro_f1_own),
}


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_it_is_shown_evaluated_and_reported(
    digits_data: hw.Data, linear: Make, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn's functions take milliseconds; how wide intervals are, other tests ask.
    monkeypatch.setattr(intervals, "bootstrap", partial(intervals.bootstrap, samples=100))
    learner = hw.Learner(digits_data, linear(), metrics=[CHOICES[choice]], **QUIET)
    learner.fit(2, lr=1e-2)
    main, name = learner.history.epochs[-1].metrics
    assert main == "accuracy"
    found = learner.predictions()
    expected = f1_score(found.targets, found.predictions.argmax(axis=1), average="macro")
    assert learner.history.epochs[-1].metrics[name] == pytest.approx(expected)
    estimate = learner.evaluate()[name]
    assert estimate.value == pytest.approx(expected)
    assert estimate.low < estimate.value < estimate.high


@pytest.mark.slow
def test_the_main_metric_is_what_the_report_is_about(digits_data: hw.Data, linear: Make) -> None:
    learner = hw.Learner(digits_data, linear(), metrics=[macro_f1_own], main_metric="macro_f1_own", **QUIET)
    learner.fit(3, lr=1e-2)
    assert list(learner.history.epochs[-1].metrics) == ["macro_f1_own"]
    report = learner.report()
    assert "macro_f1_own" in report.parts["valid"].metrics
    assert all("macro_f1_own" in row.metrics["valid"] for row in report.baselines)
    assert "macro f1 own" in str(report)


@pytest.mark.slow
def test_early_stopping_by_it_and_a_run_that_goes_on(digits_data: hw.Data, linear: Make, tmp_path: Path) -> None:
    def callbacks() -> list[hw.Callback]:
        return [hw.EarlyStopping("macro_f1_own", patience=9)]

    whole = hw.Learner(digits_data, linear(), metrics=[macro_f1_own], callbacks=callbacks(), **QUIET)
    whole.fit(3)
    broken = hw.Learner(
        digits_data, linear(), metrics=[macro_f1_own], callbacks=callbacks(), run=tmp_path / "run", **QUIET
    )
    with killed_at(7):
        broken.fit(3)
    with pytest.raises(hw.RunError, match="without metrics, callbacks"):
        hw.Learner.resume(tmp_path / "run", arch=linear(), progress=False)
    again = hw.Learner.resume(
        tmp_path / "run", arch=linear(), metrics=[macro_f1_own], callbacks=callbacks(), progress=False
    )
    assert told(again.history) == told(whole.history)


def test_a_metric_that_there_is_not(digits_data: hw.Data, linear: Make) -> None:
    with pytest.raises(hw.ConfigError, match="This metric is not known"):
        hw.Learner(digits_data, linear(), metrics=["f1_makro"], **QUIET)
    with pytest.raises(hw.ConfigError, match="The main metric must be one of the metrics"):
        hw.Learner(digits_data, linear(), main_metric="acuracy", **QUIET)
