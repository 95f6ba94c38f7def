"""A learner's report where the answer is a number or several labels: from digits' photos to the page and the bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image as Photo
from torch import nn
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.errors import ConfigError
from headway.judge.report.report import Report
from headway.learner.learner import Learner


class TwoParts(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU())
        self.head = nn.Linear(64, outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


def trained(digits: Path, column: str, target: Any, outputs: int, run: Path | None = None) -> Learner:
    """Its head alone solved."""
    files = sorted(digits.glob("*/*.png"))
    kinds = [int(file.parent.name) for file in files]
    items = {
        "file": [str(file) for file in files],
        "ink": [float(np.asarray(Photo.open(file)).mean()) for file in files],
        "tags": [" ".join(n for n, is_so in (("even", k % 2 == 0), ("small", k < 5)) if is_so) for k in kinds],
        "pen": ["thin" if number % 3 else "thick" for number in range(len(files))],
    }
    frame = pl.DataFrame(items).select("file", column, "pen")
    data = hw.from_items(
        frame, input=hw.Image("file", size=28, channels=1), target=target, split=hw.RandomSplit(0.25, test=0.25)
    )
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TwoParts(outputs)
    learner = hw.Learner(data, model, two_stages=True, run=run, augment=hw.Augment.none(), progress=False, device="cpu")
    learner.fine_tune(0)
    return learner


@pytest.fixture(scope="module")
def of_ink(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    return trained(digits, "ink", hw.Number("ink"), 1, run=tmp_path_factory.mktemp("runs") / "ink")


@pytest.fixture(scope="module")
def ink_report(of_ink: Learner) -> Report:
    return of_ink.report(slices=["pen"])


@pytest.fixture(scope="module")
def of_tags(digits: Path) -> Learner:
    return trained(digits, "tags", hw.Categories("tags"), 2)


@pytest.mark.slow
def test_a_number_from_photos(of_ink: Learner, ink_report: Report) -> None:
    assert (ink_report.task, ink_report.metric) == ("regression", "mae")
    assert (ink_report.verdict_part, ink_report.focus_part) == ("test", "valid")
    assert [row.name for row in ink_report.baselines] == [
        "mean",
        "median",
        "ridge regression on pixels",
        "ridge regression on frozen features",
    ]
    assert "mean absolute error" in ink_report.verdict.sentence
    found = of_ink.evaluate("test")
    assert found == ink_report.parts["test"].metrics
    assert found["r2"].value > 0.6
    assert found["mae"].value < 0.7 * ink_report.baselines[1].metrics["test"]["mae"].value
    assert ink_report.history[-1]["mae"] == pytest.approx(ink_report.parts["valid"].metrics["mae"].value, rel=1e-2)


@pytest.mark.slow
def test_the_items_that_are_farthest_off_have_pictures(of_ink: Learner, ink_report: Report) -> None:
    found = of_ink.predictions("valid")
    worst = found.rows[np.argsort(-np.abs(found.predictions - found.targets)[:, 0], kind="stable")][:12]
    assert [each.row for each in ink_report["far_items"]] == worst.tolist()
    assert set(ink_report.pictures) == set(worst.tolist())
    assert ink_report["fit"].count == len(found.rows)
    assert of_ink.run is not None
    page = (of_ink.run.path / "report.html").read_text()
    assert page.count("<img") == 12
    assert "Predictions beside the truth" in page


def test_slices_of_a_number(ink_report: Report) -> None:
    assert ink_report.slices is not None
    assert {each.name for each in ink_report.slices.slices} == {"pen = thin", "pen = thick"}
    assert sum(each.count for each in ink_report.slices.slices) == ink_report.parts["test"].count


def test_two_reports_on_numbers_are_the_same(of_ink: Learner, ink_report: Report, monkeypatch: Any) -> None:
    monkeypatch.setattr(of_ink, "_baselines", None)
    monkeypatch.setattr("headway.learner.baselines.run_baselines", lambda *_, **__: pytest.fail("run once more"))
    assert of_ink.report(slices=["pen"]).to_json() == ink_report.to_json()


def test_diagnosis_of_a_number(of_ink: Learner, ink_report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    found = of_ink.diagnose()
    assert list(found) == ink_report.findings
    assert capsys.readouterr().out.strip() == found.text


def test_a_learning_curve_is_for_classes(of_ink: Learner) -> None:
    with pytest.raises(ConfigError) as caught:
        of_ink.learning_curve()
    assert str(caught.value) == (
        f"A learning curve is for classes.\n  Given: {of_ink.data.target}\n  Fix:   Look at `learner.report()` instead."
    )


@pytest.mark.slow
def test_several_labels_from_photos(of_tags: Learner) -> None:
    report = of_tags.report()
    assert (report.task, report.metric, report.labels) == ("multilabel", "mean_average_precision", ["even", "small"])
    assert [row.name for row in report.baselines] == [
        "label frequencies",
        "logistic regression on pixels",
        "logistic regression on frozen features",
    ]
    assert report.parts["test"].metrics == of_tags.evaluate("test")
    assert report.parts["test"].metrics["mean_average_precision"].value > 0.8
    assert [each.label for each in report.parts["test"].per_class] == ["even", "small"]
    assert {each.row for each in report["far_items"]} == set(report.pictures)
    assert "fit" not in report.sections


@pytest.mark.slow
def test_figures_of_labels_are_those_at_the_models_own_thresholds(of_tags: Learner) -> None:
    found, target = of_tags.predictions("valid"), of_tags.setup.data.target
    assert isinstance(target, hw.Categories)
    assert len(target.thresholds) == 2
    given = found.predictions >= np.array(target.thresholds)
    expected = (given == (found.targets > 0)).all(axis=1).mean()
    assert of_tags.evaluate("valid")["subset_accuracy"].value == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ink", "tags"])
def test_a_bundle_holds_the_reports_figures(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    learner = request.getfixturevalue(f"of_{kind}")
    bundle = hw.load(learner.export(tmp_path / "model.headway"))
    found = learner.evaluate("test")
    assert bundle.manifest["metrics"]["test"] == {name: each.to_json() for name, each in found.items()}
    assert bundle.manifest["verdict"]["sentence"] == learner.report().verdict.sentence


@pytest.mark.slow
def test_a_bundle_of_numbers_is_measured_on_a_table(of_ink: Learner, tmp_path: Path) -> None:
    bundle, table = of_ink.export(tmp_path / "model.headway"), tmp_path / "valid.csv"
    of_ink.data.valid.items.select("file", "ink").write_csv(table)
    done = CliRunner().invoke(app, ["evaluate", str(bundle), str(table), "--json"])
    found, known = json.loads(done.stdout)["metrics"], of_ink.evaluate("valid")
    assert {name: each["value"] for name, each in found.items()} == {
        name: pytest.approx(each.value, rel=1e-3) for name, each in known.items()
    }


@pytest.mark.slow
def test_runs_show_their_own_metric(of_ink: Learner, ink_report: Report, tmp_path: Path) -> None:
    assert of_ink.run is not None
    folder, value = of_ink.run.path.parent, ink_report.parts["valid"].metrics["mae"]
    done = CliRunner().invoke(app, ["runs", str(folder), "--json"])
    [row] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (row["run"], row["metric"], row["value"]) == ("ink", "mae", pytest.approx(value.value))
    # A run that names another metric stands beside it, and both say whose number it is.
    other = folder / "worse"
    other.mkdir()
    for name in ("config.json", "report.json"):
        (other / name).write_bytes((of_ink.run.path / name).read_bytes())
    changed = json.loads((other / "report.json").read_text())
    changed["parts"]["valid"]["metrics"]["mae"]["value"] = value.value + 1
    (other / "report.json").write_text(json.dumps(changed))
    listed = CliRunner().invoke(app, ["runs", str(folder), "--json"]).stdout.splitlines()
    assert [json.loads(line)["run"] for line in listed] == ["ink", "worse"]
    table = CliRunner().invoke(app, ["runs", str(folder)], terminal_width=200).stdout
    assert "mean absolute error" in " ".join(table.split()) or "mae" in table
