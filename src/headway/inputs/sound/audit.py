"""What an audit asks of recordings: loudness, bandwidth, length and silence, and which are silent or clipped."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
import soundfile

from headway.inputs.sound.reading import PADDING
from headway.inputs.sound.statistics import sound_notes, sound_statistics
from headway.judge.diagnosis.finding import DROP, Finding, Severity
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.intervals import wilson
from headway.judge.report.report import Picture

if TYPE_CHECKING:
    from headway.inputs.sound.field import Sound

__all__ = ["SoundAudit"]

# Half of a step of 16 bits; the power, as a share of the greatest, below which a frequency has nothing.
_NOTHING, _FAINT, _END_SECONDS = 2**-16, 1e-7, 5
_MANY = 0.01
_SHOWN = 200


@dataclass(frozen=True)
class SoundAudit(ItemAudit):
    """Recordings, by their samples."""

    usual: ClassVar[frozenset[str]] = frozenset({"the length and silence", "the loudness", "the bandwidth"})

    @property
    def _reader(self) -> Sound:
        from headway.inputs.sound.field import Sound

        reader = self.part.data.input
        assert isinstance(reader, Sound)
        return reader

    def _windows(self, position: int) -> np.ndarray:
        [windows] = self.part.canvases([position])
        return windows[windows[:, 0] < PADDING]

    @cached_property
    def _looks(self) -> list[tuple[dict[str, float], tuple[str, ...]]]:
        rate = self._reader.samples_a_second
        windows = map(self._windows, range(len(self.part)))
        return [(sound_statistics(one, rate=rate), sound_notes(one)) for one in windows]

    def incidental(self) -> Mapping[str, pl.DataFrame]:
        looks, forms = pl.DataFrame([statistics for statistics, _ in self._looks]), self._forms()
        return {
            "the bandwidth": looks.select("bandwidth").with_columns(pl.Series("highest", self._highest())),
            "the silence before and after": forms.select("before", "after"),
            "the form of the file": forms.select("format", "subtype", "rate", "channels"),
            "the loudness": looks.select("loudness", "clipped"),
            "the length and silence": looks.select("seconds", "silence"),
        }

    def _highest(self) -> list[float]:
        """Up to which frequency in Hz there is anything: a recording that was resampled ends early."""
        rate, highest = self._reader.samples_a_second, []
        for windows in map(self._windows, range(len(self.part))):
            power = np.square(np.abs(np.fft.rfft(windows, axis=1))).sum(axis=0) if len(windows) else np.zeros(1)
            present = np.flatnonzero(power > _FAINT * power.max())
            highest.append(float(present[-1] * rate / windows.shape[1]) if len(present) else 0.0)
        return highest

    def _forms(self) -> pl.DataFrame:
        """How the files are written, and how long they are silent at both ends; nothing for samples."""
        values = self.part.items[self._reader.column].to_list()
        return pl.DataFrame(list(map(_form, values)), infer_schema_length=None)

    def findings(self) -> list[Finding]:
        findings = []
        for how in sorted({note for _, notes in self._looks for note in notes}):
            is_poor = np.array([how in notes for _, notes in self._looks])
            share = wilson(int(is_poor.sum()), len(is_poor))
            severity: Severity = "warning" if share.low > _MANY else "note"
            sentence = f"{how[0].upper()}{how[1:]}: {int(is_poor.sum()):,} of {len(is_poor):,} ({share.value:.1%})."
            evidence = {"how": how, "share": share.to_json(), "rows": self.part.rows[is_poor].tolist()[:_SHOWN]}
            line = replace(DROP, solves=int(is_poor.sum()) <= _SHOWN)
            remedies = ("listen to them: headway clean DATA",)
            findings.append(Finding("poor_items", severity, sentence, evidence, remedies, line))
        return findings

    def picture(self, position: int) -> Picture:
        file = io.BytesIO()
        samples = self._windows(position).reshape(-1)
        soundfile.write(file, samples, self._reader.samples_a_second, format="WAV", subtype="PCM_16")
        return Picture(sound=file.getvalue(), html=f"row {self.part.rows[position]}")


def _form(value: Any) -> dict[str, Any]:
    """What a recording's file says of itself, and the seconds of digital silence at its ends, which no model sees."""
    known: dict[str, Any] = dict.fromkeys(("format", "subtype", "rate", "channels", "before", "after"))
    try:
        with soundfile.SoundFile(io.BytesIO(value) if isinstance(value, bytes) else value) as file:
            rate, length = file.samplerate, min(file.frames, _END_SECONDS * file.samplerate)
            first = file.read(length, dtype="float32", always_2d=True)
            file.seek(file.frames - length)
            ends = {"before": first, "after": file.read(length, dtype="float32", always_2d=True)[::-1]}
            known |= {"format": file.format, "subtype": file.subtype, "rate": rate, "channels": file.channels}
    except (soundfile.LibsndfileError, TypeError, OSError):
        # Samples in memory, or a file that another library reads.
        return known
    for name, samples in ends.items():
        is_sounding = (np.abs(samples) > _NOTHING).any(axis=1)
        known[name] = float(is_sounding.argmax() if is_sounding.any() else length) / rate
    return known
