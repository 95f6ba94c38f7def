"""What a person sees while it runs: bars in a terminal, one plain line an epoch elsewhere, a text in a notebook."""

from __future__ import annotations

import atexit
import sys
import time
from typing import TYPE_CHECKING, Any

from headway.system.terminal import echo, visible
from headway.train.callbacks import Callback

if TYPE_CHECKING:
    from headway.train.callbacks import BatchResult, TrainState
    from headway.train.history import Epoch

__all__ = ["Progress", "Silent", "make_progress"]


class Progress(Callback):
    """Plain lines; also the base of the other kinds.

    `tell` prints a line, `count` shows how far something has come.

    Attributes:
        tells_epochs: Whether there is a line for each epoch.
    """

    tells_epochs = True

    def tell(self, text: str) -> None:
        """Prints a line."""
        echo(text, lines=True)

    def count(self, task: str, done: int, total: int) -> None:
        """Shows how far something has come; nothing in plain output."""

    def close(self) -> None:
        """Takes down whatever is still shown."""

    def on_entry(self, entry: Epoch) -> None:
        """Tells of an epoch in one line."""
        self.close()
        if self.tells_epochs:
            self.tell(describe(entry))

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """Counts the stage's steps."""
        self.count("training", state.step, state.total_steps)


class Silent(Progress):
    """Says nothing: of several processes one speaks."""

    def tell(self, text: str) -> None:
        """Prints nothing."""


_NAMES = {"all": "epoch", "adapt": "adapt"}


def describe(epoch: Epoch) -> str:
    """An epoch in one line."""
    name = "head    " if epoch.stage == "head" else f"{_NAMES[epoch.stage]} {epoch.epoch:<2}"
    metrics = "  ".join(f"{name} {value:.4f}" for name, value in epoch.metrics.items())
    losses = f"train loss {epoch.train_loss:.4f}  valid loss {epoch.valid_loss:.4f}"
    return f"{name}  {losses}  {metrics}  {epoch.seconds:.1f} s"


class _Rate:
    """How many items or steps of a task go through in a second."""

    def __init__(self) -> None:
        self._task, self._began, self._first = "", 0.0, 0

    def text(self, task: str, done: int) -> str:
        """The rate since the task was first counted, such as "1,200/s"; "" in its first half second."""
        now = time.monotonic()
        if task != self._task or done < self._first:
            self._task, self._began, self._first = task, now, done
        seconds = now - self._began
        rate = (done - self._first) / seconds if seconds >= 0.5 else 0.0
        return f"{rate:,.{0 if rate >= 10 else 1}f}/s" if rate else ""


class _Bars(Progress):
    """Bars of rich, in a terminal."""

    def __init__(self) -> None:
        self._rate = _Rate()
        self._bars: Any = None
        self._task: Any = None
        self._task_name = ""

    def count(self, task: str, done: int, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        # One bar at a time: the one before is taken down when another task begins.
        if task != self._task_name:
            self.close()
            texts = TextColumn("{task.description:<10}"), TextColumn("{task.fields[rate]}")
            columns = (texts[0], BarColumn(), MofNCompleteColumn(), texts[1], TimeRemainingColumn())
            self._bars, self._task_name = Progress(*columns, transient=True), task
            self._bars.start()
            # Whatever ends the program early, the terminal gets its cursor back.
            atexit.register(self.close)
            self._task = self._bars.add_task(task, total=total, rate="")
        self._bars.update(self._task, completed=done, rate=self._rate.text(task, done))
        if done >= total:
            self.close()

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            atexit.unregister(self.close)
        self._bars, self._task_name = None, ""


class _Notebook(Progress):
    """One text a cell that is updated in place: no widgets, so it looks the same in every kind of notebook."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._handle: Any = None
        self._cell: int | None = None
        self._shown = 0.0
        self._rate = _Rate()

    def tell(self, text: str) -> None:
        self._begin()
        self._lines.append(visible(text, lines=True))
        self._show("")

    def count(self, task: str, done: int, total: int) -> None:
        self._begin()
        rate = self._rate.text(task, done)
        # Each update is sent to the browser; twice a second is enough to see it move.
        if done < total and time.monotonic() - self._shown < 0.5:
            return
        filled = round(30 * done / max(total, 1))
        bar = f"{task} [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}  {rate}"
        self._show(bar if done < total else "")

    def _begin(self) -> None:
        """In another cell than before, what is shown begins anew, below that cell."""
        cell = sys.modules["IPython"].get_ipython().execution_count
        if cell != self._cell:
            self._lines, self._handle, self._cell, self._shown = [], None, cell, 0.0

    def _show(self, last: str) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        self._shown = time.monotonic()
        # As plain text, which every front end shows and which a saved notebook keeps.
        text = {"text/plain": "\n".join([*self._lines, last]).rstrip()}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)


def make_progress(*, epochs: bool = True) -> Progress:
    """The kind that fits where the program runs.

    Without the lines of `epochs` for what is made anew of a run that has ended, whose epochs are read from its folder.
    """
    # In a file or a pipe a bar would be thousands of lines.
    progress = _Notebook() if _in_notebook() else _Bars() if sys.stdout.isatty() else Progress()
    progress.tells_epochs = epochs
    return progress


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    # By name, as importing IPython only to ask would slow down every script.
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
