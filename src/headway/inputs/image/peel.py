"""Photos in plain PyTorch: how they are read, cut and changed, and the network."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors.torch
import timm
import torch
from PIL import Image as PILImage

from headway.inputs.image.augment import Augment, _draws
from headway.inputs.image.field import Image, _orientation, _to_mode, _upright
from headway.inputs.image.networks import MultiLevelBody, small_resnet
from headway.inputs.image.scientific import HEAD_BYTES, decode, is_dicom, is_tiff
from headway.inputs.image.unet import UNet
from headway.peel.facts import KindParts, Subject, refuse, whole_path
from headway.peel.specialise import Known, constant
from headway.seeds import torch_seed
from headway.system.files import open_file
from headway.system.remote import is_remote
from headway.train.mixup import mixed
from headway.train.model import BodyAndHead

__all__ = ["parts"]


def parts(field: Image, subject: Subject) -> KindParts:
    """What photos bring to the file."""
    setup, items = subject.setup, subject.setup.data.items
    _check_files(items[field.column])
    augment = Augment(**setup.training_view.to_json())
    model, body = setup.model, setup.model.get_submodule("body")
    values: dict[str, Any] = {
        "column": field.column,
        "size": field.size,
        "side": field.side,
        "mode": "L" if field.channels == 1 else "RGB",
        "channels": field.channels,
        "squeeze": field.squeeze,
        "mean": tuple(setup.prepare.get_buffer("mean").flatten().tolist()),
        "std": tuple(setup.prepare.get_buffer("std").flatten().tolist()),
        "is_cropped": field.side != field.size,
        "is_small": subject.settings["arch"] == "small_resnet",
        "is_dense": isinstance(model, UNet),
        "is_pretrained": bool(subject.settings["pretrained"]),
        "is_multi_level": isinstance(body, MultiLevelBody),
        "grids": getattr(body, "grids", ()),
        "num_features": getattr(model.get_submodule("head"), "in_features", None),
        "has_image_size": _needs_image_size(subject.settings["arch"], field.size),
    }
    facts = {f"facts.{name}": constant(name.upper(), value, _COMMENTS.get(name, "")) for name, value in values.items()}
    facts["facts.value_range"] = Known(repr(field.value_range), field.value_range)
    facts["facts.augmented"] = Known("augmented", needs=Augment.__call__)
    facts["facts.crop_matrices"] = Known("crop_matrices", needs=Augment._matrices)  # noqa: SLF001
    facts["partial(canvas_of, facts)"] = Known("canvas_of", needs=canvas_of)
    known: dict[Any, dict[str, Known]] = {"": facts, Augment: _of_augment(augment)}
    known[MultiLevelBody] = {"self.is_mirrored": Known(value=getattr(body, "is_mirrored", False))}
    known["headway.inputs.image.field"] = {} if field.value_range else {"is_deep(image.mode)": Known(value=False)}
    return KindParts(
        blocks={"data": read_photos, "model": make_model},
        known=known,
        names=_NAMES,
        methods={MultiLevelBody: ("__init__", "forward")},
        columns=pl.DataFrame({field.column: [whole_path(file) for file in items[field.column]]}),
        has_weights=bool(subject.settings["pretrained"]),
    )


def _check_files(files: pl.Series) -> None:
    if any(is_remote(file) for file in files):
        refuse("torch", "its pictures lie at addresses, which Pillow does not read")
    if any(_needs_more_than_pillow(file) for file in files):
        refuse("torch", "its pictures are DICOM, or TIFF of several channels or frames, which Pillow does not read")


def _needs_more_than_pillow(file: str) -> bool:
    with open_file(file) as opened:
        head = opened.read(HEAD_BYTES)
        return is_dicom(head) or (is_tiff(head) and decode(head + opened.read()) is not None)


def _needs_image_size(arch: str, size: int) -> bool:
    config = timm.get_pretrained_cfg(arch, allow_unregistered=True) if timm.is_model(arch) else None
    return config is not None and config.fixed_input_size and config.input_size[-1] != size


_NAMES = {
    Augment.__call__: "augmented",
    Augment._matrices: "crop_matrices",  # noqa: SLF001
    _orientation: "exif_orientation",
    _draws: "numbers_drawn",
}
_COMMENTS = {
    "squeeze": "how much the longer side is squeezed at most",
    "mode": "Pillow's name for the colours",
    "side": "of the square that a photo is read into, in pixels",
    "size": "side of what the model sees, in pixels",
    "grids": "cells along each side that the last two levels are averaged over",
    "flip": "left and right are swapped in half of the photos",
    "crop": "the smallest share of the area that a crop keeps",
    "stretch": "most that its width may exceed its height, or the reverse",
    "rotate": "largest turn, in degrees",
    "shift": "largest move, as a share of the size",
    "warp": "largest tilt of the picture's plane",
    "light": "largest change of brightness and of contrast",
}


def _of_augment(augment: Augment) -> dict[str, Known]:
    values = asdict(augment)
    known = {f"self.{name}": constant(name.upper(), value, _COMMENTS.get(name, "")) for name, value in values.items()}
    light = "torch.from_numpy(({} * draws[:, 11:13]).astype(np.float32))"
    return known | {
        "self == Augment.none()": Known(value=augment == Augment.none()),
        "self._matrices(draws, side=images.shape[-1], size=size, device=images.device)": Known(
            "crop_matrices(draws, side=images.shape[-1], size=size)",
            needs=Augment._matrices,  # noqa: SLF001
        ),
        "to_device(torch.from_numpy(matrices), device)": Known("torch.from_numpy(matrices)"),
        f"to_device({light.format('self.light')}, pixels.device)": Known(
            light.format("LIGHT"), needs=known["self.light"].needs
        ),
    }


def canvas_of(facts: Any, path: str) -> np.ndarray:
    """A photo as a square, uint8 `[side, side, channels]`."""
    image = PILImage.open(io.BytesIO(Path(path).read_bytes()))
    # A JPEG is decoded at 1/2, 1/4 or 1/8 where that still covers the square: several times faster.
    image.draft(facts.mode, (facts.side, facts.side))
    image = _to_mode(_upright(image), facts.mode, facts.value_range)
    if image.size != (facts.side, facts.side):
        # The longer side is squeezed up to a limit, and what is beyond it cut off at both ends.
        wide, high = min(image.width, facts.squeeze * image.height), min(image.height, facts.squeeze * image.width)
        left, top = (image.width - wide) / 2, (image.height - high) / 2
        box = (left, top, left + wide, top + high)
        image = image.resize((facts.side, facts.side), PILImage.Resampling.BICUBIC, box=box)
    return np.asarray(image).reshape(facts.side, facts.side, facts.channels)


def read_photos(facts: Any, items: pl.DataFrame, rows: np.ndarray) -> None:
    with ThreadPoolExecutor() as pool:
        canvases = np.stack(list(pool.map(partial(canvas_of, facts), items[facts.column])))
    # The normalisation that the network was trained with, in pixel values.
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (facts.mean, facts.std))

    def inputs_of(positions: np.ndarray, epoch: int | None = None) -> torch.Tensor:
        """Photos as the model takes them, `[batch, channels, size, size]`; with an epoch, augmented for it."""
        pixels = torch.from_numpy(canvases[positions]).permute(0, 3, 1, 2)
        if epoch is not None:
            pixels = facts.augmented(pixels, rows=rows[positions], size=facts.size, seed=facts.seed, epoch=epoch)
        if facts.is_cropped and epoch is None:
            start = (facts.side - facts.size) // 2
            pixels = pixels[..., start : start + facts.size, start : start + facts.size]
        return ((pixels.float() - mean) / std).contiguous(memory_format=torch.channels_last)

    if facts.may_mix:

        def mixed_of(
            positions: np.ndarray, answers: torch.Tensor, epoch: int, **shares: float
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Photos augmented for an epoch, each mixed with another one, and their targets likewise."""
            pixels, of = torch.from_numpy(canvases[positions]).permute(0, 3, 1, 2), rows[positions]
            pixels = facts.augmented(pixels, rows=of, size=facts.size, seed=facts.seed, epoch=epoch)
            pixels, answers = mixed(pixels.float(), answers, rows=of, seed=facts.seed, epoch=epoch, **shares)
            return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last), answers

    if facts.moves:

        def matrices_of(positions: np.ndarray, epoch: int) -> torch.Tensor:
            """From places in a changed photo to those in the square that it was cut from: `[batch, 3, 3]`."""
            draws = _draws(rows[positions], facts.seed, epoch)
            return facts.crop_matrices(draws, side=facts.side, size=facts.size)


def make_model(facts: Any) -> None:
    if not facts.is_pretrained:
        torch.manual_seed(torch_seed(facts.seed, "init"))
    if facts.is_small:
        model = small_resnet(facts.channels, facts.num_outputs)
    else:
        if facts.has_image_size:
            body = timm.create_model(facts.arch, num_classes=0, in_chans=facts.channels, img_size=facts.size)
        else:
            body = timm.create_model(facts.arch, num_classes=0, in_chans=facts.channels)
        if facts.is_dense:
            model = UNet(body.eval(), facts.num_outputs, torch.zeros(2, facts.channels, facts.size, facts.size))
        else:
            if facts.is_multi_level:
                model = BodyAndHead(MultiLevelBody(body, facts.grids), facts.num_features, facts.num_outputs)
            else:
                model = BodyAndHead(body, facts.num_features, facts.num_outputs)
    if facts.is_pretrained:
        # The body's pretrained weights, and a head that is still random.
        model.load_state_dict(safetensors.torch.load_file(Path(__file__).with_suffix(".safetensors")))
    # Convolutions are quicker with the channels last in memory.
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
