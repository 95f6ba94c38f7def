"""A bundle's answers for many rows: batches come back with answers beside them; tables are answered in shards."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import polars as pl

from headway.bundle.predictor import Predictor, load
from headway.data.normal_form import existing_paths
from headway.data.sources import as_frame
from headway.errors import ConfigError, DataError, ReadError
from headway.system.files import whole_file, writable
from headway.system.remote import MAX_CACHE_BYTES, beside, fetched, is_remote, is_stored, store

__all__ = ["COLUMNS", "Scorer", "score_shard"]

B = TypeVar("B")

COLUMNS = {
    "prediction": pl.String,
    "prediction_score": pl.Float64,
    "prediction_value": pl.Float64,
    "prediction_familiar": pl.Boolean,
    "prediction_error": pl.String,
}
"""What an answer adds to a row: the label; its probability; of numbers the number; whether the item is like those of
training; and why an item could not be read. What does not apply is null."""

CHUNK_ROWS = 50_000
"""Rows of a table in memory at a time."""


class Scorer:
    """A bundle as a function of batches, for what sends batches of rows to other processes, such as Ray Data and Spark.

    It is opened by the process that calls it first, and pickled as its address alone.

    Args:
        bundle: A `model.headway` file that each process can read, or an address such as "hf://user/name".
        providers: What of onnxruntime runs it in each process, as for `hw.load`. Default: the CPU.

    Example:
        >>> dataset.map_batches(hw.Scorer("model.headway"))  # Ray Data  # doctest: +SKIP
        >>> frame.mapInPandas(hw.Scorer("model.headway").map, schema)  # Spark  # doctest: +SKIP
    """

    def __init__(self, bundle: str | os.PathLike[str], *, providers: Sequence[str] | None = None) -> None:
        self.bundle = os.fspath(bundle)
        self.providers = None if providers is None else tuple(providers)
        self._predictor: Predictor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_predictor": None}

    @property
    def predictor(self) -> Predictor:
        """The bundle, opened and checked the first time that it is needed."""
        if self._predictor is None:
            self._predictor = load(self.bundle, providers=self.providers)
        return self._predictor

    def __call__(self, batch: B) -> B:
        """The batch with `COLUMNS` added, as what it came as: a polars or pandas frame, or a dict of arrays.

        Raises:
            DataError: If a column that the model reads is missing.
            ConfigError: If the batch is something else, or has a column of one of those names.
        """
        if isinstance(batch, pl.DataFrame):
            return cast("B", self._scored(batch))
        if isinstance(batch, Mapping):
            added = self._scored(as_frame(batch))
            return cast("B", {**batch, **{name: added[name].to_numpy() for name in COLUMNS}})
        # pandas is asked for nothing: whoever has such a frame has it installed.
        if hasattr(batch, "assign"):
            added = self._scored(as_frame(batch))
            # By position: whatever index the rows have stays theirs.
            return cast("Any", batch).assign(**{name: added[name].to_list() for name in COLUMNS})
        what = "A batch must be a polars or pandas frame, or a dict of arrays."
        raise ConfigError(what, given=type(batch).__name__, fix='Of Ray Data ask for batch_format="pandas".')

    def map(self, batches: Iterable[B]) -> Iterator[B]:
        """Each batch with its answers, as Spark's `mapInPandas` calls it."""
        return (self(batch) for batch in batches)

    def _scored(self, table: pl.DataFrame) -> pl.DataFrame:
        taken = [name for name in COLUMNS if name in table.columns]
        if taken:
            what = "The rows have a column of the name that answers get."
            raise ConfigError(what, given=", ".join(taken), fix="Rename or remove it.")
        columns = self.predictor.input.columns
        missing = [name for name in columns if name not in table.columns]
        if missing:
            given = f"{', '.join(missing[:5])}; columns: {', '.join(table.columns[:20])}"
            raise DataError("The rows have not all columns that the model reads.", given=given, fix="Add them.")
        of_files = self.predictor.input.source == "file"
        items = table[self.predictor.input.column].to_list() if of_files else table
        answers = [_columns_of(answer) for answer in self.predictor.try_many(items, batch_size=1024)]
        return table.hstack(pl.DataFrame(answers, schema=COLUMNS, orient="row"))


