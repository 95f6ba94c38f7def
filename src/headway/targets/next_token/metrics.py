"""How well a language model predicts texts: bits a character, and perplexity, each with its interval over blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headway.judge.metric import Metric, TaskMetrics
from headway.targets.base import check_finite, check_shapes

__all__ = ["METRICS", "check_bits"]


def check_bits(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arrays as float64, or an error that says what is wrong.

    Args:
        answers: Of each text its bits and its tokens, float `[items, 2]`.
        targets: Its characters, float `[items, 1]`.

    Example:
        >>> answers, targets = check_bits([[20, 4]], [[10]])
        >>> answers.dtype, targets.tolist()
        (dtype('float64'), [[10.0]])
    """
    answers, targets = np.asarray(answers, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    fit = answers.ndim == 2 and answers.shape[1] == 2 and targets.shape == (len(answers), 1)
    what = "`answers` must be the bits and tokens of texts, [items, 2], and `targets` their characters, [items, 1]."
    check_shapes(answers, targets, fit=fit, what=what)
    what = "Bits, tokens and characters must be finite and not negative, and some of the texts must have characters."
    is_right = bool((answers >= 0).all() and (targets >= 0).all() and targets.sum() > 0)
    check_finite(answers, targets, what=what, else_right=is_right)
    return answers, targets


def _bits_a_character(targets: np.ndarray, answers: np.ndarray) -> float:
    return float(answers[:, 0].sum() / targets.sum())


def _influence(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Each text's pseudo-value of the bits a character, float64 `[items]`: their mean is the metric.

    Source:
        Efron 1982, "The jackknife, the bootstrap and other resampling plans", chapter 6.
    """
    value = answers[:, 0].sum() / targets.sum()
    return value + len(targets) * (answers[:, 0] - value * targets[:, 0]) / targets.sum()


def _perplexity(_: np.ndarray, answers: np.ndarray) -> float:
    return float(2 ** (answers[:, 0].sum() / max(answers[:, 1].sum(), 1)))


def _text(values: np.ndarray, labels: Sequence[str]) -> str:
    """A text's bits and tokens, or its characters, in words."""
    names = ("characters",) if len(values) == 1 else ("bits", "tokens")
    return ", ".join(f"{value:,.0f} {name}" for value, name in zip(values, names, strict=True))


METRICS = TaskMetrics(
    metrics={
        "bits_per_character": Metric(
            "bits_per_character",
            _bits_a_character,
            higher_is_better=False,
            needs="checked",
            by_item=_influence,
            title="bits a character",
        ),
        # Of a token, so that only models with the same tokens can be compared.
        "perplexity": Metric("perplexity", _perplexity, higher_is_better=False, needs="checked"),
    },
    main="bits_per_character",
    of_baselines=("bits_per_character",),
    check=check_bits,
    losses=lambda answers, targets: answers[:, 0] / np.maximum(targets[:, 0], 1),
    describe=_text,
)
