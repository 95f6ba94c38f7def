"""A dot drawn into a picture is, after any augmentation, where its point is said to be."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.data.loader import as_tensor
from headway.inputs.base import learned
from headway.inputs.image.augment import Augment
from headway.inputs.image.field import Image
from headway.targets.points.field import Points

AUGMENTS = st.builds(
    Augment,
    flip=st.booleans(),
    flip_vertical=st.booleans(),
    crop=st.floats(0.3, 1),
    stretch=st.floats(1, 1.5),
    rotate=st.floats(0, 45),
    shift=st.floats(0, 0.2),
    warp=st.floats(0, 0.2),
    light=st.just(0.0),
)


def picture(width: int, height: int, x: float, y: float, *, radius: float) -> np.ndarray:
    """Black, with a soft white dot around (x, y)."""
    columns, rows = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    away = np.hypot(columns - x, rows - y)
    dot = np.clip(1.5 - away / radius, 0, 1) * 255
    return np.repeat(dot.astype(np.uint8)[..., None], 3, axis=2)


def centre(image: np.ndarray) -> np.ndarray:
    """The middle of what is bright, in pixels."""
    weights = image / image.sum()
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(weights * columns).sum(), (weights * rows).sum()])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    augment=AUGMENTS,
    width=st.integers(90, 300),
    height=st.integers(90, 300),
    place=st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
    crop=st.sampled_from([1.0, 0.8]),
    epoch=st.integers(0, 1000),
)
def test_a_dot_lands_where_its_point_is(
    augment: Augment, width: int, height: int, place: tuple[float, float], crop: float, epoch: int
) -> None:
    x, y = place[0] * width, place[1] * height
    given = picture(width, height, x, y, radius=min(width, height) / 40)
    reader, field = Image("file", size=64, crop=crop), learned(Points("point"), mean=(0.0, 0.0))
    items = pl.DataFrame({"point": [f"{x} {y}"]}).with_columns(pl.Series("file", [given], dtype=pl.Object))
    placed = torch.from_numpy(field.place(items, reader))
    canvases = as_tensor(reader.collate([reader.canvas(given)]), reader.axes)

    size, drawn = reader.size, {"rows": np.array([7]), "seed": 0, "epoch": epoch}
    image = augment(canvases, size=size, **drawn)[0, 0].numpy()
    point = augment.follow(placed, field, side=reader.side, size=size, **drawn)[0, :2].numpy()
    expected = (point + 1) / 2 * size
    if expected.min() > 8 and expected.max() < size - 8:
        # Elsewhere the picture's margin, which is filled with its mirror image, may show the dot once more.
        rows, columns = np.mgrid[:size, :size] + 0.5
        near = np.maximum(abs(columns - expected[0]), abs(rows - expected[1])) < 8
        # A dot of a pixel or two, cut out and scaled, has its centre only to about a pixel.
        np.testing.assert_allclose(centre(np.where(near, image, 0)), expected, atol=1.25)

    # What validation sees.
    expected = (field.view(placed.numpy(), reader)[0, :2] + 1) / 2 * size
    if expected.min() > 3 and expected.max() < size - 3:
        # Of a long picture the ends are not seen.
        seen = centre(reader.read(given)[..., 0].astype(float))
        np.testing.assert_allclose(seen, expected, atol=1)
    # And back into the picture.
    located = field.to_item(field.decode(field.view(placed.numpy(), reader)[0, :2]), reader.geometry(given))
    np.testing.assert_allclose(located.value, [(x, y)], atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(epoch=st.integers(0, 1000), vertical=st.booleans())
def test_points_that_trade_names_do_so_in_a_mirror(epoch: int, vertical: bool) -> None:
    augment = Augment(flip=True, flip_vertical=vertical, crop=1, stretch=1, rotate=0, warp=0, light=0)
    plain, named = (learned(Points("eyes", swap=swap), mean=(0.0,) * 4) for swap in ((), [(0, 1)]))
    placed = torch.tensor([[-0.5, -0.25, 0.5, 0.25, 10, 10]]).expand(8, 6)
    rows = np.arange(8)
    first, second = (
        augment.follow(placed, field, side=32, size=32, rows=rows, seed=0, epoch=epoch) for field in (plain, named)
    )
    # Mirrored in one direction, left is right; turned by half a circle, it is what it was.
    mirrored = (first[:, 0] > 0) ^ (first[:, 1] > 0)
    for before, after, is_mirrored in zip(first, second, mirrored, strict=True):
        expected = torch.cat([before[2:4], before[:2], before[4:]]) if is_mirrored else before
        torch.testing.assert_close(after, expected)
    assert torch.equal(first[:, 4:], placed[:, 4:])


def test_other_targets_stay_as_they_are() -> None:
    from headway.targets.number.field import Number

    targets = torch.ones(2, 1)
    assert Augment().follow(targets, Number("age"), side=8, size=8, rows=np.arange(2), seed=0, epoch=0) is targets
