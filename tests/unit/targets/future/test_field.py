"""The next values of a series as a target: its unit, its answers, its metrics, its simple forecasts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import headway as hw
from headway.judge.baselines.base import BaselineData
from headway.predictions import Predictions
from headway.targets.future.baselines import BASELINES, drift, naive, seasonal_naive
from headway.targets.future.metrics import COVERAGE, METRICS
from headway.targets.future.page import judge_backtest

FIELD = hw.Future("sales", horizon=2)


def sales(count: int = 60) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    days = np.arange(count)
    return pl.DataFrame({"sales": 20 + 5 * np.sin(days * np.pi / 2) + draw.normal(0, 1, count)})


def test_no_value_that_judges_is_one_that_trained() -> None:
    data = hw.from_items(sales(), target=hw.Future("sales", horizon=4))
    first, last = min(data.valid.items["origin"].to_list()), max(data.train.items["end"].to_list())
    assert last == first - 1
    reasons = data.problems["reason"].to_list()
    assert reasons == ["reaches beyond its side of the split"] * 3


def test_season_and_usual_change_are_those_of_the_training_rows() -> None:
    table = sales(80)
    data = hw.from_items(table, target=hw.Future("sales", horizon=4))
    assert data.target.to_json()["period"] == data.input.to_json()["period"] == 4
    # What comes later changes nothing of it.
    last = data.train.items["end"].max()
    later = table.with_row_index().with_columns(
        pl.when(pl.col("index") > last).then(1000 - pl.col("sales")).otherwise(pl.col("sales")).alias("sales")
    )
    again = hw.from_items(later.select("sales"), target=hw.Future("sales", horizon=4))
    assert again.input == data.input
    assert again.target == data.target


def test_metrics_are_those_of_the_formulas() -> None:
    answers = np.array([[10.0, 12.0, 8.0, 11.0, 12.0, 13.0]])
    targets = np.array([[11.0, 14.0, 2.0]])
    scores = {name: estimate.value for name, estimate in METRICS.evaluate(answers, targets).items()}
    # The second value lies 1 above its interval: ten times that, and the widths 4 and 2, over two usual changes of 2.
    assert scores == pytest.approx({"mase": 0.75, "interval_score": (4 + 2 + 10) / 2 / 2, "mae": 1.5})
    assert COVERAGE.compute(answers, targets) == 0.5


def test_the_loss_is_the_absolute_error_of_the_median_and_least_at_the_quantiles() -> None:
    losses = FIELD.objective().item_losses
    targets = torch.tensor([[5.0, 5.0, 2.0]])
    at = [losses(torch.tensor([[5.0, 5.0, low, low, 6.0, 6.0]]), targets).item() for low in (3.0, 5.0, 6.0)]
    assert at[1] < at[0] < at[2]
    median = losses(torch.tensor([[7.0, 7.0, 5.0, 5.0, 5.0, 5.0]]), targets).item()
    assert median == pytest.approx(1 / 3)


def test_the_low_end_is_never_above_the_high_one() -> None:
    answers = FIELD.objective().activate(torch.tensor([[5.0, 5.0, 9.0, 4.0, 1.0, 4.5]]))
    assert answers.tolist() == [[5.0, 5.0, 1.0, 4.0, 9.0, 5.0]]


def test_simple_forecasts() -> None:
    history = np.array([[np.nan, 1.0, 3.0, 2.0, 6.0]])
    options = {"horizon": 3, "period": 2}
    assert naive(history, **options).tolist() == [[6, 6, 6]]
    assert seasonal_naive(history, **options).tolist() == [[2, 6, 2]]
    assert drift(history, **options)[0] == pytest.approx([6 + 5 / 3, 6 + 10 / 3, 11])


def test_baselines_hold_four_fifths_of_what_comes() -> None:
    draw = np.random.default_rng(0)
    walks = draw.normal(size=(400, 40)).cumsum(axis=1)
    usual = np.abs(np.diff(walks[:, :36], axis=1)).mean(1, keepdims=True)
    targets = np.concatenate([walks[:, 36:], usual], axis=1)
    data = BaselineData(targets=targets, arrays={"history": walks[:, :36]}, about={"period": 1})
    train, valid = data.take(np.arange(200)), data.take(np.arange(200, 400))
    answers = BASELINES["naive"].run(train, {"valid": valid}, num_outputs=12, seed=0)["valid"]
    assert COVERAGE.compute(answers, valid.targets) == pytest.approx(0.8, abs=0.06)


def test_a_backtest_says_whether_intervals_are_too_narrow() -> None:
    targets = np.concatenate([np.random.default_rng(0).normal(size=(200, 4)), np.ones((200, 1))], axis=1)
    for width, said in ((0.5, "too narrow"), (1.2816, "as many as they should"), (3.0, "too wide")):
        answers = np.repeat([[0.0, -width, width]], 4, axis=1).repeat(200, axis=0)
        seen = Predictions(rows=np.arange(200), predictions=answers, targets=targets)
        assert said in judge_backtest(seen).sentence


def test_the_command_lines_options_are_those_of_the_field() -> None:
    options = {"horizon": "6", "season": "12", "time_column": "month", "series_column": "shop"}
    options |= {"known": "price, holiday"}
    field = hw.Future.from_options("sales", options, list)
    assert field == hw.Future("sales", horizon=6, season=12, time="month", id="shop", known=["price", "holiday"])
    with pytest.raises(hw.ConfigError) as error:
        hw.Future.from_options("sales", {"horizon": "soon"}, list)
    assert str(error.value) == (
        "`--horizon` must be a whole number of moments.\n  Given: 'soon'\n  Fix:   Write it as --horizon 12."
    )


@pytest.mark.slow
def test_a_column_that_is_known_ahead_takes_its_effect_into_the_forecast(tmp_path: Path) -> None:
    draw, horizon = np.random.default_rng(0), 4
    campaign = (draw.random(160) < 0.25).astype(float)
    sold = 100 + 10 * np.sin(np.arange(160) * np.pi / 2) + 40 * campaign + draw.normal(0, 2, 160)
    table = pl.DataFrame({"sales": [*sold[:-horizon], *[None] * horizon], "campaign": campaign})
    data = hw.from_items(table, target=hw.Future("sales", horizon=horizon, known=["campaign"]))
    learner = hw.Learner(data, progress=False)
    learner.fine_tune(40)
    learner.export(tmp_path / "sales.headway")
    (answer,) = hw.load(tmp_path / "sales.headway").predict_many(table)
    # The table goes on with the campaigns to come: what is forecast is what came.
    medians = np.array(answer.value)[:, 0]
    assert np.abs(medians - sold[-horizon:]).max() < 15


@pytest.mark.slow
def test_a_past_of_zeros_has_a_forecast(tmp_path: Path) -> None:
    """As of a shop that sold nothing: onnxruntime leaves out a sum with a number as small as 1e-12."""
    table = pl.DataFrame({"sales": [float(10 + day % 7) for day in range(60)]})
    learner = hw.Learner(hw.from_items(table, target=hw.Future("sales", horizon=4)), progress=False)
    learner.fine_tune(1)
    learner.export(tmp_path / "sales.headway")
    predictor = hw.load(tmp_path / "sales.headway")
    for value in (0.0, 7.0, 1e-40):
        answers = np.array(predictor.predict([value] * 20).value)
        assert answers == pytest.approx(np.full((4, 3), value), rel=1e-4, abs=1e-11)