def _columns_of(answer: Any) -> tuple[Any, ...]:
    if isinstance(answer, ReadError):
        return None, None, None, None, str(answer)
    value = float(answer.value) if isinstance(answer.value, float | int) else None
    return answer.label, answer.score, value, answer.familiar, None


def score_shard(
    scorer: Scorer, table: str | os.PathLike[str], output: str | os.PathLike[str], *, shard: int, shards: int
) -> tuple[str | Path, bool]:
    """Answers for one of several equal shares of a Parquet table's rows, as a Parquet file in a folder.

    The file appears whole or not at all. Where it is there already, nothing is done: a job that was killed is started
    again as it was.

    Args:
        scorer: The bundle.
        table: A Parquet file, of which a few rows are in memory at a time; or its address.
        output: The folder, made where it is missing; or its address.
        shard: Which of the shares, from 0.
        shards: How many there are.

    Returns:
        The file or its address, and whether it was written now.

    Raises:
        ConfigError: If there is no such shard, or the file is of another table or bundle.
        DataError: If the table cannot be read, or has not the columns that the model reads.
    """
    if not 0 <= shard < shards:
        raise ConfigError("There is no such shard.", given=f"{shard} of {shards}", fix=f"From 0 to {shards - 1}.")
    name = f"{Path(table).stem}-{shard:05d}-of-{shards:05d}.parquet"
    file = f"{output.rstrip('/')}/{name}" if is_remote(output) else Path(output, name)
    try:
        local = fetched(table, max_bytes=MAX_CACHE_BYTES) if is_remote(table) else Path(table)
        # Without `glob` a name such as "data[1].parquet" is a name and no pattern.
        scanned = pl.scan_parquet(local, glob=False)
        num_rows = int(scanned.select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError) as error:
        what = "Shards are of a Parquet table, and this cannot be read as one."
        raise DataError(what, given=f"{table}: {error}", fix="Write the table as Parquet.") from error
    source = _fingerprint(scorer, Path(table).name, num_rows, local.stat().st_size)
    known = _source_of(file)
    if known is not None:
        if known != source:
            what = "The folder has this shard of another table, or by another model."
            raise ConfigError(what, given=file, fix="Name another folder, or remove the file.")
        return file, False
    first, end = shard * num_rows // shards, (shard + 1) * num_rows // shards
    starts = range(first, end, CHUNK_ROWS)
    chunks = (scanned.slice(start, min(CHUNK_ROWS, end - start)).collect() for start in starts or [first])
    answers = pl.concat([_answered(scorer, rows, table) for rows in chunks])
    with writable("The shard", file):
        _write(answers, file, source)
    return file, True


def _answered(scorer: Scorer, rows: pl.DataFrame, table: str | os.PathLike[str]) -> pl.DataFrame:
    """Rows of a table with their answers; files that it names are looked for from its own folder, as in training."""
    input = scorer.predictor.input
    if input.source != "file" or input.column not in rows.columns:
        return scorer(rows)
    named = rows[input.column]
    paths = named.cast(pl.String).fill_null("")
    local = beside(table, paths) if is_remote(table) else existing_paths(paths, Path(table).parent)[0].fill_null("")
    return scorer(rows.with_columns(local)).with_columns(named)


def _source_of(file: str | Path) -> str | None:
    """What a shard that is there says that it was made of; None where there is none."""
    with writable("The shard", file):
        if is_remote(file):
            local = fetched(file, max_bytes=MAX_CACHE_BYTES) if is_stored(file) else None
        else:
            local = Path(file) if Path(file).exists() else None
    return None if local is None else pl.read_parquet_metadata(local).get("headway", "")


def _write(answers: pl.DataFrame, file: str | Path, source: str) -> None:
    if is_remote(file):
        with tempfile.TemporaryDirectory() as folder:
            draft = Path(folder, "shard.parquet")
            answers.write_parquet(draft, metadata={"headway": source})
            store(draft, file)
        return
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with whole_file(Path(file)) as draft:
        answers.write_parquet(draft, metadata={"headway": source})


def _fingerprint(scorer: Scorer, *table: str | int) -> str:
    """What the answers depend on: the bundle's bytes, by its own hashes, and which table it is."""
    known = (scorer.predictor.manifest["files"], *table)
    return hashlib.sha256(repr(known).encode()).hexdigest()
