"""A network for rows of tables: RealMLP, with piecewise-linear encodings of its numbers.

RealMLP (Holzmüller et al. 2024, arXiv:2407.04491) is a plain MLP whose details were tuned on many tables: a learned
scale of each input, the neural-tangent parametrisation, activations that are learned, rates that differ from part to
part. Of its published defaults these are kept; what is otherwise here, and what each change measured, is in
`docs/tables.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError
from headway.inputs.table.field import Table
from headway.targets.base import Target
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

__all__ = ["ARCHITECTURE", "RECIPE", "TabularModel", "build"]

ARCHITECTURE = "realmlp"

RECIPE = Recipe(
    lr=2e-2,
    lr_batch_size=256,
    options=Options(schedule="cosine", weight_decay=0.02),
    samples_seen=1_500_000,
    min_epochs=8,
    max_epochs=24,
    steps=100,
    min_batch_size=256,
    few_rows_steps=4,
)

WIDTH = 128
DEPTH = 3
DROPOUT = 0.15
# Length of the vector that encodes a number, or a category of a column with more than `MAX_ONE_HOT` of them.
DIM = 8

MAX_ONE_HOT = 9

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def build(arch: str | None, input: Table, target: Target) -> Model:
    """A model of a table's rows; ConfigError if `arch` is not the one architecture there is."""
    if arch not in (None, ARCHITECTURE):
        what = "Unknown architecture for tables."
        fix = f'Leave it out for "{ARCHITECTURE}", or pass a module of your own.'
        raise ConfigError(what, given=repr(arch), fix=fix)
    sizes = list(input.categories.values())
    module = TabularModel(edges=input.edges, sizes=sizes, num_outputs=target.num_outputs)
    return Model(module, recipe=RECIPE, arch=ARCHITECTURE)


class TabularModel(nn.Module):
    """Rows as `Table` reads them to outputs.

    Args:
        edges: For each of the numbers, where the training rows' values lie: rising, two or more.
        sizes: For each of the category indices how many values it has, 0 counted.
        num_outputs: How many numbers it gives for a row.

    Example:
        >>> model = TabularModel(edges=[(-1.0, 0.0, 1.0)], sizes=[3], num_outputs=2).eval()
        >>> model(torch.tensor([[0.5, 2.0], [0.5, 1.0]])).shape
        torch.Size([2, 2])
    """

    def __init__(self, *, edges: Sequence[Sequence[float]], sizes: Sequence[int], num_outputs: int) -> None:
        super().__init__()
        self.body = _Body(edges, sizes)
        self.head = nn.Linear(WIDTH, num_outputs)
        nn.init.zeros_(self.head.bias)
        # RealMLP's rates, relative to that of its weights; the head has the rate that its parametrisation gives it.
        self.lr_factors = {"body.scale": 6.0, "head": WIDTH**-0.5}
        for name, _ in self.named_parameters():
            if name.startswith("body.layers") and name.endswith((".bias", ".share")):
                self.lr_factors[name] = 0.1

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Rows, float32 `[batch, features]`, to outputs `[batch, num_outputs]`."""
        return self.head(self.body(inputs))


class _Body(nn.Module):
    """Rows to features, float32 `[batch, WIDTH]`."""

    def __init__(self, edges: Sequence[Sequence[float]], sizes: Sequence[int]) -> None:
        super().__init__()
        self.num_numbers = len(edges)
        # A layer without columns would compute nothing, and not be exported.
        self.numbers = PiecewiseLinear(edges) if edges else None
        self.categories = Categories(sizes) if sizes else None
        dim = sum(encoder.dim for encoder in (self.numbers, self.categories) if encoder is not None)
        self.scale = nn.Parameter(torch.ones(dim))
        layers: list[nn.Module] = []
        for before in (dim, *[WIDTH] * (DEPTH - 1)):
            layers += [TangentLinear(before, WIDTH), LearnedSelu(WIDTH), nn.Dropout(DROPOUT)]
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        encoded = [self.numbers(inputs[:, : self.num_numbers])] if self.numbers is not None else []
        if self.categories is not None:
            encoded.append(self.categories(inputs[:, self.num_numbers :]))
        return self.layers(torch.cat(encoded, dim=1) * self.scale)


class PiecewiseLinear(nn.Module):
    """Each number as itself and as `DIM - 1` functions of it, linear between the rising edges of its bins.

    A number becomes how far each of its bins is filled, from 0 to 1, and a linear layer of its own follows. Bins start
    with no weight, beside one of the number itself: training begins with straight lines.

    Source:
        Gorishniy et al. 2022, arXiv:2203.05556, section 3.2; that it starts from straight lines, Gorishniy et al. 2024,
        arXiv:2410.24210, appendix on TabM's embeddings.
    """

    low: torch.Tensor
    steepness: torch.Tensor

    def __init__(self, edges: Sequence[Sequence[float]]) -> None:
        super().__init__()
        count, bins = len(edges), max(map(len, edges)) - 1
        # A bin that is not used is never filled.
        low, steepness = torch.zeros(count, bins), torch.zeros(count, bins)
        for number, ends in enumerate(map(torch.tensor, edges)):
            low[number, : len(ends) - 1] = ends[:-1]
            steepness[number, : len(ends) - 1] = 1 / ends.diff()
        self.register_buffer("low", low)
        self.register_buffer("steepness", steepness)
        self.weight = nn.Parameter(torch.zeros(count, bins, DIM - 1))
        self.slope = nn.Parameter(2 * torch.rand(count, DIM - 1) - 1)
        self.bias = nn.Parameter(torch.zeros(count, DIM - 1))
        self.dim = count * DIM

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Numbers `[batch, count]` to `[batch, count * DIM]`."""
        column = numbers.unsqueeze(2)
        filled = ((column - self.low) * self.steepness).clamp(0, 1)
        # A product for each number, all at once: [count, batch, bins] with [count, bins, DIM - 1].
        curved = torch.bmm(filled.transpose(0, 1), self.weight).transpose(0, 1)
        return torch.cat([column, curved + column * self.slope + self.bias], dim=2).flatten(1)


