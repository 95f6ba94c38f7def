from __future__ import annotations

import datetime

import polars as pl
import pytest

from headway.errors import DataError
from headway.inputs.series.times import as_times, check_times

DAYS = [datetime.datetime(2024, 1, 28) + datetime.timedelta(days=day) for day in range(7)]


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S.000",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%dT%H:%M:%S+0000",
        "%Y-%m-%dT%H:%M:%S.5-00:00",
        "%d.%m.%Y",
        "%d.%m.%y",
        "%m/%d/%Y",
        "%d/%m/%Y",
        "%d/%m/%y",
        "%d-%b-%Y",
        " %d %b %Y ",
    ],
)
def test_dates_as_people_write_them(form: str) -> None:
    times = as_times(pl.Series("time", [*(day.strftime(form) for day in DAYS), None]))
    assert [time and time.date() for time in times] == [*(day.date() for day in DAYS), None]


def test_offsets_are_taken_into_account() -> None:
    texts = ["2024-01-01T00:30:00+02:00", "2023-12-31T23:00:00Z", "2023-12-31T20:00:00-05"]
    assert [time.hour for time in as_times(pl.Series(texts))] == [22, 23, 1]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["9:59", "10:00"], [599, 600]),
        (["0:09:59.5", "100:00:00"], [599.5, 360_000]),
        (["9", "10", "nan"], [9, 10, None]),
        (["Jan 2023", "Feb 2024"], [datetime.datetime(2023, 1, 1), datetime.datetime(2024, 2, 1)]),
    ],
)
def test_other_texts_are_in_the_order_of_time(texts: list[str], numbers: list[object]) -> None:
    assert as_times(pl.Series(texts)).to_list() == numbers
    assert as_times(pl.Series([9.0, float("nan")])).to_list() == [9.0, None]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["01/02/2024", "02/03/2024"],
            "Column 'time' must hold dates of which day and month are clear.\n"
            "  Given: '01/02/2024'\n"
            "  Fix:   Write dates as 2024-12-31.",
        ),
        (
            ["t1", "t10"],
            "Column 'time' must hold times: dates, or numbers.\n  Given: 't1'\n  Fix:   Write dates as 2024-12-31.",
        ),
        (
            ["9:30", "1:09:30"],
            "Column 'time' must hold times: dates, or numbers.\n"
            "  Given: '1:09:30', after '9:30'\n"
            "  Fix:   Write dates as 2024-12-31.",
        ),
        (
            ["01/02/2024", "02/03/2024", "13/13/2024", "03/04/2024"],
            "Column 'time' must hold times: dates, or numbers.\n"
            "  Given: '13/13/2024', after '02/03/2024'\n"
            "  Fix:   Write dates as 2024-12-31.",
        ),
    ],
)
def test_what_is_no_time_or_could_be_two_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_times(pl.Series("time", texts))
    assert str(caught.value) == message


def test_rows_without_a_time_and_two_at_one_time_are_refused() -> None:
    ids = pl.Series("beat", [1, 1, 2])
    check_times(pl.Series("time", [0, 1, 0]), ids)
    with pytest.raises(DataError) as caught:
        check_times(pl.Series("time", [0, None, 0]), ids)
    assert str(caught.value) == (
        "Every row needs a time.\n  Given: none in column 'time', rows [1]\n  Fix:   Fill or remove those rows."
    )
    with pytest.raises(DataError) as caught:
        check_times(pl.Series("time", [3, 3, 3]), ids)
    assert str(caught.value) == (
        "A series must have one value a time.\n"
        "  Given: 2 rows of series 1 at 3\n"
        "  Fix:   Remove those rows, or name the column of the series: id= (--series-column)."
    )


def test_categories_are_read_as_their_texts_and_other_types_are_refused() -> None:
    texts = ["2024-01-01", "2024-01-02"]
    assert as_times(pl.Series("time", texts, dtype=pl.Categorical)).equals(as_times(pl.Series("time", texts)))
    for values, kind in (([[1], [2]], "List(Int64)"), ([b"a", b"b"], "Binary"), ([True, False], "Boolean")):
        with pytest.raises(DataError) as caught:
            as_times(pl.Series("time", values))
        assert str(caught.value) == (
            f"Column 'time' must hold times: dates, or numbers.\n  Given: {kind}\n  Fix:   Write dates as 2024-12-31."
        )
