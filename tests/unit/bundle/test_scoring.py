"""Answers for many rows: batches, and tables in shards."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pandas as pd
import polars as pl
import pytest
from PIL import Image as PILImage
from typer.testing import CliRunner

import headway as hw
from headway.bundle import scoring
from headway.bundle.scoring import COLUMNS, score_shard
from headway.cli import app
from headway.errors import BundleError, ConfigError, DataError
from tests.serve.bundles import PEOPLE, make


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("table", tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return PEOPLE[:60]


@pytest.fixture
def table(rows: pl.DataFrame, tmp_path: Path) -> Path:
    rows.write_parquet(tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


@pytest.mark.slow
def test_a_batch_comes_back_as_what_it_was(rows: pl.DataFrame, bundle: Path) -> None:
    scorer = hw.Scorer(bundle)
    expected = [(answer.label, answer.score) for answer in hw.load(bundle).predict_many(rows)]
    frame = scorer(rows)
    assert frame.drop(*COLUMNS).equals(rows)
    assert frame.select("prediction", "prediction_score").rows() == expected
    theirs = pd.DataFrame(rows.to_dict(as_series=False)).set_index("job", drop=False)
    scored = scorer(theirs)
    assert (list(scored["prediction"]), list(scored.index)) == ([label for label, _ in expected], list(theirs.index))
    arrays = scorer({name: rows[name].to_numpy() for name in rows.columns})
    assert arrays["prediction"].tolist() == [label for label, _ in expected]
    assert [len(batch) for batch in scorer.map([rows[:5], rows[5:7]])] == [5, 2]


@pytest.mark.slow
def test_it_travels_to_another_process_unopened(bundle: Path, rows: pl.DataFrame) -> None:
    scorer = hw.Scorer(bundle)
    first = scorer(rows)
    sent = pickle.dumps(scorer)
    assert len(sent) < 500
    assert pickle.loads(sent)(rows).equals(first)


def test_a_row_that_cannot_be_read_says_why(bundle: Path) -> None:
    rows = PEOPLE[:2].with_columns(age=pl.Series(["30", "forty"]))
    fine, wrong = hw.Scorer(bundle)(rows).to_dicts()
    assert fine["prediction"] in ("yes", "no")
    assert fine["prediction_error"] is None
    assert wrong["prediction"] is None
    assert "forty" in wrong["prediction_error"]


def test_shards_are_all_rows_once_and_a_second_run_does_nothing(
    rows: pl.DataFrame, bundle: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "CHUNK_ROWS", 7)
    scorer, output = hw.Scorer(bundle), tmp_path / "answers"
    files = [score_shard(scorer, table, output, shard=number, shards=4) for number in range(4)]
    assert [is_new for _, is_new in files] == [True] * 4
    assert pl.concat([pl.read_parquet(file) for file, _ in files]).equals(scorer(rows))
    # As after a job that was killed: one is missing, and nothing else is done again.
    files[2][0].unlink()
    again = [score_shard(scorer, table, output, shard=number, shards=4)[1] for number in range(4)]
    assert again == [False, False, True, False]
    assert not list(output.glob(".*"))


@pytest.mark.slow
def test_all_may_lie_elsewhere(
    rows: pl.DataFrame, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    files = fsspec.filesystem("memory")
    files.pipe_file("/shop/people.headway", bundle.read_bytes())
    with files.open("/shop/people.parquet", "wb") as file:
        rows.write_parquet(file)
    shop = "memory://shop"
    line = f"predict {shop}/people.headway {shop}/people.parquet --shards 2 --output {shop}/answers/"
    names = [f"{shop}/answers/people-0000{number}-of-00002.parquet" for number in range(2)]
    for ending in ("", ": there already"):
        done = CliRunner().invoke(app, line.split())
        assert (done.exit_code, done.output.splitlines()) == (0, [name + ending for name in names])
    assert pl.concat([pl.read_parquet(files.cat_file(name)) for name in names]).equals(hw.Scorer(bundle)(rows))
    with pytest.raises(BundleError) as error:
        hw.load(f"{shop}/none.headway")
    assert str(error.value) == (
        f"The bundle cannot be fetched: {shop}/none.headway.\n"
        "  Given: /shop/none.headway\n"
        "  Fix:   Check the address, and that you may read it."
    )


def test_files_that_a_table_names_are_looked_for_beside_it(tmp_path: Path) -> None:
    bundle = Path(__file__).parents[2] / "bundles" / "v1.headway"
    column = hw.load(bundle).input.column
    (tmp_path / "shop").mkdir()
    PILImage.new("RGB", (20, 20), "red").save(tmp_path / "shop" / "rex.png")
    photos = pl.DataFrame({column: ["rex.png", "none.png", None]})
    photos.write_parquet(tmp_path / "shop" / "photos.parquet")
    file, _ = score_shard(hw.Scorer(bundle), tmp_path / "shop" / "photos.parquet", tmp_path / "out", shard=0, shards=1)
    answers = pl.read_parquet(file)
    assert answers[column].to_list() == photos[column].to_list()
    assert answers["prediction"].is_null().to_list() == [False, True, True]


@pytest.mark.slow
def test_a_job_killed_at_any_moment_answers_every_row_once(rows: pl.DataFrame, bundle: Path, tmp_path: Path) -> None:
    many, output = pl.concat([rows] * 200).with_row_index("number"), tmp_path / "answers"
    many.write_parquet(tmp_path / "people.parquet")
    line = [sys.executable, "-m", "headway", "predict", bundle, "people.parquet", "--shards", "8", "--output", output]
    for written in range(0, 6, 2):
        job = subprocess.Popen([*map(str, line)], cwd=tmp_path, stdout=subprocess.DEVNULL)
        while job.poll() is None and len(list(output.glob("*.parquet"))) <= written:
            time.sleep(0.001)
        job.kill()
        job.wait()
        # Whatever has its name is whole.
        assert sum(len(pl.read_parquet(file)) for file in output.glob("*.parquet")) % 1_500 == 0
    subprocess.run([*map(str, line)], cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    answers = pl.concat([pl.read_parquet(file) for file in sorted(output.glob("*.parquet"))])
    assert answers.equals(hw.Scorer(bundle)(many))


def test_a_shard_of_another_table_is_not_taken_for_this_ones(
    rows: pl.DataFrame, bundle: Path, table: Path, tmp_path: Path
) -> None:
    scorer = hw.Scorer(bundle)
    file, _ = score_shard(scorer, table, tmp_path, shard=0, shards=2)
    rows[:50].write_parquet(table)
    with pytest.raises(ConfigError) as error:
        score_shard(scorer, table, tmp_path, shard=0, shards=2)
    assert str(error.value) == (
        "The folder has this shard of another table, or by another model.\n"
        f"  Given: {file}\n  Fix:   Name another folder, or remove the file."
    )


def test_what_cannot_be_scored(rows: pl.DataFrame, bundle: Path, table: Path, tmp_path: Path) -> None:
    scorer = hw.Scorer(bundle)
    with pytest.raises(DataError) as missing:
        scorer(rows.select("age"))
    assert str(missing.value) == (
        "The rows have not all columns that the model reads.\n"
        "  Given: job, smokes, joined; columns: age\n  Fix:   Add them."
    )
    with pytest.raises(ConfigError) as taken:
        scorer(rows.with_columns(prediction=pl.lit(1)))
    assert str(taken.value) == (
        "The rows have a column of the name that answers get.\n  Given: prediction\n  Fix:   Rename or remove it."
    )
    with pytest.raises(ConfigError) as batch:
        scorer([1])
    assert str(batch.value) == (
        "A batch must be a polars or pandas frame, or a dict of arrays.\n"
        '  Given: list\n  Fix:   Of Ray Data ask for batch_format="pandas".'
    )
    with pytest.raises(ConfigError) as shard:
        score_shard(scorer, table, tmp_path, shard=4, shards=4)
    assert str(shard.value) == "There is no such shard.\n  Given: 4 of 4\n  Fix:   From 0 to 3."
    text = tmp_path / "people.csv"
    rows.write_csv(text)
    with pytest.raises(DataError) as other:
        score_shard(scorer, text, tmp_path, shard=0, shards=1)
    first, _, *rest = str(other.value).splitlines()
    assert first == "Shards are of a Parquet table, and this cannot be read as one."
    assert rest[-1] == "  Fix:   Write the table as Parquet."


@pytest.mark.slow
def test_the_command(
    bundle: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["headway", "predict", str(bundle), str(table), "--shards", "3", "--output", str(tmp_path / "out")]
    for more, written in ((["--shard", "1"], 1), ([], 3)):
        monkeypatch.setattr("sys.argv", [*line, *more])
        with pytest.raises(SystemExit) as stopped:
            app()
        assert stopped.value.code == 0
        assert len(list((tmp_path / "out").iterdir())) == written
    assert capsys.readouterr().out.count("there already") == 1
    monkeypatch.setattr("sys.argv", line[:-2])
    with pytest.raises(ConfigError) as error:
        app(standalone_mode=False)
    assert str(error.value) == (
        "A table is answered in shards with `--shards`, `--output` and one Parquet file.\n"
        f"  Given: --shards 3, --output None, files: {table}\n"
        "  Fix:   headway predict BUNDLE items.parquet --shards 16 --output answers/"
    )


def test_photos_are_named_by_a_column(tmp_path: Path) -> None:
    bundle = Path(__file__).parents[2] / "bundles" / "v1.headway"
    column = hw.load(bundle).input.column
    rows = pl.DataFrame({column: [str(tmp_path / "none.png")]})
    (answer,) = hw.Scorer(bundle)(rows).to_dicts()
    assert (answer["prediction"], answer["prediction_error"]) == (None, "no such file")
