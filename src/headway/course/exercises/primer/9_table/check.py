"""Checks `late`."""

import polars as pl

from headway.course.checking import case, equal, function

late = function("late", "flights", "dest")
FLIGHTS = pl.DataFrame(
    {
        "carrier": ["UA", "AA", "B6", "DL", "WN"],
        "dest": ["BOS", "BOS", "LAX", "BOS", "BOS"],
        "delay": [20, 90, 60, 15, None],
    }
)


def rows(table):
    return table.rows()


@case("chooses the rows of one airport")
def _():
    equal(rows(late(FLIGHTS, "LAX").select("carrier")), [("B6",)], meaning="one flight went to LAX, and it was late")


@case("15 minutes are not late, and a missing delay is not known")
def _():
    carriers = sorted(late(FLIGHTS, "BOS")["carrier"].to_list())
    equal(carriers, ["AA", "UA"], meaning="above 15 means 16 or more; a row without a delay fulfils no comparison")


@case("the latest comes first")
def _():
    equal(late(FLIGHTS, "BOS")["delay"].to_list(), [90, 20], meaning="sort, descending")


@case("has two columns")
def _():
    equal(late(FLIGHTS, "BOS").columns, ["carrier", "delay"], meaning="select names the columns that stay")


@case("nothing late is an empty table")
def _():
    equal(late(FLIGHTS, "SFO").height, 0, meaning="no flight went there")
