from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import typer
from PIL import Image as PILImage
from typer.testing import CliRunner, Result

from headway.cli import app
from headway.cli.evaluate import evaluate
from headway.cli.predict import predict
from headway.errors import BundleError, ConfigError, DataError

GOLDEN = Path(__file__).parents[2] / "bundles" / "v1.headway"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders with two photos each, and a table of them."""
    root = tmp_path_factory.mktemp("data") / "photos"
    rows = ["photo,colour"]
    for colour in ("red", "green", "blue"):
        (root / colour).mkdir(parents=True)
        for number in (0, 1):
            PILImage.new("RGB", (12, 12), colour).save(root / colour / f"{number}.png")
            rows.append(f"photos/{colour}/{number}.png,{colour}")
    (root.parent / "table.csv").write_text("\n".join(rows))
    return root


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(predict)
    app.command()(evaluate)
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_readable_line_a_file(photos: Path) -> None:
    result = run("predict", GOLDEN, photos / "blue/0.png", photos / "red/1.png")
    assert result.exit_code == 0
    assert result.stdout == (
        f"{photos}/blue/0.png: blue 96.5% (red 1.8%)\n{photos}/red/1.png: red 96.5% (green 1.8%)\n"
    )
    assert result.stderr == ""


def test_what_is_unfamiliar_is_said(tmp_path: Path) -> None:
    PILImage.new("RGB", (12, 12), "grey").save(tmp_path / "grey.png")
    result = run("predict", GOLDEN, tmp_path / "grey.png")
    assert result.exit_code == 0
    assert result.stdout.endswith("33.3%), but unlike what the model was trained on\n")
    assert json.loads(run("predict", "--json", GOLDEN, tmp_path / "grey.png").stdout)["familiar"] is False


def test_a_json_line_a_file(photos: Path) -> None:
    result = run("predict", "--json", GOLDEN, photos / "blue/0.png", photos / "red/1.png")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["file"], line["label"]) for line in lines] == [
        (f"{photos}/blue/0.png", "blue"),
        (f"{photos}/red/1.png", "red"),
    ]
    assert list(lines[0]) == ["file", "label", "score", "probabilities", "familiar"]
    assert lines[0]["probabilities"]["blue"] == lines[0]["score"]


def test_files_that_cannot_be_read_are_told_and_the_others_answered(photos: Path) -> None:
    files = ["nowhere.jpg", photos / "red/0.png", GOLDEN]
    result = run("predict", GOLDEN, *files)
    assert result.exit_code == 1
    assert result.stdout == f"{photos}/red/0.png: red 96.5% (green 1.8%)\n"
    assert result.stderr == f"nowhere.jpg: no such file\n{GOLDEN}: not an image that Pillow can read\n"
    result = run("predict", GOLDEN, "--json", *files)
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0] == {"file": "nowhere.jpg", "error": "no such file"}
    assert lines[1]["label"] == "red"
    assert lines[2] == {"file": str(GOLDEN), "error": "not an image that Pillow can read"}


def test_a_wrong_bundle_is_an_error(photos: Path) -> None:
    result = run("predict", photos / "red/0.png", photos / "red/0.png")
    assert isinstance(result.exception, BundleError)


def test_evaluate_a_folder(photos: Path) -> None:
    result = run("evaluate", GOLDEN, photos)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[:2]
    assert first == "6 items"
    assert second.split() == ["accuracy", "1.000", "[0.610,", "1.000]"]


def test_photos_that_were_in_training_are_reported(photos: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "run" / "model.headway"
    bundle.parent.mkdir()
    bundle.write_bytes(GOLDEN.read_bytes())
    contents = [hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest() for file in photos.glob("*/*.png")]
    parts = ["train"] * 4 + ["valid"] * (len(contents) - 4)
    pl.DataFrame({"content": contents, "split": parts}).write_parquet(bundle.parent / "items.parquet")
    shown = run("evaluate", bundle, photos).stdout.splitlines()
    in_training = int(shown[1].split()[0])
    assert shown[1] == f"{in_training} of 6 items were in training: on new data the model may be worse."
    assert 3 <= in_training <= 6


def test_evaluate_a_table_by_its_columns(photos: Path) -> None:
    result = run("evaluate", GOLDEN, photos.parent / "table.csv", "--input", "photo", "--target", "colour", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["items"] == 6
    assert found["metrics"]["accuracy"] == {"value": 1.0, "low": pytest.approx(0.61, abs=0.01), "high": 1.0}
    assert found["problems"] == []


def test_evaluate_counts_and_lists_what_cannot_be_read(photos: Path) -> None:
    bad = photos / "red" / "bad.png"
    bad.write_bytes(b"no image")
    try:
        result = run("evaluate", GOLDEN, photos)
        as_json = run("evaluate", GOLDEN, photos, "--json")
    finally:
        bad.unlink()
    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert result.stdout.startswith("6 items, and 1 that cannot be read\naccuracy ")
    assert result.stderr == f"{bad}: not an image that Pillow can read\n"
    assert json.loads(as_json.stdout)["problems"] == [{"file": str(bad), "error": "not an image that Pillow can read"}]


def test_evaluate_refuses_labels_that_the_model_does_not_know(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "gren").mkdir()
    (tmp_path / "gren" / "0.png").write_bytes((photos / "green/0.png").read_bytes())
    result = run("evaluate", GOLDEN, tmp_path)
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == (
        "Column 'label' has labels that are not among the model's classes.\n  Given: gren\n"
        '  Fix:   Correct or remove those rows. Did you mean "green"?'
    )


def test_evaluate_needs_one_file_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "0.png").touch()
    result = run("evaluate", GOLDEN, tmp_path)
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == (
        f"None of the pictures can be read.\n  Given: {tmp_path}, 1 pictures; {tmp_path}/red/0.png: empty: 0 bytes\n"
        "  Fix:   Correct the paths or the values."
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_torch_stays_out(photos: Path, command: str) -> None:
    arguments = f"Path({str(GOLDEN)!r}), " + ("[Path('red/0.png')]" if command == "predict" else "Path('.')")
    code = (
        f"import sys; from pathlib import Path; from headway.cli.{command} import {command}\n"
        f"{command}({arguments})\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=photos, timeout=60)


def test_of_a_split_folder_only_the_last_part_is_evaluated(photos: Path, tmp_path: Path) -> None:
    for part in ("train", "val"):
        (tmp_path / "split" / part).mkdir(parents=True)
        for colour in photos.iterdir():
            (tmp_path / "split" / part / colour.name).symlink_to(colour)
    result = run("evaluate", GOLDEN, tmp_path / "split")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "6 items of valid"


@pytest.mark.parametrize("arguments", [["evaluate", "BUNDLE"], ["train"], ["audit"]])
def test_data_elsewhere_are_a_table(arguments: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(app, [*arguments, "https://x.org//a.jpg"], catch_exceptions=False)
    assert str(caught.value) == (
        "Data elsewhere must be a table, or a data set's repository on the Hugging Face hub.\n"
        "  Given: https://x.org//a.jpg\n"
        "  Fix:   Name a table of it, such as s3://pets/items.parquet, or hf://datasets/user/name."
    )
