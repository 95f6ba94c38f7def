"""From arrays, frames and torch data sets in memory to a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl

from headway.data.build import from_items
from headway.data.dataset import Data
from headway.data.near_copies import CopiesChoice
from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, Split
from headway.errors import ConfigError, DataError
from headway.inputs.base import Input
from headway.inputs.registry import recognise_arrays
from headway.targets.base import Target
from headway.targets.registry import target_class

__all__ = ["from_arrays", "from_dataset"]


class TorchDataset(Protocol):
    """What `from_dataset` needs of a data set: its length, and a pair of input and target at each index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def from_arrays(
    X: Any,  # noqa: N803
    y: Any,
    *,
    target: type[Target] | Target | None = None,
    input: Input | None = None,
    groups: Any = None,
    split: Split | None = None,
    valid: float = 0.2,
    seed: int = 0,
    size: int | None = None,
    channels: Literal["first", "last"] | None = None,
    near_copies: CopiesChoice = "keep",
) -> Data:
    """A data set from arrays in memory, as scikit-learn and Keras take them.

    Args:
        X: A table, `[items, columns]` or a frame of polars or pandas; texts, `[items]`; or pictures, `[items, height,
            width]`, `[items, height, width, channels]` or `[items, channels, height, width]`, from 0 to 1 or from 0 to
            255; with `input=hw.Series()` series, `[items, time]` or `[items, channels, time]`, or a list where lengths
            differ.
        y: The answers, one an item.
        target: What they are: a class such as `hw.Number`. Left out: numbers where they have decimals, or are many
            whole numbers of a table, else categories.
        input: The field that reads X. Default: by its shape.
        groups: What each item belongs to, such as a patient: a group is on one side of the split.
        split: How to split; `RandomSplit(valid, seed=seed)` when left out, by group where there are groups.
        valid: Share of the items in valid, where `split` is left out.
        seed: The seed of that split.
        size: Side of the square that the model sees, in pixels. Default: that of the pictures, up to 224.
        channels: Which axis of pictures has the channels. Left out: the one of length 1, 3 or 4.
        near_copies: "keep", "move" or "drop", as for `from_folder`.

    Raises:
        ConfigError: If X is of no known shape, or its channels are not clear.
        DataError: If X and y do not have as many items, or the data cannot be trained on.

    Example:
        >>> data = from_arrays(np.random.rand(40, 3), ["yes", "no"] * 20)
        >>> data.input.columns, data.target.labels
        (('x0', 'x1', 'x2'), ('no', 'yes'))
    """
    columns, recognised = recognise_arrays(X, size=size, channels=channels, kind=type(input) if input else None)
    count = len(next(iter(columns.values())))
    answers = _one_each(y, count, name="y")
    name = _free(str(getattr(y, "name", None) or "target"), columns)
    extra = {name: answers}
    if groups is not None:
        group = _free("group", columns | extra)
        extra[group] = _one_each(groups, count, name="groups")
        # Groups that were named are never cut, unless a split of the user's own says so.
        split = split or GroupSplit(group, valid, seed=seed)
    return from_items(
        {**columns, **extra},
        input=input or recognised,
        target=_target(name, answers, target),
        split=split or RandomSplit(valid, seed=seed),
        near_copies=near_copies,
    )


def from_dataset(
    dataset: TorchDataset,
    *,
    valid: TorchDataset | float = 0.2,
    test: TorchDataset | None = None,
    target: type[Target] | None = None,
    seed: int = 0,
    size: int | None = None,
    channels: Literal["first", "last"] | None = None,
) -> Data:
    """A data set from one of torch's whose items are pairs `(x, y)`; all of them are read into memory.

    Args:
        dataset: Such as one of torchvision's. Its `classes`, where it has some, name the answers. Pass it without
            augmentation and normalisation, which the learner does.
        valid: The data set that judges the model, or the share of `dataset` that does.
        test: The data set kept for the very end.
        target: What the answers are: a class such as `hw.Number`; see `from_arrays`.
        seed: The seed of the split.
        size: Side of the square that the model sees, in pixels; see `from_arrays`.
        channels: Which axis of pictures has the channels; see `from_arrays`.

    Raises:
        ConfigError: If items are not pairs, or the shape of x is not known.
        DataError: If the data cannot be trained on.

    Example:
        >>> data = hw.from_dataset(torchvision.datasets.CIFAR10("data"))  # doctest: +SKIP
    """
    named = {"train": dataset, "valid": None if isinstance(valid, (int, float)) else valid, "test": test}
    inputs: list[Any] = []
    answers: list[Any] = []
    parts: list[str] = []
    for part, source in named.items():
        for index in range(len(source) if source is not None else 0):
            assert source is not None
            x, y = _pair(source[index])
            inputs.append(x)
            answers.append(_named(y, dataset))
            parts.append(part)
    # Pictures of several sizes cannot be stacked, and are read one by one.
    items = np.stack(inputs) if len({getattr(x, "shape", None) for x in inputs} - {None}) == 1 else inputs
    if named["valid"] is None and test is None:
        assert isinstance(valid, (int, float))
        return from_arrays(items, answers, target=target, valid=valid, seed=seed, size=size, channels=channels)
    columns, recognised = recognise_arrays(items, size=size, channels=channels)
    name, split = _free("target", columns), _free("split", columns)
    return from_items(
        {**columns, name: answers, split: parts},
        input=recognised,
        target=_target(name, answers, target),
        split=ColumnSplit(split, valid if isinstance(valid, float) else 0.2, seed=seed),
    )


def _pair(item: Any) -> tuple[Any, Any]:
    """Input and answer, tensors as arrays; a picture of Pillow's stays one."""
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        given = f"{type(item).__name__}" + (f" of {len(item)}" if isinstance(item, (tuple, list, dict)) else "")
        fix = "Give pairs, or put the items into columns and call hw.from_items."
        raise ConfigError("An item of the data set must be a pair (x, y).", given=given, fix=fix)
    x, y = item
    # A picture of Pillow's keeps its mode and orientation, which an array has lost.
    return (x if hasattr(x, "getbands") else np.asarray(x)), (y.item() if hasattr(y, "item") else y)


def _named(answer: Any, dataset: TorchDataset) -> Any:
    """A class index as its name, where the data set, or the one it is a subset of, knows the names."""
    classes = getattr(dataset, "classes", None) or getattr(getattr(dataset, "dataset", None), "classes", None)
    return classes[answer] if classes and isinstance(answer, int) else answer


def _one_each(values: Any, count: int, *, name: str) -> list[Any]:
    array = np.asarray(values)
    # A column of a frame comes as a table of one column.
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) != count:
        fix = "Pass as many as there are items in X."
        raise DataError(f"`{name}` must have one value for each item.", given=f"{array.shape}, {count} items", fix=fix)
    return array.tolist()


def _free(name: str, columns: dict[str, Any]) -> str:
    while name in columns:
        name += "_"
    return name


def _target(name: str, answers: Sequence[Any], target: type[Target] | Target | None) -> str | Target:
    if isinstance(target, Target):
        return target
    if target is not None:
        return target(name)  # pyright: ignore[reportCallIssue]
    values = pl.Series(answers, strict=False)
    # Whole numbers as floats are what pandas makes of classes with a gap among them.
    has_decimals = values.dtype.is_float() and bool((values.drop_nulls().drop_nans() % 1 != 0).any())
    return target_class("number")(name) if has_decimals else name  # pyright: ignore[reportCallIssue]
