"""Where in a photo a network finds what speaks for an answer: Grad-CAM for one item, as a value and as a picture."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from headway.errors import ConfigError, did_you_mean
from headway.inputs.image.grad_cam import grad_cam, jpeg, overlay
from headway.train.predictions import as_inputs, predict_arrays
from headway.train.stage import Setup

__all__ = ["PhotoEvidence", "explain"]

_SIDE = 300


@dataclass(frozen=True, kw_only=True)
class PhotoEvidence:
    """A photo, and where the evidence for an answer lies in it.

    Attributes:
        answer: The class.
        image: What the model saw, uint8 `[height, width, channels]`.
        heat: How much each pixel speaks for the class, float32 `[height, width]` from 0 to 1, the most at 1.
    """

    answer: str
    image: np.ndarray
    heat: np.ndarray

    def to_jpeg(self) -> bytes:
        """The photo in grey with the evidence over it, from red to yellow, as the bytes of a JPEG."""
        return jpeg(overlay(self.image, self.heat), side=_SIDE)

    def _repr_html_(self) -> str:
        text = escape(f"Evidence for {self.answer}")
        return f'<img src="data:image/jpeg;base64,{b64encode(self.to_jpeg()).decode()}" alt="{text}"><p>{text}</p>'


def explain(setup: Setup, value: Any, label: str | None = None) -> PhotoEvidence:
    """Grad-CAM of a photo for a class, by default the most probable one; see `Learner.explain`."""
    target = setup.data.target
    if not target.is_one_class or len(target.axes) > 1:
        fix = "Look at `learner.report()` instead."
        raise ConfigError("Grad-CAM is for photos with one class each.", given=str(target), fix=fix)
    if label is not None and label not in target.labels:
        fix = did_you_mean(label, target.labels)
        raise ConfigError("`label` must be one of the model's classes.", given=f"label={label!r}", fix=fix)
    image = setup.data.input.collate([setup.data.input.read(value)])[0]
    output = target.labels.index(label) if label else int(predict_arrays(setup, image[None])[0].argmax())
    heats = grad_cam(setup.model, as_inputs(setup, image[None]), [output])
    if heats is None:
        what = "Grad-CAM needs a convolutional network: one whose later layers keep height and width."
        given = str(type(setup.model).__name__)
        raise ConfigError(what, given=given, fix="Use an architecture such as efficientnet_lite0.")
    return PhotoEvidence(answer=target.labels[output], image=image, heat=heats[0])
