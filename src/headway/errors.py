"""Every error that Headway raises. All are public: `hw.DataError`.

Each error says what happened, what was given and what to do. Each is also the built-in exception it resembles, so
`except ValueError` works.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BundleError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "HeadwayError",
    "ReadError",
    "RunError",
    "ShapeError",
    "Stopped",
    "TrainingError",
    "WeightsError",
    "did_you_mean",
    "in_a_line",
]


class HeadwayError(Exception):
    """Base of all errors raised on purpose by Headway.

    Args:
        what: What happened, and what was expected. One or two sentences.
        given: What was given. Lists are joined with commas.
        fix: One action that mends it; without one the text is `what` alone.

    Attributes:
        what: As passed.
        given: As it is shown.
        fix: As passed.

    Example:
        >>> print(HeadwayError("`valid` must lie between 0 and 1.", given="valid=3", fix="Pass a share such as 0.2."))
        `valid` must lie between 0 and 1.
          Given: valid=3
          Fix:   Pass a share such as 0.2.
    """

    def __init__(self, what: str, *, given: object = None, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        # As text, since an error outlives what it was about: it is shown, logged and sent between processes.
        self.given = ", ".join(map(str, given)) if isinstance(given, list | tuple) else str(given)
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  Given: {self.given}\n  Fix:   {self.fix}" if self.fix else self.what


class ConfigError(HeadwayError, ValueError):
    """An argument or option has a value that cannot work."""


class DataError(HeadwayError, ValueError):
    """The data cannot be trained on or evaluated as they are."""


class ReadError(HeadwayError, ValueError):
    """One item (a photo, a file) cannot be read. The text is one line, fit for a table."""


class ShapeError(HeadwayError, ValueError):
    """Arrays or tensors do not have the shapes that belong together."""


class RunError(HeadwayError, RuntimeError):
    """A run's folder is in use, or what is in it does not fit what is asked for."""


class TrainingError(HeadwayError, RuntimeError):
    """Training cannot go on."""


class CheckpointError(HeadwayError, RuntimeError):
    """What a run saved cannot be written or read, or is another model's."""


class WeightsError(HeadwayError, RuntimeError):
    """Weights are not available, or are another model's."""


class BundleError(HeadwayError, ValueError):
    """A bundle file is damaged, unsafe or of an unknown version."""


# Not a HeadwayError: what catches errors must not catch a wish to stop.
class Stopped(KeyboardInterrupt):
    """Somebody asked the program to stop, by Ctrl-C or SIGTERM, and what had been done was saved where there is a run.

    Attributes:
        signum: The signal's number.
        run: The run's folder, with which `headway resume` goes on; "" where there is none.
    """

    def __init__(self, signum: int, run: str = "") -> None:
        super().__init__(f"Stopped. Continue with: headway resume {run}" if run else "Stopped.")
        self.signum = signum
        self.run = run


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the closest ones, else the first few that are.

    Example:
        >>> did_you_mean("resnet19", ["resnet18", "vit_base"])
        'Did you mean "resnet18"?'
        >>> did_you_mean("zzz", ["a", "b"])
        'Known: a, b.'
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=3)
    if close:
        return "Did you mean " + " or ".join(f'"{name}"' for name in close) + "?"
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"Known: {', '.join(names[:8])}{more}."


def in_a_line(error: BaseException | str) -> str:
    r"""What another library's error or its message says, in a line of at most 200 characters; its class for nothing.

    Example:
        >>> in_a_line(ValueError("no such\n  layer"))
        'no such layer'
    """
    return " ".join(str(error).split())[:200] or type(error).__name__
