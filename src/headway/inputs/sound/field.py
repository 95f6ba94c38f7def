"""A recording, read with soundfile as windows of one length: the same code while training and while serving."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError
from headway.inputs.base import Input, values_of
from headway.system.files import open_file

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from torch import nn

    from headway.data.dataset import Part
    from headway.inputs.training_view import TrainingView
    from headway.judge.baselines.base import Baseline
    from headway.judge.diagnosis.item_audit import ItemAudit
    from headway.judge.report.report import Picture, Report
    from headway.targets.base import Target
    from headway.train.model import Model
    from headway.train.stage import Setup

__all__ = ["ENDINGS", "Sound"]

ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf")

RATES = (8_000, 16_000)

# The window is as long as all but one in a hundred training recordings, in steps of a quarter of a second.
_SHARE_INSIDE, _STEP = 0.99, 0.25
_LONGEST = 5.0

# Items by which a column is recognised.
_MOST_SEEN = 100

# Training recordings whose headers are looked at.
_MOST_MEASURED = 1_000

# Samples of all recordings that are compared with one another, 256 MB.
_MOST_COMPARED = 2**26

# What the files begin with, whatever they are called: WAV and AIFF say at their ninth byte what they are.
_BEGINNINGS = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b".snd")
_CHUNKS = {b"RIFF": (b"WAVE",), b"FORM": (b"AIFF", b"AIFC")}


def _is_sound(value: str | bytes) -> bool:
    """Whether a path, or a file's bytes, are those of a sound file, without decoding it."""
    if isinstance(value, str) and os.path.splitext(value)[1]:
        return value.lower().endswith(ENDINGS)
    try:
        if isinstance(value, str):
            with open_file(value) as file:
                value = file.read(12)
    # A text that is no path, or that of a file which is not here.
    except (OSError, ValueError):
        return False
    return value.startswith(_BEGINNINGS) or value[8:12] in _CHUNKS.get(value[:4], ())


