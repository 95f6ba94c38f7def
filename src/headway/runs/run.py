"""The run folder: everything needed to repeat a run, and everything that came of it.

`config.json`, `items.parquet`, `unlabelled.parquet` and `problems.csv` (where items were left out), `history.jsonl` (a
line an epoch, only ever added to), `checkpoints/` (what was done so far; a folder for each call that trains),
`report.html`, `report.json`, `model.headway`.
"""

from __future__ import annotations

import errno
import io
import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import polars as pl
import torch
import torch.distributed as dist
from torch import nn

from headway.data.dataset import Data
from headway.data.decisions import Applied
from headway.data.restore import ACCEPT, moved, reopen
from headway.errors import ConfigError, DataError, HeadwayError, RunError, Stopped
from headway.inputs.registry import input_from_json
from headway.runs.checkpoint import Checkpoints, Saved, cannot_write, load_model, model_tensors
from headway.system.files import looked_up, open_file, read_file, write_whole
from headway.system.terminal import visible
from headway.system.versions import git_state, library_versions
from headway.targets.registry import target_from_json

__all__ = ["Run", "check_name", "differences", "environment", "list_runs", "new_run", "open_run"]

# What the system says where it will not write: no space, no permission, a failing disk. Others are raised as they are.
CANNOT_WRITE = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.EFBIG, errno.EIO)

# What surrounds a run, besides the versions of libraries; and what is so where its folder does not say.
AROUND = {"platform": None, "threads": None, "git": None, "processes": 1}

OWNER = ".owner"
FIRST_WEIGHTS = "start"


