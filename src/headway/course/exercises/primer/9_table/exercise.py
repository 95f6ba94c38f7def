"""polars: tables with columns. `filter` chooses rows, `select` columns; `pl.col("name")` is a column.

For flights with the columns `carrier`, `dest` and `delay`, this returns `carrier` and `delay` of those to one airport
that were more than 15 minutes late, the latest first.
"""

import polars as pl


def late(flights: pl.DataFrame, dest: str) -> pl.DataFrame:
    """The columns `carrier` and `delay` of flights to `dest` with a delay above 15, the largest delay first."""
    # Write it here: filter, sort, select.
    raise NotImplementedError
