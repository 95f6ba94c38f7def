"""Simple models that a trained one must beat, and how long they take. Classic statistics, no network is trained.

A baseline is one function: training rows and parts to answer in, probabilities for each part out. All of them are
listed in `BASELINES`; a baseline of your own goes through `extra=`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Literal, Protocol

import numpy as np

from headway.errors import ConfigError, DataError, HeadwayError, ShapeError, did_you_mean, explain
from headway.judge.metrics import check_predictions
from headway.seeds import generator

__all__ = ["BASELINES", "Baseline", "BaselineFunction", "BaselineResult", "Rows", "check_names", "run_baselines"]

_MAX_ROWS = 10_000
_MAX_PIXELS = 1_024
_NEIGHBOURS = 5


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some items of the table, as baselines see them.

    Attributes:
        targets: Class indices, int64 `[items]`.
        pixels: Small images, uint8 `[items, height, width, channels]`; None when items are not images.
        features: What a frozen, pretrained body makes of the items, float32 `[items, dim]`; None without one.

    Raises:
        ShapeError: If they are not of the same items.
    """

    targets: np.ndarray
    pixels: np.ndarray | None = None
    features: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = {"targets": self.targets.shape}
        shapes |= {} if self.pixels is None else {"pixels": self.pixels.shape}
        shapes |= {} if self.features is None else {"features": self.features.shape}
        ranks = {"targets": 1, "pixels": 4, "features": 2}
        if any(len(shape) != ranks[name] or shape[0] != len(self.targets) for name, shape in shapes.items()):
            raise ShapeError(
                explain(
                    "`targets` must be [items], `pixels` [items, height, width, channels], `features` [items, dim].",
                    given=[f"{name} {list(shape)}" for name, shape in shapes.items()],
                    fix="Pass arrays of the same items, in the same order.",
                )
            )


