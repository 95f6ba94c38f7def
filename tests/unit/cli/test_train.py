from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest
import safetensors.torch
import timm
import torch

import headway as hw
from tests.unit.cli.conftest import Command

PhotoFolder = Callable[..., Path]


@pytest.fixture
def local_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny architecture with weights in the local folder, so that it is fine-tuned in two stages."""
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model("test_resnet")
    safetensors.torch.save_file(model.state_dict(), tmp_path / "cache" / "weights" / "test_resnet.safetensors")
    return "test_resnet"


SMALL: Sequence[object] = ("--arch", "small_resnet", "--size", 32, "--precision", "float32", "--device", "cpu")


@pytest.mark.slow
def test_the_last_line_is_the_contract(headway: Command, photo_folder: PhotoFolder) -> None:
    photos = photo_folder({"cat": 12, "dog": 12})
    (photos / "cat" / "broken.png").write_bytes(b"no photo")
    done = headway("train", photos, *SMALL, "--epochs", 2, "--lr", "0.01", "--json")
    assert (done.status, done.err) == (0, "")
    line = done.line
    assert set(line) >= {"run_dir", "bundle", "seconds", "metrics", "baselines", "verdict", "history"}
    assert line["run_dir"] == "runs/photos"
    assert line["bundle"] == "runs/photos/model.headway"
    assert line["seconds"] > 0
    assert set(line["metrics"]["accuracy"]) == {"value", "low", "high"}
    assert "test_metrics" not in line
    assert [(each["stage"], each["epoch"]) for each in line["history"]] == [("all", 1), ("all", 2)]
    names = [each["name"] for each in line["baselines"]]
    assert "majority class" in names
    assert "nearest mean image" in names
    assert any(name.startswith("logistic regression on") for name in names)
    for each in line["baselines"]:
        assert each["seconds"] >= 0
        assert set(each["metrics"]["valid"]["accuracy"]) == {"value", "low", "high"}
    assert line["verdict"]["kind"] in ("better", "indistinguishable", "worse")

    # Not a terminal: one line an epoch, and no signs that move the cursor.
    assert "\x1b" not in done.out
    lines = done.out.splitlines()
    epochs = [each for each in lines if each.startswith("epoch ")]
    assert [each.split()[1] for each in epochs] == ["1", "2"]
    assert f"{line['history'][1]['train_loss']:.4f}" in epochs[1]
    assert "this model" in done.out
    assert "1 item was left out; reasons in runs/photos/problems.csv" in lines
    assert line["verdict"]["sentence"] in lines

    run = Path(line["run_dir"])
    problems = pl.read_csv(run / "problems.csv")
    assert problems["file"].to_list() == [str(photos / "cat" / "broken.png")]
    assert problems["reason"].to_list() == ["not an image that Pillow can read"]
    assert {path.name for path in run.iterdir()} == {
        ".lock",
        ".owner",
        "baselines.npz",
        "checkpoints",
        "config.json",
        "history.jsonl",
        "items.parquet",
        "model.headway",
        "problems.csv",
        "report.html",
        "report.json",
    }
    assert hw.load(line["bundle"]).labels == ("cat", "dog")

    # A run that was ended before it came to its report.
    (run.parent / "photos-2").mkdir()
    (run.parent / "photos-2" / "config.json").write_bytes((run / "config.json").read_bytes())
    listed = headway("runs", "--json")
    rows = [json.loads(each) for each in listed.out.splitlines()]
    assert [row["run"] for row in rows] == ["photos", "photos-2"]
    assert (rows[0]["metric"], rows[0]["value"]) == ("accuracy", line["metrics"]["accuracy"]["value"])
    assert rows[0]["verdict"] == line["verdict"]["kind"]
    assert rows[0]["items"] == 24
    assert rows[1]["value"] is None
    table = headway("runs").out
    assert "photos-2" in table
    assert "unfinished" in table
    assert f"{rows[0]['value']:.3f}" in table


@pytest.mark.slow
def test_no_epochs_train_the_head_alone(headway: Command, photo_folder: PhotoFolder, local_weights: str) -> None:
    photos = photo_folder({"cat": 10, "dog": 10}, size=(40, 40))
    done = headway("train", photos, "--arch", local_weights, "--size", 64, "--epochs", 0, "--name", "mine", "--json")
    assert (done.status, done.err) == (0, "")
    assert [each["stage"] for each in done.line["history"]] == ["head"]
    assert done.line["run_dir"] == "runs/mine"
    assert any(each["name"] == "logistic regression on frozen features" for each in done.line["baselines"])
    assert [each for each in done.out.splitlines() if each.startswith("head ")]
    assert "test_resnet, weights from " in done.out


@pytest.mark.slow
def test_a_table_with_a_split_column(
    headway: Command, photo_folder: PhotoFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Torch traces the model, and runs what it traced as it is.
    monkeypatch.setattr("headway.train.compile.BACKEND", "eager")
    photo_folder({"cat": 12, "dog": 12})
    parts = ["train"] * 8 + ["valid"] * 2 + ["test"] * 2
    rows = [
        {"photo": f"photos/{kind}/{number:03d}.png", "kind": kind, "part": part}
        for kind in ("cat", "dog")
        for number, part in enumerate(parts)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "table.csv")
    columns = ("--input", "photo", "--target", "kind", "--split-column", "part")
    done = headway(
        "train",
        tmp_path / "table.csv",
        *columns,
        *SMALL,
        "--epochs",
        1,
        "--mixup",
        0.2,
        "--ema",
        0.9,
        "--compile",
        "--optimizer",
        "sgd",
        "--class-weights",
        "cat=2,dog=0.5",
        "--clip-norm",
        1,
        "--dropout",
        0.1,
        "--runs",
        "elsewhere",
        "--json",
    )
    assert (done.status, done.err) == (0, "")
    assert done.line["run_dir"] == "elsewhere/table"
    assert set(done.line["test_metrics"]) == set(done.line["metrics"])
    items = pl.read_parquet("elsewhere/table/items.parquet")
    assert items["split"].to_list() == parts * 2
    assert items.columns[:3] == ["photo", "kind", "part"]
    config = json.loads(Path("elsewhere/table/config.json").read_text())
    (call,) = config["training"]
    expected = {"call": "fine_tune", "epochs": 1, "minutes": None, "lr": None, "mixup": 0.2, "ema": 0.9}
    expected |= {"compile": True, "clip_norm": 1.0, "dropout": 0.1}
    assert {name: call[name] for name in expected} == expected
    settings = config["settings"]
    assert (settings["optimizer"], settings["class_weights"]) == ("sgd", {"cat": 2.0, "dog": 0.5})


@pytest.mark.parametrize(
    ("options", "first"),
    [
        (["--epochs", "2", "--minutes", "1"], "`epochs` and `minutes` cannot be used together."),
        (["--minutes", "0"], "`epochs` must be a whole number from 0, `minutes` and `lr` above 0."),
        (["--epochs", "-1"], "`epochs` must be a whole number from 0, `minutes` and `lr` above 0."),
        (["--lr", "0"], "`epochs` must be a whole number from 0, `minutes` and `lr` above 0."),
        (["--mixup", "-1"], "A training option is out of its range."),
        (["--ema", "1"], "A training option is out of its range."),
        (["--lr", "nan"], "`epochs` must be a whole number from 0, `minutes` and `lr` above 0."),
        (["--batch-size", "0"], "The batch size must be a whole number from 1, or auto."),
        (["--clip-norm", "-1"], "A training option is out of its range."),
        (["--dropout", "1"], "A training option is out of its range."),
        (["--optimizer", "sdg"], "Unknown optimizer."),
        (["--class-weights", "rare"], "The weights of classes must be pairs of a class and a number."),
        (["--class-weights", "bird=2"], "`class_weights` must name classes of the data."),
        (["--seed", "-1"], "`seed` must lie between 0 and 2**63 - 1."),
        (["--size", "4"], "`size` must lie between 8 and 2048 pixels."),
        (["--arch", "smal_resnet"], "Unknown architecture."),
        (["--device", "banana"], "That device is not available on this machine."),
        (["--name", "a:b"], "`name` must be a valid folder name."),
        (
            ["--input", "file"],
            "Columns can be named only for a table; the labels of a folder are the names of its folders.",
        ),
    ],
)
def test_bad_options(headway: Command, photo_folder: PhotoFolder, options: list[str], first: str) -> None:
    photos = photo_folder({"cat": 8, "dog": 8})
    done = headway("train", photos, *SMALL, *options)
    assert done.status == 2
    assert done.err.splitlines()[0] == f"headway: {first}"
    assert [each.split(":")[0] for each in done.err.splitlines()[1:]] == ["  Given", "  Fix"]
    assert "Traceback" not in done.err


@pytest.mark.parametrize("options", [["--epochs", "many"], ["--precision", "half"], ["--nonsense"], []])
def test_options_that_are_none(headway: Command, photo_folder: PhotoFolder, options: list[str]) -> None:
    arguments = [photo_folder({"cat": 8, "dog": 8}), *options] if options else []
    done = headway("train", *arguments)
    assert done.status == 2
    assert "Traceback" not in done.err
    assert not Path("runs").exists()


def test_a_folder_that_is_not_there(headway: Command) -> None:
    done = headway("train", "nowhere")
    assert done.status == 2
    assert done.err.startswith("headway: ")
    assert "nowhere" in done.err


def test_no_runs_yet(headway: Command) -> None:
    done = headway("runs")
    assert (done.status, done.err) == (0, "")
    assert done.out == "No runs in runs. Start one: headway train DATA\n"
    assert headway("runs", "--json").out == ""


@pytest.mark.slow
def test_help_names_every_command(headway: Command) -> None:
    done = headway("--help")
    assert done.status == 0
    for command in ("demo", "train", "evaluate", "predict", "runs"):
        assert f" {command} " in done.out
    assert headway("train", "--help").status == 0


def test_version(headway: Command) -> None:
    assert headway("--version").out == version("headway") + "\n"