@dataclass(frozen=True)
class Run:
    """A folder of one run."""

    path: Path

    @property
    def has_begun(self) -> bool:
        """Whether its settings and items are there."""
        return _is_run(self.path / "config.json")

    @property
    def bundle(self) -> Path:
        """Where the exported model lies."""
        return self.path / "model.headway"

    def plan(self, options: Mapping[str, Any]) -> None:
        """Writes what a command was asked for, before it has read the data."""
        self.write_config({"options": dict(options)})

    def drop_unless_begun(self) -> None:
        """Removes a run that holds nothing but a plan, unless it was stopped and may go on."""
        # Called while an exception is on its way; a stop is one, after which the run may be resumed.
        stopped = isinstance(sys.exception(), KeyboardInterrupt)
        if not self.has_begun and not stopped:
            shutil.rmtree(self.path)

    def begin(self, data: Data, settings: Mapping[str, Any], model: nn.Module) -> None:
        """Writes what is known before training, unless the run goes on: settings, items, problems."""
        # The first weights of a module of one's own: nothing else knows them.
        start = Checkpoints(self.path / "checkpoints")
        if self.has_begun:
            saved = start.load(FIRST_WEIGHTS)
            if saved is not None:
                load_model(model, saved)
            return
        if "arch" in settings["own"]:
            start.save(FIRST_WEIGHTS, Saved(model_tensors(model)))
        config = {
            **self.config,
            "settings": dict(settings),
            **environment(),
            "data": {
                "fingerprint": data.fingerprint,
                "items": len(data.items),
                "split": data.split.describe(data.target.strata_name),
                "groups": data.split.groups,
                "notes": data.notes,
                **({"decisions": data.decisions.to_json()} if data.decisions else {}),
            },
            "input": data.input.to_json(),
            "target": data.target.to_json(),
        }
        self._write_data(data)
        # Last, as it makes the folder a run.
        self.write_config(config)

    def check(self, *, data: Data | None, own: Mapping[str, Any]) -> dict[str, Any]:
        """The run's settings, if what is passed again is what the run was started with.

        Raises:
            RunError: If something is missing, or another data set is passed.
        """
        config = self.config
        settings = config["settings"]
        missing = [name for name in settings.get("own", []) if not own[name]]
        if missing:
            what = "The run was started with objects that its folder cannot store."
            fix = f"Pass it again: Learner.resume(run, {', '.join(f'{name}=...' for name in missing)})."
            raise RunError(what, given=f"{self.path}, without {', '.join(missing)}", fix=fix)
        if data is not None and data.fingerprint != config["data"]["fingerprint"]:
            given = f"{data!r} with fingerprint {data.fingerprint[:12]}, not {config['data']['fingerprint'][:12]}"
            fix = "Pass the same items, labels and split, or start a new run."
            raise RunError("That is not the data set of the run.", given=given, fix=fix)
        return settings

    def note_call(self, number: int, call: Mapping[str, Any]) -> Checkpoints:
        """Adds a call that trains to the config, unless it is there already, and gives the place for its checkpoints.

        `number` is how many calls came before it; `call` has the method's name as "call", and its arguments.
        """
        config = self.config
        # In a run that goes on the call is there already: it is the same one, made again.
        calls = config.setdefault("training", [])
        if number == len(calls):
            calls.append(dict(call))
            self.write_config(config)
        return self.checkpoints(number)

    def checkpoints(self, number: int) -> Checkpoints:
        """The checkpoints of one of the calls that train, counted from 0."""
        return Checkpoints(self.path / "checkpoints" / str(number))

    def record(self, number: int, entry: Mapping[str, Any]) -> None:
        """Adds a line to the history, before which came `number`; one that is there, since the run goes on, stays."""
        file = self.path / "history.jsonl"
        lines = read_file(file).splitlines(keepends=True) if file.exists() else []
        if lines and not lines[-1].endswith(b"\n"):
            # A run that was killed may have written half of it.
            lines.pop()
            os.truncate(file, sum(map(len, lines)))
        # A run that goes on makes its entries again, to the same values.
        if number >= len(lines):
            with _writing(file), file.open("a", encoding="utf-8") as opened:
                opened.write(json.dumps(dict(entry)) + "\n")

    def forget(self, number: int) -> None:
        """Takes back what the history has after so many lines."""
        file = self.path / "history.jsonl"
        with _writing(file):
            os.truncate(file, sum(map(len, read_file(file).splitlines(keepends=True)[:number])))

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context in which no other process trains in this folder.

        Raises:
            RunError: If another one does.
            CheckpointError: If the folder cannot be written.
            Stopped: If Ctrl-C or SIGTERM came, with the run's path.
        """
        try:
            with ExitStack() as stack:
                with _writing(self.path):
                    stack.enter_context(_lock(self.path))
                    # For the message that another process gets; the lock alone decides.
                    (self.path / OWNER).write_text(f"process {os.getpid()} on {platform.node()}")
                yield
        except filelock.Timeout:
            owner = self.path / OWNER
            given = f"{self.path}, held by {read_file(owner).decode() if owner.exists() else 'an unknown process'}"
            fix = "Wait until it has ended, or stop it."
            raise RunError("Another process is using this run.", given=given, fix=fix) from None
        except KeyboardInterrupt as error:
            raise Stopped(getattr(error, "signum", signal.SIGINT), str(self.path)) from error
        except OSError as error:
            if error.errno not in CANNOT_WRITE or isinstance(error, HeadwayError):
                raise
            given = f"{error.filename or self.path} ({error.strerror})"
            raise cannot_write("A file of the run cannot be written.", given, run=self.path) from error

    def data(
        self,
        *,
        folder: str | os.PathLike[str] | None = None,
        accept_changes: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Data:
        """The data set that the run was started with; see `headway.data.restore`.

        Where its files have moved to `folder`, or are accepted as they are now, the run keeps that.
        """
        config, csv, unlabelled = self.config, self.path / "problems.csv", self.path / "unlabelled.parquet"
        input, target = input_from_json(config["input"]), target_from_json(config["target"])
        items = _frame(pl.read_parquet, self.path / "items.parquet")
        problems = _frame(pl.read_csv, csv) if csv.exists() else pl.DataFrame()
        if folder is not None and input.source == "file":
            files = [*input.columns, *(target.columns if target.files(input) else ())]
            items = moved(items, files, folder)
            problems = moved(problems, input.columns, folder) if len(problems) else problems
        split = config["data"]["split"]
        data = reopen(
            items,
            problems,
            input=input,
            target=target,
            split=split,
            groups=config["data"].get("groups"),
            unlabelled=_frame(pl.read_parquet, unlabelled) if unlabelled.exists() else pl.DataFrame(),
            accept_changes=accept_changes,
            on_progress=on_progress,
        )
        known = config["data"]
        decisions = Applied.from_json(known["decisions"]) if "decisions" in known else None
        data = replace(data, notes=tuple(known.get("notes", ())), decisions=decisions)
        # Of answers that are files, nothing but the fingerprint knows the bytes.
        has_changed = data.fingerprint != config["data"]["fingerprint"]
        if data.store.answers and has_changed and not accept_changes:
            what = "Files of the run's answers have changed since it began, so it would not end the same."
            raise DataError(what, given=f"column {data.target.column!r}", fix=ACCEPT)
        if folder is not None or has_changed:
            self._write_data(data)
            changed = {"fingerprint": data.fingerprint, "items": len(data.items)}
            self.write_config({**config, "data": {**config["data"], **changed}})
        return data

    def _write_data(self, data: Data) -> None:
        frames = {"items": data.items, **({"unlabelled": data.unlabelled} if len(data.unlabelled) else {})}
        for name, frame in frames.items():
            table = io.BytesIO()
            frame.select(pl.exclude(pl.Object)).write_parquet(table)
            _write(self.path / f"{name}.parquet", table.getvalue())
        if len(data.problems):
            # A table that people look at in a terminal.
            shown = pl.col(pl.String).map_elements(visible, return_dtype=pl.String)
            _write(self.path / "problems.csv", data.problems.with_columns(shown).write_csv().encode())

    @property
    def config(self) -> dict[str, Any]:
        """What `plan` and `begin` wrote; empty before."""
        return _json(self.path / "config.json")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Writes the config, whole or not at all."""
        text = json.dumps(dict(config), indent=2, default=_plain) + "\n"
        _write(self.path / "config.json", text.encode())

    @property
    def report(self) -> dict[str, Any] | None:
        """The run's report as JSON values; None where it did not come to one."""
        return _json(self.path / "report.json") or None


