from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from headway.errors import ConfigError
from headway.inputs.image.augment import Augment
from headway.inputs.image.field import Image

ROWS = np.arange(200)
NOTHING = Augment.none()


def only(**what: Any) -> Augment:
    return dataclasses.replace(NOTHING, **what)


def noise(batch: int, side: int, channels: int = 3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, channels, side, side), generator=draw, dtype=torch.uint8)


def ramps(batch: int, side: int) -> torch.Tensor:
    """Canvases whose first channel tells the column of a pixel and the second its row, times 2."""
    column = (2 * torch.arange(side)).expand(side, side)
    return torch.stack([column, column.T]).to(torch.uint8).expand(batch, 2, side, side).contiguous()


def places(augment: Augment, *, side: int, size: int, rows: np.ndarray = ROWS, **where: int) -> np.ndarray:
    """Where in the canvas each pixel of the result came from, in pixels: `[batch, (x, y), size, size]`."""
    where = {"seed": 0, "epoch": 0, **where}
    return augment(ramps(len(rows), side), rows=rows, size=size, **where).numpy() / 2


def test_pixels_go_in_and_floats_of_the_same_range_come_out() -> None:
    images = noise(8, 37)
    before = images.clone()
    out = Augment(light=0.9, warp=0.5, rotate=180)(images, rows=ROWS[:8], size=32, seed=0, epoch=0)
    assert out.shape == (8, 3, 32, 32)
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 255
    assert out.max() > 200
    assert torch.equal(images, before)


@pytest.mark.parametrize("light", [0, 0.9])
def test_white_stays_within_the_range(light: float) -> None:
    white = torch.full((50, 1, 40, 40), 255, dtype=torch.uint8)
    out = Augment(light=light)(white, rows=ROWS[:50], size=35, seed=0, epoch=0)
    assert out.max() <= 255
    assert out.min() >= 0


@pytest.mark.parametrize("size", [8, 28, 32, 160, 192, 224])
@pytest.mark.parametrize("crop", [0.875, 1.0])
def test_nothing_is_what_serving_sees(size: int, crop: float) -> None:
    reader = Image("file", size=size, crop=crop)
    canvases = noise(2, reader.side)
    out = NOTHING(canvases, rows=ROWS[:2], size=size, seed=0, epoch=0).permute(0, 2, 3, 1).numpy()
    seen = reader.view(canvases.permute(0, 2, 3, 1).numpy())
    np.testing.assert_array_equal(out, seen)
    # The same place where there is something to do: float32 rounds it a little.
    almost = only(light=1e-6)(canvases, rows=ROWS[:2], size=size, seed=0, epoch=0).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(almost, seen, rtol=0, atol=0.02)


@pytest.mark.parametrize(("what", "axis"), [("flip", -1), ("flip_vertical", -2)])
@pytest.mark.parametrize("side", [24, 29])
def test_half_of_the_images_are_mirrored(what: str, axis: int, side: int) -> None:
    images = noise(200, side)
    kept = NOTHING(images, rows=ROWS, size=24, seed=0, epoch=0)
    out = only(**{what: True})(images, rows=ROWS, size=24, seed=0, epoch=0)
    same = torch.isclose(out, kept, atol=0.05).flatten(1).all(1)
    mirrored = torch.isclose(out, kept.flip(axis), atol=0.05).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 70 < same.sum() < 130


def test_both_mirrors_are_drawn_apart() -> None:
    images = noise(200, 16)
    out = only(flip=True, flip_vertical=True)(images, rows=ROWS, size=16, seed=0, epoch=0)
    inputs = images.to(torch.float32)
    kinds = [inputs, inputs.flip(-1), inputs.flip(-2), inputs.flip(-1, -2)]
    counts = [int(torch.isclose(out, kind, atol=0.05).flatten(1).all(1).sum()) for kind in kinds]
    assert sum(counts) == 200
    assert min(counts) > 25


