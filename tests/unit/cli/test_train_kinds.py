"""Commands for masks, points and ratings: from files to what a bundle answers and how good it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.runs.run import Run
from tests.stopping import Killed
from tests.unit.cli.conftest import Command

SMALL = ("--arch", "test_resnet", "--no-pretrained", "--size", 32, "--precision", "float32", "--device", "cpu")
PAIRS = ("--input", "reader", "--input", "book", "--target", "stars", "--range", "1,5", "--arch", "dot_product")


def write_discs(folder: Path, *, number: int = 20) -> Path:
    """Light discs in `images/` and where they are in `masks/`, 1 inside, 0 outside, 255 at the left edge; a table."""
    draw, rows = np.random.default_rng(0), []
    down, across = np.mgrid[:32, :32]
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for place in range(number):
        y, x = draw.integers(12, 20, size=2)
        disc = np.hypot(down - y, across - x) < draw.integers(8, 13)
        mask = disc.astype(np.uint8)
        mask[:, 0] = 255
        PILImage.fromarray(np.where(disc[..., None], 200, 60).repeat(3, axis=2).astype(np.uint8)).save(
            folder / "images" / f"{place}.png"
        )
        PILImage.fromarray(mask).save(folder / "masks" / f"{place}.png")
        rows.append({"photo": f"images/{place}.png", "disc": f"masks/{place}.png", "x": float(x), "y": float(y)})
    pl.DataFrame(rows).write_csv(folder / "discs.csv")
    return folder


def write_ratings(path: Path) -> Path:
    draw = np.random.default_rng(0)
    kind, liked = draw.normal(size=30), draw.normal(size=40)
    pairs = [(reader, book) for reader in range(30) for book in range(40) if draw.random() < 0.5]
    stars = [round(min(max(3 + kind[reader] + liked[book], 1), 5)) for reader, book in pairs]
    columns = {"reader": [f"r{each}" for each, _ in pairs], "book": [each for _, each in pairs], "stars": stars}
    pl.DataFrame(columns).write_csv(path)
    return path


def same_as_in_python(headway: Command, run: Path, *options: object) -> None:
    """The bundle's figures on the validation rows are the learner's, intervals and all."""
    learner = hw.Learner.resume(run, progress=False)
    learner.data.valid.items.drop("row", "content", "split").write_csv("valid.csv")
    done = headway("evaluate", "--json", run / "model.headway", "valid.csv", *options)
    assert done.status == 0, done.err
    known = {name: each.to_json() for name, each in learner.evaluate().items()}
    assert done.line["metrics"] == {
        name: {end: pytest.approx(value, rel=1e-5, abs=1e-7) for end, value in each.items()}
        for name, each in known.items()
    }


@pytest.mark.long
@pytest.mark.slow
def test_masks_of_a_table(headway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_discs(tmp_path / "discs")
    columns = ("--input", "photo", "--target", "disc", "--kind", "mask")
    done = headway("train", folder / "discs.csv", *columns, "--classes", "table,disc", *SMALL, "--epochs", 2)
    assert (done.status, done.err) == (0, "")
    run = Path("runs/discs")
    same_as_in_python(headway, run)
    bundle, photos = run / "model.headway", [folder / "images/0.png", folder / "images/1.png"]
    assert headway("predict", bundle, *photos).out.count(".png: ") == 2
    lines = headway("predict", "--json", bundle, *photos, "--output", "masks").out.splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["mask"] for each in found] == ["masks/0.mask.png", "masks/1.mask.png"]
    assert set(found[0]["probabilities"]) == {"table", "disc"}
    assert not any("value" in each for each in found)
    answer = hw.load(bundle).predict(photos[0]).value
    with PILImage.open("masks/0.mask.png") as mask:
        assert np.array_equal(np.asarray(mask), answer)
    twice = headway("predict", bundle, photos[0], folder / "masks/0.png", "--output", "masks")
    assert (twice.status, twice.err.splitlines()[0]) == (
        2,
        "headway: The mask files of two pictures would have the same name.",
    )

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        refused = headway("predict", bundle, photos[0], "--output", "more")
    assert (refused.status, refused.err) == (
        2,
        f"headway: The mask cannot be written.\n  Given: {Path('more') / photos[0].stem}.mask.png (No space left on "
        "device)\n  Fix:   Free space, or name another file.\n",
    )
    assert not any(Path("more").iterdir())
    assert headway("report", run).status == 0


@pytest.mark.slow
def test_masks_of_a_folder(headway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its classes are found; a run that was killed while it read goes on; a repeat comes to the same bits."""
    folder = write_discs(tmp_path / "discs")

    def read(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("headway.data.build.from_items", read)
        patch.setattr(Run, "drop_unless_begun", lambda _: None)
        with pytest.raises(Killed):
            headway("train", folder, "--kind", "mask", *SMALL, "--epochs", 1)
    done = headway("resume", "runs/discs", "--json")
    assert (done.status, done.err) == (0, "")
    assert hw.load("runs/discs/model.headway").labels == ("0", "1")
    assert (
        headway("repeat", "runs/discs")
        .out.splitlines()[-1]
        .startswith("The weights are bit-identical to the first run's")
    )
    (folder / "masks/3.png").write_bytes(b"")
    (folder / "masks/4.png").unlink()
    judged = headway("evaluate", "--json", "runs/discs/model.headway", folder)
    assert (judged.status, judged.line["items"], judged.line["unanswered"]) == (1, 18, 1)
    assert [Path(each["file"]).name for each in judged.line["problems"]] == ["3.png"]


@pytest.mark.slow
def test_points_are_measured_from_a_bundle(headway: Command, tmp_path: Path) -> None:
    table = write_discs(tmp_path / "discs") / "discs.csv"
    columns = ("--input", "photo", "--target", "x y", "--kind", "points")
    done = headway("train", table, *columns, *SMALL, "--epochs", 2, "--lr", 0.0005, "--json")
    assert (done.status, done.err) == (0, "")
    assert set(done.line["metrics"]) == {"error", "error_pixels", "within_5", "within_10"}
    config = Run(Path("runs/discs")).config
    assert config["target"]["columns"] == ["x", "y"]
    assert not config["settings"]["augment"]["flip"]
    same_as_in_python(headway, Path("runs/discs"))


@pytest.mark.slow
def test_ratings(headway: Command, tmp_path: Path) -> None:
    table = write_ratings(tmp_path / "ratings.csv")
    done = headway("train", table, *PAIRS, "--epochs", 2)
    assert (done.status, done.err) == (0, "")
    run = Path("runs/ratings")
    same_as_in_python(headway, run)
    bundle = run / "model.headway"
    (tmp_path / "new.csv").write_text("reader,book\nr1,2\nnobody,2\n")
    first, second = (json.loads(line) for line in headway("predict", "--json", bundle, "new.csv").out.splitlines())
    assert 1 <= first["value"] <= 5
    assert (first["familiar"], second["familiar"]) == (True, False)
    other = pl.read_csv(table).rename({"reader": "who", "book": "what", "stars": "how"})
    other.write_csv("other.csv")
    renamed = headway("evaluate", bundle, "other.csv", "--input", "who", "--input", "what", "--target", "how")
    assert (renamed.status, renamed.out) == (0, headway("evaluate", bundle, table).out)
    assert headway("report", run).status == headway("resume", run).status == 0
    assert headway("repeat", run).out.splitlines()[-1].startswith("The weights are bit-identical to the first run's")


@pytest.mark.parametrize(
    ("options", "first"),
    [
        (
            ("--input", "reader", "--input", "book", "--input", "stars"),
            "There is no kind of input for these columns.",
        ),
        (("--kind", "category", "--classes", "a,b"), "--classes goes with --kind mask."),
        (("--kind", "mask", "--classes", "1=a,b"), "`--classes` must be names by number, or names alone."),
        (("--kind", "mask", "--ignore", "x"), "`--ignore` must be numbers that masks hold, or none."),
        (("--kind", "number", "--range", "5"), "`--range` must be the lowest and the highest value."),
        (("--kind", "number", "--ignore", "5"), "--ignore goes with --kind mask."),
    ],
)
def test_what_cannot_be_meant(headway: Command, tmp_path: Path, options: tuple[str, ...], first: str) -> None:
    table = write_ratings(tmp_path / "ratings.csv")
    done = headway("train", table, "--target", "stars", *options)
    assert done.status == 2
    assert done.err.startswith(f"headway: {first}")


def test_a_folder_without_masks(headway: Command, tmp_path: Path) -> None:
    folder = write_discs(tmp_path / "discs", number=2)
    shutil.rmtree(folder / "masks")
    done = headway("train", folder, "--kind", "mask")
    assert done.err.splitlines()[0] == (
        "headway: Photos and their masks belong into two folders, each mask named as its photo."
    )


def test_a_table_is_not_quantised_and_not_trained_in_vain(headway: Command, tmp_path: Path) -> None:
    done = headway("train", write_ratings(tmp_path / "ratings.csv"), *PAIRS, "--quantize", "int8")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("headway: `quantize` is not available for models of rows:")


def test_only_masks_are_written(headway: Command, tmp_path: Path) -> None:
    golden = Path(__file__).parents[2] / "bundles" / "v1.headway"
    done = headway("predict", golden, tmp_path / "a.png", "--output", "masks")
    assert (done.status, done.err.splitlines()[0]) == (2, "headway: `--output` is for models that predict masks.")


@pytest.mark.slow
def test_texts_without_a_label_are_learned_from_first(
    headway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An encoder takes seconds to export, and its bundle says nothing of this.
    monkeypatch.setattr("headway.learner.learner.export_trained", lambda *_, **__: None)
    # So few texts would be read ten times.
    monkeypatch.setattr("headway.train.recipe.Recipe.epochs", lambda *_: 1)
    moods = ["glad" if number % 3 else "sad" for number in range(60)]
    texts = [f"a {mood} day by the sea, the {number}th of all" for number, mood in enumerate(moods)]
    pl.DataFrame({"text": texts, "mood": [*moods[:40], *[None] * 20]}).write_csv(tmp_path / "days.csv")
    options = ("--adapt", "--epochs", 0, "--precision", "float32", "--device", "cpu", "--json")
    done = headway("train", tmp_path / "days.csv", "--input", "text", "--target", "mood", *options)
    assert done.line["notes"][0].startswith("Pretraining went on with 52 texts, 20 of them without a target.")
    calls = Run(Path(done.line["run_dir"])).config["training"]
    assert [call["call"] for call in calls] == ["adapt", "fine_tune"]
    # Stopped between the two, it goes on with the second.
    run = Run(Path(done.line["run_dir"]))
    shutil.rmtree(run.path / "checkpoints" / "1")
    run.write_config({**run.config, "training": calls[:1]})
    again = headway("resume", run.path, "--json")
    assert again.line["metrics"] == done.line["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize("column", ["text", "diary"])
def test_texts_in_folders_are_evaluated(headway: Command, tmp_path: Path, column: str) -> None:
    for mood in ("glad", "sad"):
        (tmp_path / "days" / mood).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "days" / mood / f"{number}.txt").write_text(f"a {mood} day, the {number}th of all")
    moods = ["glad", "sad"] * 40
    rows = [{column: f"a {mood} day by the sea {number}", "mood": mood} for number, mood in enumerate(moods)]
    data = hw.from_items(pl.DataFrame(rows), input=hw.Text(column), target="mood")
    learner = hw.Learner(data, "text_cnn", precision="float32", device="cpu", progress=False)
    learner.fine_tune(4)
    learner.export(tmp_path / "days.headway")
    done = headway("evaluate", tmp_path / "days.headway", tmp_path / "days", "--json")
    assert done.status == 0, done.err
    assert done.line["items"] == 40
    assert done.line["metrics"]["accuracy"]["value"] > 0.9