class BaselineFunction(Protocol):
    """How a baseline is called. It must not modify the rows."""

    def __call__(self, train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
        """Learn from `train`, and give probabilities, float `[items, num_classes]`, for each of the parts."""
        ...


@dataclass(frozen=True)
class Baseline:
    """One entry of the registry.

    Attributes:
        run: The function.
        needs: What rows must have for it, besides targets.
        size: How many numbers it keeps, from the training rows and the number of classes.
    """

    run: BaselineFunction
    needs: Literal["pixels", "features"] | None = None
    size: Callable[[Rows, int], int] | None = None


@dataclass(frozen=True)
class BaselineResult:
    """What a baseline answers.

    Attributes:
        name: The baseline's name.
        answers: For each part, float `[items, outputs]`: probabilities of the classes, or numbers in their unit.
        seconds: Learning and answering together.
        size: How many numbers it keeps to answer with; None where that is not known.
        needs: What it looks at. On features neither `seconds` nor `size` count the network that they come from.
    """

    name: str
    answers: dict[str, np.ndarray]
    seconds: float
    size: int | None = None
    needs: Literal["pixels", "features"] | None = None

    def in_float32(self) -> BaselineResult:
        """The same with probabilities of half the size."""
        smaller = {part: each.astype(np.float32) for part, each in self.answers.items()}
        return replace(self, answers=smaller)


def run_baselines(
    train: Rows,
    parts: Mapping[str, Rows],
    *,
    num_classes: int,
    seed: int = 0,
    task: str = "classification",
    names: Sequence[str] | None = None,
    extra: Mapping[str, BaselineFunction] | None = None,
) -> list[BaselineResult]:
    """Run each baseline that the rows have the means for.

    Args:
        train: Rows to learn from. Of more than 10,000, as many are drawn at random.
        parts: Rows to answer, by name, such as "valid" and "test".
        num_classes: How many classes there are; targets lie below it.
        seed: The run's seed.
        task: Whose baselines to run; see `BASELINES`.
        names: Which of them. Left out: all.
        extra: Baselines of your own, by name; they come last.

    Returns:
        One result a baseline, in the order of the registry. One that needs pixels or features which some rows lack is
        left out.

    Raises:
        ConfigError: If the task or a name is not known, or a name is taken.
        DataError: If there are no rows to learn from or to answer, or targets are no class.
        ShapeError: If the parts' pixels or features have another shape than those of `train`, or a baseline of your
            own gives probabilities of the wrong shape.

    Example:
        >>> rows = Rows(targets=np.array([0, 1, 1]))
        >>> [result] = run_baselines(rows, {"valid": rows}, num_classes=2, names=["majority class"])
        >>> result.answers["valid"][0].round(2).tolist()
        [0.33, 0.67]
    """
    chosen = _choose(task, names, extra or {})
    parts = dict(parts)
    _check(train, parts, num_classes)
    if len(train.targets) > _MAX_ROWS:
        train = _subset(train, np.sort(generator(seed, "baseline").permutation(len(train.targets))[:_MAX_ROWS]))
    if any(each.needs for each in chosen.values()):
        import_module("sklearn.linear_model")  # now, so that no baseline's seconds hold scikit-learn's import
    results = []
    for name, baseline in chosen.items():
        if baseline.needs and any(getattr(rows, baseline.needs) is None for rows in (train, *parts.values())):
            continue
        start = time.perf_counter()
        answers = baseline.run(train, parts, num_classes=num_classes, seed=seed)
        seconds = time.perf_counter() - start
        _check_answers(name, answers, parts, num_classes)
        size = baseline.size(train, num_classes) if baseline.size else None
        results.append(BaselineResult(name, answers, seconds, size, baseline.needs))
    return results


def _majority(train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
    """The classes' shares among the training rows, for every item: the commonest class wins."""
    shares = _shares(train, num_classes)
    return {part: np.tile(shares, (len(rows.targets), 1)) for part, rows in parts.items()}


def _stratified(train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
    """A class drawn at random by its share, given with probability 1, as scikit-learn's `DummyClassifier` does."""
    shares = _shares(train, num_classes)
    return {
        part: np.eye(num_classes)[generator(seed, "baseline").choice(num_classes, size=len(rows.targets), p=shares)]
        for part, rows in parts.items()
    }


def _nearest_mean(train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
    """The class whose mean image is closest, by squared distance.

    The pixel similarity of Howard and Gugger 2020, "Deep learning for coders", chapter 4; squared distance, as it
    tells digits apart better than absolute distance does. Probabilities are the softmax of the negative distance over
    twice that of the training rows to their own mean: mild ones, of which only the order is meant.
    """
    pixels = _small(train)
    present = np.unique(train.targets)
    means = np.stack([pixels[train.targets == label].mean(0) for label in present])
    own = means[np.searchsorted(present, train.targets)]
    scale = 2 * float(((pixels - own) ** 2).sum(1).mean()) or 1.0
    answers = {}
    for part, rows in parts.items():
        # The item's own length is the same for every class, so the softmax does not see it.
        distance = (means**2).sum(1) - 2 * _small(rows) @ means.T
        weights = np.exp(-(distance - distance.min(1, keepdims=True)) / scale)
        answers[part] = _spread(weights / weights.sum(1, keepdims=True), present, num_classes)
    return answers


def _neighbours(train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
    """The votes of the five nearest training images, plus one vote split by the classes' shares, which breaks ties."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    count = min(_NEIGHBOURS, len(train.targets))
    votes = np.eye(num_classes)[train.targets]
    answers = {}
    with threadpool_limits(1, user_api="blas"):
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(_small(train))
        for part, rows in parts.items():
            nearest = index.kneighbors(_small(rows), return_distance=False)
            answers[part] = (votes[nearest].sum(1) + _shares(train, num_classes)) / (count + 1)
    return answers


def _logistic_pixels(train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
    inputs = {part: _small(rows) for part, rows in parts.items()}
    return _logistic(_small(train), train.targets, inputs, num_classes=num_classes, penalty=100.0)


def _logistic_features(train: Rows, parts: Mapping[str, Rows], *, num_classes: int, seed: int) -> dict[str, np.ndarray]:
    assert train.features is not None
    inputs = {part: rows.features for part, rows in parts.items() if rows.features is not None}
    return _logistic(train.features, train.targets, inputs, num_classes=num_classes, penalty=10.0)


def _logistic(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_classes: int, penalty: float
) -> dict[str, np.ndarray]:
    """Multinomial logistic regression on standardised columns.

    The penalties (1 / C) had the lowest log loss of 1, 10, 100, 1,000 on digits and two photo sets. One BLAS thread:
    problems this small run up to ten times faster than on two, and give the same bits on any machine's thread count.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    present = np.unique(targets)
    if len(present) == 1:
        return {part: _spread(np.ones((len(rows), 1)), present, num_classes) for part, rows in parts.items()}
    mean, spread = inputs.mean(0), inputs.std(0)
    spread = spread + 0.05 * inputs.std() + 1e-6  # hardly used columns, such as a photo's corner, must not blow up
    model = LogisticRegression(C=1 / penalty, max_iter=50)
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is a choice here
        model.fit((inputs - mean) / spread, targets)
        return {
            part: _spread(model.predict_proba((rows - mean) / spread), present, num_classes)
            for part, rows in parts.items()
        }


def _shares(train: Rows, num_classes: int) -> np.ndarray:
    return np.bincount(train.targets, minlength=num_classes) / len(train.targets)


def _small(rows: Rows) -> np.ndarray:
    """Pixels between 0 and 1, float32 `[items, dim]`; blocks of them are averaged until at most 1,024 are left."""
    assert rows.pixels is not None
    pixels = rows.pixels
    items, height, width, channels = pixels.shape
    block = 1
    while (height // block) * (width // block) * channels > _MAX_PIXELS and block < min(height, width):
        block += 1
    high, wide = height // block, width // block
    cut = pixels[:, : high * block, : wide * block].reshape(items, high, block, wide, block, channels)
    return cut.mean((2, 4), dtype=np.float32).reshape(items, -1) / np.float32(255)


def _spread(probabilities: np.ndarray, present: np.ndarray, num_classes: int) -> np.ndarray:
    """Columns for all classes; those without training rows get 0."""
    full = np.zeros((len(probabilities), num_classes))
    full[:, present] = probabilities
    return full


def _subset(rows: Rows, index: np.ndarray) -> Rows:
    return replace(
        rows,
        targets=rows.targets[index],
        pixels=None if rows.pixels is None else rows.pixels[index],
        features=None if rows.features is None else rows.features[index],
    )


def _choose(task: str, names: Sequence[str] | None, extra: Mapping[str, BaselineFunction]) -> dict[str, Baseline]:
    if task not in BASELINES:
        raise ConfigError(
            explain("There are no baselines for this task.", given=task, fix=did_you_mean(task, BASELINES))
        )
    known = BASELINES[task]
    for name in known if names is None else names:
        if name not in known:
            raise ConfigError(explain("This baseline is not known.", given=name, fix=did_you_mean(name, known)))
    check_names(extra, task=task)
    chosen = {name: known[name] for name in (known if names is None else names)}
    return chosen | {name: Baseline(function) for name, function in extra.items()}


def check_names(own: Iterable[str], *, task: str = "classification") -> None:
    """Raises a ConfigError if a user's own baseline has the name of one of the registry."""
    taken = sorted(set(own) & BASELINES[task].keys())
    if taken:
        raise ConfigError(
            explain("A baseline of your own has the name of another.", given=taken, fix="Give it a name of its own.")
        )


def _check(train: Rows, parts: Mapping[str, Rows], num_classes: int) -> None:
    for part, rows in {"train": train, **parts}.items():
        targets = rows.targets
        if not len(targets) or targets.min() < 0 or targets.max() >= num_classes:
            raise DataError(
                explain(
                    "Baselines need rows to learn from and to answer, with targets from 0 to `num_classes` - 1.",
                    given=f"{part}: {len(targets)} rows"
                    + (f", targets from {targets.min()} to {targets.max()}" if len(targets) else "")
                    + f", num_classes={num_classes}",
                    fix="Leave out empty parts, and pass the number of all classes.",
                )
            )
        for name in ("pixels", "features"):
            ours, theirs = getattr(train, name), getattr(rows, name)
            if ours is not None and theirs is not None and ours.shape[1:] != theirs.shape[1:]:
                raise ShapeError(
                    explain(
                        f"`{name}` must have the same shape in every part.",
                        given=f"train {list(ours.shape)}, {part} {list(theirs.shape)}",
                        fix="Make them the same way for all parts.",
                    )
                )


def _check_answers(name: str, answers: Mapping[str, np.ndarray], parts: Mapping[str, Rows], num_classes: int) -> None:
    """What a baseline gave, checked as a model's own predictions would be; the error says whose they are."""
    for part, rows in parts.items():
        shape = np.shape(answers[part]) if part in answers else ()
        if shape != (len(rows.targets), num_classes):
            raise ShapeError(
                explain(
                    f"Baseline {name!r} must give one row of probabilities an item for part {part!r}.",
                    given=f"shape {list(shape)}, expected {[len(rows.targets), num_classes]}",
                    fix="Return a dict with an array [items, num_classes] for each of `parts`.",
                )
            )
        try:
            check_predictions(answers[part], rows.targets)
        except HeadwayError as error:
            error.add_note(f"These are the answers of baseline {name!r} for part {part!r}.")
            raise


def _num_pixels(rows: Rows) -> int:
    """How many numbers `_small` leaves of an image."""
    return _small(_subset(rows, np.arange(1))).shape[1]


def _linear(dim: int, num_classes: int) -> int:
    """Weights and biases, and the mean and spread of each column."""
    return (dim + 1) * num_classes + 2 * dim


def _num_features(rows: Rows) -> int:
    return 0 if rows.features is None else rows.features.shape[1]


BASELINES: dict[str, dict[str, Baseline]] = {
    "classification": {
        "majority class": Baseline(_majority, size=lambda _, classes: classes),
        "stratified": Baseline(_stratified, size=lambda _, classes: classes),
        "nearest mean image": Baseline(
            _nearest_mean, needs="pixels", size=lambda rows, classes: classes * _num_pixels(rows)
        ),
        "k-nearest neighbours on pixels": Baseline(
            _neighbours, needs="pixels", size=lambda rows, _: len(rows.targets) * (_num_pixels(rows) + 1)
        ),
        "logistic regression on pixels": Baseline(
            _logistic_pixels, needs="pixels", size=lambda rows, classes: _linear(_num_pixels(rows), classes)
        ),
        "logistic regression on frozen features": Baseline(
            _logistic_features, needs="features", size=lambda rows, classes: _linear(_num_features(rows), classes)
        ),
    }
}