@pytest.mark.parametrize("crop", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("stretch", [1, 2])
def test_a_crop_keeps_at_least_its_share_and_lies_inside(crop: float, stretch: float) -> None:
    side, size = 100, 50
    found = places(only(crop=crop, stretch=stretch), side=side, size=size)
    # The pixels at the very edge may be read beyond it, so the steps inside are measured.
    step_x = (found[:, 0, 25, -3] - found[:, 0, 25, 2]) / (size - 5)
    step_y = (found[:, 1, -3, 25] - found[:, 1, 2, 25]) / (size - 5)
    width, height = step_x * size / side, step_y * size / side
    area, ratio = width * height, width / height
    assert area.min() >= crop - 1e-3
    assert area.min() < crop + 0.05 * (1 - crop)
    assert area.max() <= 1 + 1e-3
    assert area.max() > 1 - 0.05 * (1 - crop)
    assert width.max() <= 1 + 1e-3
    assert height.max() <= 1 + 1e-3
    assert ratio.max() <= stretch + 1e-3
    assert ratio.min() >= 1 / stretch - 1e-3
    if crop < 0.9:
        assert ratio.max() > 0.9 * stretch
        assert ratio.min() < 1.1 / stretch
    left = found[:, 0, 25, 2] - 2.5 * step_x + 0.5
    top = found[:, 1, 2, 25] - 2.5 * step_y + 0.5
    for start, share in ((left, width), (top, height)):
        free = side * (1 - share)
        assert (start > -0.2).all()
        assert (start < free + 0.2).all()
        # Crops reach both edges, and are no more often in the middle.
        at = (start / np.maximum(free, 1e-6))[free > 2]
        assert at.min() < 0.1
        assert at.max() > 0.9
        assert abs(at.mean() - 0.5) < 0.08


def test_a_turn_stays_within_its_angle_and_keeps_sizes() -> None:
    found = places(only(rotate=30), side=60, size=60)
    across = found[:, :, 30, 35] - found[:, :, 30, 25]
    down = found[:, :, 35, 30] - found[:, :, 25, 30]
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), 10, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(down, axis=1), 10, atol=0.02)
    np.testing.assert_allclose((across * down).sum(1), 0, atol=0.2)
    np.testing.assert_allclose(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0], 100, atol=0.5)
    angles = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    assert np.abs(angles).max() <= 30.1
    assert angles.max() > 27
    assert angles.min() < -27
    centre = found[:, :, 29:31, 29:31].mean((2, 3))
    np.testing.assert_allclose(centre, 29.5, atol=0.02)


def test_a_shift_stays_within_its_share() -> None:
    found = places(only(shift=0.2), side=50, size=50)
    moved = found[:, :, 25, 25] - 25
    for axis in (0, 1):
        assert np.abs(moved[:, axis]).max() <= 0.2 * 50 + 0.01
        assert moved[:, axis].max() > 9
        assert moved[:, axis].min() < -9
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.25
    np.testing.assert_allclose(found[:, 0, 25, 27] - found[:, 0, 25, 23], 4, atol=0.01)


def test_a_warp_tilts_within_its_range_and_keeps_the_middle() -> None:
    side, size, warp = 100, 50, 0.3
    found = places(only(warp=warp), side=side, size=size)
    middle = found[:, :, 24:26, 24:26].mean((2, 3))
    np.testing.assert_allclose(middle, 49.5, atol=0.1)
    # A point at a share x of the way to the right edge lies at 0.5 x / (1 + tilt x) of the canvas's half.
    half = 0.5 * (1 - 1 / size) * side / 2
    right = found[:, 0, 24:26, -1].mean(1) - 49.5
    assert right.max() <= half / (1 - warp) + 0.3
    assert right.min() >= half / (1 + warp) - 0.3
    assert right.max() > half / (1 - 0.8 * warp)
    assert right.min() < half / (1 + 0.8 * warp)
    bottom = found[:, 1, -1, 24:26].mean(1) - 49.5
    assert bottom.max() > half / (1 - 0.8 * warp)
    assert abs(np.corrcoef(right, bottom)[0, 1]) < 0.25


