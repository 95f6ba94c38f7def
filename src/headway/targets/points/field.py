"""Key points in a picture: places that move with it when it is cut, turned or mirrored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError, DataError
from headway.inputs.base import Input, learned
from headway.inputs.image.field import Image
from headway.targets.base import Prediction, Target, Task

if TYPE_CHECKING:
    import polars as pl
    import torch
    from matplotlib.axes import Axes

    from headway.inputs.image.geometry import CropBox

__all__ = ["Points"]

# How far outside of its picture a point may lie, as a share of the picture's sides.
_MARGIN = 0.1


@dataclass(frozen=True)
class Points(Target):
    """The same few points in every picture, in pixels from the upper left corner of the upright picture.

    They lie in one column, `x y` after `x y`, separated by blanks; or in a column for each number. Every point must be
    there; it may lie outside of what the model sees, or a little outside of the picture: by a tenth of its sides.

    Args:
        column: The column of all the numbers; what they are called together, where `columns` names them one by one.
        columns: A column for each number, x before y, in the order of the points.
        swap: Pairs of points, counted from 0, that trade names in a mirror, such as the eyes of a face: `[(0, 1)]`;
            `[]` where none do. Left out, nobody knows what a mirrored picture's points are called, and training does
            not mirror any, unless told to.

    Attributes:
        mean: Where each point lies on the average, as places in the canvas from -1 to 1, x before y; found by `fit`.
        std: How far they spread around it, above 0; found by `fit`.

    Raises:
        ConfigError: If `columns` are no pairs, `swap` is wrong, or there is neither a column nor columns.

    Example:
        >>> field = Points("corners")
        >>> field.encode(["10 20 30 45", [11, 20, 31, 44.5]]).tolist()
        [[10.0, 20.0, 30.0, 45.0], [11.0, 20.0, 31.0, 44.5]]
        >>> Points(columns=["left_x", "left_y", "right_x", "right_y"], swap=[(0, 1)]).column
        'left_x left_y right_x right_y'
    """

    column: str = ""
    _: KW_ONLY
    columns: Sequence[str] = ()  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
    swap: Sequence[tuple[int, int]] | None = None
    mean: tuple[float, ...] = field(default=(), init=False, repr=False)
    std: float = field(default=1.0, init=False, repr=False)
    kind: ClassVar[str] = "points"
    package: ClassVar[str] = "headway.targets.points"
    task: ClassVar[Task] = "points"
    # Places in pictures of different sizes have no shares to keep.
    strata_name: ClassVar[str] = ""
    needs_geometry: ClassVar[bool] = True
    value_type: ClassVar[Any] = list[tuple[float, float]]
    runs_in_browser: ClassVar[bool] = True

    def __post_init__(self) -> None:
        columns = tuple(self.columns) or ((self.column,) if self.column else ())
        swap = None if self.swap is None else tuple((int(a), int(b)) for a, b in self.swap)
        problems = []
        if isinstance(self.columns, str) or not columns or (self.columns and len(columns) % 2 and len(columns) > 1):
            problems.append("`columns` must name a column for each x and y, or `column` the one that has all of them.")
        named = [point for pair in swap or () for point in pair]
        if len(set(named)) < len(named) or min(named, default=0) < 0:
            problems.append("`swap` must hold pairs of points, counted from 0, each point in one pair at most.")
        if problems:
            given = f"column={self.column!r}, columns={list(self.columns)}, swap={self.swap}"
            fix = 'For instance Points("corners") or Points(columns=["x1", "y1", "x2", "y2"], swap=[(0, 1)]).'
            raise ConfigError(" ".join(problems), given=given, fix=fix)
        object.__setattr__(self, "column", self.column or " ".join(columns))
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "swap", swap)

    @property
    def num_outputs(self) -> int:
        return len(self.mean)

    @property
    def can_mirror(self) -> bool:
        return self.swap is not None

    @property
    def swapped_order(self) -> list[int]:
        """Which point has each point's name once left and right are swapped."""
        order = list(range(self.num_outputs // 2))
        for a, b in self.swap or ():
            order[a], order[b] = b, a
        return order

    def values(self, items: pl.DataFrame) -> list[Any]:
        if len(self.columns) == 1:
            return items[self.columns[0]].to_list()
        return list(items.select(self.columns).iter_rows())

    def fit_places(self, rows: pl.DataFrame, input: Input) -> Self:
        """A copy that knows where the points of `rows` lie in the canvases, and how far they spread."""
        places = self.place(rows, input)[:, :-2].astype(np.float64)
        numbers = self.encode(self.values(rows))
        if len(rows) and numbers.min() >= 0 and numbers.max() <= 1:
            what = f"Column {self.column!r} seems to hold shares of the pictures' sizes; points must be in pixels."
            given = f"numbers from {numbers.min():g} to {numbers.max():g} in {len(rows)} rows"
            raise DataError(what, given=given, fix="Multiply each x by its picture's width, and each y by its height.")
        spread = float(np.sqrt(places.var(axis=0).mean()))
        self._check_swap(places.shape[1] // 2)
        return learned(self, mean=tuple(places.mean(axis=0).tolist()), std=spread or 1.0)

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The numbers as they are given, in pixels, float64 `[items, 2 x points]`, x before y."""
        numbers = [_numbers(value) for value in values]
        # Before the field is fitted, the first row that holds pairs says how many there are.
        wanted = self.num_outputs or next((len(row) for row in numbers if len(row) and not len(row) % 2), 2)
        wrong = [i for i, row in enumerate(numbers) if len(row) != wanted or not all(map(math.isfinite, row))]
        if wrong:
            points = "a point" if wanted == 2 else f"{wanted // 2} points"
            what = f"Column {self.column!r} must hold {wanted} finite numbers a row: x and y of {points}."
            fix = 'Separate them by blanks, as in "10 20 30.5 40", and remove rows that lack a point.'
            raise DataError(what, given=[repr(values[i]) for i in wrong[:5]], fix=fix)
        return np.array(numbers, dtype=np.float64).reshape(len(values), wanted)

    def place(self, items: pl.DataFrame, input: Input) -> np.ndarray:
        """The points in the canvases that `input` makes, and how large these are in the pictures.

        float32 `[items, 2 x points + 2]`: x and y of each point, from -1 to 1 where it lies inside; then width and
        height in pixels of what the square shows of the picture.
        """
        if not isinstance(input, Image):
            what, fix = "Points lie in pictures.", "Read the files with Image, or predict each number with Number."
            raise ConfigError(what, given=f"input={type(input).__name__}", fix=fix)
        points = self.encode(self.values(items)).reshape(len(items), -1, 2)
        crops = [input.frame(value) for value in items[input.column]]
        self._check_inside(points, crops, input.names(items))
        placed = [crop.inside(pairs).flatten() for crop, pairs in zip(crops, points, strict=True)]
        sizes = [(crop.right - crop.left, crop.bottom - crop.top) for crop in crops]
        return np.concatenate([np.array(placed), np.array(sizes)], axis=1).astype(np.float32)

    def view(self, targets: np.ndarray, input: Input) -> np.ndarray:
        assert isinstance(input, Image)
        window, side = input.window, input.side
        places = targets[:, :-2].reshape(len(targets), -1, 2)
        seen = window.inside((places + 1) * (side / 2)).reshape(len(targets), -1)
        return np.concatenate([seen, targets[:, -2:] * (input.size / side)], axis=1).astype(np.float32)

    def decode(self, scores: np.ndarray) -> Prediction:
        """The points as places in what the model sees, from -1 to 1; `to_item` gives them in pixels."""
        return _prediction(np.asarray(scores, dtype=np.float64).reshape(-1, 2), digits=3)

    def to_item(self, prediction: Prediction, geometry: CropBox) -> Prediction:
        """The same points in pixels of the picture; `value` is a pair (x, y) for each point."""
        in_pixels = _prediction(geometry.outside(np.array(prediction.value)), digits=1)
        return replace(prediction, label=in_pixels.label, value=in_pixels.value)

    @classmethod
    def from_options(cls, column: str, options: Mapping[str, str], values: Callable[[], Sequence[Any]]) -> Self:
        """Each number may have a column of its own: "x1 y1 x2 y2"."""
        columns = column.split()
        return cls(columns=columns) if len(columns) > 1 else cls(column)

    def summary(self) -> str:
        return f"This model finds points: {self.column}."

    def question(self, noun: str) -> str:
        return f"Where is it in the {noun}?"

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        """The middle of all points, `x` and `y`, in what the model saw."""
        x, y = np.asarray(prediction.value, dtype=np.float64).reshape(-1, 2).mean(axis=0)
        return {"x": round(float(x), 5), "y": round(float(y), 5)}

    def moved(self, targets: torch.Tensor, matrices: Callable[[], torch.Tensor], size: int) -> torch.Tensor:
        from headway.targets.points.objective import moved

        return moved(targets, matrices(), self)

    def draw(self, axes: Axes, value: Any, target: np.ndarray) -> None:
        """The points over the picture, each in its own colour."""
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        shares = (target[:-2].reshape(-1, 2) + 1) / 2
        x, y = (np.array([left, top]) + shares * (right - left, bottom - top)).T
        axes.scatter(x, y, c=range(len(shares)), cmap="cool", edgecolors="white")

    def _check_inside(self, points: np.ndarray, crops: Sequence[CropBox], names: Sequence[str]) -> None:
        """A point far outside is hidden, in another unit, or y before x; silently learned it would spoil the rest."""
        sizes = np.array([(crop.width, crop.height) for crop in crops]).reshape(-1, 1, 2)
        is_far = (points < -_MARGIN * sizes) | (points > (1 + _MARGIN) * sizes)
        is_wrong = is_far.any(axis=2) | (points == -1).all(axis=2)
        if is_wrong.any():
            item, point = np.argwhere(is_wrong)[0].tolist()
            x, y = points[item, point].tolist()
            what = f"{int(is_wrong.any(axis=1).sum())} of {len(points)} rows have a point outside of the picture."
            width, height = sizes[item, 0].tolist()
            given = f"{names[item]}: point {point} at ({x:g}, {y:g}) in {width} x {height} pixels"
            fix = "Write x before y, in pixels; remove rows whose points are hidden (-1), or leave those points out."
            raise DataError(what, given=given, fix=fix)

    def _check_swap(self, num_points: int) -> None:
        unknown = sorted({point for pair in self.swap or () for point in pair if point >= num_points})
        if unknown:
            what = "`swap` must name points that exist."
            given = f"points {unknown}, where there are {num_points}, counted from 0"
            raise ConfigError(what, given=given, fix="Correct the pairs.")


def _numbers(value: Any) -> list[float]:
    """What a row holds, as numbers; empty where it holds something else."""
    try:
        return list(map(float, value.split() if isinstance(value, str) else value))
    except (TypeError, ValueError):
        return []


def _prediction(places: np.ndarray, *, digits: int) -> Prediction:
    pairs = tuple((x, y) for x, y in places.tolist())
    return Prediction(label=" ".join(f"{number:.{digits}f}" for pair in pairs for number in pair), value=pairs)
