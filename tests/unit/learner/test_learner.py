from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn

import headway as hw
from headway.bundle.format import read_bundle
from headway.errors import ConfigError
from headway.inputs.image.models import default_arch
from headway.judge.intervals import Estimate
from headway.learner.learner import Learner
from headway.train.model import Model
from headway.train.progress import Progress


class Whole(nn.Module):
    """A module of a user's own, without body and head."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.layer = nn.Linear(784, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert inputs.dtype == torch.float32
        assert inputs.min() >= 0
        assert inputs.max() <= 1
        return self.layer(self.norm(inputs).flatten(1))


class TwoParts(nn.Module):
    """One with body and head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


@pytest.fixture(scope="module")
def data(digits: Path) -> hw.Data:
    return hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))


@pytest.fixture
def make(data: hw.Data) -> Callable[..., Learner]:
    """Makes a learner that keeps quiet, on the CPU in float32, unless said otherwise."""

    def learner(arch: Any = None, **options: Any) -> Learner:
        quiet = {"progress": False, "device": "cpu", "precision": "float32"}
        return hw.Learner(data, arch, **(quiet | options))

    return learner


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learner") / "runs" / "digits"


@pytest.fixture(scope="module")
def trained(data: hw.Data, run_folder: Path) -> Learner:
    """Fine-tuned, with a run folder. Not to be trained further."""
    torch.set_num_threads(1)
    options: dict[str, Any] = {"progress": False, "device": "cpu", "precision": "float32"}
    learner = hw.Learner(data, seeded(TwoParts), two_stages=True, run=run_folder, augment=hw.Augment.none(), **options)
    learner.fine_tune(2, lr=1e-3)
    return learner


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_module_of_ones_own(make: Callable[..., Learner]) -> None:
    module = seeded(Whole)
    learner = make(module, augment=hw.Augment.none())
    assert learner.model is module
    assert (learner.arch, learner.pretrained) == ("Whole", "")
    history = learner.fit(8, lr=3e-3)
    assert history is learner.history
    assert [each.stage for each in history] == ["all"] * 8
    assert learner.evaluate()["accuracy"].value > 0.5
    assert not module.training


def test_fine_tune_of_a_module_without_a_head_has_one_stage(make: Callable[..., Learner]) -> None:
    learner = make(seeded(Whole))
    learner.fine_tune(2)
    assert [each.stage for each in learner.history] == ["all", "all"]
    assert learner.features is None


def test_the_names_of_attributes_decide_nothing(make: Callable[..., Learner]) -> None:
    # A body with random weights is not frozen because it is called so.
    learner = make(seeded(TwoParts))
    assert not learner.two_stages
    assert make(Model(seeded(TwoParts), pretrained="my own run")).two_stages
    assert not make(Model(seeded(TwoParts), pretrained="my own run"), two_stages=False).two_stages
    learner.fine_tune(1)
    assert [each.stage for each in learner.history] == ["all"]


def test_two_stages_need_a_linear_head_on_a_body(make: Callable[..., Learner]) -> None:
    with pytest.raises(ConfigError) as caught:
        make(seeded(Whole), two_stages=True)
    assert str(caught.value) == (
        "Two stages need a model that is its linear `head` on the features of its `body`.\n"
        "  Given: two_stages=True, Whole\n"
        "  Fix:   Leave it out, or give the module these two parts."
    )


@pytest.mark.slow
def test_fine_tune_of_a_module_with_body_and_head_has_two(trained: Learner) -> None:
    assert [each.stage for each in trained.history] == ["head", "all", "all"]
    assert trained.features is not None
    assert trained.history.epochs[0].metrics["accuracy"] > 0.4
    assert len(trained.history.notes) == 1
    assert "logistic regression on frozen features" in " ".join(each.name for each in trained.baselines())


