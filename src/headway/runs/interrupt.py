"""Ctrl-C and SIGTERM while training: the step is finished and saved first; a second signal does not wait."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, ClassVar, Self

from headway.errors import Stopped

__all__ = ["Signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """A context in which the signals that ask a program to stop are noted while `waiting`, and obeyed otherwise.

    Outside the main thread, where Python takes no signals, it does nothing.

    Attributes:
        active: The context that is open; None where there is none.
        run: The folder of the run that a signal stops; empty where there is none.
        waiting: Whether a signal is to wait until somebody asks for it with `obey`.
        received: The signal that waits; None where there is none.
    """

    active: ClassVar[Signals | None] = None

    def __init__(self, run: str = "") -> None:
        self.run = run
        self.waiting = False
        self.received: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # Kept, and put back: a notebook or a server has handlers of its own.
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
            Signals.active = self
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            Signals.active = None
        self._before = {}

    def obey(self) -> None:
        """Raises `Stopped` if a signal waits."""
        if self.received is not None:
            raise Stopped(self.received)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        # A second signal does not wait: the step may hang.
        if self.waiting and self.received is None:
            self.received = signum
            return
        raise Stopped(signum)