@dataclass(frozen=True)
class Sound(Input):
    """A column of recordings: paths, the bytes of sound files (WAV, FLAC, OGG, MP3), or arrays of samples.

    A recording is mixed to one channel, resampled, and its quiet ends are cut off. The model sees windows of one
    length: one of a short recording, which stands in its middle; of a longer one up to 16 that lie evenly over it,
    and what the model finds in them is averaged.

    Args:
        column: The column's name.
        seconds: Length of a window, from 0.1 to 30. Left out, `fit` takes what 99 in 100 training recordings fit
            into, at most 5 seconds.
        rate: Samples a second that recordings are brought to, 8,000 or 16,000. Left out, `fit` takes 8,000 where most
            training recordings have no more, else 16,000.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> field = Sound("file", seconds=0.5, rate=8000)
        >>> tone = np.sin(np.arange(8000) * 0.2)
        >>> field.read(tone).shape, field.read(tone[:1000]).shape
        ((3, 4000), (1, 4000))
    """

    column: str
    _: KW_ONLY
    seconds: float | None = None
    rate: int | None = None
    dtype = np.float32
    axes = ("windows*", "samples")
    # That of `reading.PADDING`, which no sample reaches.
    padding = 2.0
    noun: ClassVar[str] = "recording"
    nouns: ClassVar[str] = "recordings"
    beside: ClassVar[tuple[str, ...]] = (".txt", ".json", ".csv", ".md", ".yaml", ".yml", ".lab", ".textgrid")

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0.1 <= self.seconds <= 30:
            fix = "Leave it out, or pass a length such as seconds=1."
            raise ConfigError("`seconds` must lie between 0.1 and 30.", given=f"seconds={self.seconds}", fix=fix)
        if self.rate not in (None, *RATES):
            fix = "Leave it out, or pass rate=16000."
            raise ConfigError("`rate` must be 8000 or 16000 samples a second.", given=f"rate={self.rate}", fix=fix)

    @property
    def samples_a_second(self) -> int:
        """The rate, 16,000 where none was learned or said."""
        return self.rate or RATES[-1]

    @property
    def num_samples(self) -> int:
        """The length of a window in samples, a whole number of frames of 10 ms."""
        return round((self.seconds or 1.0) * 100) * (self.samples_a_second // 100)

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the length of its windows and its rate, by the headers of training recordings."""
        if self.seconds is not None and self.rate is not None:
            return self
        from headway.inputs.sound.reading import length_and_rate

        chosen = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_MEASURED)).astype(np.int64)
        known = [length_and_rate(value) for value in rows[self.column][chosen.tolist()]]
        measured = [pair for pair in known if pair is not None]
        if not measured:
            return replace(self, seconds=self.seconds or 1.0, rate=self.rate or RATES[-1])
        lengths, rates = np.array(measured).T
        length = math.ceil(float(np.quantile(lengths, _SHARE_INSIDE)) / _STEP) * _STEP
        rate = RATES[0] if np.median(rates) <= RATES[0] else RATES[-1]
        return replace(self, seconds=self.seconds or min(length, _LONGEST), rate=self.rate or rate)

    def read(self, value: Any) -> np.ndarray:
        """The windows of a recording, float32 `[windows, samples]` from -1 to 1."""
        from headway.inputs.sound.reading import read_windows

        return read_windows(value, rate=self.samples_a_second, num_samples=self.num_samples)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """How many windows there are depends on the recording."""
        return (None, self.num_samples)

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """One column of paths, most of which end as sound files do; or of files and bytes that begin as these do."""
        if len(columns) != 1 or columns[0] not in (frame := items()).columns:
            return None
        values = [value for value in frame[columns[0]].head(_MOST_SEEN) if isinstance(value, (str, bytes))]
        return cls(columns[0]) if sum(map(_is_sound, values)) > len(values) / 2 else None

    def question(self, target: Target) -> str:
        return target.question(self.noun) or super().question(target)

    # Serving.

    @property
    def runs_in_browser(self) -> bool:
        return True

    def browser_facts(self) -> dict[str, Any]:
        from headway.inputs.sound.reading import LIMITS
        from headway.inputs.sound.statistics import NOTED

        return {"rate": self.samples_a_second, "length": self.num_samples, **LIMITS, **NOTED}

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        from headway.inputs.sound.statistics import sound_statistics

        return sound_statistics(array, rate=self.samples_a_second)

    def read_noted(self, value: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        from headway.inputs.sound.statistics import sound_notes

        windows = self.read(value)
        return windows, sound_notes(windows)

    def server_reader(self, predictor: Any, settings: Any) -> Any:
        from headway.inputs.sound.server import RecordingReader

        return RecordingReader(predictor, settings)

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.sound.models import ARCHITECTURES

        return list(ARCHITECTURES)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.sound.models import build

        return build(arch, self, target, pretrained=pretrained)

    def own_prepare(self) -> nn.Module:
        from headway.inputs.sound.spectrogram import LogMel

        return LogMel(self.samples_a_second)

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        """Stretched, shifted, noisy and partly hidden spectrograms. `augment` is an `Augment` or its arguments."""
        from headway.inputs.sound.augment import SoundView

        return SoundView(self, augment)

    # Judging.

    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "underfitting": ("less augmentation", "longer windows"),
        "overfitting": ("more augmentation",),
        "overconfidence": ("more augmentation",),
        "confused_pair": ("longer windows, where the difference takes time to hear",),
    }

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from headway.inputs.sound.baselines import BASELINES

        return BASELINES.get(target.estimator or "", {})

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """Statistics of MFCC as "mfcc", float32 `[items, 200]`."""
        from headway.inputs.sound.baselines import baseline_part

        part, statistics = baseline_part(self, part, seed=seed)
        return part, {"mfcc": statistics}, {}

    def near_copies(self, part: Part) -> Sequence[tuple[int, int]]:
        """By the first window of each recording."""
        from headway.inputs.series.near_copies import find_copies

        shorten = max(
            RATES[-1] // RATES[0] if self.rate == RATES[-1] else 1, -(-len(part) * self.num_samples // _MOST_COMPARED)
        )
        length = self.num_samples // shorten
        firsts = np.empty((len(part), 1, length), np.float32)
        for block in np.array_split(np.arange(len(part)), -(-len(part) // 32)):
            samples = part.canvases(block)[:, 0, : length * shorten]
            # The mean of neighbouring samples: below 4 kHz there is enough to know a recording by.
            firsts[block, 0] = samples.reshape(len(block), length, shorten).mean(axis=2)
        return find_copies(firsts)

    def audit(self, part: Part) -> ItemAudit:
        from headway.inputs.sound.audit import SoundAudit

        return SoundAudit(part)

    def report_pictures(self, setup: Setup, report: Report) -> dict[int, Picture]:
        from headway.inputs.sound.pictures import report_pictures

        return report_pictures(setup, report)

    def draw(self, axes: Axes, value: Any) -> None:
        """The waveform."""
        samples = self.read(value).reshape(-1)
        axes.plot(np.arange(len(samples)) / self.samples_a_second, samples, linewidth=0.5)
        axes.set_ylim(-1, 1)

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        return {"kind": "sound", **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(**values_of(cls, values))
