"""What a network looks at in a photo, and the pictures of items that a report shows.

Grad-CAM is a hook and one gradient, so it is written here: captum's `LayerGradCam` is as long to call, since the layer
must be found either way, and would be a dependency for that alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import nn

from headway.data.dataset import Data, Part, PartName
from headway.inputs.image.networks import unmirrored
from headway.judge.report.report import Picture, Report
from headway.train.activity import hooked
from headway.train.loop import evaluating
from headway.train.predictions import as_inputs
from headway.train.stage import Setup

__all__ = ["grad_cam", "jpeg", "overlay", "pictures", "report_pictures"]

PICTURE_SIDE, SMALL_SIDE = 200, 72
JPEG_QUALITY = 80


def grad_cam(model: nn.Module, inputs: torch.Tensor, classes: Sequence[int] | np.ndarray) -> np.ndarray | None:
    """Where a convolutional network finds what speaks for a class: gradient-weighted class activation maps.

    The maps are those of the last layer whose output still has height and width. A network without one among the later
    half of its layers, such as a transformer or a perceptron, has nothing to show.

    Args:
        model: Prepared inputs to logits `[items, classes]`; where it looks at mirror images too, these are left out.
        inputs: Prepared images, float32 `[items, channels, height, width]`, on the model's device.
        classes: For each item the class to explain, integers `[items]`.

    Returns:
        float32 `[items, height, width]` from 0 to 1, each item's own highest place at 1 (all 0 where nothing speaks
        for the class); None for a network without such a layer.

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391.
    """
    maps: list[torch.Tensor] = []
    done_before: list[int] = []
    count = 0

    def keep(_: str, module: nn.Module, output: torch.Tensor) -> None:
        nonlocal count
        count += any(True for _ in module.parameters(recurse=False))
        if output.ndim == 4 and min(output.shape[2:]) > 1 and output.requires_grad:
            # Only the last is used; the graph would keep all of them in memory.
            maps[:], done_before[:] = [output], [count]

    with evaluating(model), unmirrored(model), torch.enable_grad(), hooked(model, keep):
        outputs = model(inputs.detach().requires_grad_()).float()
        if not maps or done_before[-1] <= count / 2:
            return None
        chosen = outputs.gather(1, torch.as_tensor(np.asarray(classes), device=outputs.device).view(-1, 1)).sum()
        (slopes,) = torch.autograd.grad(chosen, maps[0])
    # A map's weight is its mean slope: how much the class gains where the map rises.
    heat = (slopes.mean(dim=(2, 3), keepdim=True) * maps[0]).sum(dim=1, keepdim=True).detach().float().relu_()
    heat = F.interpolate(heat, inputs.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return (heat / heat.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)).cpu().numpy()


def report_pictures(setup: Setup, report: Report) -> dict[int, Picture]:
    """Pictures of the items that the report's sections show, by their rows.

    Where an item's output is explained, with what the network looked at; where the target has overlays, with these.
    """
    shown: dict[int, Picture] = {}
    for section in report.sections.values():
        images = _images(setup.data, section.rows)
        if not images:
            continue
        stacked, heats = np.stack(list(images.values())), None
        if section.explained:
            heats = grad_cam(setup.model, as_inputs(setup, stacked), [section.explained[row] for row in images])
        side = SMALL_SIDE if section.is_small else PICTURE_SIDE
        drawn = dict(zip(images, pictures(stacked, side=side, heats=heats), strict=True))
        # A large picture of an item stands for a small one, too.
        shown = drawn | shown if section.is_small else shown | _overlaid(setup, report, images, drawn)
    return shown


def _overlaid(
    setup: Setup, report: Report, images: dict[int, np.ndarray], drawn: dict[int, Picture]
) -> dict[int, Picture]:
    """The pictures, each with the target's overlays, where it has any."""
    target, part = setup.data.target, setup.data.part(cast("PartName", report.focus_part))
    row = next(iter(images))
    if not target.overlays(images[row], part.targets[0], part.targets[0]):
        return drawn
    answers = setup.predict(Part(part.data, part.name, part.items.filter(pl.col("row").is_in(list(images)))))
    for row, prediction, truth in zip(answers.rows.tolist(), answers.predictions, answers.targets, strict=True):
        overlays = target.overlays(images[row], prediction, truth)
        others = {name: jpeg(image, side=PICTURE_SIDE) for name, image in overlays.items()}
        drawn[row] = replace(drawn[row], others=others, legend=target.legend())
    return drawn


def _images(data: Data, rows: Sequence[int]) -> dict[int, np.ndarray]:
    """Items as the model sees them, by their rows, in that order."""
    images = {}
    for part in map(data.part, data.parts):
        positions = {int(row): position for position, row in enumerate(part.rows)}
        images |= {row: data.input.view(part.canvases([positions[row]])[0]) for row in rows if row in positions}
    return {row: images[row] for row in rows}


def pictures(images: np.ndarray, *, side: int, heats: np.ndarray | None = None) -> list[Picture]:
    """Images, uint8 `[items, height, width, channels]`, as JPEGs of at most `side` pixels, heats laid over them."""
    plain = [jpeg(image, side=side) for image in images]
    if heats is None:
        return list(map(Picture, plain))
    heated = (jpeg(overlay(image, heat), side=side) for image, heat in zip(images, heats, strict=True))
    return list(map(Picture, plain, heated))


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """An image, uint8 `[height, width, channels]`, in grey with heat over it, from red to yellow; with 3 channels."""
    grey = image.astype(np.float32).mean(-1, keepdims=True)
    share = heat[..., None].astype(np.float32)
    colour = np.concatenate([np.full_like(share, 255), 230 * share**1.5, np.full_like(share, 20)], axis=-1)
    covered = 0.75 * share
    return (grey * (1 - covered) + colour * covered).round().astype(np.uint8)


def jpeg(image: np.ndarray, *, side: int) -> bytes:
    """An image, uint8 `[height, width, channels]` with 1 or 3 channels, as the bytes of a JPEG of at most `side`.

    One much smaller is enlarged pixel by pixel, so that a digit is not a blur.
    """
    from PIL import Image as PILImage

    picture = PILImage.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    times = side // max(picture.size)
    if times > 1:
        picture = picture.resize((times * picture.width, times * picture.height), PILImage.Resampling.NEAREST)
    picture.thumbnail((side, side), PILImage.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return file.getvalue()
