"""What a trained model says of items, in this process: its answers, read as a bundle's are, and its features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl

from headway.bundle.predictor import Predictor, strict
from headway.data.dataset import Data, PartName
from headway.errors import ConfigError, ReadError
from headway.inputs.protocols import Step
from headway.seeds import generator
from headway.system.figures import new_figure
from headway.targets.base import Prediction
from headway.train.counts import without_scores
from headway.train.predictions import body_vectors, check_body, nearest, part_vectors, predict_arrays, step_of
from headway.train.stage import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

__all__ = ["Answers", "in_process", "show_results"]


class Answers:
    """The half of a learner that does not train: what its model answers for items, and what is like them.

    Attributes:
        data: The data set.
        setup: The model, and how it is run.
    """

    data: Data
    setup: Setup

    def predict(self, item: Any) -> Prediction:
        """The prediction for one item: a path, bytes, an array or a picture; of a table a dict of its columns.

        Raises:
            ReadError: If the item cannot be read; the text names it.
        """
        return in_process(self.setup).predict(item)

    def predict_many(self, items: Iterable[Any], *, batch_size: int = 32) -> Iterator[Prediction]:
        """The predictions for many items, in their order, as a generator; of a table the items may be a frame."""
        return in_process(self.setup).predict_many(items, batch_size=batch_size)

    def generate(
        self,
        prompt: str = "",
        *,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """The text that follows a prompt, a piece each time, by a model that was trained with `NextToken`.

        Args:
            prompt: What the text begins with; it may be empty.
            max_tokens: Tokens to write, unless the text ends before.
            temperature: Below 1 what is likely becomes likelier; at 0 the likeliest token is always taken.
            top_k: Only so many of the likeliest tokens are drawn from; 0 for all.
            top_p: Only the likeliest tokens that together have this probability; 1 for all.
            seed: Decides the draws: the same seed and model write the same text.

        Raises:
            ConfigError: If the model does not write, or an option is out of its range.
        """
        sampling = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        return in_process(self.setup).generate(prompt, **sampling)

    def embed(self, items: Iterable[Any], *, batch_size: int = 32) -> np.ndarray:
        """What the model's body makes of items: similar items have similar vectors.

        Args:
            items: What `predict_many` takes; of a table also a frame.
            batch_size: Items that go through the body at once.

        Returns:
            Vectors, float32 `[items, features]`.

        Raises:
            ConfigError: If the model has no `body` with a linear `head`.
            ReadError: If an item cannot be read; the text names it.
        """
        check_body(self.setup)
        fields = {"input": self.data.input, "target": self.data.target, "session": cast(Any, None)}
        vectors = _Embedding(manifest={}, setup=self.setup, **fields).vectors(items, batch_size=batch_size)
        # Of no items there is still a length.
        head = cast("nn.Linear", self.setup.model.get_submodule("head"))
        none = without_scores(self.setup.model, np.empty((0, head.in_features), dtype=np.float32))
        return np.stack(vectors) if vectors else none

    def nearest(self, item: Any, *, k: int = 5) -> pl.DataFrame:
        """The training items whose vectors are most like an item's; see `embed`.

        Args:
            item: What `predict` takes.
            k: How many.

        Returns:
            Their rows, the most similar first, with the column "similarity": the cosine of the angle between the
            vectors, seen from the mean of the training items, from -1 to 1.

        Raises:
            ConfigError: If the model has no `body` with a linear `head`, or `k` is below 1.
            ReadError: If the item cannot be read.
        """
        if type(k) is not int or k < 1:
            raise ConfigError("`k` must be a whole number from 1.", given=f"k={k!r}", fix="Leave it out for 5.")
        own, vectors = self.embed([item]), part_vectors(self.setup, self.data.train)
        (positions,), (similarities,) = nearest(vectors, own, k=k)
        items = self.data.train.items[positions.tolist()].drop("content", "split")
        return items.with_columns(pl.Series("similarity", similarities))

    def show_results(self, n: int = 9, *, part: PartName = "valid") -> Figure:
        """A figure of `n` items drawn from a part: what the model says of each, and the true answer.

        Raises:
            ConfigError: If `n` is below 1, or the part has no rows.
        """
        return show_results(self.setup, n, part=part)


def in_process(setup: Setup) -> Predictor:
    """A predictor that runs a model of torch's instead of a graph."""
    field = setup.data.input
    # It has no session: `_run` is all that a predictor does with one.
    return _InProcess(manifest={}, input=field, target=setup.data.target, session=cast(Any, None), setup=setup)


@dataclass(frozen=True, kw_only=True)
class _InProcess(Predictor):
    setup: Setup

    def _run(self, inputs: np.ndarray, *, seconds: float | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        return predict_arrays(self.setup, inputs), None

    def _step(self, seconds: float | None) -> Step | None:
        return step_of(self.setup)


@dataclass(frozen=True, kw_only=True)
class _Embedding(_InProcess):
    def vectors(self, items: Iterable[Any], *, batch_size: int) -> list[np.ndarray]:
        return [strict(item, vector) for item, vector in self._stream(items, batch_size, self._vectors)]

    def _vectors(self, items: Sequence[Any]) -> Iterator[np.ndarray | ReadError]:
        return self._of_good(items, lambda arrays: body_vectors(self.setup, arrays))


def show_results(setup: Setup, n: int, *, part: PartName) -> Figure:
    """A figure of items of a part, the same each time; a kind without pictures writes the item as text."""
    rows = setup.data.part(part)
    if n < 1 or not len(rows):
        given = f"n={n}, {part} with {len(rows)} rows"
        raise ConfigError("There is nothing to show.", given=given, fix="Pass n=9 and a part that has rows.")
    # The same items each time, so that two figures can be compared.
    chosen = np.sort(generator(0, "order").permutation(len(rows))[:n]).tolist()
    items, data = rows.items[chosen], setup.data
    values = items[data.input.column].to_list() if data.input.source == "file" else items.to_dicts()
    answers = list(in_process(setup).predict_many(values))
    truths = data.target.values(items)
    columns = min(len(chosen), max(3, round(len(chosen) ** 0.5)))
    figure, places = new_figure(columns=columns, rows=-(-len(chosen) // columns), width=2.6, height=2.8)
    for axes in places:
        axes.set_axis_off()
    # The panels beyond the items stay empty.
    for axes, value, answer, truth in zip(places, values, answers, truths, strict=False):
        data.input.draw(axes, value)
        score = "" if answer.score is None else f" {answer.score:.2f}"
        is_wrong = bool(answer.probabilities) and answer.label != truth
        title = f"{answer.label}{score}\ntrue: {truth}"
        axes.set_title(title, parse_math=False, fontsize=9, color="C3" if is_wrong else "black")
    return figure
