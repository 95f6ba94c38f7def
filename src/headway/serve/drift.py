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
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from headway.bundle.reference import NO_LABEL, labels_of, numbers_of
from headway.errors import BundleError, DataError
from headway.judge.slices.compare import holm

__all__ = ["MIN_ITEMS", "Drift", "Shift", "compare", "ks_distance", "stability_index"]

# Fewer items are too few to compare.
MIN_ITEMS = 30

_SLIGHT, _LARGE = 0.1, 0.25
_ALPHA = 0.01
_BINS = 10


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How one thing compares with the reference.

    Attributes:
        name: `score`, `number`, `labels`, `unfamiliar`, one of the input statistics, or a table's column.
        psi: The population stability index: below 0.1 little, above 0.25 much.
        p: The p value of its test, corrected by Holm's method for all that is compared.
        before: In words, what it was.
        now: In words, what it is.
        ks: The Kolmogorov-Smirnov distance, for numbers only, from 0 to 1.
    """

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
class Drift:
    """The comparison of a log with a bundle's reference. `str()` says it in words.

    Attributes:
        items: Items in the log that were answered.
        reference_items: Items that the reference was computed on.
        shifts: One for each thing that was compared.
        noun: What the items are called.
    """

    items: int
    reference_items: int
    shifts: tuple[Shift, ...]
    noun: str

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

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        shifts = [asdict(shift) | {"size": shift.size} for shift in self.shifts]
        counts = {"items": self.items, "reference_items": self.reference_items}
        return {"moved": self.moved, "sentence": self.sentence, **counts, "shifts": shifts}

    def __str__(self) -> str:
        rows = [("", "shift", "PSI", "KS", "p", "before", "now")]
        for shift in self.shifts:
            ks = "" if shift.ks is None else f"{shift.ks:.3f}"
            rows.append((shift.name, shift.size, f"{shift.psi:.3f}", ks, f"{shift.p:.2g}", shift.before, shift.now))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        counts = f"{self.items:,} {self.noun} of the log beside {self.reference_items:,} that the model was judged on"
        return "\n".join([counts, "", *lines, "", self.sentence])


def compare(
    reference: dict[str, Any] | None, entries: Iterable[dict[str, Any]], *, labels: Sequence[str], noun: str = "items"
) -> Drift:
    """Compares the entries of a log with the reference in a bundle.

    Args:
        reference: `reference` of the bundle's manifest, or None where it has none.
        entries: What `read_log` gives; entries without an answer are passed over.
        labels: The classes, in the bundle's order.
        noun: What the items are called.

    Returns:
        The comparison.

    Raises:
        BundleError: If the bundle has no reference.
        DataError: If the log has fewer than 30 answers.
    """
    if reference is None:
        what = "The bundle does not say what its validation data looked like."
        fix = "Export it again with this version of Headway."
        raise BundleError(what, given="a manifest without `reference`", fix=fix)
    answers = [entry for entry in entries if _is_answer(entry, reference, labels)]
    if len(answers) < MIN_ITEMS:
        what = f"The log has too few answers to compare: at least {MIN_ITEMS} are needed."
        raise DataError(what, given=f"{len(answers)} answers", fix="Wait for more requests.")
    count = reference["items"]
    logged = [numbers_of(entry) for entry in answers]
    shifts = [
        _number_shift(name, np.array(values), quantiles, count)
        for name, quantiles in reference["quantiles"].items()
        if (values := [each[name] for each in logged if name in each])
    ]
    if "labels" in reference:
        shifts.append(_label_shift(answers, reference, labels))
    for name, column in reference.get("columns", {}).items():
        bins = Counter(entry["columns"][name] for entry in answers if name in entry.get("columns", {}))
        if bins:
            shifts.append(_share_shift(name, bins, column["bins"], count))
    told = Counter("familiar" if each["familiar"] else "unfamiliar" for each in answers if _tells(each))
    if told and "familiar" in reference:
        before = {"unfamiliar": 1 - reference["familiar"], "familiar": reference["familiar"]}
        shifts.append(_share_shift("unfamiliar", told, before, count, shown="unfamiliar"))
    # With ten tests at 1 %, one in ten comparisons would be a false alarm.
    corrected = holm([shift.p for shift in shifts])
    shifts = [replace(shift, p=p) for shift, p in zip(shifts, corrected, strict=True)]
    return Drift(items=len(answers), reference_items=count, shifts=tuple(shifts), noun=noun)


def _is_answer(entry: dict[str, Any], reference: dict[str, Any], labels: Sequence[str]) -> bool:
    """Whether an entry of the log is an answer of this model: not a problem, nor a stranger's label."""
    if "labels" in reference:
        return "problem" not in entry and bool(found := labels_of(entry)) and set(found) <= {*labels, NO_LABEL}
    return "problem" not in entry and any(name in numbers_of(entry) for name in reference["quantiles"])


def _tells(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("familiar"), bool)


