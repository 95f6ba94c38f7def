"""Rates, differences and ratios are fairlearn's."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from headway.judge.fairness.report import judge_fairness
from tests.judging import metrics_of
from tests.unit.judge.fairness.test_report import people


# Slow: importing fairlearn takes seconds.
@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_values_are_fairlearns(classes: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fairlearn import metrics as fairlearn

    theirs_by_name = {
        "selection_rate": fairlearn.selection_rate,
        "true_positive_rate": fairlearn.true_positive_rate,
        "false_positive_rate": fairlearn.false_positive_rate,
        "error": lambda targets, predicted: float((targets != predicted).mean()),
    }
    probabilities, targets, table = people(classes=classes)
    labels = [f"class {k}" for k in range(classes)]
    report = judge_fairness(probabilities, targets, table, columns=["race", "sex"], metrics=metrics_of(), labels=labels)
    predicted, compared = probabilities.argmax(1), 0
    for k in [1] if classes == 2 else range(classes):
        for columns in (["race"], ["sex"], ["race", "sex"]):
            frame = fairlearn.MetricFrame(
                metrics=theirs_by_name,
                y_true=(targets == k).astype(int),
                y_pred=(predicted == k).astype(int),
                sensitive_features=pd.DataFrame({column: table[column].to_list() for column in columns}),
            )
            for group in report.groups:
                if group.label == labels[k] and list(group.where) == columns:
                    theirs = frame.by_group.loc[tuple(group.where.values()) if columns[1:] else group.where[columns[0]]]
                    for name in theirs_by_name:
                        assert group.rates[name].value == pytest.approx(theirs[name], abs=1e-9)
                        compared += 1
            for gap in report.gaps:
                if gap.label == labels[k] and list(gap.columns) == columns and gap.measure in theirs_by_name:
                    assert gap.difference.value == pytest.approx(frame.difference()[gap.measure], abs=1e-9)
                    assert gap.ratio.value == pytest.approx(frame.ratio()[gap.measure], abs=1e-9)
                    compared += 2
    assert compared == (1 if classes == 2 else 3) * 4 * (11 + 6)
