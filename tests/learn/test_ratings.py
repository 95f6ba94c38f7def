"""Ratings of real people: MovieLens 100k, where an installed package ships it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from benchmarks.ratings import movielens, movielens_data

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def ratings() -> pl.DataFrame:
    """100,000 ratings of films; they may not be passed on, so they are not here."""
    found = movielens()
    if found is None:
        pytest.skip("no real ratings: `make bench` installs a package that ships MovieLens 100k")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "limit"), [("dot_product", 0.915), ("collab_mlp", 0.91)])
def test_it_is_clearly_better_than_user_and_item_biases(ratings: pl.DataFrame, arch: str, limit: float) -> None:
    errors, biases = [], []
    for seed in SEEDS:
        data = movielens_data(ratings, seed=seed)
        learner = hw.Learner(data, arch, seed=seed, progress=False)
        learner.fine_tune()
        errors.append(learner.evaluate()["rmse"])
        [best] = [each for each in learner.baselines() if each.name == "user plus item bias"]
        biases.append(float(np.sqrt(((best.predictions["valid"] - data.valid.targets) ** 2).mean())))
        assert errors[-1].high < biases[-1]
    assert np.mean([each.value for each in errors]) < limit
    assert np.mean(biases) == pytest.approx(0.939, abs=0.01)


@pytest.mark.slow
def test_a_bundle_answers_the_same_and_films_have_sensible_neighbours(ratings: pl.DataFrame, tmp_path: Path) -> None:
    learner = hw.Learner(movielens_data(ratings, seed=0), progress=False)
    learner.fine_tune()
    recommender = learner.recommender()
    near = [name for name, _ in recommender.items.similar("Star Wars (1977) [50]", n=5)]
    assert {"Empire Strikes Back, The (1980) [172]", "Return of the Jedi (1983) [181]"} & set(near)
    assert recommender.rank_metrics()["ndcg@10"].low > 0.7
    learner.export(tmp_path / "model.headway")
    learner.data.valid.items.select("user_id", "film").head(500).write_parquet(tmp_path / "pairs.parquet")
    code = """
import sys
import numpy as np, polars as pl, headway as hw
predictor = hw.load("model.headway")
pairs = pl.read_parquet("pairs.parquet").rows()
np.save("found.npy", [each.value for each in predictor.predict_many(pairs)])
assert all(predictor.predict(pair).familiar is not None for pair in pairs)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    wanted = learner.predictions().predictions[:500, 0]
    assert np.abs(np.load(tmp_path / "found.npy") - wanted).max() < 1e-4


@pytest.mark.slow
def test_new_people_get_answers_no_worse_than_the_films_means(ratings: pl.DataFrame) -> None:
    """Whole people are held out, so that index 0 stands for each of them."""
    target = hw.Number("rating", low=1, high=5)
    split = hw.GroupSplit("user_id", valid=0.1, seed=0)
    data = hw.from_items(ratings, input=hw.Ratings("user_id", "film"), target=target, split=split)
    learner = hw.Learner(data, progress=False)
    learner.fine_tune()
    [means] = [each for each in learner.baselines() if each.name == "item mean"]
    of_means = float(np.sqrt(((means.predictions["valid"] - data.valid.targets) ** 2).mean()))
    assert not data.input.familiar(data.valid.canvases(np.arange(100))).any()  # pyright: ignore[reportOptionalMemberAccess]
    assert learner.evaluate()["rmse"].value < of_means + 0.005
