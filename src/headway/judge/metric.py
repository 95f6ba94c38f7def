"""What a metric is, and how the predictions for one kind of target are judged: by which metrics, and which comes first.

Headway's own functions take predictions before targets, as torch's losses do. A user's function is called as
scikit-learn calls its metrics: `function(targets, predictions)`.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from headway.errors import ConfigError, in_a_line
from headway.judge import intervals
from headway.judge.grouped_items import of_groups
from headway.judge.intervals import Estimate
from headway.judge.metric_names import metric_hint
from headway.judge.significance import (
    Comparison,
    best_of,
    compare_groups,
    compare_numbers,
    compare_right,
    pseudo_values,
)

__all__ = ["LabelScores", "Metric", "MetricLike", "TaskMetrics", "as_metric"]

Check = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
ByItem = Callable[[np.ndarray, np.ndarray], np.ndarray]
Function = Callable[[Any, Any], float]
# A metric, a plain function of targets and predictions, a scikit-learn scorer, or the name of one of these.
MetricLike: TypeAlias = "Metric | Function | str"

# What a function calls its second argument when it takes probabilities rather than labels, as in scikit-learn.
_SCORES = re.compile("score|prob")


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are.

    Args:
        name: Its name, in snake case.
        function: `(targets, predictions)` to the number, as scikit-learn's metrics have it. Of classes it is given
            indices, int64 `[items]`, or probabilities, float `[items, classes]`; of one number an item float `[items]`.
        higher_is_better: Its direction.
        needs: What `function` takes as predictions: "labels" (class indices; of labels 0 or 1; numbers as they are) or
            "probabilities". Left out: probabilities where the function calls its second argument `y_score`, `y_proba`
            or the like, else labels. "checked": both as the target's own check gives them, for Headway's own metrics.
        title: The name in words. Default: made of the name.
        is_share: Whether it is a share of 1, so that differences are in points (per cent).
        interval: From checked predictions, targets and a seed to the number with its interval. Left out: a bootstrap.
        by_item: Checked predictions and targets to each item's part of it, float `[items]`, whose mean is the metric:
            by it two models are compared on the same items. For a metric that is no mean over items these are
            pseudo-values; left out, they are made from `function`. A metric that has this alone is a mean over items.
        is_right: Whether `by_item` is 1 for a right prediction and 0 for a wrong one.
        sorts: Whether it sorts the items once a class: of a large slice it is estimated from items drawn at random.

    Example:
        >>> within_one = Metric("within_one", lambda targets, predictions: (abs(targets - predictions) <= 1).mean())
        >>> within_one.title, within_one.needs
        ('within one', 'labels')
    """

    name: str
    function: Function | None = None
    _: KW_ONLY
    higher_is_better: bool = True
    needs: Literal["labels", "probabilities", "checked"] | None = None
    title: str = ""
    is_share: bool = False
    interval: Callable[[np.ndarray, np.ndarray, int], Estimate] | None = None
    by_item: ByItem | None = None
    is_right: bool = False
    sorts: bool = False

    def __post_init__(self) -> None:
        if self.function is None and self.interval is None and self.by_item is None:
            fix = "Pass a function of targets and predictions."
            raise ConfigError("A metric needs a function.", given=f"Metric({self.name!r})", fix=fix)
        object.__setattr__(self, "title", self.title or self.name.replace("_", " "))
        if self.needs is None:
            object.__setattr__(self, "needs", "checked" if self.function is None else _needs(self.function))

    def compute(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The number, of arrays as `needs` has them."""
        if self.function is not None:
            try:
                return float(self.function(targets, predictions))
            except Exception as error:
                raise self._failed(error, predictions, targets) from error
        if self.interval is not None:
            return self.interval(predictions, targets, 0).value
        assert self.by_item is not None
        return float(self.by_item(predictions, targets).mean())

    def _failed(self, error: Exception, predictions: np.ndarray, targets: np.ndarray) -> ConfigError:
        shapes = f"targets {targets.dtype} {list(targets.shape)}, {self.needs} {list(predictions.shape)}"
        fix = 'It is called as function(targets, predictions); those of scikit-learn are safest by name: "roc_auc".'
        return ConfigError(f"Metric {self.name!r} failed.", given=f"{shapes}: {in_a_line(error)}", fix=fix)

    def estimate(
        self, predictions: np.ndarray, targets: np.ndarray, *, seed: int = 0, groups: np.ndarray | None = None
    ) -> Estimate:
        """The metric with its interval, of arrays as `needs` has them.

        `groups` numbers those of items that belong together, int64 `[items]`: left out, items are independent.
        """
        plain = self._estimate(predictions, targets, seed)
        if groups is None or math.isnan(plain.value):
            return plain
        if self.by_item is None and self.function is None:
            return plain.without_interval("items come in groups")
        parts, least = self.parts(predictions, targets), -math.inf if self.higher_is_better else 0.0
        return of_groups(plain, parts, groups, is_share=self.is_share, least=least)

    def _estimate(self, predictions: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
        if self.interval is not None:
            return self.interval(predictions, targets, seed)
        if self.function is None:
            assert self.by_item is not None
            of_mean = intervals.mean(self.by_item(predictions, targets), seed=seed)
            most = 1.0 if self.is_share and self.higher_is_better else math.inf
            return Estimate(of_mean.value, max(of_mean.low, 0.0), min(of_mean.high, most))
        self.compute(predictions, targets)  # a mistake in a user's function shows here, not as a missing interval
        return intervals.bootstrap(
            lambda rows: self._resampled(predictions[rows], targets[rows]), len(targets), seed=seed
        )

    def parts(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Each item's part of the metric, float64 `[items]`, of arrays as `needs` has them; see `by_item`."""
        if self.by_item is not None:
            return self.by_item(predictions, targets)
        return pseudo_values(lambda rows: self._resampled(predictions[rows], targets[rows]), len(targets))

    def _resampled(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The number for some of the items; NaN where these do not define it, as without one of the classes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return self.compute(predictions, targets)
            except ValueError:  # as scikit-learn raises where a resample lacks a class
                return math.nan


def as_metric(
    given: MetricLike, *, decide: Callable[[np.ndarray], np.ndarray] = lambda each: each, known: Iterable[str] = ()
) -> Metric:
    """A metric from what a person passes for one.

    Args:
        given: A metric as it is; a function of targets and predictions, of which more is better unless its name ends in
            "error", "loss" or "deviance"; a scikit-learn scorer, or the name of one.
        decide: From predictions to labels, for a scorer.
        known: Names of the task's own metrics, for a hint.

    Raises:
        ConfigError: If it is none of these.

    Example:
        >>> from sklearn.metrics import f1_score
        >>> as_metric(f1_score).name, as_metric("balanced_accuracy").higher_is_better
        ('f1_score', True)
    """
    if isinstance(given, Metric):
        return given
    name, scorer = "", cast(Any, given)
    if isinstance(given, str):
        from sklearn.metrics import get_scorer, get_scorer_names

        if given not in get_scorer_names():
            what = "This metric is not known, neither to Headway for this target nor to scikit-learn."
            raise ConfigError(what, given=repr(given), fix=metric_hint(given, known, get_scorer_names()))
        name, scorer = given, cast(Any, get_scorer(given))
    if not callable(scorer):
        fix = "Pass a function of targets and predictions, a scikit-learn scorer, a name or hw.Metric(...)."
        raise ConfigError("A metric must be a function.", given=repr(given), fix=fix)
    # How scikit-learn calls scorers, which take a fitted estimator and not its predictions.
    if _names_of_parameters(scorer)[:2] == ["estimator", "X"]:
        name = name or (re.findall(r"\((\w+)", repr(scorer)) or ["score"])[0]
        return Metric(
            name, lambda targets, predictions: _scored(scorer, targets, predictions, decide), needs="probabilities"
        )
    name = name or getattr(scorer, "__name__", type(scorer).__name__)
    # By the end of the name, which is how scikit-learn names what is to be small.
    return Metric(name, cast(Function, scorer), higher_is_better=not re.search("(error|loss|deviance)$", name))


def _needs(function: Function) -> Literal["labels", "probabilities"]:
    second = _names_of_parameters(function)[1:2]
    return "probabilities" if second and _SCORES.search(second[0]) else "labels"


def _names_of_parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:  # a builtin that does not say
        return []


def _scored(scorer: Any, targets: np.ndarray, predictions: np.ndarray, decide: Callable[[Any], Any]) -> float:
    """What a scorer says of an estimator that has already predicted."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    mixin: Any = ClassifierMixin if targets.dtype.kind in "iu" else RegressorMixin

    class _Done(mixin, BaseEstimator):
        classes_ = np.arange(predictions.shape[1] if predictions.ndim > 1 else 0)

        def predict(self, inputs: Any) -> np.ndarray:
            return decide(predictions)

        def predict_proba(self, inputs: Any) -> np.ndarray:
            return predictions

    return scorer(_Done(), predictions, targets)


@dataclass(frozen=True)
class LabelScores:
    """How well one class or label, of which there are `count` among the targets, is told from the others."""

    label: str
    count: int
    scores: dict[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON values."""
        return {"label": self.label, "count": self.count} | {
            name: score.to_json() for name, score in self.scores.items()
        }


def _number(values: np.ndarray, labels: Sequence[str]) -> str:
    return ", ".join(f"{value:.4g}" for value in np.ravel(values)[:6])


def _one_column(predictions: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One number an item as `[items]`, which is what functions of a user's expect."""
    is_column = predictions.shape == targets.shape and predictions.ndim == 2 and predictions.shape[1] == 1
    return (predictions[:, 0], targets[:, 0]) if is_column else (predictions, targets)


@dataclass(frozen=True, kw_only=True)
class TaskMetrics:
    """How the predictions for one kind of target are judged: what `Target.metrics()` gives.

    Attributes:
        metrics: All of its metrics, by name.
        main: The name of the one that a verdict is about, and that is shown while training.
        of_baselines: The names of those that baselines are measured by, too.
        check: Predictions and targets as the metrics take them, or an error that says what is wrong.
        decide: Predictions to labels: the most probable class, the labels whose probability is high enough.
        plain: Predictions and targets as a user's functions take them.
        ensemble_loss: Predictions and targets to a loss an item, by which it is chosen how two models' predictions are
            averaged; None where they are not.
        losses: Checked predictions and targets to how bad each item's prediction is, float `[items]`, the larger the
            worse. Left out: by the main metric.
        describe: One item's prediction or target in words, from its array and the labels.
        per_label: Checked predictions and targets, with the labels, to how well each label is told; where there are
            any.
        confusion: Checked predictions and targets to how often each class (row) was given each class (column), int64
            `[classes, classes]`; None where an item has not one class out of several.
        label_word: What a label is called, "class" or "label".
        counted: What a label's count is of, "items" or "pixels".
        condense: Predictions and targets of some items, and the number of outputs, to what `check` takes in their place
            and takes up less memory; left out where they are small.
        extra: The names of a user's own metrics, which are shown while training, too.
    """

    metrics: Mapping[str, Metric]
    main: str
    of_baselines: tuple[str, ...]
    check: Check
    decide: Callable[[np.ndarray], np.ndarray] = lambda predictions: predictions
    plain: Check = _one_column
    ensemble_loss: ByItem | None = None
    losses: ByItem | None = None
    describe: Callable[[np.ndarray, Sequence[str]], str] = _number
    per_label: Callable[[np.ndarray, np.ndarray, Sequence[str]], Sequence[LabelScores]] | None = None
    confusion: ByItem | None = None
    label_word: Literal["class", "label"] = "class"
    counted: Literal["items", "pixels"] = "items"
    condense: Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]] | None = None
    extra: tuple[str, ...] = ()

    def with_metrics(self, extra: MetricLike | Iterable[MetricLike] = (), *, main: str | None = None) -> TaskMetrics:
        """The same with metrics of one's own, which are measured wherever the target's own are.

        Args:
            extra: Metrics, functions of targets and predictions, scikit-learn scorers or their names. The name of a
                metric that is there already has it shown while training, too.
            main: The name of the metric that verdicts are about. Default: as before.

        Raises:
            ConfigError: If something is no metric, a name is taken, or `main` is not among the names.

        Example:
            >>> from headway.targets.category.metrics import METRICS
            >>> own = METRICS.with_metrics(["matthews_corrcoef"], main="matthews_corrcoef")
            >>> own.main, own.shown
            ('matthews_corrcoef', ('matthews_corrcoef',))
        """
        metrics, names = dict(self.metrics), []
        extra = [extra] if isinstance(extra, (str, Metric)) or callable(extra) else extra
        for entry in extra:
            if isinstance(entry, str) and entry in metrics:
                names.append(entry)
                continue
            metric = as_metric(entry, decide=self.decide, known=metrics)
            if metric.name in metrics:
                what, fix = "Two metrics have the same name.", "Give it another name: hw.Metric(name, function)."
                raise ConfigError(what, given=metric.name, fix=fix)
            metrics[metric.name] = metric
            names.append(metric.name)
        if main is not None and main not in metrics:
            raise ConfigError("The main metric must be one of the metrics.", given=main, fix=metric_hint(main, metrics))
        chosen = self.main if main is None else main
        compared = dict.fromkeys([chosen, *self.of_baselines, *names])
        return replace(self, metrics=metrics, main=chosen, of_baselines=tuple(compared), extra=(*self.extra, *names))

    @property
    def has_classes(self) -> bool:
        """Whether an item has one class out of several."""
        return self.confusion is not None

    @property
    def metric(self) -> Metric:
        """The main metric."""
        return self.metrics[self.main]

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the metrics that are shown while training."""
        return tuple(dict.fromkeys([self.main, *self.extra]))

    def shown_functions(self) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
        """From predictions and targets to each metric that is shown while training, by name."""
        return {name: partial(self.score, name=name) for name in self.shown}

    @property
    def title(self) -> str:
        """The main metric in words."""
        return self.metric.title

    @property
    def higher_is_better(self) -> bool:
        """The direction of the main metric."""
        return self.metric.higher_is_better

    @property
    def is_share(self) -> bool:
        """Whether the main metric is a share of 1, so that differences are in points (per cent)."""
        return self.metric.is_share

    @property
    def unit(self) -> str:
        """Of differences of the main metric, after a blank: " points"; nothing for the target's own unit."""
        return " points" if self.is_share else ""

    def evaluate(
        self,
        predictions: np.ndarray,
        targets: np.ndarray,
        *,
        names: Iterable[str] | None = None,
        seed: int = 0,
        groups: np.ndarray | None = None,
    ) -> dict[str, Estimate]:
        """Metrics with their 95 % intervals, by name.

        Args:
            predictions: Float `[items, outputs]`: probabilities of the classes, or numbers in the target's unit.
            targets: Class indices `[items]`, or float `[items, outputs]`.
            names: Which metrics. Default: all.
            seed: The run's seed, for the resampling.
            groups: Which items belong together, int64 `[items]`; independent when left out.

        Raises:
            ShapeError: If the arrays do not fit together.
            DataError: If they do not hold what the target's metrics need.
            ConfigError: If a metric is not known.

        Example:
            >>> from headway.targets.number.metrics import METRICS
            >>> found = METRICS.evaluate(np.array([1.0, 2.0, 3.5]), np.array([1.0, 2.5, 3.0]))
            >>> round(found["mae"].value, 3)
            0.333
        """
        wanted, checked, estimates = self.named(names), self.check(predictions, targets), {}
        for metric in wanted:
            arrays = self._taken(metric, predictions, targets, checked)
            estimates[metric.name] = metric.estimate(*arrays, seed=seed, groups=groups)
        return estimates

    def named(self, names: Iterable[str] | None) -> list[Metric]:
        """Metrics by their names, all when None; a ConfigError if one is not known."""
        wanted = list(self.metrics if names is None else names)
        for name in wanted:
            if name not in self.metrics:
                raise ConfigError("This metric is not known.", given=name, fix=metric_hint(name, self.metrics))
        return [self.metrics[name] for name in wanted]

    def score(self, predictions: np.ndarray, targets: np.ndarray, *, name: str | None = None) -> float:
        """One metric without its interval, the main one when left out; the arrays are checked here."""
        metric = self.metrics[name or self.main]
        return metric.compute(*self._taken(metric, predictions, targets))

    def by_item(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Each item's part of the main metric, float64 `[items]`; the arrays are checked here."""
        return self.metric.parts(*self._taken(self.metric, predictions, targets))

    def item_losses(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """How bad each item's prediction is, float `[items]`, the larger the worse."""
        if self.losses is not None:
            return self.losses(*self.check(predictions, targets))
        parts = self.by_item(predictions, targets)
        return -parts if self.higher_is_better else parts

    def compare(
        self,
        ours: np.ndarray,
        theirs: np.ndarray,
        targets: np.ndarray,
        *,
        name: str | None = None,
        among: Sequence[np.ndarray] = (),
        reference: int | None = None,
        seed: int = 0,
        groups: np.ndarray | None = None,
    ) -> Comparison:
        """A metric of `ours` minus that of `theirs`, for the same targets; of shares in points.

        The main metric when `name` is left out. `theirs` is the best of itself and `among`, chosen on these items;
        `reference` is the index of the one of these, `theirs` first, that was chosen on others. `groups` as in
        `evaluate`.
        """
        metric = self.metrics[name or self.main]
        models = (ours, theirs, *among)
        own, *others = (metric.parts(*self._taken(metric, predictions, targets)) for predictions in models)
        if groups is not None:
            compared = [compare_groups(own, parts, groups=groups, seed=seed) for parts in others]
        else:
            compare = compare_right if metric.is_right else compare_numbers
            compared = [compare(own, parts, seed=seed) for parts in others]
        gaps = np.stack([own - parts for parts in others], axis=1)
        if groups is not None and len(others) > 1:
            # Groups are what is independent, so their sums are what goes together or not.
            gaps = np.stack([np.bincount(groups, gap) for gap in gaps.T], axis=1)
        comparison = best_of(compared, gaps, higher_is_better=metric.higher_is_better, reference=reference, seed=seed)
        return comparison.scaled(100) if metric.is_share else comparison

    def gather(
        self, batches: Iterable[tuple[np.ndarray, np.ndarray]], *, num_outputs: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and targets batch by batch to what `evaluate` takes of them all; of masks only counts are kept.

        `num_outputs` is how many numbers the model gives for an item, for a mask how many classes there are.
        """
        condensed = [self.condense(*batch, num_outputs) if self.condense else batch for batch in batches]
        predictions, targets = zip(*condensed, strict=True)
        return np.concatenate(predictions), np.concatenate(targets)

    def format(self, score: Estimate) -> str:
        """A value of the main metric with its interval, as text."""
        return score.format(self.digits(score))

    def format_difference(self, gap: Estimate) -> str:
        """A difference of the main metric with its interval, as text."""
        return gap.format(self.difference_digits(gap), sign=True, unit=self.unit)

    def digits(self, score: Estimate) -> int:
        """Digits after the point that say something: three of a share, four figures of any other number."""
        return 3 if self.is_share else score.digits

    def difference_digits(self, gap: Estimate) -> int:
        """Digits after the point that say something of a difference of the main metric."""
        return 1 if self.is_share else gap.digits

    def _taken(
        self,
        metric: Metric,
        predictions: np.ndarray,
        targets: np.ndarray,
        checked: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and targets as a metric takes them."""
        checked = checked or self.check(predictions, targets)
        if metric.needs == "checked":
            return checked
        predictions, targets = np.asarray(predictions), np.asarray(targets)
        return self.plain(self.decide(predictions) if metric.needs == "labels" else predictions, targets)
