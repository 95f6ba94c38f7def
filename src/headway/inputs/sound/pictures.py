"""Recordings in a report: their spectrograms, what a network listens to in them, and a player."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from headway.data.dataset import Data
from headway.inputs.image.grad_cam import grad_cam, jpeg, overlay
from headway.inputs.sound.field import Sound
from headway.inputs.sound.mel import NUM_BANDS
from headway.inputs.sound.reading import PADDING
from headway.judge.report.report import Picture, Report
from headway.train.predictions import as_inputs
from headway.train.stage import Setup

__all__ = ["report_pictures"]

SIDE, SMALL_SIDE = 200, 72

# Of a long recording so many windows are shown, one beside the other.
MOST_WINDOWS = 3


def report_pictures(setup: Setup, report: Report) -> dict[int, Picture]:
    """Pictures of the recordings that the report's sections show, by their rows; the large ones with a player."""
    shown: dict[int, Picture] = {}
    for section in report.sections.values():
        for row in section.rows:
            windows = _windows(setup.data, row)
            if section.is_small:
                shown.setdefault(row, _picture(setup, windows, SMALL_SIDE))
            else:
                shown[row] = _picture(setup, windows, SIDE, explained=section.explained.get(row), is_heard=True)
    return shown


def _windows(data: Data, row: int) -> np.ndarray:
    """The first windows of a recording, float32 `[windows, samples]`."""
    for part in map(data.part, data.parts):
        positions = np.flatnonzero(part.rows == row)
        if len(positions):
            [windows] = part.canvases(positions)
            return windows[windows[:, 0] < PADDING][:MOST_WINDOWS]
    message = f"row {row} is in no part"
    raise AssertionError(message)


def _picture(
    setup: Setup, windows: np.ndarray, side: int, *, explained: int | None = None, is_heard: bool = False
) -> Picture:
    # Each window as a recording of its own, in the bands that the network looks at.
    inputs = as_inputs(setup, windows[:, None])
    bands = getattr(getattr(setup.model, "body", None), "num_bands", NUM_BANDS)
    inputs = inputs[:, :, :bands]
    logs = inputs[:, 0].float().cpu().numpy()
    # Two units are the 80 dB that a spectrogram has; low is at the bottom.
    grey = 255 * np.clip(1 + (logs - logs.max()) / 2, 0, 1)
    image = np.concatenate([*grey], axis=1)[::-1, :, None].round().astype(np.uint8)
    heat = None
    if explained is not None and (heats := grad_cam(setup.model, inputs, [explained] * len(inputs))) is not None:
        heat = jpeg(overlay(image, np.concatenate([*heats], axis=1)[::-1]), side=side)
    return Picture(jpeg(image, side=side), heat, sound=_wav(setup, windows) if is_heard else None)


def _wav(setup: Setup, windows: np.ndarray) -> bytes:
    assert isinstance(setup.data.input, Sound)
    file = io.BytesIO()
    soundfile.write(file, windows.reshape(-1), setup.data.input.samples_a_second, format="WAV", subtype="PCM_16")
    return file.getvalue()