def stability_index(now: np.ndarray, before: np.ndarray) -> float:
    """The population stability index of two lists of shares, `[bins]` each, which both sum to 1.

    Example:
        >>> stability_index(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
        0.0
        >>> round(stability_index(np.array([0.8, 0.2]), np.array([0.5, 0.5])), 3)
        0.416
    """
    return float(np.sum((now - before) * np.log(now / before)))


def ks_distance(values: np.ndarray, quantiles: Sequence[float]) -> float:
    """The largest distance between the distribution of values and one that is known by its quantiles.

    Args:
        values: Numbers `[items]`.
        quantiles: Of the other side, at equal steps from 0 to 1.

    Example:
        >>> ks_distance(np.array([0.5, 0.6, 0.7, 0.8]), [0, 0.25, 0.5, 0.75, 1])
        0.5
    """
    points = np.unique(np.concatenate([values, quantiles]))
    ordered = np.sort(values)
    gaps = [
        np.abs(np.searchsorted(ordered, points, side) / len(values) - _below(points, quantiles, side)).max()
        for side in ("left", "right")
    ]
    return float(max(gaps))


def _below(points: np.ndarray, quantiles: Sequence[float], side: Any) -> np.ndarray:
    """The share below each point ("left"), or at most that ("right"); equal quantiles are a lump at one value."""
    known = np.asarray(quantiles, dtype=np.float64)
    levels = np.linspace(0, 1, len(known))
    lumps, first, counts = np.unique(known, return_index=True, return_counts=True)
    low, high = levels[first], levels[first + counts - 1]
    # The lowest value is a lump only where more than one quantile lies there.
    position = np.searchsorted(lumps, points, side="right") - 1
    inside = np.clip(position, 0, len(lumps) - 2) if len(lumps) > 1 else np.zeros(len(points), dtype=int)
    shares = np.empty(len(points))
    for row, (point, at, start) in enumerate(zip(points, position, inside, strict=True)):
        if at < 0:
            shares[row] = 0.0
        elif point == lumps[at]:
            shares[row] = low[at] if side == "left" else high[at]
        elif at == len(lumps) - 1:
            shares[row] = 1.0
        else:
            part = (point - lumps[start]) / (lumps[start + 1] - lumps[start])
            shares[row] = high[start] + part * (low[start + 1] - high[start])
    return shares


def _number_shift(name: str, values: np.ndarray, quantiles: Sequence[float], count: int) -> Shift:
    from scipy.stats import kstwobign

    distance = ks_distance(values, quantiles)
    # Stephens' correction makes the limiting distribution good enough for a few items.
    items = np.sqrt(len(values) * count / (len(values) + count))
    p = float(kstwobign.sf((items + 0.12 + 0.11 / items) * distance))
    edges = np.unique(np.quantile(np.asarray(quantiles), np.arange(1, _BINS) / _BINS))
    before = np.diff(_below(edges, quantiles, "right"), prepend=0, append=1)
    now = np.histogram(values, bins=np.concatenate([[-np.inf], np.nextafter(edges, np.inf), [np.inf]]))[0]
    return Shift(
        name=name,
        psi=stability_index(_smooth(now, len(values)), _smooth(before * count, count)),
        p=p,
        ks=distance,
        before=f"median {_shown(np.median(quantiles))}",
        now=f"median {_shown(np.median(values))}",
    )


def _shown(value: Any) -> str:
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.4g}"


def _label_shift(answers: Sequence[dict[str, Any]], reference: dict[str, Any], labels: Sequence[str]) -> Shift:
    before = dict(zip(labels, reference["labels"], strict=True))
    if "no_label" in reference:
        before[NO_LABEL] = reference["no_label"]
    # Of several labels an item each is counted, so that shares are of labels, not of items.
    total = sum(before.values()) or 1.0
    shares = {label: share / total for label, share in before.items()}
    return _share_shift(
        "labels", Counter(label for each in answers for label in labels_of(each)), shares, reference["items"] * total
    )


def _share_shift(
    name: str, counted: Mapping[str, int], before: Mapping[str, float], count: float, *, shown: str = ""
) -> Shift:
    now, then = np.array([counted.get(each, 0) for each in before]), np.array(list(before.values()))
    total = max(now.sum(), 1)
    # The one that changed most says it best.
    most = list(before).index(shown) if shown else int(np.abs(now / total - then).argmax())
    told = shown or list(before)[most]
    return Shift(
        name=name,
        psi=stability_index(_smooth(now, now.sum()), _smooth(then * count, count)),
        p=_counts_p(now, then * count),
        before=f"{then[most]:.0%} {told}",
        now=f"{now[most] / total:.0%} {told}",
    )


def _smooth(counts: np.ndarray, total: float) -> np.ndarray:
    """Counts to shares, with half an item more in each bin: an empty bin would make the index infinite."""
    return (counts + 0.5) / (total + 0.5 * len(counts))


def _counts_p(now: np.ndarray, before: np.ndarray) -> float:
    from scipy.stats import chi2_contingency

    both = np.round(np.stack([now, before]))
    both = both[:, both.sum(axis=0) > 0]
    return float(np.asarray(chi2_contingency(both)[1])) if both.shape[1] > 1 else 1.0
