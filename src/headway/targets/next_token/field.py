"""The next token of a text: the target of language models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from headway.data.texts import is_text, read_texts
from headway.errors import DataError
from headway.inputs.base import Input
from headway.inputs.text_blocks.field import DOCUMENT, TextBlocks
from headway.inputs.text_blocks.tokenizer import END
from headway.targets.base import Prediction, Target, Task

if TYPE_CHECKING:
    import polars as pl

    from headway.judge.report.inputs import ReportInputs
    from headway.judge.report.report import Section

__all__ = ["NextToken"]


@dataclass(frozen=True)
class NextToken(Target):
    """Each token of a text, from those before it: what makes a language model.

    A row of the data is a text, or a part of one; it is cut into blocks, which are the items. What the model answers
    for a block is how many bits it takes, and its tokens. The fewer bits a character, the better the model knows such
    texts; with its guesses it writes (`learner.generate`).

    Args:
        column: The column of texts; that of the input, where one is named.
        tokenizer: "byte_pair" or "characters", learned from the training texts; or the folder, or name, of a causal
            model of transformers, whose own tokenizer is taken.
        vocabulary: How many tokens "byte_pair" has, from 300.
        block: Characters that are read at once, from 16.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> NextToken().encode(["To be, or not to be"]).tolist()
        [[19.0]]
    """

    column: str = "text"
    _: KW_ONLY
    tokenizer: str = "byte_pair"
    vocabulary: int = 2_000
    block: int = 1_000
    kind: ClassVar[str] = "next_token"
    package: ClassVar[str] = "headway.targets.next_token"
    task: ClassVar[Task] = "language"
    groups: ClassVar[str | None] = DOCUMENT
    strata_name: ClassVar[str] = ""
    value_type: ClassVar[Any] = float
    options: ClassVar[tuple[str, ...]] = ("tokenizer",)
    needs_column: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._blocks(self.column)

    @property
    def num_outputs(self) -> int:
        """The bits of a text, and its tokens."""
        return 2

    def own_input(self, input: str | Sequence[str] | Input | None) -> Input:
        """Blocks of texts, of the column that was named."""
        if isinstance(input, TextBlocks):
            return input
        named = input.columns if isinstance(input, Input) else (input,) if isinstance(input, str) else input
        return self._blocks(next(iter(named or ()), self.column))

    def bind_to(self, input: Input) -> NextToken:
        """The field of the input's own column."""
        return replace(self, column=input.column)

    def _blocks(self, column: str) -> TextBlocks:
        return TextBlocks(column, tokenizer=self.tokenizer, vocabulary=self.vocabulary, block=self.block)

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The characters of each text, float32 `[items, 1]`."""
        if not all(isinstance(value, str) for value in values):
            given = [type(value).__name__ for value in values if not isinstance(value, str)][:5]
            what = f"Column {self.column!r} must hold texts."
            raise DataError(what, given=given, fix="Correct those rows, or name another column.")
        return np.array([[len(value.removesuffix(END))] for value in values], dtype=np.float32).reshape(-1, 1)

    def has_different(self, items: pl.DataFrame) -> bool:
        """Taken as given: most blocks have as many characters."""
        return True

    def decode(self, scores: np.ndarray) -> Prediction:
        """How many bits a token takes, `value`, from what the graph gives for a text, `[2]`."""
        value = float(scores[0] / max(scores[1], 1))
        return Prediction(label=f"{value:.3g} bits a token", value=value)

    def sections(self, inputs: ReportInputs) -> dict[str, Section]:
        """None: what there is to show, such as the most surprising places, the input has."""
        return {}

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        return {"number": float(f"{prediction.value:.6g}")}

    def summary(self) -> str:
        return f"This model writes texts like those in {self.column}."

    # The command line.

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        return dict(options)

    @classmethod
    def from_options(cls, column: str | None, options: Mapping[str, str], values: Any) -> NextToken:
        """The column is that of the input, unless it is named."""
        return cls(**({"column": column} if column else {}), **cls.parse_options(options))

    @classmethod
    def reads_path(cls, path: str | os.PathLike[str]) -> bool:
        return is_text(path)

    @classmethod
    def read_path(cls, path: str | os.PathLike[str]) -> pl.DataFrame:
        return read_texts(path)
