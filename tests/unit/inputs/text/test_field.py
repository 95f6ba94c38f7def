from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import ConfigError, DataError, ReadError
from headway.inputs.registry import recognise_input
from headway.inputs.text.field import Text
from headway.inputs.text.values import MAX_CHARACTERS

ROWS = pl.DataFrame(
    {
        "title": ["A good day", "Rain", None, "Nothing much"],
        "body": [
            "The sun came out, and all of us went for a walk.",
            "It did not stop raining all day.",
            "Fine so far.",
            None,
        ],
        "file": ["a/cat one.jpg", "b.png", "c.jpeg", "d.jpg"],
        "label": ["glad", "sad", "glad", "sad"],
    }
)


def message(what: str, given: str, fix: str) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


@pytest.fixture
def field() -> Text:
    return Text("body", tokenizer="byte_pair").fit(ROWS)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"text": []},
            message(
                "`text` must name one column, or several different ones.",
                "()",
                'Pass a name, or a list such as ["title", "body"].',
            ),
        ),
        (
            {"text": ["a", "a"]},
            message(
                "`text` must name one column, or several different ones.",
                "('a', 'a')",
                'Pass a name, or a list such as ["title", "body"].',
            ),
        ),
        (
            {"text": "a", "max_tokens": 4},
            message("`max_tokens` must be from 8 to 1024.", "max_tokens=4", "Leave it out for 512."),
        ),
        (
            {"text": "a", "tokenizer": "minilmm"},
            message("Unknown tokenizer.", "'minilmm'", 'Did you mean "minilm"?'),
        ),
    ],
)
def test_what_cannot_work_is_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Text(**arguments)
    assert str(caught.value) == text


def test_a_text_is_read_alone_as_in_a_batch_and_as_in_a_table(field: Text) -> None:
    texts = ROWS["body"].to_list()[:3]
    alone = [field.read(text) for text in texts]
    together = [array for array, _ in field.read_many(texts)]
    of_table = field.read_rows(ROWS)[:3]
    for arrays in zip(alone, together, of_table, strict=True):
        assert all(isinstance(array, np.ndarray) and array.dtype == np.int32 for array in arrays)
        assert len({array.tobytes() for array in arrays if isinstance(array, np.ndarray)}) == 1
    assert np.array_equal(field.read({"body": texts[0], "title": 3}), alone[0])


def test_columns_are_read_one_after_the_other_with_a_separator_between() -> None:
    field = Text(["title", "body"], tokenizer="byte_pair").fit(ROWS)
    tokens = field.read({"title": "Rain", "body": "It did not stop raining all day."})
    single = Text("body", tokenizer="byte_pair")
    assert field.columns == ("title", "body")
    assert 1 in tokens.tolist()
    assert np.array_equal(tokens, field.read(("Rain", "It did not stop raining all day.")))
    # A missing title is no reason to refuse the body.
    assert len(field.read({"title": None, "body": "Fine so far."}))
    assert list(field.each(ROWS))[1] == ("Rain", "It did not stop raining all day.")
    assert list(single.each(ROWS))[1] == "It did not stop raining all day."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "empty: there is no text in it"),
        ("", "empty: there is no text in it"),
        (" \n\t\0 ", "empty: there is no text in it"),
        (5, "not text: int in column 'body'"),
        (b"bytes", "not text: bytes in column 'body'"),
        ("a\ud800b", "not valid Unicode: half of a character at 1 in column 'body'"),
        ({"title": "a"}, "not a row with the column 'body'"),
    ],
)
def test_what_is_no_text_is_refused(field: Text, value: Any, why: str) -> None:
    with pytest.raises(ReadError) as caught:
        field.read(value)
    assert str(caught.value) == why
    (again, _), (good, _) = field.read_many([value, "fine"])
    assert str(again) == why
    assert isinstance(good, np.ndarray)


def test_a_row_of_several_columns_must_be_one() -> None:
    with pytest.raises(ReadError, match=r"^not a row: expected a dict with 'title', 'body'$"):
        Text(["title", "body"], tokenizer="byte_pair").fit(ROWS).read("Rain")


@pytest.mark.parametrize(
    "text",
    ["שלום עולם", "مرحبا", "👩‍👩‍👧 🙂", "<p>fine &amp; good</p>", "a\0b", "naïve", "caf\ufffd", "日本語" * 40],
)
def test_every_script_is_read(field: Text, text: str) -> None:
    assert 0 < len(field.read(text)) <= field.max_tokens


