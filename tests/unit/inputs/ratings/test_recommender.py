"""A model of ratings from end to end, on ratings made of known vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

import headway as hw
from headway.data.dataset import Data
from headway.errors import ConfigError, HeadwayError

# They share a trained model.
pytestmark = pytest.mark.slow

USERS, ITEMS, DIM = 150, 60, 3


def made_up(seed: int = 0, count: int = 6_000) -> pl.DataFrame:
    """Ratings of films of three kinds, by people who like one of them more than the others; some films are better."""
    draw = np.random.default_rng(seed)
    users, items = draw.integers(0, USERS, count), draw.integers(0, ITEMS, count)
    liking = np.where(users % DIM == items % DIM, 1.2, -0.6) + np.linspace(-1, 1, ITEMS)[items]
    ratings = np.clip(3 + liking + 0.3 * draw.normal(size=count), 1, 5)
    names = {"user": [f"user {each}" for each in users], "film": [f"film {each}" for each in items]}
    return pl.DataFrame(names | {"rating": ratings})


@pytest.fixture(scope="module")
def data() -> Data:
    return hw.from_items(made_up(), input=hw.Ratings("user", "film"), target=hw.Number("rating", low=1, high=5))


@pytest.fixture(scope="module")
def learner(data: Data) -> hw.Learner:
    found = hw.Learner(data, progress=False)
    found.fine_tune()
    return found


@pytest.fixture(scope="module")
def bundle(learner: hw.Learner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learner.export(tmp_path_factory.mktemp("ratings") / "model.headway")


@pytest.mark.parametrize("arch", ["dot_product", "collab_mlp"])
def test_vectors_are_found_that_biases_cannot_replace(data: Data, arch: str) -> None:
    learner = hw.Learner(data, arch, progress=False)
    learner.fine_tune()
    found, targets = learner.evaluate()["rmse"], data.valid.targets
    errors = {
        each.name: float(np.sqrt(((each.predictions["valid"] - targets) ** 2).mean())) for each in learner.baselines()
    }
    assert list(errors) == ["mean", "median", "item mean", "user plus item bias"]
    assert errors["user plus item bias"] > 0.7
    assert found.high < 0.6


def test_the_report_tells_that_it_is_better(learner: hw.Learner) -> None:
    report = learner.report()
    assert {each.name for each in report.baselines} >= {"mean", "user plus item bias"}
    # These users are equally strict, so their biases add nothing to the films' means.
    assert report.verdict.baseline in ("item mean", "user plus item bias")
    assert "better" in str(report)


def test_a_prediction_is_quick_and_new_names_are_marked(bundle: Path) -> None:
    predictor = hw.load(bundle)
    known = predictor.predict({"user": "user 3", "film": "film 3"})
    assert known.familiar is True
    assert known.notes == ()
    for pair in (("nobody", "film 3"), ("user 3", "no film"), (None, None)):
        new = predictor.predict(pair)
        assert new.familiar is False
        assert new.notes
        assert 1 <= new.value <= 5
    assert [each.familiar for each in predictor.answer(np.array([[1, 1], [0, 1]], np.float32))] == [True, False]


@pytest.mark.slow
def test_a_new_user_gets_what_the_others_give(learner: hw.Learner, bundle: Path) -> None:
    train, predictor = learner.data.train.items, hw.load(bundle)
    means = train.group_by("film").agg(pl.col("rating").mean()).sort("film")
    found = [each.value for each in predictor.predict_many([("nobody", film) for film in means["film"]])]
    assert np.abs(np.array(found) - means["rating"].to_numpy()).mean() < 0.3
    assert np.corrcoef(found, means["rating"].to_numpy())[0, 1] > 0.9


def test_films_of_a_kind_are_similar_and_good_ones_are_best_liked(learner: hw.Learner) -> None:
    recommender = learner.recommender()
    same = [int(name.split()[1]) % DIM == 5 % DIM for name, _ in recommender.items.similar("film 5", n=10)]
    assert np.mean(same) >= 0.9
    best, worst = recommender.items.extremes(n=10)
    assert np.mean([int(name.split()[1]) for name, _ in best]) > 45
    assert np.mean([int(name.split()[1]) for name, _ in worst]) < 15
    assert recommender.items.biases.mean() == pytest.approx(0, abs=1e-6)
    assert len(recommender.users.names) == len(recommender.users.vectors) == USERS


def test_recommendations_are_of_the_user_s_kind_and_not_rated_before(learner: hw.Learner) -> None:
    rated = learner.data.train.items.filter(pl.col("user") == "user 4")["film"].to_list()
    found = learner.recommender().recommend("user 4", n=5)
    assert len(found) == 5
    assert not {name for name, _ in found} & set(rated)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    unrated = [name for name in learner.recommender().items.names if name not in rated]
    assert len(learner.recommender().recommend("user 4", n=1_000)) == len(unrated)
    (name, _), *_ = learner.recommender().recommend("nobody", n=1)
    assert int(name.split()[1]) > 50


def test_held_out_films_are_put_in_order(learner: hw.Learner) -> None:
    found = learner.recommender().rank_metrics(k=3)
    assert found["ndcg@3"].low > 0.8
    assert found["recall@3"].value <= 1


class _Own(nn.Module):
    """A module of one's own takes pairs of indices as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.items = nn.Embedding(ITEMS + 1, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.items(inputs[:, 1].long())


def test_a_module_of_one_s_own_works_and_has_no_known_vectors(data: Data) -> None:
    learner = hw.Learner(data, _Own(), progress=False)
    learner.fit(2, lr=0.05)
    assert learner.evaluate()["rmse"].value < 1.2
    assert len(learner.recommender().recommend("user 1", n=3)) == 3
    assert refusal(lambda: learner.recommender().items) == (
        "The model has no `Factors`, which hold the vectors of users and items.\n"
        "  Given: _Own\n"
        '  Fix:   Train "dot_product" or "collab_mlp", or read the vectors from your own model.'
    )


def test_other_data_have_no_recommender(learner: hw.Learner) -> None:
    frame = made_up(count=200).select("rating", age=pl.int_range(200))
    other = hw.from_items(frame, input=hw.Table(continuous=["age"]), target=hw.Number("rating"))
    assert refusal(lambda: hw.Learner(other, progress=False).recommender()) == (
        "`learner.recommender()` is not available for this kind of input.\n"
        "  Given: Table of 1 columns\n"
        "  Fix:   Look at `learner.interpret()` or `learner.report()` instead."
    )
    assert refusal(lambda: learner.recommender().rank_metrics("test")).startswith("That part of the data has no rows.")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        act()
    assert isinstance(caught.value, HeadwayError)
    return str(caught.value)