def test_arch_left_out(make: Callable[..., Learner]) -> None:
    learner = make()
    assert learner.arch == default_arch(28) == "small_resnet"
    assert learner.settings["arch"] == "small_resnet"
    assert learner.model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_the_seed_decides_the_first_weights(make: Callable[..., Learner]) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = make()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert same(first.model, make().model)
    assert not same(first.model, make(seed=1).model)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(make: Callable[..., Learner]) -> None:
    models = []
    for torchs_seed in (0, 1):
        torch.manual_seed(torchs_seed)
        learner = make(seed=7)
        learner.fit(1, lr=1e-2)
        models.append(learner.model)
    assert same(*models)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"batch_size": -3},
        {"seed": -1},
        {"seed": 2**63},
        {"arch": "smal_resnet"},
        {"precision": "half"},
        {"device": "banana"},
    ],
)
def test_bad_settings_leave_no_run_behind(make: Callable[..., Learner], tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make(**wrong, run=tmp_path / "runs" / "digits")
    assert list(tmp_path.iterdir()) == []


def test_batch_size(make: Callable[..., Learner]) -> None:
    assert make().setup.batch_size == 64
    assert make(batch_size=7).setup.batch_size == 7
    assert make(batch_size=7).settings["batch_size"] == 7


@pytest.mark.slow
def test_predictions_are_aligned_with_rows(trained: Learner, data: hw.Data) -> None:
    for part in ("train", "valid"):
        found = trained.predictions(part)
        assert np.array_equal(found.rows, data.part(part).rows)
        labels = dict(data.items.select("row", "label").iter_rows())
        assert [str(target) for target in found.targets] == [labels[int(row)] for row in found.rows]
    default = trained.predictions()
    assert np.array_equal(default.probabilities, trained.predictions("valid").probabilities)


def test_evaluate_gives_estimates(trained: Learner) -> None:
    found = trained.evaluate()
    predictions = trained.predictions()
    right = predictions.probabilities.argmax(1) == predictions.targets
    assert found["accuracy"].value == pytest.approx(right.mean())
    assert found["log_loss"].value == pytest.approx(predictions.losses.mean(), rel=1e-4)
    assert all(isinstance(each, Estimate) for each in found.values())
    # Where there are too few items for an interval both ends are NaN.
    assert all(each.low <= each.value <= each.high for each in found.values() if not math.isnan(each.low))
    assert not math.isnan(found["accuracy"].low)
    assert found["accuracy"] == trained.evaluate("valid")["accuracy"]
    assert trained.evaluate("train")["accuracy"].value > found["accuracy"].value


@pytest.mark.slow
def test_report_bundle_and_learner_agree(trained: Learner, data: hw.Data, tmp_path: Path) -> None:
    report = trained.report()
    estimate = trained.evaluate()["accuracy"]
    assert report.parts["valid"].metrics["accuracy"] == estimate
    assert report.history == trained.history.to_json()
    assert report.notes == trained.history.notes
    assert set(report.parts) == {"valid"}

    path = trained.export(tmp_path / "deep" / "digits.headway", report=report)
    assert path == tmp_path / "deep" / "digits.headway"
    predictor = hw.load(path)
    manifest = predictor.manifest
    assert manifest["metrics"]["valid"]["accuracy"] == estimate.to_json()
    assert manifest["verdict"] == report.to_json()["verdict"]
    assert manifest["data"]["fingerprint"] == data.fingerprint
    assert manifest["arch"] == "TwoParts"

    ours = trained.predictions()
    files = data.valid.items["file"].to_list()
    answers = list(predictor.predict_many(files))
    theirs = np.array([[each.probabilities[label] for label in predictor.labels] for each in answers])
    assert predictor.labels == tuple("0123456789")
    assert np.abs(theirs - ours.probabilities).max() < 1e-3

    bundle = read_bundle(path)
    weights = safetensors.torch.load(bundle.files["weights.safetensors"])
    assert weights.keys() == trained.model.state_dict().keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in trained.model.state_dict().items())
    card = bundle.files["card.md"].decode()
    assert f"| valid | accuracy | {estimate.value:.4f} | {estimate.low:.4f} to {estimate.high:.4f} |" in card
    assert "- Architecture: TwoParts; pretrained weights: none\n" in card
    assert f"- Verdict: {report.verdict.sentence}\n" in card
    assert "Harm that errors can cause, and to whom: ____\n" in card


