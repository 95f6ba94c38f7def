"""Drift: whether the inputs and answers in a server's log still look like those of the validation data.

Each number (the score or the answer, and what was measured of an image) is compared by the population stability index,
which says how large a shift is, and by the Kolmogorov-Smirnov test, which says whether it could be chance. Labels, the
columns of a table, which a log has as bins, and the share of unfamiliar items are compared by the index and the
chi-squared test. A shift counts where both agree.

Sources: the index and its limits, Siddiqi 2006, "Credit Risk Scorecards"; why it needs a test beside it, Yurdakul and
Naranjo 2020, "Statistical properties of the population stability index"; Holm 1979 for several tests at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.bundle.reference import NO_LABEL, labels_of, numbers_of
from headway.errors import BundleError, DataError
from headway.judge.slices.compare import holm

__all__ = ["MIN_ITEMS", "Drift", "Shift", "compare", "stability_index"]

# Fewer items are too few to compare.
MIN_ITEMS = 30

_SLIGHT, _LARGE = 0.1, 0.25
_ALPHA = 0.01
_NUM_BINS = 10
_ROUNDING = 1e-5

# A larger reference makes no test more certain than the log allows, and the manifest's number is a stranger's.
_MAX_SAMPLE = 100_000


@dataclass(frozen=True, kw_only=True)
class Shift(AsJson):
    """How a score, number, share of labels or of unfamiliar items, input statistic or column compares with before.

    Attributes:
        psi: The population stability index: below 0.1 little, above 0.25 much.
        p: The p value of its test, corrected by Holm's method for all that is compared.
        before: What it was, in words; `now` is what it is.
        ks: The Kolmogorov-Smirnov distance, for numbers only, from 0 to 1.
    """

    json_also: ClassVar[tuple[str, ...]] = ("size",)

    name: str
    psi: float
    p: float
    before: str
    now: str
    ks: float | None = None

    @property
    def size(self) -> str:
        """By the index, "slight" or "large" where p is small; else "no"."""
        if self.psi < _SLIGHT or self.p >= _ALPHA:
            return "no"
        return "large" if self.psi >= _LARGE else "slight"


@dataclass(frozen=True, kw_only=True)
class Drift(AsJson):
    """The answers of a log, `items` of them, beside a bundle's reference. `str()` says it in words.

    Of a wide table `note` says how many of its columns are compared; otherwise it is empty.
    """

    json_also: ClassVar[tuple[str, ...]] = ("moved", "sentence")
    json_without: ClassVar[tuple[str, ...]] = ("noun",)

    items: int
    reference_items: int
    shifts: tuple[Shift, ...]
    noun: str
    note: str = ""

    @property
    def moved(self) -> bool:
        """Whether any shift is large."""
        return any(shift.size == "large" for shift in self.shifts)

    @property
    def sentence(self) -> str:
        """The finding."""
        large = [shift.name for shift in self.shifts if shift.size == "large"]
        slight = [shift.name for shift in self.shifts if shift.size == "slight"]
        if large:
            return (
                f"Drift detected in: {', '.join(large)}. The reported metrics may no longer hold; label some of the "
                f"new {self.noun} and run `headway evaluate` on them."
            )
        if slight:
            return f"Slight drift in: {', '.join(slight)}. Look again soon."
        return "No sign of drift."

    def __str__(self) -> str:
        rows = [("", "shift", "PSI", "KS", "p", "before", "now")]
        for shift in self.shifts:
            ks = "" if shift.ks is None else f"{shift.ks:.3f}"
            rows.append((shift.name, shift.size, f"{shift.psi:.3f}", ks, f"{shift.p:.2g}", shift.before, shift.now))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        counts = f"{self.items:,} {self.noun} of the log beside {self.reference_items:,} that the model was judged on"
        return "\n".join([counts, *([self.note] if self.note else []), "", *lines, "", self.sentence])


def compare(
    reference: dict[str, Any] | None, entries: Iterable[dict[str, Any]], *, labels: Sequence[str], noun: str = "items"
) -> Drift:
    """Compares what `read_log` gives with the `reference` of a bundle's manifest; problems are passed over.

    Raises:
        BundleError: If the bundle has no reference.
        DataError: If the log has fewer than 30 answers.
    """
    if reference is None:
        what = "The bundle does not say what its validation data looked like."
        fix = "Export it again with this version of Headway."
        raise BundleError(what, given="a manifest without `reference`", fix=fix)
    answers, num_others = [], 0
    for entry in entries:
        if _is_answer(entry, reference, labels):
            answers.append(entry)
        else:
            num_others += 1
    if len(answers) < MIN_ITEMS:
        what = f"The log has too few answers to compare: at least {MIN_ITEMS} are needed."
        others = f", and {num_others:,} entries that are no answer of this model" if num_others else ""
        fix = "Wait for more requests, or name the log of this model."
        raise DataError(what, given=f"{len(answers)} answers{others}", fix=fix)
    count = reference["items"]
    logged = [numbers_of(entry) for entry in answers]
    shifts = [
        _number_shift(name, np.array(values), quantiles, count)
        for name, quantiles in reference["quantiles"].items()
        if (values := [numbers[name] for numbers in logged if name in numbers])
    ]
    if "labels" in reference:
        shifts.append(_label_shift(answers, reference, labels))
    for name, column in reference.get("columns", {}).items():
        bins = Counter(entry["columns"][name] for entry in answers if name in entry.get("columns", {}))
        if bins:
            shifts.append(_share_shift(name, bins, column["bins"], count))
    # A log may be of an earlier bundle that could not tell.
    verdicts = [entry["familiar"] for entry in answers if isinstance(entry.get("familiar"), bool)]
    if verdicts and "familiar" in reference:
        before = {"unfamiliar": 1 - reference["familiar"], "familiar": reference["familiar"]}
        now = Counter("familiar" if is_familiar else "unfamiliar" for is_familiar in verdicts)
        shifts.append(_share_shift("unfamiliar", now, before, count, shown="unfamiliar"))
    # With ten tests at 1 %, one in ten comparisons would be a false alarm.
    corrected = holm([shift.p for shift in shifts])
    shifts = [replace(shift, p=p) for shift, p in zip(shifts, corrected, strict=True)]
    facts = {"items": len(answers), "reference_items": count, "noun": noun, "note": _note(reference)}
    return Drift(shifts=tuple(shifts), **facts)


def _note(reference: dict[str, Any]) -> str:
    num_columns = reference.get("num_columns")
    # A stranger's, as all of the manifest is.
    if not isinstance(num_columns, int):
        return ""
    counts = f"{len(reference['columns']):,} of {num_columns:,} columns"
    return f"Compared {counts}: those that each explain most of the target in the training rows."


def _is_answer(entry: dict[str, Any], reference: dict[str, Any], labels: Sequence[str]) -> bool:
    """Whether an entry of the log is an answer of this model: not a problem, nor a stranger's label."""
    if "problem" in entry or not _has_types(entry):
        return False
    if "labels" in reference:
        return bool(answered := labels_of(entry)) and set(answered) <= {*labels, NO_LABEL}
    return any(name in numbers_of(entry) for name in reference["quantiles"])


