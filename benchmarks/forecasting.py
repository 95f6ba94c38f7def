"""How good are forecasts of real series beside naive, seasonal naive, drift and exponential smoothing?

Four sets that aeon ships (Airline, ShampooSales, Lynx, and the 181 yearly series of the M1 competition, Makridakis et
al. 1982) and three of statsmodels (sunspots a year, CO2 on Mauna Loa a week, the Nile a year), read as data. The season
is found on training rows. Each set is split by time, the latest fifth of the moments (of a single short series two
fifths) valid, with a gap of a horizon. Ours is `hw.Learner(data).fine_tune()`, three seeds. Coverage is the share of
values inside of the 80 % interval. The weight decay was chosen on the valid moments of the five single short series, so
that theirs are a little better than those of new series would be; M1 and CO2 had no part in it.

MASE is in mean absolute changes of a season up to each forecast; lower is better. The verdict is that of seed 0.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

import headway as hw
from benchmarks.results import Row
from headway.targets.future.metrics import is_inside

__all__ = ["SETS", "measured", "run", "table_of"]

SEEDS = (0, 1, 2)
ARCHITECTURES = ("dlinear", "mlp_forecaster")
# The name of the column of values, the horizon, and the share that is valid.
SETS: dict[str, tuple[str, int, float]] = {
    "Airline": ("Passengers", 12, 0.4),
    "ShampooSales": ("Sales", 4, 0.4),
    "Lynx": ("value", 5, 0.4),
    "m1_yearly": ("value", 6, 0.2),
    "sunspots": ("SUNACTIVITY", 11, 0.4),
    "co2": ("co2", 26, 0.2),
    "nile": ("volume", 5, 0.4),
}


def run() -> list[Row]:
    """A row a set."""
    missing = [name for name in ("aeon", "statsmodels") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{', '.join(missing)} must be installed for their data: pip install --no-deps {' '.join(missing)}")
        return []
    torch.set_num_threads(1)
    rows = []
    for name in SETS:
        rows.append(measured(name))
        print(rows[-1], flush=True)
    return rows


def measured(name: str) -> dict[str, Any]:
    """One set: ours by two architectures, simple forecasts, and the verdict."""
    column, horizon, valid = SETS[name]
    target = hw.Future(column, horizon=horizon)
    data = hw.from_items(table_of(name), target=target, split=target.own_split(valid=valid, seed=0))
    row: dict[str, Any] = {"set": name, "train": len(data.train), "valid": len(data.valid)}
    row |= {"season": data.input.to_json()["period"]}
    learner = None
    for arch in ARCHITECTURES:
        scores, coverage, seconds = [], [], []
        for seed in SEEDS:
            start = time.process_time()
            trained = hw.Learner(data, arch, seed=seed, progress=False)
            trained.fine_tune()
            seconds.append(time.process_time() - start)
            seen = trained.predictions("valid")
            scores.append(data.target.metrics().score(seen.predictions, seen.targets))
            coverage.append(is_inside(seen.predictions.astype(float), seen.targets.astype(float)).mean())
            learner = learner or trained
        row |= {arch: round(float(np.mean(scores)), 3), f"{arch}, sd": round(float(np.std(scores, ddof=1)), 3)}
        row |= {f"{arch}, coverage": round(float(np.mean(coverage)), 3)}
        row |= {f"{arch}, seconds": round(float(np.mean(seconds)), 1)}
    assert learner is not None
    report = learner.report()
    for baseline in report.baselines:
        row[baseline.name] = round(baseline.metrics["valid"]["mase"].value, 3)
    return row | {"verdict": report.verdict.kind if report.verdict else ""}


def table_of(name: str) -> pl.DataFrame:
    """One set as a table of a row a moment, from the files that aeon and statsmodels ship."""
    if name in ("sunspots", "co2", "nile"):
        frame = pl.read_csv(_folder("statsmodels") / "datasets" / name / f"{name}.csv", infer_schema_length=10_000)
        return frame.with_columns(pl.col("date").cast(pl.String).str.to_date("%Y%m%d")) if name == "co2" else frame
    folder = _folder("aeon") / "datasets" / "data"
    if name != "m1_yearly":
        frame = pl.read_csv(folder / name / f"{name}.csv")
        return frame.rename({"": "year", "0": "value"}) if name == "Lynx" else frame
    rows = []
    for line in (folder / "m1_yearly_dataset" / "m1_yearly_dataset.tsf").read_text("latin-1").splitlines():
        if line.startswith(("#", "@")) or ":" not in line:
            continue
        series, *_, values = line.split(":")
        numbers = [float(value) for value in values.split(",")]
        # Years before the last one: the competition's series end at different times.
        rows += [(series, year - len(numbers), value) for year, value in enumerate(numbers)]
    return pl.DataFrame(rows, schema=["series", "time", "value"], orient="row")


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
