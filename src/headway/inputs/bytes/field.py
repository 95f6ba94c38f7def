"""Any file, read as windows of its bytes: the same code while training and while serving."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError
from headway.inputs.base import Input, values_of
from headway.inputs.bytes.reading import PADDING, read_windows
from headway.system.files import open_file

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

    from headway.data.dataset import Part
    from headway.inputs.training_view import TrainingView
    from headway.judge.baselines.base import Baseline
    from headway.judge.report.report import Picture, Report
    from headway.targets.base import Target
    from headway.train.model import Model
    from headway.train.stage import Setup

__all__ = ["Bytes"]

# The window is a power of two that so many training files fit into.
_SHORTEST, _LONGEST, _SHARE_INSIDE = 256, 4096, 0.9

# Items by which a column is recognised, and training files whose sizes are looked at.
_MOST_SEEN, _MOST_MEASURED = 100, 1_000

_MAX_WINDOWS = 64

# Files that other kinds read, or that hold a table, beside those whose endings Pillow knows.
_OF_OTHERS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf"),
    *(".txt", ".md", ".csv", ".tsv", ".parquet", ".jsonl", ".xlsx", ".ts", ".dcm", ".dicom", ".tif", ".tiff", ".svg"),
)
# What files of pictures begin with, where nothing ends their name.
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")


def _is_other(value: str | bytes) -> bool:
    """Whether a path, or a file's bytes, are not those of a file, or of one that another kind of input reads."""
    if isinstance(value, str):
        from PIL import Image as PILImage

        ending = os.path.splitext(value)[1].lower()
        if ending in _OF_OTHERS or ending in PILImage.registered_extensions():
            return True
        try:
            with open_file(value) as file:
                value = b"" if ending else file.read(132)
        # A text that is no path, or that of a file which is not here.
        except (OSError, ValueError):
            return True
    return value.startswith(_PICTURES) or value[128:132] == b"DICM"


@dataclass(frozen=True)
class Bytes(Input):
    """A column of files of any kind, read as bytes: paths, the bytes themselves, or arrays of uint8.

    The model sees windows of one length: the head of a file, its tail, and windows that lie evenly between them. In
    training two of those between are drawn anew each epoch. Nothing in a file is executed, parsed or unpacked.

    Args:
        column: The column's name.
        window: Bytes in a window, from 64 to 65,536. Left out, `fit` takes the power of two, from 256 to 4,096, that
            nine in ten training files fit into.
        windows: How many windows of a file are read at most, from 1 to 64.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> field = Bytes("file", window=64, windows=3)
        >>> field.read(b"Hello")[0, :6].tolist()
        [72, 101, 108, 108, 111, 256]
        >>> field.read(bytes(1000)).shape
        (3, 64)
    """

    column: str
    _: KW_ONLY
    window: int | None = None
    windows: int = 16
    dtype = np.int16
    axes = ("windows*", "bytes")
    padding = PADDING
    noun: ClassVar[str] = "file"
    nouns: ClassVar[str] = "files"
    knows_arrays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.window is not None and not 64 <= self.window <= 65_536:
            fix = "Leave it out, or pass one such as window=4096."
            raise ConfigError("`window` must lie between 64 and 65,536 bytes.", given=f"window={self.window}", fix=fix)
        if not 1 <= self.windows <= _MAX_WINDOWS:
            fix = "Leave it out, or pass one such as windows=16."
            raise ConfigError("`windows` must lie between 1 and 64.", given=f"windows={self.windows}", fix=fix)

    @property
    def length(self) -> int:
        """Bytes in a window, 4,096 where that was neither learned nor said."""
        return self.window or _LONGEST

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the length of its windows, by the sizes of training files."""
        if self.window is not None:
            return self
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_MEASURED)).astype(np.int64)
        sizes = [_size(value) for value in rows[self.column][chosen.tolist()]]
        known = np.quantile(sizes, _SHARE_INSIDE) if sizes else _LONGEST
        return replace(self, window=int(np.clip(2 ** np.ceil(np.log2(max(known, 1))), _SHORTEST, _LONGEST)))

    def read(self, value: Any) -> np.ndarray:
        """The windows of a file, int16 `[windows, length]`, with 256 where it has no byte."""
        return read_windows(value, length=self.length, most=self.windows)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """How many windows there are depends on the file."""
        return (None, self.length)

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """One column of files, most of which are of no other kind: by their endings, or by how they begin."""
        if len(columns) != 1 or columns[0] not in (frame := items()).columns:
            return None
        column = frame[columns[0]].head(_MOST_SEEN)
        values = [value for value in column if isinstance(value, (str, bytes))]
        return cls(columns[0]) if sum(not _is_other(value) for value in values) > len(column) / 2 else None

    def remarks(self, items: pl.DataFrame) -> list[str]:
        """That files are read as bytes, and how most of these end."""
        names = [value for value in items[self.column] if isinstance(value, str)]
        counts = Counter(os.path.splitext(name)[1].lower() or "no ending" for name in names)
        endings = sorted(counts, key=lambda ending: (-counts[ending], ending))
        more = f" and {len(endings) - 5} more" if len(endings) > 5 else ""
        which = f" ({', '.join(endings[:5])}{more})" if endings else ""
        return [f"Files{which} are read as bytes. Nothing in them is executed, parsed or unpacked."]

    def question(self, target: Target) -> str:
        return target.question(self.noun) or super().question(target)

    # Serving.

    @property
    def runs_in_browser(self) -> bool:
        return True

    def browser_facts(self) -> dict[str, Any]:
        return {"length": self.length, "windows": self.windows}

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        from headway.inputs.bytes.statistics import byte_statistics

        return byte_statistics(array)

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.bytes.models import ARCHITECTURES

        return list(ARCHITECTURES)

    @classmethod
    def has_architecture(cls, name: str) -> bool:
        from headway.inputs.bytes.models import is_known

        return is_known(name)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.bytes.models import build

        return build(arch, self, target, pretrained=pretrained)

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        """Some windows of each file, and of each a stretch hidden. `augment` is an `Augment` or its arguments."""
        from headway.inputs.bytes.augment import BytesView

        return BytesView(augment)

    # Judging.

    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "underfitting": ("less augmentation", "longer windows, or more of them"),
        "overfitting": ("more augmentation",),
        "overconfidence": ("more augmentation",),
        "confused_pair": ("longer windows, or more of them, where the difference is in few bytes",),
    }

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from headway.inputs.bytes.baselines import BASELINES

        return BASELINES.get(target.estimator or "", {})

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """How often each byte occurs as "histogram", float32 `[items, 256]`; with hashed n-grams as "n-grams"."""
        from headway.inputs.bytes.baselines import baseline_part

        part, arrays = baseline_part(part, seed=seed)
        return part, arrays, {}

    def report_pictures(self, setup: Setup, report: Report) -> dict[int, Picture]:
        from headway.inputs.bytes.pictures import report_pictures

        return report_pictures(setup.data, report)

    def draw(self, axes: Axes, value: Any) -> None:
        """The bytes line by line, and their entropy below."""
        from headway.inputs.bytes.pictures import portrait

        axes.imshow(portrait(self.read(value)), aspect="auto")

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        return {"kind": "bytes", **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(**values_of(cls, values))


def _size(value: Any) -> int:
    if isinstance(value, (str, os.PathLike)):
        try:
            return os.stat(value).st_size
        except (OSError, ValueError):
            return 0
    return len(value)
