"""Simple models that a trained one must beat, and how long they take. Classic statistics, no network is trained.

A baseline is one function: training items and parts to predict, predictions for each part out. The kinds of target
bring theirs (`Target.baselines`), as do the kinds of input (`Input.baselines`); a user's own go through `extra`.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from headway.errors import ConfigError, HeadwayError, ShapeError, did_you_mean
from headway.judge.baselines.base import Baseline, BaselineData, BaselineFunction, drawn_rows
from headway.judge.metric import TaskMetrics
from headway.predictions import Predictions
from headway.seeds import generator
from headway.system.files import open_file, whole_file

__all__ = ["BaselineResult", "check_names", "guesses", "load_results", "run_baselines", "save_results"]

# Of the training items so many are set aside to choose the best baseline by, of fewer than so many none.
_SHARE_ASIDE, _MOST_ASIDE, _FEW = 1 / 3, 2_000, 30
# What a result says besides its predictions, as its file keeps it.
_FACTS = ("name", "seconds", "size", "needs", "train_score")
# Before the names of the arrays of training items that were set aside, in a file beside those of the parts.
_HELD_OUT = "held out "


@dataclass(frozen=True)
class BaselineResult:
    """What a baseline predicts.

    Attributes:
        name: The baseline's name.
        predictions: For each part, float `[items, outputs]`: probabilities of the classes, or numbers in their unit.
        seconds: Learning and predicting together.
        size: Its parameters, of nearest neighbours the stored values; None where that is not known.
        needs: What it looks at. On features neither `seconds` nor `size` count the network that they come from.
        train_score: The main metric on training items that were set aside for it; by it the best is chosen, before
            other items are looked at. None where it was not measured.
        held_out: What it predicts for those items; None where their rows are not known.
    """

    name: str
    predictions: dict[str, np.ndarray]
    seconds: float
    size: int | None = None
    needs: str | None = None
    train_score: float | None = None
    held_out: Predictions | None = None

    def in_float32(self) -> BaselineResult:
        """The same with predictions of half the size."""
        smaller, held_out = {part: _in_float32(array) for part, array in self.predictions.items()}, self.held_out
        if held_out is not None:
            held_out = replace(held_out, predictions=_in_float32(held_out.predictions))
        return replace(self, predictions=smaller, held_out=held_out)


def _in_float32(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def run_baselines(
    train: BaselineData,
    parts: Mapping[str, BaselineData],
    *,
    known: Mapping[str, Baseline],
    metrics: TaskMetrics,
    num_outputs: int,
    names: Sequence[str] | None = None,
    extra: Mapping[str, BaselineFunction] | None = None,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> list[BaselineResult]:
    """Run each baseline that the data have the means for: one that needs an array which some part lacks is left out.

    Args:
        train: Items to learn from. Of more than 10,000, most baselines draw as many at random.
        parts: Items to predict, by name, such as "valid" and "test".
        known: The baselines of the kind of target and of input, by name; the results are in this order.
        metrics: By which predictions are checked.
        num_outputs: How many numbers the prediction for one item is; of classes, which targets lie below, one each.
        names: Which of the known ones. Default: all.
        extra: Baselines of your own, by name; they come last.
        seed: The run's seed.
        groups: Which training items belong together, int64 `[items]`, and are set aside together. Left out: none.

    Each baseline is run once more without a third of the training items, which are set aside to choose the best by; of
    the others most learn from 5,000 at most.

    Example:
        >>> from headway.targets.category.baselines import BASELINES
        >>> from headway.targets.category.metrics import METRICS
        >>> data = BaselineData(targets=np.array([0, 1, 1]))
        >>> options = {"known": BASELINES, "metrics": METRICS, "num_outputs": 2, "names": ["majority class"]}
        >>> [found] = run_baselines(data, {"valid": data}, **options)
        >>> found.predictions["valid"][0].round(2).tolist()
        [0.33, 0.67]
    """
    for name in () if names is None else names:
        if name not in known:
            raise ConfigError("This baseline is not known.", given=name, fix=did_you_mean(name, known))
    check_names(extra or {}, known)
    chosen = {name: known[name] for name in (known if names is None else names)}
    chosen |= {name: Baseline(function) for name, function in (extra or {}).items()}
    if any(baseline.needs for baseline in chosen.values()):
        import_module("sklearn.linear_model")  # now, so that no baseline's seconds hold scikit-learn's import
    # The same rows for all, so that their scores can be compared.
    results, learned, aside = [], *_set_aside(train, seed=seed, groups=groups)
    for name, baseline in chosen.items():
        if baseline.needs and any(baseline.needs not in data.arrays for data in (train, *parts.values())):
            continue
        data = _drawn(train, seed, most=baseline.max_rows)
        # Not the second run: it only chooses, and is no part of what the baseline costs.
        start = time.perf_counter()
        predictions = baseline.run(data, parts, num_outputs=num_outputs, seed=seed)
        seconds = time.perf_counter() - start
        _check_predictions(name, predictions, parts, num_outputs, metrics)
        size = baseline.size(data, num_outputs) if baseline.size else None
        score = held_out = None
        if len(aside):
            options = {"num_outputs": num_outputs, "seed": seed}
            rows = _drawn(learned, seed, most=min(baseline.choice_rows, baseline.max_rows))
            answers = baseline.run(rows, {"train": aside}, **options)["train"]
            score = metrics.score(answers, aside.targets)
            if aside.rows is not None:
                held_out = Predictions(rows=aside.rows, predictions=answers, targets=aside.targets)
        results.append(BaselineResult(name, predictions, seconds, size, baseline.needs, score, held_out))
    return results


def _drawn(train: BaselineData, seed: int, *, most: int) -> BaselineData:
    index = drawn_rows(len(train), seed=seed, most=most)
    return train if len(index) == len(train) else train.take(index)


def _set_aside(train: BaselineData, *, seed: int, groups: np.ndarray | None) -> tuple[BaselineData, BaselineData]:
    """Items to learn from, and those to choose the best baseline by: a third, at most 2,000; none of few items."""
    groups = np.arange(len(train)) if groups is None else groups
    # Another stream than that of `drawn_rows`, so that which rows are drawn does not depend on which are set aside.
    is_aside = generator(seed, "baseline", epoch=1).random(int(groups.max(initial=0)) + 1)[groups] < _SHARE_ASIDE
    if len(train) < _FEW or is_aside.all():
        is_aside[:] = False
    rows = np.flatnonzero(is_aside)
    return train.take(np.flatnonzero(~is_aside)), train.take(rows[drawn_rows(len(rows), seed=seed, most=_MOST_ASIDE)])


def guesses(known: Mapping[str, Baseline]) -> list[str]:
    """The names of those that need no items: the targets are enough."""
    return [name for name, baseline in known.items() if baseline.needs is None]


def check_names(own: Iterable[str], known: Iterable[str]) -> None:
    """Raises a ConfigError if a user's own baseline has the name of a known one."""
    taken = sorted(set(own) & set(known))
    if taken:
        what = "A baseline of your own has the name of another."
        raise ConfigError(what, given=taken, fix="Give it another name.")


