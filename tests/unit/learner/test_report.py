"""A learner's report: what it gathers, what it keeps in the run's folder, and what is asked of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError, HeadwayError
from headway.inputs.image import baselines as of_images
from headway.inputs.image.baselines import small_pixels
from headway.inputs.image.networks import small_resnet
from headway.judge.baselines.base import BaselineData
from headway.judge.report.report import Report
from headway.learner.baselines import data_of
from headway.learner.learner import Learner
from tests.judging import baselines_of


class TwoParts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


def items(digits: Path) -> pl.DataFrame:
    files = sorted(digits.glob("*/*.png"))
    pens = ["thin" if number % 3 else "thick" for number in range(len(files))]
    return pl.DataFrame(
        {"file": [str(file) for file in files], "label": [each.parent.name for each in files], "pen": pens}
    )


@pytest.fixture(scope="module")
def data(digits: Path) -> hw.Data:
    reader = hw.Image("file", size=28, channels=1)
    split = hw.RandomSplit(0.25, test=0.25)
    return hw.from_items(items(digits), input=reader, target=hw.Category("label"), split=split)


def make(data: hw.Data, model: nn.Module | None = None, **options: Any) -> Learner:
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model or TwoParts()
    augment = options.pop("augment", hw.Augment(flip=False, crop=1, stretch=1, shift=0.1, rotate=10, warp=0, light=0))
    quiet: dict[str, Any] = {"progress": False, "device": "cpu", "precision": "float32"}
    return hw.Learner(data, model, two_stages=True, augment=augment, **quiet, **options)


@pytest.fixture(scope="module")
def trained(data: hw.Data, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """Its head solved, with a run folder. Not to be trained further."""
    learner = make(data, run=tmp_path_factory.mktemp("runs") / "digits")
    learner.fine_tune(0)
    return learner


@pytest.fixture(scope="module")
def report(trained: Learner) -> Report:
    return trained.report(slices=["pen"], tta=2)


@pytest.mark.slow
def test_verdict_is_on_test_and_single_items_on_valid(report: Report, data: hw.Data) -> None:
    assert (report.verdict_part, report.focus_part) == ("test", "valid")
    assert set(report.parts) == {"valid", "test"}
    valid, test = set(data.valid.rows.tolist()), set(data.test.rows.tolist())
    assert {each.row for each in report["top_losses"]} <= valid
    assert set(report.pictures) & test == set()
    assert report["calibration"].count == len(valid)


@pytest.mark.slow
def test_top_losses_are_those_of_the_predictions(report: Report, trained: Learner) -> None:
    found = trained.predictions("valid")
    worst = found.rows[np.argsort(-found.losses, kind="stable")][:12]
    assert {each.row for each in report["top_losses"]} == set(worst.tolist())
    labels = dict(trained.data.items.select("row", "label").iter_rows())
    assert all(labels[each.row] == each.target for each in report["top_losses"])
    assert all(report.pictures[each.row].photo.startswith(b"\xff\xd8") for each in report["top_losses"])


def test_label_errors_are_looked_for_on_both_sides(report: Report, data: hw.Data) -> None:
    assert set(report["label_issues"]) == {"valid", "train"}
    rows = {each.row for each in report["label_issues"]["train"].issues}
    assert rows <= set(data.train.rows.tolist())


def test_slices_are_those_of_the_column(report: Report) -> None:
    assert report.slices is not None
    assert {each.name for each in report.slices.slices} == {"pen = thin", "pen = thick"}
    assert sum(each.count for each in report.slices.slices) == report.parts["test"].count
    assert report.worst_slices is not None
    assert not {"file", "row", "content", "split", "label"} & set(report.worst_slices.left_out)


def test_gain_of_more_views(report: Report, trained: Learner) -> None:
    gain = report.views_gain
    assert gain is not None
    assert (gain.part, gain.views) == ("valid", 2)
    found = trained.predictions("valid", tta=2)
    right = (found.probabilities.argmax(1) == found.targets).mean()
    assert gain.metrics["accuracy"].value == pytest.approx(right)
    plain, difference = report.parts["valid"].metrics, gain.differences["accuracy"]
    assert difference.value == pytest.approx(100 * (right - plain["accuracy"].value))
    assert difference.low <= difference.value <= difference.high
    expected = gain.metrics["log_loss"].value - plain["log_loss"].value
    assert gain.differences["log_loss"].value == pytest.approx(expected, abs=1e-5)


def test_report_says_what_it_rests_on(report: Report, trained: Learner) -> None:
    assert report.name == "digits"
    assert report.size == 784 * 64 + 64 + 64 * 10 + 10
    assert report.versions["torch"] == torch.__version__.partition("+")[0] or report.versions["torch"]
    assert report.settings["arch"] == "TwoParts"
    assert report.learning_curve is not None
    assert report.learning_curve.points[-1].num_items == len(trained.data.train)
    assert report.learning_curve.num_judged == len(trained.data.valid)


def test_report_is_kept_in_the_run_folder(report: Report, trained: Learner) -> None:
    run = trained.run
    assert run is not None
    assert json.loads((run.path / "report.json").read_text()) == report.to_json()
    page = (run.path / "report.html").read_text()
    assert report.verdict.sentence.split(":")[0] in page
    assert page.count("<img") >= len(report["top_losses"])


@pytest.mark.slow
def test_two_reports_are_the_same(report: Report, trained: Learner) -> None:
    again = trained.report(slices=["pen"], tta=2)
    assert again.to_json() == report.to_json()
    assert again.pictures == report.pictures


def test_baselines_are_kept_and_used_again(trained: Learner, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trained.baselines()
    monkeypatch.setattr(trained, "_baselines", None)
    monkeypatch.setattr("headway.learner.baselines.run_baselines", lambda *_, **__: pytest.fail("run once more"))
    after = trained.baselines()
    assert [(each.name, each.seconds, each.size) for each in after] == [
        (each.name, each.seconds, each.size) for each in before
    ]
    for one, other in zip(before, after, strict=True):
        assert all(np.array_equal(one.predictions[part], other.predictions[part]) for part in ("valid", "test"))


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["other data", "bytes", "gone"])
def test_baselines_of_other_data_are_not_used(data: hw.Data, digits: Path, tmp_path: Path, damage: str) -> None:
    learner = make(data, run=tmp_path / "run")
    kept = tmp_path / "run" / "baselines.npz"
    found = learner.baselines()
    if damage == "other data":
        other = hw.from_items(
            items(digits)[5:],
            input=hw.Image("file", size=28, channels=1),
            target=hw.Category("label"),
            split=hw.RandomSplit(0.25),
        )
        fresh = make(other, run=tmp_path / "other")
        (tmp_path / "other" / "baselines.npz").write_bytes(kept.read_bytes())
        assert set(fresh.baselines()[0].predictions) == {"valid"}
        return
    if damage == "bytes":
        kept.write_bytes(kept.read_bytes()[:200])
    else:
        kept.unlink()
    learner._baselines = None
    again = learner.baselines()
    assert [each.name for each in again] == [each.name for each in found]
    assert kept.stat().st_size > 200


@pytest.mark.slow
def test_a_baseline_of_ones_own(trained: Learner) -> None:
    def oracle(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        assert set(train.arrays) == {"pixels", "features"}
        return {part: np.eye(num_outputs)[rows.targets] for part, rows in parts.items()}

    report = trained.report(baselines={"oracle": oracle})
    assert [each.name for each in report.baselines][-1] == "oracle"
    assert report.verdict.baseline == "oracle"
    assert report.verdict.kind in ("worse", "indistinguishable")
    known = baselines_of("classification")
    assert [each.name for each in trained.report().baselines] == [
        name for name, each in known.items() if each.needs != "table"
    ]


def test_diagnose_prints_and_gives_the_findings(
    trained: Learner, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    found = trained.diagnose()
    printed = capsys.readouterr().out
    assert list(found) == report.findings
    assert printed.strip() == found.text
    assert str(found).startswith("Diagnosis(")
    assert all(each.sentence.split()[0] in printed for each in found)


@pytest.mark.slow
def test_learning_curve_needs_features(data: hw.Data, trained: Learner) -> None:
    assert trained.learning_curve().to_json() == trained.report().learning_curve.to_json()  # type: ignore[union-attr]
    learner = make(data, small_resnet(1, 10, width=4))
    learner.fit(1)
    with pytest.raises(ConfigError, match=r"^A learning curve needs the features of a pretrained body"):
        learner.learning_curve()
    report = learner.report()
    assert report.learning_curve is None
    assert set(report["label_issues"]) == {"valid"}
    assert all(report.pictures[each.row].heat for each in report["top_losses"])


def test_predictions_with_views_are_counted(trained: Learner) -> None:
    one, other = (trained.predictions("valid", tta=3) for _ in range(2))
    assert np.array_equal(one.probabilities, other.probabilities)
    plain = trained.predictions("valid")
    assert np.array_equal(one.rows, plain.rows)
    assert np.array_equal(one.targets, plain.targets)
    assert not np.array_equal(one.probabilities, plain.probabilities)
    assert one.probabilities.sum(1) == pytest.approx(np.ones(len(one.rows)), abs=1e-5)
    chosen = one.probabilities[np.arange(len(one.rows)), one.targets]
    assert one.losses == pytest.approx(-np.log(chosen), abs=1e-5)


def test_views_are_the_mean_of_the_plain_one_and_augmented_ones(trained: Learner) -> None:
    part, setup = trained.data.valid, trained.setup
    canvases = torch.from_numpy(part.canvases(np.arange(len(part)))).permute(0, 3, 1, 2)
    shares = []
    with torch.inference_mode():
        for epoch in (None, 2**40, 2**40 + 1):
            images = canvases
            if epoch is not None:
                images = setup.training_view.augment(canvases, rows=part.rows, size=28, seed=setup.seed, epoch=epoch)
            shares.append(trained.model(setup.prepare(images)).softmax(1).numpy())
    assert trained.predictions("valid", tta=2).probabilities == pytest.approx(np.mean(shares, axis=0), abs=1e-5)


@pytest.mark.parametrize("call", ["predictions", "report"])
def test_views_that_change_nothing(data: hw.Data, call: str) -> None:
    learner = make(data, augment=hw.Augment.none())
    with pytest.raises(ConfigError) as caught:
        getattr(learner, call)(tta=4)
    assert str(caught.value) == (
        "`tta` must be at least 1, and the learner needs an augmentation.\n"
        f"  Given: tta=4, {hw.Augment.none()}\n"
        "  Fix:   Leave `tta` out, or train with an augmentation."
    )


def test_wrong_calls_fail_before_the_model_answers(trained: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.train.stage.Setup.predict", lambda *_, **__: pytest.fail("answered first"))
    with pytest.raises(ConfigError, match=r"^The items have no such column"):
        trained.report(slices=["pens"])
    with pytest.raises(ConfigError, match=r"^`slices` must be a list"):
        trained.report(slices="pen")
    with pytest.raises(HeadwayError, match=r"^`tta` must be"):
        trained.report(tta=-1)
    with pytest.raises(ConfigError, match=r"^A baseline of your own has the name of another"):
        trained.report(baselines={"stratified": lambda *_, **__: {}})


def test_only_the_photos_that_baselines_learn_from_are_read(trained: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = np.array([1, 4, 9, 30])
    monkeypatch.setattr(of_images, "drawn_rows", lambda num_rows, *, seed: chosen)
    train, valid = (data_of(trained._trained, trained.data.part(name)) for name in ("train", "valid"))
    whole, reader = trained.data.train, trained.data.input
    shrunk = [reader.thumbnail(reader.view(each), 28) for each in whole.canvases(chosen)]  # type: ignore[attr-defined]
    assert (train["pixels"] == small_pixels(np.stack(shrunk))).all()
    assert (train.targets == whole.targets[chosen]).all()
    assert trained.features is not None
    assert (train["features"] == trained.features.parts["train"][chosen]).all()
    assert len(valid) == len(trained.data.valid)
