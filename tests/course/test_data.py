"""The course's data sets: what they hold, that nothing hidden leaks, and that what ships is what the catalogue says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image, UnidentifiedImageError

from headway.course import claims, data
from headway.course.data import CATALOGUE, digits, drawings, flights, gathered, loans, pictures, sheet
from headway.errors import ConfigError, DataError

COURSE = Path(data.__file__).parent


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return pl.read_csv(drawings())


def test_every_thing_is_drawn_by_three_studios(table: pl.DataFrame) -> None:
    whole = pl.concat([table, pl.read_csv(drawings(hidden=True))])
    assert whole.height == 759
    studios = whole.group_by("codepoint").agg(pl.col("studio").n_unique(), pl.col("kind").n_unique())
    assert studios.height == 253
    assert studios["studio"].unique().to_list() == [3]
    assert whole["kind"].n_unique() == 12
    assert whole.unique("codepoint")["label"].value_counts().sort("label")["count"].to_list() == [130, 123]


def test_hidden_things_are_in_no_lesson(table: pl.DataFrame) -> None:
    hidden = pl.read_csv(drawings(hidden=True))
    assert not set(table["group"]) & set(hidden["group"])
    assert hidden["codepoint"].n_unique() == 26
    assert pictures("1") == drawings()


def test_a_drawing_is_small_and_transparent(table: pl.DataFrame) -> None:
    for file in table["file"].sample(12, seed=0):
        with Image.open(drawings().parent / file) as image:
            assert image.size == (96, 96)
            alpha = np.asarray(image.convert("RGBA"))[:, :, 3]
        assert alpha.min() == 0
        assert alpha.max() > 240


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, one in CATALOGUE.items() for path in one.files])
def test_what_ships_has_its_hash(name: str, path: str) -> None:
    assert hashlib.sha256((COURSE / path).read_bytes()).hexdigest() == CATALOGUE[name].files[path]


def test_licences_are_beside_the_drawings() -> None:
    attribution = (COURSE / "drawings" / "ATTRIBUTION.md").read_text()
    for path in CATALOGUE["drawings"].files:
        if path.endswith(".zip"):
            studio = Path(path).stem
            assert f"`{studio}.zip`" in attribution
            assert (COURSE / "drawings" / f"LICENSE-{studio}.txt").stat().st_size > 10_000


def test_the_wheel_names_the_licences() -> None:
    import tomllib

    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    shipped = {part for one in CATALOGUE.values() if one.files for part in one.licence.split(" AND ")}
    assert set(project["license"].split(" AND ")) == shipped


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_data_set_has_its_sheet(name: str) -> None:
    text = sheet(name)
    for heading in ("## Where they come from", "## Licence", "## What is wrong with them"):
        assert heading in text


def test_sheet_of_nothing() -> None:
    with pytest.raises(ConfigError) as error:
        sheet("drawing")
    assert str(error.value) == (
        "The course has no such data set.\n"
        "  Given: 'drawing'\n"
        "  Fix:   Pass one of: drawings, digits, flights, loans, gathered."
    )


@pytest.mark.slow
def test_digits_hide_a_tenth_of_each() -> None:
    images, labels = digits()
    hidden_images, hidden_labels = digits(hidden=True)
    assert images.shape == (4500, 28, 28)
    assert np.bincount(labels).tolist() == [450] * 10
    assert np.bincount(hidden_labels).tolist() == [50] * 10
    shown = {image.tobytes() for image in images}
    assert not any(image.tobytes() in shown for image in hidden_images)
    # Shuffled: the first hundred are no single digit.
    assert len(set(labels[:100].tolist())) == 10


def test_flights_are_in_order_and_leak_as_said() -> None:
    frame = flights()
    assert frame.height == 40_000
    assert frame["scheduled"].is_sorted()
    assert (frame["late"] == (frame["arr_delay"] > 15)).all()
    # The same share of every hour, so that no season is rare.
    months = frame["scheduled"].dt.month().value_counts()["count"]
    assert months.min() > 2500  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]


def test_a_dial_changes_what_it_is_about() -> None:
    fair = loans(3)
    assert fair.equals(loans(3))
    assert not fair.equals(loans(4))
    history = loans(3, history=1.0)
    assert history.drop("approved").equals(fair.drop("approved"))
    assert _rate(history, "approved", "B") < _rate(fair, "approved", "B") - 0.2
    assert _rate(history, "approved", "A") == _rate(fair, "approved", "A")
    measurement = loans(3, measurement=1.0)
    assert measurement.drop("income").equals(fair.drop("income"))
    gap = loans(3, gap=1.0)
    assert _rate(gap, "repaid", "B") < _rate(fair, "repaid", "B") - 0.2
    sample = loans(3, sample=0.8)
    assert sample.filter(pl.col("group") == "A").equals(fair.filter(pl.col("group") == "A"))
    left, all_of_b = ((frame["group"].to_list().count("B")) for frame in (sample, fair))
    assert 0.1 < left / all_of_b < 0.3


def test_without_a_dial_the_groups_do_not_differ() -> None:
    fair = loans(0, num_rows=40_000)
    for column in ("repaid", "approved"):
        assert abs(_rate(fair, column, "A") - _rate(fair, column, "B")) < 0.02


def _rate(frame: pl.DataFrame, column: str, group: str) -> float:
    return frame.filter(pl.col("group") == group)[column].cast(pl.Float64).mean()  # pyright: ignore[reportReturnType]


def test_a_dial_beyond_its_end() -> None:
    with pytest.raises(ConfigError) as error:
        loans(history=1.5, gap=-1)
    assert str(error.value) == (
        "Dials lie between 0 and 1, and there is at least one row.\n  Given: gap=-1, history=1.5\n  Fix:   Pass 0.5."
    )


def test_claims_are_compared_at_the_door_of_the_drawings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path))
    folder = tmp_path / "collected" / "1"
    folder.mkdir(parents=True)
    (folder / "pictures.csv").write_text("file,label,group\n")
    pictures("1", door="mine")
    claims.claim("model", 1.0, near=0.9, within=0.05)
    pictures("1")
    claims.claim("model", 0.9, near=0.9, within=0.05)
    assert capsys.readouterr().out == "model: 1\nmodel: 0.90, as expected (0.85 to 0.95)\n"
    claims.reset()


def test_no_such_door() -> None:
    with pytest.raises(ConfigError) as error:
        pictures("1", door="window")  # pyright: ignore[reportArgumentType]
    assert str(error.value) == (
        "`door` names no source of pictures.\n"
        "  Given: door='window'\n"
        '  Fix:   Pass "drawings", "mine" for your own pictures, or "photos" for cats and dogs.'
    )


def test_photos_that_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    with pytest.raises(DataError) as error:
        pictures("1", door="photos")
    assert str(error.value) == (
        "The photos of cats and dogs are not on this computer yet.\n"
        '  Given: door="photos", and oxford-iiit-pet is not fetched\n'
        "  Fix:   Run `headway datasets fetch oxford-iiit-pet` (811 MB, once, with a network)."
    )


def test_photos_are_cats_and_dogs_in_equal_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fetched"
    for breed, count in (("Abyssinian", 4), ("pug", 9)):
        (folder / "train" / breed).mkdir(parents=True)
        for number in range(count):
            (folder / "train" / breed / f"{breed}_{number}.jpg").touch()
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("headway.datasets.named.find", lambda name: folder)
    monkeypatch.setattr(data, "NUM_PHOTOS", 8)
    table = pl.read_csv(pictures("1", door="photos"))
    assert sorted(table["label"]) == ["cat"] * 4 + ["dog"] * 4
    assert set(table["kind"]) == {"Abyssinian", "pug"}
    assert table["group"].n_unique() == 8
    assert all(Path(file).exists() for file in table["file"])


def test_nothing_collected_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path))
    with pytest.raises(DataError) as error:
        pictures("1", door="mine")
    assert str(error.value) == (
        "There are no pictures of your own yet.\n"
        f"  Given: {tmp_path / 'collected' / '1' / 'pictures.csv'} is missing\n"
        "  Fix:   Run `headway course collect 1` and take some."
    )


def test_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_SHIPPED", tmp_path)
    (tmp_path / "flights.parquet").write_bytes(b"half of it")
    with pytest.raises(DataError) as error:
        flights()
    assert str(error.value) == (
        "A file of the course is damaged.\n"
        "  Given: flights.parquet has another SHA-256 than in the catalogue\n"
        "  Fix:   Install Headway again."
    )


def test_what_was_gathered_has_the_faults_that_it_names() -> None:
    path = gathered(3)
    items, faults = pl.read_csv(path), pl.read_csv(path.parent / "faults.csv")
    assert faults["fault"].value_counts().sort("fault").rows() == [("broken", 2), ("copy", 12), ("wrong label", 22)]
    assert items.height == 468
    assert items["file"].n_unique() == 468
    known = pl.read_csv(drawings()).with_columns(pl.format("../{}", "file").alias("file"))
    both = items.join(known, on="file", suffix="_known")
    wrong = both.filter(pl.col("label") != pl.col("label_known"))
    assert sorted(wrong["file"]) == sorted(faults.filter(pl.col("fault") == "wrong label")["file"])
    for file in faults.filter(pl.col("fault") == "copy")["file"]:
        with Image.open(path.parent / file) as image:
            assert image.format == "JPEG"
    for file in faults.filter(pl.col("fault") == "broken")["file"]:
        with pytest.raises(UnidentifiedImageError):
            Image.open(path.parent / file)


def test_another_seed_gathers_other_faults() -> None:
    first, other = (pl.read_csv(gathered(seed).parent / "faults.csv") for seed in (3, 4))
    assert not first.equals(other)
    before = gathered(3).read_bytes()
    assert gathered(3).read_bytes() == before