def save_results(file: Path, key: str, results: Sequence[BaselineResult]) -> None:
    """Writes results to an `.npz` file, for a report made anew; `key` says what they depend on."""
    facts = [{name: getattr(result, name) for name in _FACTS} for result in results]
    arrays = {
        f"{number}/{part}": predictions
        for number, result in enumerate(results)
        for part, predictions in result.predictions.items()
    }
    arrays |= {
        f"{number}/{_HELD_OUT}{name}": getattr(result.held_out, name)
        for number, result in enumerate(results)
        for name in ("rows", "predictions", "targets")
        if result.held_out
    }
    with whole_file(file) as draft, draft.open("wb") as opened:
        np.savez_compressed(opened, about=np.array(json.dumps({"key": key, "baselines": facts})), **arrays)  # pyright: ignore[reportArgumentType]


def load_results(file: Path, key: str) -> list[BaselineResult] | None:
    """What was written for the same key; None where there is none, the key is another, or the file is damaged."""
    try:
        # Without pickle, so that nothing in the file can run code.
        with open_file(file) as opened, np.load(opened, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["key"] != key:
                return None
            parts: list[dict[str, np.ndarray]] = [{} for _ in about["baselines"]]
            held_out: list[dict[str, np.ndarray]] = [{} for _ in about["baselines"]]
            for name in arrays.files:
                number, slash, part = name.partition("/")
                if slash and part.startswith(_HELD_OUT):
                    held_out[int(number)][part.removeprefix(_HELD_OUT)] = arrays[name]
                elif slash:
                    parts[int(number)][part] = arrays[name]
            return [
                BaselineResult(predictions=of_parts, held_out=_held_out(aside), **facts)
                for of_parts, aside, facts in zip(parts, held_out, about["baselines"], strict=True)
            ]
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, zipfile.BadZipFile):
        return None


def _held_out(aside: Mapping[str, np.ndarray]) -> Predictions | None:
    if not aside:
        return None
    return Predictions(rows=aside["rows"], predictions=aside["predictions"], targets=aside["targets"])


def _check_predictions(
    name: str,
    predictions: Mapping[str, np.ndarray],
    parts: Mapping[str, BaselineData],
    num_outputs: int,
    metrics: TaskMetrics,
) -> None:
    """What a baseline gave, checked as a model's own predictions would be; the error says whose they are."""
    for part, data in parts.items():
        shape = np.shape(predictions[part]) if part in predictions else ()
        # A prediction for each pixel has the picture's shape; any other is a row of outputs.
        wanted = (len(data), num_outputs) if data.targets.ndim <= 2 else (len(data), *shape[1:])
        if shape != wanted:
            raise ShapeError(
                f"Baseline {name!r} must give one row of answers an item for part {part!r}.",
                given=f"shape {list(shape)}, expected {list(wanted)}",
                fix="Return a dict with an array [items, num_outputs] for each of `parts`.",
            )
        try:
            metrics.check(predictions[part], data.targets)
        except HeadwayError as error:
            error.add_note(f"These are the answers of baseline {name!r} for part {part!r}.")
            raise
