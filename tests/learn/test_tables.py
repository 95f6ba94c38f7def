"""Real tables, from a CSV to a model that is judged, kept, gone on with and answers without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

import headway as hw
from headway.data.tables import read_values
from tests.commands import headway
from tests.stopping import QUIET, Killed, saves_counted

SharedData = Callable[[str], Path]
POINTS = 0.003
"""How far below gradient boosting the accuracy on adult may be."""

WITHOUT_TORCH = "import sys\nsys.modules['torch'] = None\nfrom headway.cli import main\nmain()\n"


pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def titanic(shared_data: SharedData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the passengers in two tables, and the run of `headway train` with no option but the target."""
    root = tmp_path_factory.mktemp("titanic")
    rows = pl.read_csv(shared_data("titanic") / "train.csv")
    is_new = pl.Series([row % 5 == 0 for row in range(len(rows))])
    rows.filter(~is_new).write_csv(root / "people.csv")
    rows.filter(is_new).write_csv(root / "new.csv")
    (root / "out.txt").write_text(headway("train", "people.csv", "--target", "survived", "--json", cwd=root).out)
    return root


def test_a_table_and_a_target_are_enough(titanic: Path) -> None:
    lines = (titanic / "out.txt").read_text().splitlines()
    assert lines[1:6] == [
        "in:  a row of 8 columns",
        "     numbers: age, fare",
        "     categories: pclass (3), sex (2), sibsp (7), parch (6), cabin (25), embarked (3)",
        "     left out: name (nearly as many different texts as rows (712 of 712))",
        "     left out: ticket (nearly as many different texts as rows (573 of 712))",
    ]
    line = json.loads(lines[-1])
    accuracy = {each["name"]: each["metrics"]["valid"]["accuracy"]["value"] for each in line["baselines"]}
    assert {"majority class", "logistic regression", "random forest", "gradient boosting"} <= set(accuracy)
    assert line["metrics"]["accuracy"]["value"] > accuracy["majority class"] + 0.1
    assert line["verdict"]["kind"] != "worse"


def test_its_bundle_answers_without_torch_as_the_model_does(titanic: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, "predict", "runs/people/model.headway", "new.csv", "--json"]
    done = subprocess.run(command, cwd=titanic, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    rows = read_values(titanic / "new.csv")
    assert [each["row"] for each in answers] == list(range(len(rows)))
    learner = hw.Learner.resume(titanic / "runs/people", progress=False)
    learner.model.eval()
    with torch.no_grad():
        shares = learner.model(torch.from_numpy(learner.data.input.read_rows(rows))).softmax(1).numpy()
    found = [[each["probabilities"][label] for label in ("0", "1")] for each in answers]
    np.testing.assert_allclose(found, shares, atol=1e-5)
    right = np.mean([int(each["label"]) for each in answers] == rows["survived"].to_numpy())
    assert right > 0.7
    noted = [each for each in answers if each.get("notes")]
    assert done.stderr.startswith(f"{len(noted)} rows have values that training did not have: 'cabin' is ")


def test_its_bundle_is_measured_on_a_table(titanic: Path) -> None:
    line = headway("evaluate", "runs/people/model.headway", "new.csv", "--json", cwd=titanic).line
    assert line["items"] == len(read_values(titanic / "new.csv"))
    assert line["metrics"]["accuracy"]["value"] > 0.7


def test_rows_in_any_form_have_the_same_answer(titanic: Path) -> None:
    predictor = hw.load(titanic / "runs/people/model.headway")
    rows = read_values(titanic / "new.csv")
    one_by_one = [predictor.predict(row) for row in rows[:40].iter_rows(named=True)]
    together = list(predictor.predict_many(rows[:40]))
    assert [each.label for each in together] == [each.label for each in one_by_one]
    assert [each.score for each in together] == pytest.approx([each.score for each in one_by_one], abs=1e-5)
    strange = predictor.predict({"age": 39, "sex": "unknown", "cabin": "Z1"})
    assert strange.label in ("0", "1")
    assert len(strange.notes) > 2


def learn(data: hw.Data, **settings: object) -> hw.Learner:
    learner = hw.Learner(data, seed=1, **(QUIET | settings))
    learner.fine_tune(3)
    return learner


@pytest.fixture(scope="module")
def people(shared_data: SharedData) -> hw.Data:
    return hw.from_csv(shared_data("titanic") / "train.csv", target="survived")


def weights(learner: hw.Learner) -> list[np.ndarray]:
    return [value.numpy() for value in learner.model.state_dict().values()]


@pytest.fixture(scope="module")
def learned(people: hw.Data) -> list[np.ndarray]:
    """The weights of three epochs."""
    return weights(learn(people))


def test_the_same_seed_gives_the_same_bits(people: hw.Data, learned: list[np.ndarray]) -> None:
    for one, other in zip(weights(learn(people)), learned, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_that_was_killed_ends_at_the_same_bits(
    people: hw.Data, learned: list[np.ndarray], tmp_path: Path
) -> None:
    with saves_counted(error=Killed(), at=5), pytest.raises(Killed):
        learn(people, run=tmp_path / "run")
    again = hw.Learner.resume(tmp_path / "run", progress=False)
    assert again.data.train.rows.tolist() == people.train.rows.tolist()
    for one, other in zip(weights(again), learned, strict=True):
        np.testing.assert_array_equal(one, other)


def test_numbers_are_predicted_in_their_unit(people: hw.Data, tmp_path: Path) -> None:
    rows = people.items.drop("row", "content", "split").filter(pl.col("fare").is_not_null())
    data = hw.from_items(rows, target="fare")
    assert isinstance(data.target, hw.Number)
    learner = hw.Learner(data, seed=1, **QUIET)
    learner.fine_tune()
    path = learner.export(tmp_path / "fare.headway")
    found = [answer.value for answer in hw.load(path).predict_many(data.valid.items)]
    np.testing.assert_allclose(found, learner.predictions().predictions[:, 0], rtol=1e-3, atol=1e-3)
    assert np.corrcoef(found, data.valid.items["fare"])[0, 1] > 0.5


def test_a_module_of_one_s_own_takes_rows(people: hw.Data) -> None:
    width = len(people.input.read(people.items.row(0, named=True)))
    learner = hw.Learner(people, torch.nn.Linear(width, 2), **QUIET)
    learner.fit(5, lr=0.05)
    assert learner.evaluate()["accuracy"].value > 0.65


def test_adult_comes_within_a_third_of_a_point_of_gradient_boosting(shared_data: SharedData) -> None:
    people = read_values(shared_data("adult") / "adult.csv")
    data = hw.from_items(people.gather_every(2), target="Salary")
    learner = hw.Learner(data, progress=False)
    learner.fine_tune()
    ours = learner.evaluate()["accuracy"].value
    array, first = data.store.canvases, len(data.input.numbers)
    columns = list(range(first, array.shape[1]))
    boosting = HistGradientBoostingClassifier(categorical_features=columns, random_state=0)
    boosting.fit(array[data.train.rows], data.train.targets)
    assert ours >= boosting.score(array[data.valid.rows], data.valid.targets) - POINTS
    assert ours > 0.86