@pytest.mark.slow
def test_a_megabyte_is_read_up_to_a_limit(field: Text) -> None:
    long = "so far " * (2**20 // 7)
    assert np.array_equal(field.read(long), field.read(long[:MAX_CHARACTERS]))
    assert len(field.read(long)) == field.max_tokens


def test_what_is_cut_is_said() -> None:
    rows = pl.DataFrame({"body": ["fine " * 40, "so far so good", "good", "bad"]})
    field = Text("body", tokenizer="byte_pair", max_tokens=16).fit(rows)
    assert field.cut == 0.25
    assert field.describe() == [
        "in:  text of 'body', up to 16 tokens",
        "     about 25% of the training texts are longer, and are cut there (max_tokens=)",
    ]


def test_prose_is_recognised() -> None:
    named = {name: recognise_input(name, lambda: ROWS) for name in ("title", "body", "file", "label")}
    assert isinstance(named["body"], Text)
    assert isinstance(recognise_input(["title", "body"], lambda: ROWS), Text)
    assert isinstance(named["file"], hw.Image)
    assert isinstance(named["label"], hw.Image)
    found = recognise_input((), lambda: ROWS.select("body", "label"))
    assert isinstance(found, Text)
    assert found.columns == ("body",)
    people = pl.DataFrame({"name": ["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina"], "age": [22, 26]})
    assert isinstance(recognise_input((), lambda: people), hw.Table)


def test_rows_without_text_are_left_out_with_their_reason() -> None:
    rows: dict[str, Sequence[Any]] = {
        "body": [*(f"It is day {day} of a long trip." for day in range(40)), "  "],
        "mood": ["glad", "sad"] * 20 + ["sad"],
    }
    data = hw.from_items(rows, input=Text("body", tokenizer="byte_pair"), target="mood")
    assert data.problems.rows() == [(40, "row 40", "empty: there is no text in it")]
    assert len(data.items) == 40
    rows["body"] = [""] * 10 + list(rows["body"])[10:]
    with pytest.raises(DataError) as caught:
        hw.from_items(rows, input=Text("body", tokenizer="byte_pair"), target="mood")
    given = "; ".join(f"row {row}: empty: there is no text in it" for row in range(5))
    assert str(caught.value) == message(
        "11 of 41 items cannot be read; more than 5% is too many to go on without them.",
        f"{given} ...",
        "Correct or remove those rows.",
    )


def test_a_column_of_numbers_is_read_as_text(field: Text) -> None:
    numbers = pl.DataFrame({"body": [12345, 7, None], "title": [1.5, 2.0, 3.5]})
    assert list(field.each(numbers)) == ["12345", "7", None]
    _, items, _ = Text(["title", "body"], tokenizer="byte_pair").items_of(numbers)
    assert items.rows() == [("12345", "1.5"), ("7", "2.0"), (None, "3.5")]
    rows = {"body": list(range(1000, 1040)), "mood": ["glad", "sad"] * 20}
    assert hw.from_items(rows, input=Text("body", tokenizer="byte_pair"), target="mood").items["body"][3] == "1003"


def test_an_architecture_brings_its_tokenizer() -> None:
    field = Text("body")
    assert field.for_architecture("text_cnn") == replace(field, tokenizer="byte_pair")
    assert field.for_architecture("minilm") is field
    assert field.for_architecture(None) is field


@pytest.mark.slow
def test_a_learner_reads_texts_as_its_architecture_needs() -> None:
    rows: dict[str, Sequence[Any]] = {
        "body": [f"It is day {day} of a long trip." for day in range(40)],
        "mood": ["glad", "sad"] * 20,
    }
    data = hw.from_items(rows, input=Text("body", tokenizer="byte_pair"), target="mood")
    assert hw.Learner(data, "text_cnn", progress=False).data is data
    assert hw.Learner(data, progress=False).arch == "text_cnn"
    with_arch = hw.Learner(data, "minilm", pretrained=False, progress=False)
    assert isinstance(with_arch.data.input, Text)
    assert with_arch.data.input.tokenizer == "minilm"
    assert with_arch.data.fingerprint == data.fingerprint


def test_a_folder_of_text_files_a_class_is_a_table_of_texts(tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / ("glad" if number % 2 else "sad")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_bytes(
            f"It is day {number} of a long trip, caf\u00e9.".encode("cp1252" if number % 3 else "utf-8")
        )
    (tmp_path / "sad" / "empty.txt").write_bytes(b"")
    data = hw.from_folder(tmp_path)
    assert isinstance(data.input, Text)
    assert set(data.items.columns) == {"label", "name", "text", "row", "content", "split"}
    assert data.items["text"].str.ends_with("trip, caf\u00e9.").all()
    assert data.problems["reason"].to_list() == ["empty: there is no text in it"]
    with_photos = pl.DataFrame({"file": ["a.jpg", "b.jpg", "a.txt"]})
    assert Text.from_files(with_photos) is None


def test_arrays_and_lists_of_texts_are_texts() -> None:
    texts, moods = [f"It is day {day} of a long trip." for day in range(40)], ["glad", "sad"] * 20
    for items in (texts, np.array(texts), np.array(texts, dtype=object), pl.Series(texts)):
        data = hw.from_arrays(items, moods)
        assert data.input.columns == ("text",)
        assert sorted(data.items["text"]) == sorted(texts)
    assert Text.from_arrays(["a.png", "b.png"], size=None, channels=None) is None
    assert Text.from_arrays(np.zeros((3, 2)), size=None, channels=None) is None


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_tables_of_every_form_and_targets_of_every_kind(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame(
        {
            "text": [f"It is day {day} of a long trip, and all is well." for day in range(40)],
            "mood": ["glad", "sad"] * 20,
            "tags": ["hot dry", "dry"] * 20,
            "stars": [day / 7 for day in range(40)],
        }
    )
    path = tmp_path / f"texts.{ending}"
    writers = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
    writers[ending](path)
    field = Text("text", tokenizer="byte_pair")
    targets = ("mood", hw.Categories("tags", sep=" "), hw.Number("stars"))
    for target in targets if ending == "csv" else targets[:1]:
        data = hw.from_csv(path, input=field, target=target)
        learner = hw.Learner(data, progress=False, device="cpu")
        learner.fit(1)
        assert learner.predictions("valid").predictions.shape[0] == len(data.valid)
    assert isinstance(hw.from_csv(path, input="text", target="mood").input, Text)


@pytest.mark.parametrize("table", [pl.DataFrame({"body": ["good"], "stars": [1]}), {"body": ["good"], "stars": [1]}])
def test_a_table_without_the_texts_is_refused(table: object) -> None:
    with pytest.raises(DataError) as caught:
        Text(["title", "body"]).each(table)
    assert str(caught.value) == (
        "The table has no column 'title', which the model reads.\n"
        "  Given: columns: body, stars\n"
        "  Fix:   Known: body, stars."
    )