def _has_types(entry: dict[str, Any]) -> bool:
    """Whether an entry's parts are of the types that a server writes; anyone may have changed a log."""
    parts, labels = [entry.get(name, {}) for name in ("shares", "columns")], entry.get("labels", [])
    if not all(isinstance(part, dict) for part in parts) or not isinstance(labels, list | tuple):
        return False
    texts = [*labels, *parts[1].values(), *([entry["label"]] if "label" in entry else [])]
    return all(isinstance(text, str) for text in texts)


def stability_index(now: np.ndarray, before: np.ndarray) -> float:
    """The population stability index of two lists of counts, `[bins]` each.

    Example:
        >>> stability_index(np.array([50, 50]), np.array([500, 500]))
        0.0
        >>> round(stability_index(np.array([8000, 2000]), np.array([5000, 5000])), 3)
        0.416
    """
    # Half an item more in each bin: an empty one would make the index infinite.
    new, old = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (now, before))
    return float(np.sum((new - old) * np.log(new / old)))


def _number_shift(name: str, values: np.ndarray, quantiles: Sequence[float], count: int) -> Shift:
    from scipy.stats import ks_2samp

    # The reference as a sample again: as many numbers as it was computed on, with the same quantiles. Equal quantiles,
    # such as those of scores that are just 1, give as many equal numbers as there were.
    known = np.quantile(quantiles, np.linspace(0, 1, min(count, _MAX_SAMPLE)))
    test: Any = ks_2samp(values, known, method="asymp")
    edges = _edges(quantiles)
    now, before = (
        np.bincount(np.digitize(numbers, edges, right=True), minlength=len(edges) + 1) for numbers in (values, known)
    )
    return Shift(
        name=name,
        psi=stability_index(now, before),
        p=float(test.pvalue),
        ks=float(test.statistic),
        before=f"median {_shown(np.median(quantiles))}",
        now=f"median {_shown(np.median(values))}",
    )


def _edges(quantiles: Sequence[float]) -> np.ndarray:
    """Where tenths of the reference end; a value that several tenths have is a bin of its own, between two edges.

    Else what lies below a number that was always the same would be in one bin with it.
    """
    edges, counts = np.unique(np.quantile(quantiles, np.arange(1, _NUM_BINS) / _NUM_BINS), return_counts=True)
    often, once = edges[counts > 1], edges[counts == 1]
    # Quantiles have six digits, the log has all of them.
    room = _ROUNDING * np.abs(often)
    return np.sort(np.concatenate([once, often - np.maximum(room, _ROUNDING), often + room]))


def _shown(value: Any) -> str:
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.4g}"


def _label_shift(answers: Sequence[dict[str, Any]], reference: dict[str, Any], labels: Sequence[str]) -> Shift:
    before = dict(zip(labels, reference["labels"], strict=True))
    if "no_label" in reference:
        before[NO_LABEL] = reference["no_label"]
    # Of several labels an item each is counted, so that shares are of labels, not of items.
    total = sum(before.values()) or 1.0
    shares = {label: share / total for label, share in before.items()}
    now = Counter(label for entry in answers for label in labels_of(entry))
    return _share_shift("labels", now, shares, reference["items"] * total)


def _share_shift(
    name: str, counts: Mapping[str, int], before: Mapping[str, float], count: float, *, shown: str = ""
) -> Shift:
    """How counts by name compare with the shares that those names had of `count` items."""
    from scipy.stats import chi2_contingency

    now, shares = np.array([counts.get(key, 0) for key in before]), np.array(list(before.values()))
    total = max(now.sum(), 1)
    # The one that changed most says it best.
    most = list(before).index(shown) if shown else int(np.abs(now / total - shares).argmax())
    both = np.round(np.stack([now, shares * count]))
    # Of a bin that is empty on both sides the test expects nothing and would divide by it.
    both = both[:, both.sum(axis=0) > 0]
    test: Any = chi2_contingency(both) if both.shape[1] > 1 else None
    return Shift(
        name=name,
        psi=stability_index(now, shares * count),
        p=float(test.pvalue) if test else 1.0,
        before=f"{shares[most]:.0%} {list(before)[most]}",
        now=f"{now[most] / total:.0%} {list(before)[most]}",
    )