class Categories(nn.Module):
    """Category indices as zeros and ones, or, where a column has many, as vectors that are learned.

    Index 0, what was not seen in training, is all zeros, and so is its vector at first.
    """

    last: torch.Tensor
    place: torch.Tensor
    value: torch.Tensor
    many: torch.Tensor
    start: torch.Tensor

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        few = [column for column, size in enumerate(sizes) if size - 1 <= MAX_ONE_HOT]
        many = [column for column, size in enumerate(sizes) if size - 1 > MAX_ONE_HOT]
        # All vectors are one table, each column's from its start: one look-up for all columns.
        starts = torch.tensor([0, *[sizes[column] for column in many]]).cumsum(0)
        self.vectors = nn.Embedding(int(starts[-1]), DIM) if many else None
        for name, values in {
            "last": [size - 1 for size in sizes],
            "place": [column for column in few for _ in range(1, sizes[column])],
            "value": [value for column in few for value in range(1, sizes[column])],
            "many": many,
            "start": starts[:-1].tolist(),
        }.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.int64))
        if self.vectors is not None:
            with torch.no_grad():
                self.vectors.weight[starts[:-1]] = 0.0
        self.dim = len(self.place) + DIM * len(many)

    def forward(self, indices: torch.Tensor) -> torch.Tensor:
        """Indices, whole numbers as float32 `[batch, columns]`, to `[batch, dim]`."""
        # Not `clamp`: OpenVINO takes a bound that int64 numbers have not for 0.
        indices = torch.minimum(torch.maximum(indices.long(), torch.zeros_like(self.last)), self.last)
        encoded = [(indices[:, self.place] == self.value).to(torch.float32)] if len(self.place) else []
        if self.vectors is not None:
            encoded.append(self.vectors(indices[:, self.many] + self.start).flatten(1))
        return torch.cat(encoded, dim=1)


class TangentLinear(nn.Module):
    """A linear layer in the neural-tangent parametrisation: weights of size one over the root of their number.

    Source:
        Jacot et al. 2018, arXiv:1806.07572; for tables Holzmüller et al. 2024, arXiv:2407.04491.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before))
        self.bias = nn.Parameter(torch.randn(after))
        self.factor = 1 / math.sqrt(before)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[batch, before]` to `[batch, after]`."""
        return F.linear(inputs, self.weight * self.factor, self.bias)


class LearnedSelu(nn.Module):
    """SELU, of which each number learns how much it takes: 0 for none, 1 as it begins.

    Source:
        Klambauer et al. 2017, arXiv:1706.02515; how much of it is taken, Holzmüller et al. 2024, arXiv:2407.04491.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.ones(width))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        # As torch's `selu`, which takes ten times as long for an exponential that is exact near 0.
        curved = _SELU_SCALE * (inputs.relu() + _SELU_ALPHA * (inputs.clamp(max=0).exp() - 1))
        return inputs + (curved - inputs) * self.share
