"""What other libraries call Headway's metrics, for a hint where one of their names is passed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from headway.errors import did_you_mean

__all__ = ["metric_hint"]

# What other libraries call metrics: without marks, in lower case.
_CALLED_ELSEWHERE = {
    "acc": "accuracy",
    "categoricalaccuracy": "accuracy",
    "auc": "auroc",
    "rocauc": "auroc",
    "rocaucscore": "auroc",
    "ap": "average_precision",
    "averageprecisionscore": "average_precision",
    "prauc": "average_precision",
    "map": "mean_average_precision",
    "ece": "expected_calibration_error",
    "f1": "macro_f1",
    "f1score": "macro_f1",
    "crossentropy": "log_loss",
    "mse": "rmse",
    "meansquarederror": "rmse",
    "rootmeansquarederror": "rmse",
    "meanabsoluteerror": "mae",
    "r2score": "r2",
    "iou": "mean_iou",
    "miou": "mean_iou",
    "dice": "mean_dice",
}


def metric_hint(name: str, own: Iterable[str], others: Iterable[str] = ()) -> str:
    """A hint for a metric that is not known: by what other libraries call it, else by its letters.

    Example:
        >>> metric_hint("ROC-AUC", ["accuracy", "auroc"])
        'Did you mean "auroc"?'
    """
    own = list(own)
    bare = re.sub(r"[^a-z0-9]", "", str(name).lower())
    same = _CALLED_ELSEWHERE.get(bare) or next((known for known in own if known.replace("_", "") == bare), None)
    return f'Did you mean "{same}"?' if same in own else did_you_mean(name, [*own, *others])
