from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.data.delimited import check_width, parse_text
from headway.data.tables import read_values
from headway.errors import DataError


def parsed(text: str, separator: str | None = None, usual: str = ",") -> tuple[list[tuple[str | None, ...]], list[str]]:
    notes: list[str] = []
    frame, _ = parse_text(text, separator, usual, path="x.csv", tell=notes.append)
    return frame.rows(), notes


def test_quotes_within_values_do_not_join_rows() -> None:
    # Polars alone joins the second row and half of the third to the first, without a word.
    text = 'size,kind\n"n\nl",5"\nok,"p"\n"n\nl",5"\nok,pos\na "b" c,pos\na "b" c,"p"\n"n\nl",pos\n"q, ""z""","p"\n'
    first = [("n\nl", '5"'), ("ok", "p"), ("n\nl", '5"'), ("ok", "pos")]
    assert parsed(text) == ([*first, ('a "b" c', "pos"), ('a "b" c', "p"), ("n\nl", "pos"), ('q, "z"', "p")], [])


VALUES = st.sampled_from(['it 5" l', "ok", '"q, ""z"""', '"n\nl"', '6"', 'a "b" c', '""', "x;y", '"\\"'])


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8))
def test_rows_are_those_of_pythons_reader(rows: list[tuple[str, str]]) -> None:
    text = "a,b\n" + "".join(f"{first},{second}\n" for first, second in rows)
    expected = [tuple(record) for record in csv.reader(io.StringIO(text, newline=""), strict=True)][1:]
    found = [tuple(value or "" for value in row) for row in parsed(text, ",")[0]]
    assert found == [row for row in expected if any(row)]


def test_a_quote_that_is_not_closed_is_named_by_its_line(tmp_path: Path) -> None:
    rows = "".join(f"good {row},pos\n" for row in range(20))
    (tmp_path / "x.csv").write_text(f'text,label\n{rows}"never closed,pos\n{rows}')
    with pytest.raises(DataError) as caught:
        read_values(tmp_path / "x.csv")
    assert str(caught.value) == (
        "A quote at the beginning of a value must be closed at its end.\n"
        f'  Given: {tmp_path / "x.csv"}, line 22: "never closed,pos\n'
        "  Fix:   Close it; and write quotes within such a value twice."
    )
    # Closed by a later one, it would hold the rows between them.
    with pytest.raises(DataError, match=r"must be closed"):
        parsed(f'text,label\n"hi he said,pos\n{rows}"hello there,pos\n')


def test_quotes_behind_a_backslash_are_part_of_the_value() -> None:
    rows, notes = parsed('text,label\n"he said \\"hi, you\\" there",pos\n')
    assert rows == [('he said "hi, you" there', "pos")]
    assert notes == ['Quotes behind a backslash are read as part of a value, such as "a 5\\" pipe".']
    assert parsed('text,label\n"C:\\dir\\",pos\n') == ([("C:\\dir\\", "pos")], [])


def test_rows_without_a_value_are_left_out_and_told() -> None:
    rows, notes = parsed("a,b\n1,2\n\n , \n,\n3,\n\n\n")
    assert rows == [("1", "2"), ("3", None)]
    assert notes == ["Rows without any value are left out: 5."]
    # A missing value, where there is one column.
    assert parsed("a\nx\n\ny\n") == ([("x",), (None,), ("y",)], [])


def test_excels_line_of_the_separator_is_no_header() -> None:
    notes = ["Columns are separated by ';'; another: --separator (separator=)."]
    assert parsed("sep=;\r\na;b\r\n1;2\r\n") == ([("1", "2")], notes)
    assert parsed("sep=,\na,b\n1,2\n") == ([("1", "2")], [])
    assert parsed("sep=x\na\n") == ([("a",)], [])


def test_what_stands_above_the_header_is_named() -> None:
    with pytest.raises(DataError) as caught:
        parsed("My experiment\n\na,b\n1,2\n")
    assert str(caught.value) == (
        "A line of the table has more values than there are columns.\n"
        "  Given: x.csv, line 3 has 2, the first line 1\n"
        "  Fix:   Remove what stands above the line with the columns' names, or name what separates: --separator."
    )


def test_too_many_columns_are_refused() -> None:
    check_width(10_000, "x.csv")
    with pytest.raises(DataError, match=r"more than 10,000 columns"):
        check_width(10_001, "x.csv")
