"""Texts cut into blocks of tokens: what a language model reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError, DataError, ReadError
from headway.inputs.base import Input, learned, values_of
from headway.inputs.protocols import Column, Step
from headway.inputs.text_blocks.tokenizer import (
    END,
    LEARNED,
    is_pretrained,
    open_tokenizer,
    read_pretrained,
    train_tokenizer,
)

if TYPE_CHECKING:
    import polars as pl
    from tokenizers import Tokenizer

    from headway.data.dataset import Part
    from headway.judge.report.report import Report, Section
    from headway.targets.base import Target
    from headway.train.model import Model

__all__ = ["DOCUMENT", "TextBlocks", "cut"]

# The column of the text that a block was cut from, made where the table has none.
DOCUMENT = "document"
# With fewer texts than this, each counts as several: in as many stretches, but of so many blocks at most.
_FEW, _STRETCH = 200, 16
_SMALLEST, _LARGEST = 16, 100_000
# A tokenizer's JSON goes into the bundle's manifest.
_MOST_TOKENS = 50_000
# In a text as bytes, what stands for its end.
_END_BYTE = 256
# Training blocks whose tokens are counted before all are read.
_COUNTED = 1_000
# So much of a training text as this stands in the page's box.
_SHOWN = 40


@dataclass(frozen=True)
class TextBlocks(Input):
    """A column of texts, cut into blocks of at most so many characters, a row a block.

    A block is cut behind a space where there is one. A text's last block ends with the token for its end. Each is read
    as tokens, int32 `[tokens]`, the first of them the token for a beginning.

    Args:
        column: The column's name.
        tokenizer: "byte_pair", pieces of words, or "characters", both learned from the training rows; or the name or
            folder of a pretrained model of transformers, for its own.
        vocabulary: How many tokens "byte_pair" has, 300 to 50,000.
        block: Characters of a block, 16 to 100,000.

    Attributes:
        tokens: The tokenizer as JSON; found by `fit`.
        start: The index of the token for a beginning; found by `fit`.
        end: How a text's end is written; found by `fit`.
        num_tokens: How many tokens the tokenizer has; found by `fit`.
        context: Tokens of the longest training block; a model that writes looks no further back. Found by `fit`, for
            a tokenizer of its own from a thousand of the blocks.
        example: The beginning of a training text; found by `fit`.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> import polars as pl
        >>> blocks = TextBlocks("text", tokenizer="characters", block=16)
        >>> rows = blocks.unfold(pl.DataFrame({"text": ["To be, or not to be"]}))
        >>> rows["text"].to_list()
        ['To be, or not ', 'to be<|end|>']
        >>> blocks.fit(rows).read("To be").shape
        (6,)
    """

    column: str
    _: KW_ONLY
    tokenizer: str = "byte_pair"
    vocabulary: int = 2_000
    block: int = 1_000
    tokens: str = field(default="", init=False, repr=False)
    start: int = field(default=0, init=False, repr=False)
    end: str = field(default=END, init=False, repr=False)
    num_tokens: int = field(default=0, init=False, repr=False)
    context: int = field(default=0, init=False, repr=False)
    example: str = field(default="", init=False, repr=False)
    source = "values"
    dtype = np.int32
    axes = ("tokens*",)
    padding = -1
    noun: ClassVar[str] = "text"
    nouns: ClassVar[str] = "texts"
    can_quantize: ClassVar[bool] = False
    writes: ClassVar[bool] = True
    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "underfitting": ("longer blocks (block=), so that more of what came before is seen",),
        "overfitting": ("a pretrained architecture",),
    }

    def __post_init__(self) -> None:
        problems = []
        if not 300 <= self.vocabulary <= _MOST_TOKENS:
            problems.append(f"`vocabulary` must lie between 300 and {_MOST_TOKENS:,}.")
        if not _SMALLEST <= self.block <= _LARGEST:
            problems.append(f"`block` must lie between {_SMALLEST} and {_LARGEST:,} characters.")
        if problems:
            given = f"vocabulary={self.vocabulary}, block={self.block}"
            raise ConfigError(
                " ".join(problems), given=given, fix="Leave them out for 2,000 tokens and 1,000 characters."
            )

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        return self, self.unfold(table), ()

    def unfold(self, items: pl.DataFrame) -> pl.DataFrame:
        """A row a block, in the order of the texts, and the column "document" of what stays on one side of a split."""
        import polars as pl

        if self.column not in items.columns:
            return items
        # What is no text is left for reading to refuse, by its row.
        pieces = [cut(text, self.block) if isinstance(text, str) and text else [text] for text in items[self.column]]
        rows = [row for row, blocks in enumerate(pieces) for _ in blocks]
        names = items[DOCUMENT].to_list() if DOCUMENT in items.columns else list(range(len(items)))
        documents = [names[row] for row in rows]
        if len(set(names)) < _FEW:
            stretch = min(max(len(rows) // _FEW, 1), _STRETCH)
            parts = [index // stretch + 1 for blocks in pieces for index in range(len(blocks))]
            documents = [f"{name}, part {part}" for name, part in zip(documents, parts, strict=True)]
        blocks = [block for blocks in pieces for block in blocks]
        return items[rows].with_columns(
            pl.Series(self.column, blocks, strict=False), pl.Series(DOCUMENT, documents, strict=False)
        )

    def for_architecture(self, arch: str | None) -> Self:
        """With a pretrained model's own tokens, which it needs."""
        has_own = arch is not None and arch not in self.architectures() and is_pretrained(arch)
        return replace(self, tokenizer=arch) if has_own and arch != self.tokenizer else self

    def unreadable(self, items: pl.DataFrame) -> dict[int, str]:
        reasons = {}
        for position, value in enumerate(items[self.column].to_list()):
            try:
                self._text(value)
            except ReadError as error:
                reasons[position] = str(error)
        return reasons

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy with a tokenizer, learned from `rows` unless it is a pretrained model's own."""
        texts = [text for text in rows[self.column].to_list() if isinstance(text, str)]
        facts: dict[str, Any] = {}
        if self.tokenizer in LEARNED:
            facts["tokens"] = train_tokenizer(texts, self.tokenizer, vocabulary=self.vocabulary)
        else:
            facts["tokens"], facts["start"], facts["end"] = read_pretrained(self.tokenizer)
        fitted = learned(self, **facts)
        # Training reads all of them later. Only a pretrained model may have a limit that no block may pass.
        measured = rows.gather_every(max(len(rows) // _COUNTED, 1)) if self.tokenizer in LEARNED else rows
        longest = max(map(len, fitted.read_rows(measured)), default=2)
        size, example = fitted.opened.get_vocab_size(), next(iter(texts), "")[:_SHOWN]
        return learned(fitted, num_tokens=size, context=longest - 1, example=example)

    @property
    def opened(self) -> Tokenizer:
        """The tokenizer itself."""
        return open_tokenizer(self.tokens)

    def read(self, value: Any) -> np.ndarray:
        """A text's tokens, int32 `[1 + tokens]`; of a text longer than a block its first characters."""
        return self._encoded([self._text(value)])[0]

    def read_rows(self, items: pl.DataFrame) -> list[np.ndarray]:
        texts = []
        for row, value in enumerate(items[self.column].to_list()):
            try:
                texts.append(self._text(value))
            except ReadError as error:
                what = f"A text of column {self.column!r} cannot be read."
                raise DataError(what, given=f"row {row}: {error}", fix="Correct or remove that row.") from error
        return self._encoded(texts)

    def _text(self, value: Any) -> str:
        """The text itself, at most a block of it; a ReadError where there is none."""
        value = value.get(self.column) if isinstance(value, dict) else value
        if not isinstance(value, str) or not value:
            message = "an empty text" if isinstance(value, str) else f"not a text: {type(value).__name__}"
            raise ReadError(message)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            message = "not a text: it has half of a surrogate pair"
            raise ReadError(message) from error
        return value if len(value.removesuffix(END)) <= self.block else value[: self.block]

    def _encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        written = [text.replace(END, self.end) for text in texts]
        encodings = self.opened.encode_batch(written, add_special_tokens=False)
        return [np.array([self.start, *encoding.ids], dtype=np.int32) for encoding in encodings]

    def notes(self, value: Any) -> tuple[str, ...]:
        """That a text is longer than what the model reads."""
        text = value.get(self.column) if isinstance(value, dict) else value
        is_long = isinstance(text, str) and len(text.removesuffix(END)) > self.block
        return (f"only its first {self.block:,} characters were read",) if is_long else ()

    def names(self, items: pl.DataFrame) -> list[str]:
        rows = items["row"].to_list() if "row" in items.columns else range(len(items))
        return [f"row {row}" for row in rows]

    def same_items(self, items: pl.DataFrame) -> list[str]:
        """The text: two blocks that are equal are one item."""
        return [str(value) for value in items[self.column].to_list()]

    # Writing.

    def write(self, step: Step | None, prompt: str, **options: Any) -> Iterator[str]:
        """The text that follows a prompt, piece by piece; see `headway.inputs.text_blocks.writing.write`."""
        if step is None:
            return super().write(step, prompt)
        from headway.inputs.text_blocks.writing import write

        return write(self, step, prompt, **options)

    def token_indices(self, text: str) -> list[int]:
        """The tokens of a text of any length, without one for its beginning."""
        return self.opened.encode(text, add_special_tokens=False).ids

    @property
    def end_index(self) -> int:
        """The token for a text's end."""
        index = self.opened.token_to_id(self.end)
        assert index is not None
        return index

    # Serving.

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None,)

    def question(self, target: Target) -> str:
        return "How does a text go on?"

    def form(self) -> tuple[Column, ...]:
        return (Column(name=self.column, kind="text", typical=self.example),)

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        return {"tokens": float(len(array) - 1)}

    def describe(self) -> list[str]:
        kind = "tokens" if self.tokenizer in LEARNED else f"tokens of {self.tokenizer}"
        size = f"{self.num_tokens:,} {kind}" if self.tokenizer != "characters" else "characters as tokens"
        return [f"in:  texts of {self.column!r} in blocks of {self.block:,} characters, {size}"]

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        return ["gpt", "lstm"]

    @classmethod
    def has_architecture(cls, name: str) -> bool:
        """A network of its own, or a folder of a model of transformers."""
        return name in cls.architectures() or is_pretrained(name)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.text_blocks.build import build

        return build(arch, self, pretrained=pretrained)

    # Judging.

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """Every block as bytes of UTF-8, with a symbol for an end, and as tokens; int32 `[items, longest]`."""
        part = part.left()
        texts = part.items[self.column].to_list()
        spelt = [[*text.removesuffix(END).encode(), *([_END_BYTE] if text.endswith(END) else [])] for text in texts]
        arrays = {"bytes": self.collate([np.array(text, dtype=np.int32) for text in spelt])}
        if self.tokenizer != "characters":
            # The first is the token for a beginning, which nobody predicts.
            arrays["tokens"] = self.collate([array[1:] for array in self._encoded(texts)])
        return part, arrays, {"num_tokens": self.num_tokens}

    def report_sections(self, setup: Any, report: Report) -> dict[str, Section]:
        from headway.inputs.text_blocks.page import sections

        return sections(self, setup, report)

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        return {"kind": "text_blocks", **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        said, learnt = (values_of(cls, values, init=init) for init in (True, False))
        made = learned(cls(**said), **learnt)
        # What is not a tokenizer is refused where a bundle is opened, and not at its first text.
        assert not made.tokens or made.opened.get_vocab_size() == made.num_tokens
        return made

    def __str__(self) -> str:
        return f"TextBlocks({self.column!r})"


def cut(text: str, size: int) -> list[str]:
    """A text in pieces of at most `size` characters, behind a space where the second half of a piece has one.

    The last one ends with what stands for a text's end.

    Example:
        >>> cut("one two three", 9)
        ['one two ', 'three<|end|>']
    """
    pieces, start = [], 0
    while len(text) - start > size:
        space = max(text.rfind(blank, start + size // 2, start + size) for blank in " \n")
        end = start + size if space < 0 else space + 1
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:] + END]
