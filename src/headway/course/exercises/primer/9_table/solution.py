"""polars: tables with columns. `filter` chooses rows, `select` columns; `pl.col("name")` is a column."""

import polars as pl


def late(flights: pl.DataFrame, dest: str) -> pl.DataFrame:
    """The columns `carrier` and `delay` of flights to `dest` with a delay above 15, the largest delay first."""
    rows = flights.filter((pl.col("dest") == dest) & (pl.col("delay") > 15))
    return rows.sort("delay", descending=True).select("carrier", "delay")
