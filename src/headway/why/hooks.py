"""Saves each failure of a script or a notebook, so that `headway why` can explain it later."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

__all__ = ["watch"]

_watched: list[str] = []


def watch() -> None:
    """Saves what is known of each uncaught error from now on; how errors are shown stays as it is.

    `import headway.why` calls it. A second call changes nothing.

    Example:
        >>> watch()
    """
    if _watched:
        return
    _watched.append("excepthook")
    before = sys.excepthook

    def save_and_show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        _save(error)
        before(kind, error, traceback)

    sys.excepthook = save_and_show
    shell = _notebook()
    if shell is not None:
        _watched.append("notebook")
        shell.events.register("post_run_cell", lambda result: _save(result.error_before_exec or result.error_in_exec))


def _notebook() -> Any:
    """The shell of IPython, where this is one."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def _save(error: BaseException | None) -> None:
    # Somebody who stops a program, or a program that ends, is no failure.
    if not isinstance(error, Exception):
        return
    from headway.why.capture import capture
    from headway.why.failure import save

    save(capture(error))