def environment() -> dict[str, Any]:
    """What a run's bits depend on besides its data and settings, and where its code stood."""
    return {
        # For a person's eye: nothing is run from it.
        "command": sys.argv,
        "versions": library_versions(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "processes": dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1,
        "git": git_state(),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What bits depend on that is not the same in two runs' configs, as "name: before -> now"."""
    was, known = (
        {**run.get("versions", {}), **{name: run.get(name, unsaid) for name, unsaid in AROUND.items()}}
        for run in (before, now)
    )
    return [f"{name}: {value} -> {known.get(name)}" for name, value in was.items() if value != known.get(name)]


@cache
def _lock(path: Path) -> filelock.BaseFileLock:
    # The operating system's: gone with the process that holds it, which may take it again and again.
    return filelock.FileLock(path / ".lock", timeout=0)


def open_run(path: str | os.PathLike[str]) -> Run:
    """The run in a folder.

    Raises:
        ConfigError: If there is none.
    """
    folder = Path(path).expanduser()
    if not _is_run(folder / "config.json") and "options" not in _json(folder / "config.json"):
        is_folder = folder.is_dir()
        given = f"{folder} (a folder without a config.json of a run)" if is_folder else looked_up(folder)
        given += "" if is_folder else " (nothing is there)"
        fix = "Name a run's folder, such as runs/pets; `headway runs` lists them."
        raise ConfigError("That is not the folder of a run.", given=given, fix=fix)
    return Run(folder)


def new_run(runs: str | os.PathLike[str], name: str) -> Run:
    """A new folder below `runs`: `name`, or `name-2`, `name-3` ... where that is taken.

    Raises:
        ConfigError: If the name is not one for a folder, or the folder cannot be made.
    """
    check_name(name)
    root = Path(runs).expanduser()
    number = 1
    while True:
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            # Not `exist_ok`: of two processes with the same name one gets the next number.
            path.mkdir()
        except FileExistsError:
            if not root.is_dir():
                raise ConfigError("The runs' folder is a file.", given=root, fix="Name another.") from None
            number += 1
            continue
        except OSError as error:
            given = f"{path} ({error.strerror})"
            fix = "Name another folder with --runs."
            raise ConfigError("The run's folder cannot be made.", given=given, fix=fix) from error
        return Run(path)


def check_name(name: str) -> None:
    """Raises a ConfigError if a run's name cannot be the name of a folder on every kind of machine."""
    # Windows forbids these signs, and a run's folder may be copied there.
    if not name or name in (".", "..") or any(sign in name for sign in '/\\:*?"<>|\0'):
        fix = "Use letters, digits, - and _."
        raise ConfigError("`name` must be a valid folder name.", given=repr(name), fix=fix)


def list_runs(runs: str | os.PathLike[str]) -> list[Run]:
    """The runs below a folder, by name; other programs' folders are passed over. Empty where there is none."""
    root = Path(runs).expanduser()
    return [Run(config.parent) for config in sorted(root.glob("*/config.json")) if _is_run(config)]


def _is_run(config: Path) -> bool:
    # Other programs write a config.json, too.
    return {"settings", "data", "versions"} <= _json(config).keys()


def _json(file: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none."""
    try:
        value = json.loads(read_file(file))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _frame(read: Callable[[BinaryIO], pl.DataFrame], file: Path) -> pl.DataFrame:
    with open_file(file, max_bytes=2**40) as opened:
        return read(opened)


def _plain(value: Any) -> Any:
    """A number of numpy's or of torch's as Python's; anything else as its text."""
    return value.item() if hasattr(value, "item") else str(value)


def _write(path: Path, data: bytes) -> None:
    with _writing(path):
        write_whole(path, data)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """A context in which the system's refusal to write says what to do about it."""
    try:
        yield
    # A lock that another process holds is an OSError, too.
    except filelock.Timeout:
        raise
    except OSError as error:
        raise cannot_write("The run's folder cannot be written.", f"{path} ({error.strerror or error})") from error