@pytest.mark.slow
def test_what_is_in_the_run_folder(trained: Learner, data: hw.Data, run_folder: Path) -> None:
    trained.report()
    run = trained.run
    assert run is not None
    assert run.path == run_folder
    written = {path.name for path in run.path.iterdir() if not path.name.startswith(".")}
    kept = {"config.json", "items.parquet", "history.jsonl", "baselines.npz", "checkpoints"}
    assert written == kept | {"report.html", "report.json"}
    assert run.config["settings"] == {**trained.settings, "own": ["arch"], "notes": []}
    (call,) = run.config["training"]
    assert {name: call[name] for name in ("call", "epochs", "minutes", "lr")} == {
        "call": "fine_tune",
        "epochs": 2,
        "minutes": None,
        "lr": 0.001,
    }
    lines = (run.path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == trained.history.to_json()
    assert pl.read_parquet(run.path / "items.parquet").equals(data.items)
    assert run.report is not None
    assert run.report["parts"]["valid"]["metrics"]["accuracy"]["value"] == trained.evaluate()["accuracy"].value


@pytest.mark.slow
def test_nothing_is_written_without_a_run(
    make: Callable[..., Learner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    learner = make(seeded(Whole))
    learner.fit(1)
    learner.report()
    assert learner.run is None
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_the_same_name_gets_a_number(make: Callable[..., Learner], tmp_path: Path) -> None:
    paths = [make(seeded(Whole), run=tmp_path / "digits").run for _ in range(2)]
    assert [run.path.name for run in paths if run] == ["digits", "digits-2"]


def test_a_callback_sees_every_step(make: Callable[..., Learner], data: hw.Data) -> None:
    rows: list[int] = []
    epochs: list[int] = []

    class Watch(hw.Callback):
        def on_batch_end(self, state: Any, result: Any) -> None:
            rows.extend(result.rows.tolist())

        def on_epoch_end(self, state: Any, epoch: Any) -> None:
            epochs.append(epoch.epoch)

    make(seeded(Whole), callbacks=[Watch()], batch_size=30).fit(3)
    assert sorted(rows) == sorted(data.train.rows.tolist() * 3)
    assert epochs == [1, 2, 3]


def test_a_loss_of_ones_own(make: Callable[..., Learner]) -> None:
    calls = []

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(outputs.shape)
        return 0.5 * F.cross_entropy(outputs, targets)

    learner = make(seeded(Whole), loss_fn=loss_fn)
    learner.fit(1)
    assert len(calls) > 3
    found = learner.predictions()
    assert learner.history.epochs[-1].valid_loss == pytest.approx(0.5 * found.losses.mean(), rel=1e-4)


def test_augmentation_of_ones_own(make: Callable[..., Learner]) -> None:
    trained = []
    for augment in (hw.Augment.none(), hw.Augment(rotate=180)):
        learner = make(seeded(Whole), augment=augment)
        learner.fit(1)
        trained.append(learner.model)
        assert hw.Augment(**learner.settings["augment"]) == augment
    assert not same(*trained)


def test_progress(make: Callable[..., Learner], capsys: pytest.CaptureFixture[str]) -> None:
    make(seeded(Whole), progress=False).fit(2)
    assert capsys.readouterr().out == ""
    make(seeded(Whole), progress=True).fit(2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["epoch 1", "epoch 2"]
    told: list[str] = []

    class Own(Progress):
        def tell(self, text: str) -> None:
            told.append(text)

    make(seeded(Whole), progress=Own()).fit(1)
    assert len(told) == 1


@pytest.mark.slow
def test_pictures(make: Callable[..., Learner], trained: Learner, data: hw.Data) -> None:
    learner = make(seeded(Whole))
    before = seeded(Whole)
    finder = learner.find_lr()
    assert isinstance(finder.plot(), Figure)
    assert same(learner.model, before)
    losses, accuracy = trained.history.plot().axes
    assert len(losses.get_lines()[0].get_xdata()) == 3
    assert accuracy.get_ylabel() == "accuracy on valid"
    shown = data.show(4)
    assert isinstance(shown, Figure)
    assert len(shown.axes) == 4
    assert all(axes.get_title() in "0123456789" for axes in shown.axes)
