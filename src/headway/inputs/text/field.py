"""A text, or several of an item, read into tokens: the same code while training and while serving."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from headway.errors import ConfigError, ReadError, did_you_mean
from headway.inputs.base import Input, learned, values_of
from headway.inputs.protocols import Column, Parts
from headway.inputs.text.encoder_files import encoder_tokenizer, is_encoder, max_positions
from headway.inputs.text.statistics import NO_LETTERS, reference_of, script_of, scripts_of, text_bins
from headway.inputs.text.surprisal import MAX_ROWS, Surprisal
from headway.inputs.text.tokenizer import (
    PADDING,
    TOKENIZERS,
    encode,
    learned_tokenizer,
    opened,
    packaged_tokenizer,
    padding_of,
    separator,
    uncounted,
)
from headway.inputs.text.values import (
    FILE_NAME,
    SAMPLE,
    WORDS_OF_PROSE,
    beginning,
    checked,
    is_prose,
    num_characters,
    plain,
    read_text,
)

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from tokenizers import Tokenizer
    from torch import nn

    from headway.data.dataset import Part
    from headway.judge.baselines.base import Baseline
    from headway.judge.diagnosis.item_audit import ItemAudit
    from headway.judge.report.report import Picture, Report, Section
    from headway.targets.base import Target
    from headway.train.model import Model
    from headway.train.pretraining import Pretraining
    from headway.train.stage import Setup

__all__ = ["Text"]


@dataclass(frozen=True)
class Text(Input):
    """A column of texts, or several columns that are read one after the other, such as a title and a body.

    An item is its tokens, int32 `[tokens]`; those beyond `max_tokens` are cut off.

    Args:
        text: The column's name, or several.
        max_tokens: Tokens of an item that are read, from 8 to 1024. The pretrained encoder reads 256 at a time; of a
            longer text its features are averaged over all windows.
        tokenizer: What cuts texts into tokens: "minilm", made for English, which the pretrained encoder needs;
            "byte_pair", which learns its tokens from the training rows; or the name or folder of an encoder of
            transformers, for its own. Default: what the architecture needs.

    Attributes:
        fitted: The tokenizer as JSON; found by `fit`.
        cut: Share of the training rows that are longer than `max_tokens`; found by `fit`.
        surprisal: How rare each token is in the training rows; found by `fit`.
        scripts: The scripts of the training rows, such as "Latin"; found by `fit`.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> import polars as pl
        >>> field = Text("review", tokenizer="byte_pair").fit(pl.DataFrame({"review": ["good", "so good"]}))
        >>> field.read("so good").dtype, field.read("good").shape
        (dtype('int32'), (1,))
    """

    text: str | Sequence[str]
    _: KW_ONLY
    max_tokens: int = 512
    tokenizer: str = "minilm"
    fitted: str = field(default="", init=False, repr=False)
    cut: float = field(default=0.0, init=False, repr=False)
    surprisal: Surprisal | None = field(default=None, init=False, repr=False)
    scripts: tuple[str, ...] = field(default=(), init=False, repr=False)
    column: str = field(default="", init=False, repr=False)
    padding: float = field(default=PADDING, init=False, repr=False)
    source = "values"
    dtype = np.int32
    axes = ("tokens*",)
    noun: ClassVar[str] = "text"
    nouns: ClassVar[str] = "texts"
    has_parts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        names = (self.text,) if isinstance(self.text, str) else tuple(self.text)
        object.__setattr__(self, "text", names[0] if len(names) == 1 else names)
        object.__setattr__(self, "column", ", ".join(names))
        if not names or len(set(names)) < len(names):
            what = "`text` must name one column, or several different ones."
            raise ConfigError(what, given=repr(self.text), fix='Pass a name, or a list such as ["title", "body"].')
        if type(self.max_tokens) is not int or not 8 <= self.max_tokens <= 1024:
            given = f"max_tokens={self.max_tokens!r}"
            raise ConfigError("`max_tokens` must be from 8 to 1024.", given=given, fix="Leave it out for 512.")
        if self.tokenizer not in TOKENIZERS and not is_encoder(self.tokenizer):
            fix = did_you_mean(str(self.tokenizer), TOKENIZERS)
            raise ConfigError("Unknown tokenizer.", given=repr(self.tokenizer), fix=fix)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of texts."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)

    @property
    def shape(self) -> tuple[None]:
        """The number of tokens, which differs from text to text."""
        return (None,)

    @property
    def vocabulary(self) -> int:
        """How many different tokens there are, padding counted; the field must be fitted."""
        return self._opened.get_vocab_size()

    @cached_property
    def _opened(self) -> Tokenizer:
        return opened(self.fitted, self.max_tokens)

    # Reading.

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """Columns that hold prose; where none is named, those that make up most of the table."""
        rows = items()
        if columns:
            return cls(columns) if all(name in rows.columns and is_prose(rows[name]) for name in columns) else None
        sizes = {name: num_characters(rows[name]) for name in rows.columns}
        prose = [name for name in rows.columns if is_prose(rows[name], num_words=WORDS_OF_PROSE)]
        return cls(prose) if prose and 3 * sum(sizes[name] for name in prose) > 2 * sum(sizes.values()) else None

    @classmethod
    def from_arrays(
        cls, items: Any, *, size: int | None, channels: Literal["first", "last"] | None
    ) -> tuple[dict[str, Any], Self] | None:
        """An array, a list or a column of texts."""
        if hasattr(items, "columns") or getattr(items, "ndim", 1) != 1 or isinstance(items, (str, bytes)):
            return None
        texts = list(items) if hasattr(items, "__len__") else []
        known = [text for text in texts if text is not None]
        if not known or not all(isinstance(text, str) for text in known) or all(map(FILE_NAME.fullmatch, known)):
            return None
        return {"text": [None if text is None else str(text) for text in texts]}, cls("text")

    @classmethod
    def from_files(cls, items: pl.DataFrame) -> tuple[pl.DataFrame, Self] | None:
        """Files of text, where nearly all end in .txt: their contents as "text", and how they are called as "name"."""
        paths = list(map(Path, items["file"]))
        if 10 * sum(path.suffix.lower() == ".txt" for path in paths) < 9 * len(paths):
            return None
        series = type(items["file"])
        columns = [series("name", [path.name for path in paths]), series("text", list(map(read_text, paths)))]
        return items.drop("file").with_columns(columns), cls("text")

    def for_architecture(self, arch: str | None) -> Self:
        from headway.inputs.text.models import tokenizer_of

        tokenizer = tokenizer_of(arch) if arch else None
        if tokenizer is None or tokenizer == self.tokenizer:
            return self
        most = self.max_tokens if tokenizer in TOKENIZERS else min(self.max_tokens, max_positions(tokenizer))
        return replace(self, tokenizer=tokenizer, max_tokens=most)

    @classmethod
    def has_architecture(cls, name: str) -> bool:
        return super().has_architecture(name) or is_encoder(name)

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        return self, self._as_texts(table), ()

    def each(self, items: Any) -> Iterable[Any]:
        return super().each(self._as_texts(items) if hasattr(items, "with_columns") else items)

    def _as_texts(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table with its columns of numbers as texts: a CSV file whose texts are all codes is read as numbers."""
        numbers = [name for name in self.columns if name in table.columns and table[name].dtype.is_numeric()]
        return table.with_columns(table[name].cast(str) for name in numbers)

    def fit(self, rows: pl.DataFrame) -> Self:
        texts = self._texts(rows)
        fitted = self._fitted(texts)
        sample = rows.gather_every(max(len(rows) // MAX_ROWS, 1))
        tokens = encode(opened(fitted, self.max_tokens + 1), self._texts(sample))
        cut = float(np.mean([len(array) > self.max_tokens for array in tokens])) if tokens else 0.0
        size = opened(fitted, self.max_tokens).get_vocab_size()
        if self.tokenizer == "byte_pair":
            surprisal = Surprisal.fit_learned(self._texts(sample), fitted)
        else:
            surprisal = Surprisal.fit(tokens, size=size, ignored=uncounted(fitted))
        padding, scripts = padding_of(fitted) or PADDING, scripts_of(self.joined(sample))
        return learned(self, fitted=fitted, cut=cut, surprisal=surprisal, scripts=scripts, padding=padding)

    def _fitted(self, texts: Sequence[str]) -> str:
        if self.tokenizer == "minilm":
            return packaged_tokenizer()
        return learned_tokenizer(texts) if self.tokenizer == "byte_pair" else encoder_tokenizer(self.tokenizer)

    def read(self, value: Any) -> np.ndarray:
        """The tokens of a text, or of a dict with a text for each column, int32 `[tokens]`.

        Raises:
            ReadError: If it is not text, or there is nothing to read in it; the text is one line.
        """
        return np.array(self._opened.encode(self._text(value)).ids, dtype=np.int32)

    def reading(self) -> dict[str, Any]:
        """Without what was learned of the training rows' words: another split has the same tokens."""
        return {"kind": "text", "columns": len(self.columns), "max_tokens": self.max_tokens, "fitted": self.fitted}

    def read_rows(self, items: pl.DataFrame) -> list[np.ndarray]:
        return encode(self._opened, self._texts(items))

    def read_many(self, values: Sequence[Any]) -> list[tuple[np.ndarray | ReadError, tuple[str, ...]]]:
        texts = [self._text_or_error(value) for value in values]
        arrays = iter(encode(self._opened, [text for text in texts if isinstance(text, str)]))
        return [
            (next(arrays), self.notes(value)) if isinstance(text, str) else (text, ())
            for value, text in zip(values, texts, strict=True)
        ]

    def unreadable(self, items: pl.DataFrame) -> dict[int, str]:
        texts = map(self._text_or_error, items.select(self.columns).iter_rows())
        return {position: str(text) for position, text in enumerate(texts) if isinstance(text, ReadError)}

    def _texts(self, items: pl.DataFrame) -> list[str]:
        """Each row's text; "" where it cannot be read."""
        texts = map(self._text_or_error, items.select(self.columns).iter_rows())
        return [text if isinstance(text, str) else "" for text in texts]

    def _text_or_error(self, value: Any) -> str | ReadError:
        try:
            return self._text(value)
        except ReadError as error:
            return error

    def _text(self, value: Any) -> str:
        return self.separator.join(self.texts_of(value))

    def texts_of(self, value: Any) -> list[str]:
        """An item's text for each column: of a text, a dict by column, or the columns' values in a tuple."""
        values = [value]
        if isinstance(value, Mapping):
            missing = [name for name in self.columns if name not in value]
            if missing:
                message = f"not a row with the column {missing[0]!r}"
                raise ReadError(message)
            values = [value[name] for name in self.columns]
        elif isinstance(value, tuple) and len(value) == len(self.columns):
            values = value
        elif len(self.columns) > 1:
            message = f"not a row: expected a dict with {', '.join(map(repr, self.columns))}"
            raise ReadError(message)
        texts = [checked(name, value) for name, value in zip(self.columns, values, strict=True)]
        if not any(letter.isprintable() and not letter.isspace() for text in texts for letter in text):
            message = "empty: there is no text in it"
            raise ReadError(message)
        return texts

    @cached_property
    def separator(self) -> str:
        """What stands between the texts of several columns."""
        return f" {separator(self.fitted)} " if self.fitted and len(self.columns) > 1 else " "

    def names(self, items: pl.DataFrame) -> list[str]:
        """How each text begins, with its row."""
        rows = items["row"].to_list() if "row" in items.columns else range(len(items))
        texts = items.select(self.columns).iter_rows()
        named = [(f"row {row}", beginning(values)) for row, values in zip(rows, texts, strict=True)]
        return [f"{row}: {text}" if text else row for row, text in named]

    def same_items(self, items: pl.DataFrame) -> list[str]:
        """The texts: one that comes twice is one item, whatever its labels."""
        return [
            "\0".join(value or "" for value in map(plain, values)) for values in items.select(self.columns).iter_rows()
        ]

    def describe(self) -> list[str]:
        lines = [f"in:  text of {' and '.join(map(repr, self.columns))}, up to {self.max_tokens} tokens"]
        if self.cut >= 0.005:
            lines.append(f"     about {self.cut:.0%} of the training texts are longer, and are cut there (max_tokens=)")
        return lines

    # Serving.

    def notes(self, value: Any) -> tuple[str, ...]:
        script = script_of("\n".join(self.texts_of(value)))
        if not self.scripts or script in self.scripts:
            return ()
        own = "has no letters" if script == NO_LETTERS else f"is written in {script} letters"
        return (f"it {own}; the training texts' script is {' or '.join(self.scripts)}",)

    def familiar(self, arrays: np.ndarray) -> np.ndarray | None:
        return ~self.surprisal.is_far(arrays) if self.surprisal else None

    def is_far(self, arrays: np.ndarray) -> np.ndarray | None:
        """Which texts are made of much rarer tokens than the training texts: of another language, code, gibberish."""
        return self.surprisal.is_far(arrays) if self.surprisal else None

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        """The number of tokens, and how rare they are in the training texts on average, in nats."""
        rarity = {"token_rarity": round(float(self.surprisal.mean(array[None])[0]), 4)} if self.surprisal else {}
        return {"num_tokens": len(array), **rarity}

    def reference(self, items: pl.DataFrame) -> dict[str, Any]:
        return reference_of(self.joined(items))

    def bins(self, value: Any, reference: dict[str, Any]) -> dict[str, str]:
        return text_bins("\n".join(plain(value[name]) for name in self.columns), reference)

    def joined(self, items: pl.DataFrame) -> list[str]:
        """The texts of each row, one below the other."""
        return ["\n".join(map(plain, values)) for values in items.select(self.columns).iter_rows()]

    def parts(self, value: Any) -> Parts:
        from headway.inputs.text.evidence import TextParts

        return TextParts(self, value)

    def form(self) -> tuple[Column, ...]:
        return tuple(Column(name=name, kind="text", typical="A text to read.") for name in self.columns)

    @property
    def runs_in_browser(self) -> bool:
        return True

    def browser_facts(self) -> dict[str, Any]:
        from headway.inputs.text.browser import browser_facts

        return {"separator": self.separator, **browser_facts(self.fitted, name=self.tokenizer)}

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.text.models import ARCHITECTURES

        return list(ARCHITECTURES)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.text.models import build

        return build(arch, self, target, pretrained=pretrained)

    def pretraining(self, model: nn.Module) -> Pretraining | None:
        from headway.inputs.text.masked_words import masked_words

        return masked_words(self, model)

    # Judging.

    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "underfitting": ("a pretrained architecture", "more tokens of each text (max_tokens=)"),
        "overfitting": ("a pretrained architecture",),
        "confused_pair": ("more tokens of each text (max_tokens=), where the difference comes late",),
    }
    most_compared: ClassVar[int] = 200_000

    def near_copies(self, part: Part) -> Sequence[tuple[int, int]]:
        from headway.inputs.text.near_copies import find_copies

        return find_copies(self.joined(part.items))

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from headway.inputs.text.baselines import BASELINES

        return BASELINES.get(target.task, {})

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """The texts themselves, object `[items, columns]`, as "texts"."""
        part = part.left()
        texts = np.empty((len(part), len(self.columns)), dtype=object)
        for column, name in enumerate(self.columns):
            texts[:, column] = list(map(plain, part.items[name]))
        return part, {"texts": texts}, {}

    def properties(self, items: pl.DataFrame) -> dict[str, Sequence[Any]]:
        """How long each text is, and its script."""
        texts = self.joined(items)
        return {"num_characters": list(map(len, texts)), "script": list(map(script_of, texts))}

    def explorers(self, setup: Setup) -> dict[str, Any]:
        from headway.inputs.text.gradients import explain

        return {"explain": partial(explain, setup)}

    def report_sections(self, setup: Setup, report: Report) -> dict[str, Section]:
        """The words that a simple model goes by, as "words"; of numbers none."""
        from headway.inputs.text.words import section

        return section(self, setup) if report.labels else {}

    def audit(self, part: Part) -> ItemAudit:
        from headway.inputs.text.audit import TextAudit

        return TextAudit(part)

    def report_pictures(self, setup: Setup, report: Report) -> dict[int, Picture]:
        from headway.inputs.text.gradients import report_pictures

        return report_pictures(setup, report)

    # Pictures.

    def draw(self, axes: Axes, value: Any) -> None:
        texts = [str(value[name]) for name in self.columns] if isinstance(value, Mapping) else [str(value)]
        lines = [line for text in texts for line in textwrap.wrap(text[:SAMPLE], 40)]
        axes.text(0.5, 0.5, "\n".join(lines[:12]), ha="center", va="center", fontsize=8, parse_math=False)

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        values = {"kind": "text", "text": list(self.columns), "max_tokens": self.max_tokens}
        values |= {"tokenizer": self.tokenizer, "cut": self.cut, "fitted": self.fitted, "scripts": list(self.scripts)}
        return {**values, "surprisal": self.surprisal.to_json() if self.surprisal else None}

    def facts(self) -> dict[str, Any]:
        """Without the tokenizer, which has tens of thousands of tokens."""
        return {name: value for name, value in self.to_json().items() if name != "fitted"}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        known = values_of(cls, values)
        surprisal = Surprisal.from_json(values["surprisal"]) if values.get("surprisal") else None
        scripts = tuple(map(str, values.get("scripts", ())))
        fitted, cut = str(values["fitted"]), float(values["cut"])
        learnt = {"fitted": fitted, "cut": cut, "padding": (padding_of(fitted) if fitted else None) or PADDING}
        # A folder with an encoder need not be where its bundle is.
        learnt["tokenizer"] = str(known.pop("tokenizer"))
        made = learned(cls(**known), **learnt, surprisal=surprisal, scripts=scripts)
        # What is not a tokenizer is refused where a bundle is opened, and not at its first text.
        assert not made.fitted or made.vocabulary
        assert not surprisal or len(surprisal.tokens) == made.vocabulary
        return made

    def __str__(self) -> str:
        return f"Text({', '.join(map(repr, self.columns))})"
