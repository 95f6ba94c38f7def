"""The whole texts of what models, training, the learner and the commands say when something cannot work."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.cli import main
from headway.errors import ConfigError, HeadwayError, TrainingError, WeightsError, did_you_mean
from headway.inputs.image.models import create
from headway.runs.run import new_run
from headway.train.optimizers import make_optimizer
from headway.train.options import Options, Plan
from headway.train.precision import choose_device, choose_precision
from headway.train.schedules import schedule

MakeLearner = Callable[..., Any]


def text(what: str, given: object, fix: str) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


def refusal(error: type[HeadwayError], call: Callable[..., object], *arguments: Any, **options: Any) -> str:
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.fixture(scope="module")
def data(digits: Path) -> hw.Data:
    return hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))


@pytest.fixture
def learner(data: hw.Data) -> MakeLearner:
    def make(arch: Any = None, **options: Any) -> Any:
        quiet = {"progress": False, "device": "cpu", "precision": "float32"}
        return hw.Learner(data, arch or nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), **(quiet | options))

    return make


def test_an_architecture_that_is_not_known() -> None:
    # Which names come near depends on timm's version, the nearest of them excepted.
    hint = did_you_mean("efficientnet_light0", ["small_resnet", *timm.list_models()])
    assert hint.startswith('Did you mean "efficientnet_lite0" or ')
    assert refusal(ConfigError, create, "efficientnet_light0", num_outputs=2) == text(
        "Unknown architecture.", "'efficientnet_light0'", f"Name one of timm's models. {hint}"
    )


def test_an_architecture_without_weights() -> None:
    assert refusal(WeightsError, create, "coatnet_0_224", num_outputs=2) == text(
        "This architecture has no pretrained weights.",
        "'coatnet_0_224'",
        "Pass pretrained=False (--no-pretrained), or choose another.",
    )


@pytest.mark.slow
def test_an_image_too_small_for_an_architecture() -> None:
    reason = "Calculated padded input size per channel: (1 x 1). Kernel size: (3 x 3). "
    reason += "Kernel size can't be greater than actual input size"
    assert refusal(ConfigError, create, "inception_v3", num_outputs=2, size=32, pretrained=False) == text(
        "This architecture cannot take images of that size.",
        f"'inception_v3', 3 x 32 x 32: {reason}",
        "Choose another size (size=, --size), such as 224, or another architecture.",
    )


def test_a_plan() -> None:
    for epochs, lr in ((0, 0.1), (-1, 0.1), (1, 0.0), (1, -2.0), (1, math.nan), (1, math.inf)):
        assert refusal(ConfigError, Plan, epochs=epochs, lr=lr) == text(
            "`epochs` must be a whole number from 1 and `lr` above 0.",
            f"epochs={epochs}, lr={lr}",
            "Pass numbers such as epochs=5, or call `fine_tune()`, which chooses both.",
        )


def test_epochs_and_minutes(learner: MakeLearner) -> None:
    made = learner()
    assert refusal(ConfigError, made.fine_tune, epochs=2, minutes=1.5) == text(
        "`epochs` and `minutes` cannot be used together.", "epochs=2, minutes=1.5, lr=None", "Drop one."
    )
    for options in ({"epochs": -1}, {"minutes": 0.0}):
        given = ", ".join(f"{name}={options.get(name)}" for name in ("epochs", "minutes", "lr"))
        assert refusal(ConfigError, made.fine_tune, **options) == text(
            "`epochs` must be a whole number from 0, `minutes` and `lr` above 0.",
            given,
            "Leave them out for the defaults.",
        )


def test_schedules() -> None:
    assert refusal(ConfigError, schedule, "onecycle", total_steps=1, max_lr=0.1) == text(
        "Unknown schedule.", "'onecycle'", 'Did you mean "one_cycle"?'
    )
    assert refusal(ConfigError, Options, schedule="step") == text(
        "Unknown schedule.", "'step'", "Known: constant, cosine, one_cycle."
    )


def test_precisions() -> None:
    cpu = torch.device("cpu")
    assert refusal(ConfigError, choose_precision, cpu, "float61") == text(
        "Unknown precision.", "'float61'", 'Did you mean "float16" or "bfloat16" or "float32"?'
    )
    assert refusal(ConfigError, choose_precision, cpu, "half") == text(
        "Unknown precision.", "'half'", "Known: auto, bfloat16, float16, float32."
    )


def test_devices() -> None:
    what, fix = "That device is not available on this machine.", 'Pass "auto" or "cpu".'
    assert refusal(ConfigError, choose_device, "meta") == text(
        what, "device='meta' (Tensor.item() cannot be called on meta tensors)", fix
    )
    # Torch's own words, its first line alone.
    lines = refusal(ConfigError, choose_device, "banana").splitlines()
    assert lines[0] == what
    assert lines[1].startswith("  Given: device='banana' (Expected one of cpu, cuda, ")
    assert lines[1].endswith(")")
    assert lines[2:] == [f"  Fix:   {fix}"]


def test_a_model_that_is_frozen_throughout() -> None:
    assert refusal(ConfigError, make_optimizer, nn.Linear(2, 3).requires_grad_(False)) == text(
        "There is nothing to train in the model.",
        "Linear with 2 parameters, all of them frozen",
        "Leave requires_grad=True where the model is to learn.",
    )


def test_a_loss_that_is_no_number(learner: MakeLearner, data: hw.Data) -> None:
    made = learner(loss_fn=lambda outputs, targets: F.cross_entropy(outputs, targets) * math.nan)
    items = data.items
    said = refusal(TrainingError, made.fit, 2, lr=0.03)
    rows = [int(row) for row in said.split("(rows ")[1].split(")")[0].split(", ")]
    names = items.filter(items["row"].is_in(rows))["file"].to_list()
    assert said == text(
        "The training loss became NaN or infinite, so training stopped at step 1.",
        f"loss nan, learning rate 0.0012, items {', '.join(names[:5])} and {len(names) - 5} more "
        f"(rows {', '.join(map(str, rows))})",
        "Try a tenth of the learning rate (lr=, --lr), or float32 (precision=, --precision); if it happens again at "
        "the same items, look at them. What was saved before this step is whole.",
    )
    assert refusal(TrainingError, made.find_lr) == text(
        "No learning rate can be suggested: the loss is NaN.",
        "losses nan at rates from 1e-06",
        "Look for NaN in the model's weights and in the loss, or take float32 (precision=).",
    )


def test_names_of_runs(tmp_path: Path) -> None:
    for name in ("", "..", "a/b", "a:b"):
        assert refusal(ConfigError, new_run, tmp_path, name) == text(
            "`name` must be a valid folder name.", repr(name), "Use letters, digits, - and _."
        )


def test_folders_of_runs(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.touch()
    assert refusal(ConfigError, new_run, file, "pets") == text("The runs' folder is a file.", file, "Name another.")
    assert refusal(ConfigError, new_run, file / "below", "pets") == text(
        "The run's folder cannot be made.",
        f"{file}/below/pets (Not a directory)",
        "Name another folder with --runs.",
    )


def test_a_learners_settings(learner: MakeLearner) -> None:
    for seed in (-1, 2**63):
        assert refusal(ConfigError, learner, seed=seed) == text(
            "`seed` must lie between 0 and 2**63 - 1.", f"seed={seed}", "Pass 0 or another."
        )
    assert refusal(ConfigError, learner, batch_size=0) == text(
        '`batch_size` must be a whole number from 1, or "auto".', "batch_size=0", "Leave it out for 32."
    )


def test_a_part_that_is_none(learner: MakeLearner) -> None:
    for ask in ("predictions", "evaluate"):
        assert refusal(ConfigError, getattr(learner(), ask), "valdi") == text(
            "Unknown part of the data.", "'valdi'", 'Did you mean "valid"?'
        )


@pytest.mark.slow
def test_a_report_with_another_ending(learner: MakeLearner, tmp_path: Path) -> None:
    assert refusal(ConfigError, learner().report().save, tmp_path / "report.pdf") == text(
        "A report is saved as JSON or as HTML, by the path's ending.",
        tmp_path / "report.pdf",
        "End the path in .json or .html.",
    )


def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command says on stderr when it ends with status 2."""
    monkeypatch.setattr(sys, "argv", ["headway", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_columns_for_a_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digits: Path
) -> None:
    found = shell(monkeypatch, capsys, "train", digits, "--input", "file", "--split-column", "part")
    what = "Columns can be named only for a table; the labels of a folder are the names of its folders."
    fix = "Leave them out, or give a CSV or Parquet file."
    assert found == "headway: " + text(what, f"{digits}, --input, --split-column", fix) + "\n"


def test_a_table_without_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = tmp_path / "pets.csv"
    table.write_text("file,label\na.jpg,cat\n")
    for options, given in (([], "no --input, no --target"), (["--input", "file"], "--input file, no --target")):
        found = shell(monkeypatch, capsys, "train", table, *options)
        what = "`--target` must name the column of the table to predict."
        fix = "Add --target COLUMN, and --input COLUMN where a column names files."
        assert found == "headway: " + text(what, f"{table}, {given}; columns: file, label", fix) + "\n"


def test_a_command_names_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = shell(monkeypatch, capsys, "predict", "nowhere.headway", "photo.jpg")
    what = "The bundle cannot be opened: there is no such file."
    assert (
        found == "headway: " + text(what, f"nowhere.headway, looked up from {Path.cwd()}", "Correct the path.") + "\n"
    )
