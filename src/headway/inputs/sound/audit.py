"""What an audit asks of recordings: loudness, bandwidth, length and silence, and which are silent or clipped."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

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
        looks = pl.DataFrame([statistics for statistics, _ in self._looks])
        return {
            "the bandwidth": looks.select("bandwidth"),
            "the loudness": looks.select("loudness", "clipped"),
            "the length and silence": looks.select("seconds", "silence"),
        }

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
