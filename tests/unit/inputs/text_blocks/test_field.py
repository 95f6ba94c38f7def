"""Texts cut into blocks and read as tokens; nothing of them is lost."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headway as hw
from headway.errors import ConfigError, DataError, ReadError
from headway.inputs.text_blocks.field import TextBlocks, cut
from headway.inputs.text_blocks.tokenizer import END

TEXTS = ["To be, or not to be, that is the question.", "Größe 日本語 😀\n\ttab"] * 6


def fitted(**options: object) -> TextBlocks:
    blocks = TextBlocks("text", **options)  # pyright: ignore[reportArgumentType]
    return blocks.fit(blocks.unfold(pl.DataFrame({"text": TEXTS})))


@cache
def field_of(tokenizer: str) -> TextBlocks:
    return fitted(tokenizer=tokenizer, vocabulary=300, block=100)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1), st.integers(16, 60))
def test_blocks_put_together_are_the_text(text: str, size: int) -> None:
    pieces = cut(text, size)
    assert "".join(pieces) == text + END
    assert all(0 < len(piece) <= size for piece in pieces[:-1])
    assert len(pieces[-1]) <= size + len(END)


@pytest.mark.parametrize("tokenizer", ["byte_pair", "characters"])
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=90))
def test_any_text_comes_back_from_its_tokens(tokenizer: str, text: str) -> None:
    field = field_of(tokenizer)
    tokens = field.read(text)
    assert tokens.dtype == np.int32
    assert tokens[0] == field.start
    assert field.opened.decode(tokens[1:].tolist(), skip_special_tokens=False) == text


def test_a_table_has_a_row_a_block_and_says_what_belongs_together() -> None:
    frame = pl.DataFrame({"text": ["a " * 30, "short", None], "year": [1, 2, 3]})
    rows = TextBlocks("text", block=16).unfold(frame)
    assert rows["year"].to_list() == [1, 1, 1, 1, 2, 3]
    assert rows["text"][-2:].to_list() == ["short<|end|>", None]
    assert rows["document"].to_list() == ["0, part 1", "0, part 2", "0, part 3", "0, part 4", "1, part 1", "2, part 1"]


def test_many_documents_are_kept_whole() -> None:
    frame = pl.DataFrame({"text": ["ab " * 20] * 250, "document": [f"d{row // 2}" for row in range(500)][:250]})
    rows = TextBlocks("text", block=16).unfold(frame.with_columns(document=pl.Series(map(str, range(250)))))
    assert rows["document"].n_unique() == 250
    assert len(rows) == 1000


def test_a_character_is_a_token_or_its_bytes() -> None:
    field = field_of("characters")
    assert len(field.read("Größe")) == 6
    # The texts never had it: two bytes.
    assert len(field.read("й")) == 3


def test_a_text_longer_than_a_block_is_cut_and_that_is_noted() -> None:
    field = field_of("characters")
    assert len(field.read("a" * 101)) == 101
    assert field.notes("a" * 101) == ("only its first 100 characters were read",)
    assert field.notes("a" * 100 + END) == ()
    assert len(field.read("a" * 100 + END)) == 102


@pytest.mark.parametrize(
    ("value", "why"),
    [("", "an empty text"), (5, "not a text: int"), ("\ud800", "not a text: it has half of a surrogate pair")],
)
def test_what_is_no_text_is_refused(value: object, why: str) -> None:
    with pytest.raises(ReadError) as caught:
        field_of("characters").read(value)
    assert str(caught.value) == why


def test_a_row_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError) as caught:
        field_of("characters").read_rows(pl.DataFrame({"text": ["a", ""]}))
    assert str(caught.value) == (
        "A text of column 'text' cannot be read.\n  Given: row 1: an empty text\n  Fix:   Correct or remove that row."
    )


def test_options_have_ranges() -> None:
    with pytest.raises(ConfigError) as caught:
        hw.NextToken(vocabulary=100, block=5)
    assert str(caught.value) == (
        "`vocabulary` must lie between 300 and 50,000. `block` must lie between 16 and 100,000 characters.\n"
        "  Given: vocabulary=100, block=5\n"
        "  Fix:   Leave them out for 2,000 tokens and 1,000 characters."
    )


def test_baselines_see_bytes_and_tokens_of_the_same_texts() -> None:
    data = hw.from_items({"text": TEXTS * 2}, target=hw.NextToken(vocabulary=300, block=16))
    part, arrays, about = data.input.baseline_arrays(data.valid, seed=0)
    texts = [text.replace(END, "") for text in part.items["text"]]
    assert (arrays["bytes"] >= 0).sum() == sum(len(text.encode()) for text in texts) + (arrays["bytes"] == 256).sum()
    assert len(arrays["tokens"]) == len(arrays["bytes"]) == len(data.valid)
    assert about == {"num_tokens": data.input.num_tokens}  # pyright: ignore[reportAttributeAccessIssue]


def test_a_bundle_with_another_tokenizer_is_refused_where_it_is_opened() -> None:
    """A pattern that takes for ever would otherwise run at the first text that a server gets."""
    values = field_of("characters").to_json()
    hostile = json.loads(values["tokens"])
    hostile["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": "(a+)+$"}
    with pytest.raises(ValueError, match=r"^not a tokenizer that is taken: it has Split$"):
        TextBlocks.from_json({**values, "tokens": json.dumps(hostile)})
    with pytest.raises(AssertionError):
        TextBlocks.from_json({**values, "num_tokens": 5})


@pytest.mark.parametrize("num_blocks", [900, 4_000])
def test_fitting_counts_the_tokens_of_a_thousand_blocks(num_blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = list[str]()
    encoded = TextBlocks._encoded

    def counting(field: TextBlocks, texts: list[str]) -> list[np.ndarray]:
        counted.extend(texts)
        return encoded(field, texts)

    monkeypatch.setattr(TextBlocks, "_encoded", counting)
    rows = pl.DataFrame({"text": ["to be or not", "to be"] * (num_blocks // 2)})
    field = TextBlocks("text", tokenizer="characters", block=16).fit(rows)
    assert len(counted) == min(num_blocks, 1_000)
    assert field.context == len("to be or not")
