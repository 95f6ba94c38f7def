"""Logs of the history, an entry an epoch: a CSV file, TensorBoard, Trackio.

Each writes the whole history: in a run that goes on, the entries from before the stop are logged again first.
"""

from __future__ import annotations

import csv
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from headway.errors import ConfigError
from headway.train.callbacks import Callback
from headway.train.history import Epoch

__all__ = ["CSVLogger", "TensorBoard", "Trackio"]


class CSVLogger(Callback):
    """Writes the history to a CSV file, a row an entry; a file that is there is replaced.

    Args:
        path: The file; its folder is made.

    Raises:
        ConfigError: If the folder cannot be made.

    Example:
        >>> learner = hw.Learner(data, callbacks=[hw.CSVLogger("logs/pets.csv")])  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rows: list[dict[str, Any]] = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            given = f"{self.path.parent} ({error.strerror})"
            raise ConfigError("The log's folder cannot be made.", given=given, fix="Name another file.") from error

    def on_entry(self, entry: Epoch) -> None:
        """Writes the file with one row more."""
        self._rows.append({name: value for name, value in entry.to_json().items() if name != "is_mixed"})
        # Written whole each time: a run that is resumed says its entries again, and an appended file would have them
        # twice.
        with self.path.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, list(self._rows[0]), restval="")
            writer.writeheader()
            writer.writerows(self._rows)


class TensorBoard(Callback):
    """Writes the history for TensorBoard, which `tensorboard --logdir FOLDER` shows.

    Args:
        folder: Where to.

    Raises:
        ConfigError: If the package tensorboard is not installed.

    Example:
        >>> learner = hw.Learner(data, callbacks=[hw.TensorBoard("logs")])  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(folder)
        self._writer_class = _imported("torch.utils.tensorboard", package="tensorboard").SummaryWriter
        self._writer: Any = None
        self._count = 0

    def on_entry(self, entry: Epoch) -> None:
        """Writes a point to each curve."""
        if self._writer is None:
            # What an earlier process wrote is dropped: its entries come again.
            self._writer = self._writer_class(self.folder, purge_step=0)
        for name, value in _figures(entry).items():
            self._writer.add_scalar(name, value, self._count)
        self._writer.flush()
        self._count += 1


class Trackio(Callback):
    """Logs the history to Trackio, whose page `trackio show` opens; a run that goes on is logged whole, as a new one.

    Args:
        project: The project's name.
        name: The run's name in it. Default: chosen by Trackio.

    Raises:
        ConfigError: If the package trackio is not installed.

    Example:
        >>> learner = hw.Learner(data, callbacks=[hw.Trackio("pets")])  # doctest: +SKIP
    """

    def __init__(self, project: str, name: str | None = None) -> None:
        self.project, self.name = project, name
        self._trackio = _imported("trackio", package="trackio")
        self._run: Any = None

    def on_entry(self, entry: Epoch) -> None:
        """Logs the entry's figures."""
        if self._run is None:
            self._run = self._trackio.init(project=self.project, name=self.name, embed=False)
        self._run.log(_figures(entry))


def _figures(entry: Epoch) -> dict[str, float]:
    """What a log has of an entry: its numbers, by name."""
    return {name: value for name, value in entry.to_json().items() if isinstance(value, float)}


def _imported(module: str, *, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        what = f"The package {package} is not installed, which this callback needs."
        raise ConfigError(what, given=str(error), fix=f"Install it: pip install {package}") from error
