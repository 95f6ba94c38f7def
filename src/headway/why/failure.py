"""A failure as it is saved: the error, its frames, and what is known of the variables of the last own frame.

Shapes, dtypes, devices and lengths are saved, and a few yes-or-no facts such as "all finite". Values of data never are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headway.system.cache import cache_folder
from headway.system.files import read_file, write_whole

__all__ = ["Failure", "Frame", "Variable", "forget", "from_json", "load", "save"]


@dataclass(frozen=True)
class Variable:
    """What is known of a variable: its kind, and facts such as `shape`, `dtype`, `device`, `length`, `training`."""

    name: str
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of a tensor, an array or a frame."""
        sizes = self.facts.get("shape")
        return None if sizes is None else tuple(sizes)

    @property
    def dtype(self) -> str:
        """The dtype as its short name, such as "float32"; "" where there is none."""
        return str(self.facts.get("dtype", ""))

    @property
    def device(self) -> str:
        """The device, such as "cpu" or "cuda:0"; "" where there is none."""
        return str(self.facts.get("device", ""))

    @property
    def length(self) -> int | None:
        """The length of a list, a text or a loader."""
        return self.facts.get("length")

    def __str__(self) -> str:
        """In a few words.

        Example:
            >>> str(Variable("targets", "Tensor", {"shape": [64, 1], "dtype": "float32", "device": "cpu"}))
            'Tensor (64, 1) float32 cpu'
        """
        words = [self.kind]
        if self.shape is not None:
            words.append(str(self.shape))
        words += [self.facts[name] for name in ("dtype", "device", "mode") if self.facts.get(name)]
        if self.length is not None:
            words.append(f"of length {self.length}")
        layers = self.facts.get("layers") or []
        if len(layers) == 1:
            sizes = {key: size for key, size in layers[0].items() if key not in ("name", "kind", "training")}
            words.append(f"({', '.join(f'{key}={size}' for key, size in sizes.items())})")
        if "training" in self.facts:
            words.append("in training mode" if self.facts["training"] else "in evaluation mode")
        if self.facts.get("requires_grad"):
            words.append("requires grad")
        return " ".join(words)


@dataclass(frozen=True)
class Frame:
    """A frame of a traceback; `own` where the file is the reader's, not a library's."""

    file: str
    line: int
    function: str
    code: str = ""
    own: bool = True


@dataclass(frozen=True)
class Failure:
    """What is known of a failure.

    Attributes:
        type: The error's class, without its module; "" where a script ended without an error.
        message: Its text.
        frames: From the outermost to the one that raised.
        variables: Of the last own frame, by name; empty where the traceback was pasted.
        source: Code around the line that failed, or of the whole script where there was no error.
        warnings: Warnings that were shown before, as "UserWarning: text".
        versions: Versions of Python and of the libraries that were loaded.
        what, given, fix: Of an error that Headway raised on purpose.
        file: The script that ended without an error; "" where there was one, since frames name their files.
    """

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    variables: Mapping[str, Variable] = field(default_factory=dict)
    source: str = ""
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    what: str = ""
    given: str = ""
    fix: str = ""
    file: str = ""

    @property
    def has_changed(self) -> bool:
        """Whether the code that failed now reads differently; False where its file cannot be read."""
        name = self.file or (self.own_frame.file if self.own_frame else "")
        source = self.source.replace("\r\n", "\n")
        try:
            return bool(name and source) and source not in read_file(name).decode()
        except (OSError, ValueError):
            return False

    @property
    def own_frame(self) -> Frame | None:
        """The last frame in a file of the reader's."""
        return next((frame for frame in reversed(self.frames) if frame.own), None)

    @property
    def line(self) -> str:
        """The reader's line that failed."""
        return self.own_frame.code if self.own_frame else ""

    @property
    def used(self) -> dict[str, Variable]:
        """The variables that the failing line names; all of them where it names none."""
        line = self.line
        named = {name: variable for name, variable in self.variables.items() if _names(name, line)}
        # A line such as `loss.backward()` may fail for what no name on it shows.
        return named or dict(self.variables)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def _names(name: str, line: str) -> bool:
    # Parts of a variable, such as `batch[0]` and `self.head`, stand for it.
    outer = re.split(r"[\[.]", name)[0]
    pattern = re.escape(name) if name.startswith("self.") else rf"\b{re.escape(outer)}\b"
    return re.search(rf"{pattern}(?!\w)", line) is not None


def from_json(values: Mapping[str, Any]) -> Failure:
    """A failure from what `Failure.to_json` made of it.

    Example:
        >>> from_json(Failure("KeyError", "'age'").to_json()).message
        "'age'"
    """
    return Failure(
        **{
            **values,
            "frames": tuple(Frame(**frame) for frame in values["frames"]),
            "variables": {name: Variable(**variable) for name, variable in values["variables"].items()},
            "warnings": tuple(values["warnings"]),
        }
    )


def save(failure: Failure, file: Path | None = None) -> None:
    """Saves a failure as the last one, or to another file. Where that is impossible, nothing happens.

    Called while another error is on its way, which must not be hidden by a full disk.
    """
    path = file or _last()
    try:
        write_whole(path, json.dumps(failure.to_json()).encode())
    except OSError:
        return


def load(file: Path | None = None) -> Failure | None:
    """The last failure, or the one in a file; None where there is none that can be read."""
    try:
        # Another version may have written it: what cannot be read is as good as none.
        return from_json(json.loads(read_file(file or _last())))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def forget(file: Path) -> None:
    """Forgets the last failure if it is one of this file, which does by now what it should."""
    failure = load()
    if failure is not None and str(file) in (failure.file, *(frame.file for frame in failure.frames)):
        _last().unlink(missing_ok=True)


def _last() -> Path:
    return cache_folder("why") / "last.json"
