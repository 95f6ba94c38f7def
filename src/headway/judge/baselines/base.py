"""Items as simple models see them, and what a simple model is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from headway.seeds import generator

__all__ = [
    "CHOICE_ROWS",
    "MAX_ROWS",
    "Baseline",
    "BaselineData",
    "BaselineFunction",
    "constant",
    "drawn_rows",
    "linear_size",
    "on",
    "scale_of",
]

# Training rows that a simple model learns from at most, where it does not say otherwise.
MAX_ROWS = 10_000
# The same when it is only compared with other simple models: enough to tell them apart, in a fraction of the time.
CHOICE_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class BaselineData:
    """Some items, as simple models see them: targets, and whatever arrays the kind of input brings.

    Attributes:
        targets: Class indices, int64 `[items]`; for other kinds of target an array `[items, ...]`.
        arrays: By name, each `[items, ...]`. "features" is what a frozen, pretrained body makes of the items, float32
            `[items, dim]`; images bring "pixels", float32 `[items, dim]` from 0 to 1, tables "table", ratings "pairs".
        about: What is known of an array as a whole, by name, such as which of a table's columns are categories.
        rows: The items' numbers in their source, int64 `[items]`; None where nobody needs them.
    """

    targets: np.ndarray
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        assert all(len(array) == len(self.targets) for array in self.arrays.values())

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: np.ndarray) -> BaselineData:
        """Those with some indices, int64 `[chosen]`."""
        arrays = {name: array[index] for name, array in self.arrays.items()}
        rows = None if self.rows is None else self.rows[index]
        return replace(self, targets=self.targets[index], arrays=arrays, rows=rows)


class BaselineFunction(Protocol):
    """How a baseline is called. It must not modify the data."""

    def __call__(
        self, train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Learn from `train`, and give predictions, float `[items, num_outputs]`, for each of the parts."""
        ...


@dataclass(frozen=True)
class Baseline:
    """A simple model that a kind of input or target brings.

    Attributes:
        run: The function.
        needs: The array that it looks at, besides targets; nothing when None.
        size: Its parameters, from the training items and the number of outputs; of neighbours the stored values.
        max_rows: How many training items it learns from at most; of more, as many are drawn at random.
        choice_rows: The same where it learns once more without the items that are set aside to choose the best by.
    """

    run: BaselineFunction
    needs: str | None = None
    size: Callable[[BaselineData, int], int] | None = None
    max_rows: int = MAX_ROWS
    choice_rows: int = CHOICE_ROWS


# A simple model of plain matrices, such as a linear one: called as `headway.judge.baselines.linear.ridge` is.
MatrixFunction = Callable[..., dict[str, np.ndarray]]


def on(name: str, solve: MatrixFunction, *, size: Callable[[BaselineData, int], int] | None = None) -> Baseline:
    """A model of plain matrices as a baseline that looks at one array; `size` is a linear model's if left out."""

    def run(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        # Only the array: how a linear model is solved knows nothing of parts or kinds.
        inputs = {part: data[name] for part, data in parts.items()}
        return solve(train[name], train.targets, inputs, num_outputs=num_outputs, seed=seed)

    def linear(train: BaselineData, num_outputs: int) -> int:
        return linear_size(train[name].shape[1], num_outputs)

    return Baseline(run, needs=name, size=size or linear)


def constant(
    predict: Callable[[np.ndarray, int], np.ndarray],
    *,
    size: Callable[[BaselineData, int], int] = lambda _, num_outputs: num_outputs,
) -> Baseline:
    """A guess: the same prediction for every item, made of the training targets and the number of outputs alone.

    Example:
        >>> mean = constant(lambda targets, _: targets.mean(0))
        >>> data = BaselineData(targets=np.array([[1.0], [2.0]]))
        >>> mean.run(data, {"valid": data}, num_outputs=1, seed=0)["valid"].tolist()
        [[1.5], [1.5]]
    """

    def run(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        prediction = predict(train.targets, num_outputs)
        return {part: np.repeat(prediction[None], len(data), axis=0) for part, data in parts.items()}

    return Baseline(run, size=size)


def drawn_rows(num_rows: int, *, seed: int, most: int = MAX_ROWS) -> np.ndarray:
    """The training rows that a simple model learns from: all, or `most` drawn at random; ascending, int64.

    Example:
        >>> drawn_rows(3, seed=0).tolist(), len(drawn_rows(50_000, seed=0))
        ([0, 1, 2], 10000)
    """
    if num_rows <= most:
        return np.arange(num_rows)
    return np.sort(generator(seed, "baseline").permutation(num_rows)[:most])


def scale_of(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each column of `[items, dim]`, by which it is standardised."""
    # Hardly used columns, such as a photo's corner, must not blow up.
    return inputs.mean(0), inputs.std(0) + 0.05 * inputs.std() + 1e-6


def linear_size(dim: int, num_outputs: int) -> int:
    """Parameters of a linear model: weights and biases, and the mean and spread of each column."""
    return (dim + 1) * num_outputs + 2 * dim