def test_light_changes_contrast_and_brightness_within_its_range() -> None:
    light = 0.2
    images = torch.full((200, 1, 8, 8), 110, dtype=torch.uint8)
    images[:, :, :, 4:] = 150
    out = only(light=light)(images, rows=ROWS, size=8, seed=0, epoch=0)
    dark, bright = out[:, 0, 4, 1].numpy(), out[:, 0, 4, 6].numpy()
    contrast = (bright - dark) / 40
    brightness = (dark + 17.5 * contrast - 127.5) / 127.5
    for change in (contrast - 1, brightness):
        assert np.abs(change).max() <= light + 1e-4
        assert change.max() > 0.9 * light
        assert change.min() < -0.9 * light
    assert abs(np.corrcoef(contrast, brightness)[0, 1]) < 0.25


@pytest.mark.parametrize("augment", [Augment(), only(light=0.5), NOTHING])
def test_pixels_that_are_floats_already_are_not_written_to(augment: Augment) -> None:
    images = noise(8, 37).float()
    before = images.clone()
    augment(images, rows=ROWS[:8], size=32, seed=0, epoch=0)
    assert torch.equal(images, before)


def test_light_alone_moves_no_pixel() -> None:
    images = noise(4, 16)
    out = only(light=0.1)(images, rows=ROWS[:4], size=16, seed=0, epoch=0)
    for image, lit in zip(images, out, strict=True):
        assert np.corrcoef(image.flatten().numpy(), lit.flatten().numpy())[0, 1] > 0.99


def test_an_image_looks_the_same_in_any_batch() -> None:
    augment, images = Augment(), noise(12, 37)
    whole = augment(images, rows=ROWS[:12], size=32, seed=3, epoch=2)
    order = np.random.default_rng(0).permutation(12)
    shuffled = augment(images[torch.from_numpy(order)], rows=ROWS[order], size=32, seed=3, epoch=2)
    assert torch.allclose(shuffled, whole[torch.from_numpy(order)], atol=1e-3)
    for i in range(12):
        alone = augment(images[i : i + 1], rows=ROWS[i : i + 1], size=32, seed=3, epoch=2)
        assert torch.allclose(alone[0], whole[i], atol=1e-3)


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 1}, {"rows": ROWS[:4] + 4}])
def test_epoch_seed_and_row_each_change_every_image(change: dict[str, Any]) -> None:
    images = noise(1, 32).expand(4, 3, 32, 32)
    where = {"rows": ROWS[:4], "seed": 0, "epoch": 0}
    one, two = (Augment()(images, size=28, **each) for each in (where, {**where, **change}))
    assert ((one - two).abs().flatten(1).mean(1) > 1).all()
    again = Augment()(images, size=28, **where)
    assert torch.equal(one, again)


def test_rows_of_one_batch_differ() -> None:
    images = noise(1, 32).expand(4, 3, 32, 32)
    out = Augment()(images, rows=ROWS[:4], size=28, seed=0, epoch=0)
    assert len({each.numpy().tobytes() for each in out}) == 4


def test_grey_images_and_torch_layouts_are_taken() -> None:
    images = noise(4, 30, channels=1)
    plain = Augment()(images, rows=ROWS[:4], size=28, seed=0, epoch=0)
    last = Augment()(images.to(memory_format=torch.channels_last), rows=ROWS[:4], size=28, seed=0, epoch=0)
    assert plain.shape == (4, 1, 28, 28)
    assert torch.equal(plain, last)


def test_torch_has_no_say_in_the_draws() -> None:
    images = noise(4, 30)
    torch.manual_seed(1)
    np.random.seed(1)
    state = torch.get_rng_state()
    one = Augment()(images, rows=ROWS[:4], size=28, seed=0, epoch=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(one, Augment()(images, rows=ROWS[:4], size=28, seed=0, epoch=0))


EDGES = {
    "crop": (1e-3, 1),
    "stretch": (1, 10),
    "rotate": (0, 180),
    "shift": (0, 0.5),
    "warp": (0, 0.5),
    "light": (0, 0.9),
}


@pytest.mark.parametrize("name", EDGES)
def test_ranges_hold_at_their_ends(name: str) -> None:
    low, high = EDGES[name]
    images = noise(20, 20)
    for value in (low, high):
        out = only(**{name: value})(images, rows=ROWS[:20], size=20, seed=0, epoch=0)
        assert torch.isfinite(out).all()
    for value in (low - 1e-3, high + 1e-3, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=name):
            only(**{name: value})
