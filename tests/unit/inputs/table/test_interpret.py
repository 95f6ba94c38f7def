"""A model of a table, explained from the learner: columns, rows, leaks, and the average with a baseline."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.build import from_items
from headway.data.splits import GroupSplit, RandomSplit
from headway.inputs.table.field import Table
from headway.inputs.table.interpret import Interpretation
from headway.judge.report.report import Report
from headway.learner.ensemble import inner_split
from headway.targets.category.field import Category
from headway.targets.number.field import Number


def people(count: int = 600, *, seed: int = 0) -> pl.DataFrame:
    """Columns of every kind, as a file would have them; whether somebody is a member depends on age and job."""
    draw = np.random.default_rng(seed)
    age, job = draw.integers(18, 80, size=count), draw.choice(["cook", "smith", "pilot"], size=count)
    score = (age - 48) / 10 + np.where(job == "pilot", 3.0, 0.0) + draw.normal(size=count)
    text = np.where(draw.random(count) < 0.1, "?", age.astype(str))
    return pl.DataFrame(
        {
            "age": [f" {each}" for each in text],
            "job": [None if draw.random() < 0.05 else f" {each}" for each in job],
            "noise": draw.normal(size=count),
            "joined": [f"20{each:02d}-05-01" for each in draw.integers(10, 24, size=count)],
            "site": draw.integers(12, size=count).astype(str),
            "member": np.where(score > 0, "yes", "no"),
        }
    )


INPUT = Table(continuous=["age", "noise"], categorical=["job"], dates=["joined"])


@pytest.fixture(scope="module")
def learner() -> hw.Learner:
    data = from_items(people(1_000), input=INPUT, target=Category("member"), split=RandomSplit(0.3))
    learner = hw.Learner(data, progress=False)
    learner.fine_tune(12)
    return learner


@pytest.fixture(scope="module")
def report(learner: hw.Learner) -> Report:
    return learner.report()


def test_plain_values_are_read_as_the_raw_ones() -> None:
    items = people()
    field = INPUT.fit(items)
    plain = field.plain(items)
    assert plain.schema == {"age": pl.Float64, "noise": pl.Float64, "job": pl.String, "joined": pl.Datetime("us")}
    np.testing.assert_array_equal(field.read_rows(plain), field.read_rows(items))
    array, categorical = field.simple_rows(items)
    ages = [float(each) if each.strip() != "?" else np.nan for each in items["age"]]
    np.testing.assert_array_equal(array[:, 0], ages)
    assert array.shape[1] - len(categorical) == len(field.numbers)
    assert not np.isnan(array[:, list(categorical)]).any()


@pytest.mark.slow
def test_the_predictor_is_the_model(learner: hw.Learner) -> None:
    valid = learner.data.valid
    found = learner.interpret().predict(valid.items)
    np.testing.assert_allclose(found, learner.predictions("valid").predictions, atol=1e-5)


@pytest.mark.slow
def test_what_the_model_uses(learner: hw.Learner) -> None:
    found = learner.interpret().importance()
    assert [each.name for each in found.columns[:2]] == ["age", "job"]
    assert {each.name for each in found.columns if each.is_used} >= {"age", "job"}
    assert abs(next(each for each in found.columns if each.name == "noise").drop.value) < 0.05
    score = learner.evaluate("valid")["accuracy"]
    assert found.score.value == pytest.approx(score.value)


@pytest.mark.slow
def test_how_answers_depend_on_columns(learner: hw.Learner) -> None:
    age = learner.interpret().dependence("age")
    assert age.answer == "probability of yes"
    assert age.points[-1].answer.low > age.points[0].answer.high
    assert age.missing is not None
    job = {each.value: each.answer for each in learner.interpret().dependence("job").points}
    assert job["pilot"].low > job["cook"].high
    no = learner.interpret().dependence("age", label="no")
    assert no.points[0].answer.value == pytest.approx(1 - age.points[0].answer.value, abs=1e-5)
    assert not learner.interpret().dependence("joined").is_category


@pytest.mark.slow
def test_redundant_columns_and_leaks(learner: hw.Learner) -> None:
    assert learner.interpret().redundancy().groups() == []
    assert learner.interpret().leaks() == []


@pytest.mark.slow
def test_the_report_tells_it(report: Report) -> None:
    assert report["columns"].importance.columns[0].name == "age"
    assert report["columns"].dependences[0].column == "age"
    names = [row.name for row in report.baselines]
    assert names[-3:] == ["logistic regression", "random forest", "gradient boosting"]
    plain = report.to_json()["columns"]
    assert plain["importance"]["columns"][0]["columns"] == ["age"]
    page = report._repr_html_()
    assert "What the model uses" in page
    assert "probability of yes by age" in page
    assert "probability of yes by job" in page


@pytest.mark.slow
def test_a_leak_is_in_the_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    items = people(200).with_columns(pl.when(member="yes").then(pl.lit("paid")).alias("fee"))
    field = Table(continuous=["age"], categorical=["fee"])
    learner = hw.Learner(from_items(items, input=field, target=Category("member")), progress=False)
    learner.fit(1)
    found = [each for each in learner.diagnose() if each.kind == "leak" and "columns" in each.evidence]
    assert [(each.severity, each.evidence["columns"]) for each in found] == [("serious", ["fee"])]
    assert "Column 'fee' alone explains" in capsys.readouterr().out
    assert learner.report().suspected_leak.startswith("A leak may explain this result. Column 'fee' alone explains ")


@pytest.mark.slow
def test_a_number_is_looked_into_the_same_way() -> None:
    items = people(300).with_columns(pl.Series("pay", np.arange(300) % 50 + 0.5))
    data = from_items(items, input=Table(continuous=["age"], categorical=["job"]), target=Number("pay"))
    learner = hw.Learner(data, progress=False)
    learner.fit(1)
    assert learner.interpret().importance(permutations=1).metric == "mae"
    assert learner.interpret().dependence("age").answer == "pay"
    report = learner.report()
    assert report["columns"].importance.metric == "mae"
    assert "What the model uses" in report._repr_html_()


@pytest.mark.slow
def test_the_average_with_a_baseline(learner: hw.Learner) -> None:
    before = {name: each.clone() for name, each in learner.model.state_dict().items()}
    found = learner.ensemble_with("gradient boosting")
    assert 0 <= found.weight <= 1
    assert found.chosen_on == round(0.2 * len(learner.data.train))
    [ours] = {each.predictions["valid"].shape for each in learner.baselines() if each.name == found.baseline}
    assert found.predictions["valid"].shape == ours
    assert found.sentence.startswith(("No gain", "No measurable gain", "Better"))
    assert found.against_model.kind in ("better", "worse", "indistinguishable")
    assert all((before[name] == each).all() for name, each in learner.model.state_dict().items())


def test_the_weight_is_chosen_on_training_rows_split_as_the_data_were() -> None:
    data = from_items(people(), input=INPUT, target=Category("member"), split=GroupSplit("site", 0.25))
    inner = inner_split(data, seed=0)
    rows = set(inner.items["row"].to_list())
    assert rows <= set(data.train.rows.tolist())
    assert not set(inner.train.items["site"]) & set(inner.valid.items["site"])
    np.testing.assert_array_equal(inner.valid.canvases([0])[0], data.store.canvases[inner.valid.rows[0]])


def test_interpretation_is_of_tables(learner: hw.Learner) -> None:
    assert isinstance(learner.interpret(), Interpretation)
