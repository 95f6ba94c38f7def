"""Pictures that are nearly the same: recompressed, noisy, shifted, mirrored or cut.

Windows of each picture are compared with all others at a hundred numbers. The most similar are then laid over one
another by least squares over shift, scale, brightness and contrast: of copies hardly anything is left.

Source:
    Lucas and Kanade 1981, "An iterative image registration technique".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from headway.data.near_copies import Limits, nearest_copies

__all__ = ["SIDE", "find_copies"]

# Sides of what is laid over one another, and of what is compared before.
SIDE, _SMALL = 32, 10
# Each picture is compared with so many that look most like the same one; the most similar are laid over it.
_CELL, _NEAREST, _SIMILAR = 2_500, 3, 0.8
_MOST = 4_000
_STEPS = 5
# Pictures that are compared with all others at once, and pairs that are laid over one another: these take 100 KB each.
_BLOCK = 256
# Shares of a picture's contrast. Chosen where planted copies were found and clean sets had hardly any: 3 pairs of 5,000
# digits, 1 of 1,399 photos.
_LIMITS = Limits(most=0.05, alike=0.007, surely=0.002, of_others=0.25, of_next=0.5)
# What is compared: scale, shift down and to the right as shares of half the side, and whether it is mirrored.
_CUT, _SHIFT = 0.15, 1 / 14
_WINDOWS = [
    (1.0, 0.0, 0.0, False),
    (1.0, 0.0, 0.0, True),
    *((1.0, down, right, False) for down, right in product((-_SHIFT, 0.0, _SHIFT), repeat=2) if down or right),
    (1 - _CUT, 0.0, 0.0, False),
    *((1 - _CUT, down, right, False) for down, right in product((-_CUT, _CUT), repeat=2)),
]


def find_copies(pictures: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of pictures that are nearly the same, by their positions; grey, `[items, side, side]`.

    Example:
        >>> pictures = np.random.default_rng(0).uniform(0, 255, (8, 16, 16)).round()
        >>> find_copies(np.concatenate([pictures, pictures[2:3, :, ::-1]]))
        [(2, 8)]
    """
    if len(pictures) < 2:
        return []
    # What noise adds is gone when neighbours are averaged, and what is left changes evenly over the pixels.
    blurred = np.empty(pictures.shape, np.float32)
    for block in _blocks(np.arange(len(pictures))):
        blurred[block] = _blurred(_blurred(pictures[block].astype(np.float32), 1), 2)
    pictures = blurred
    pairs = _similar(pictures)
    if not len(pairs):
        return []
    left = np.concatenate([_left(pictures, pairs[start : start + _BLOCK]) for start in range(0, len(pairs), _BLOCK)])
    return nearest_copies(pairs[:, :2], left, _LIMITS)


def _similar(pictures: np.ndarray) -> np.ndarray:
    """Each picture, those most similar to it, and in which window: int64 `[pairs, 3]`."""
    plain = _sketches(pictures, 0)
    anchors = plain[::_CELL] if len(plain) > _CELL else plain[:1]
    cells = [np.flatnonzero((plain @ anchors.T).argmax(axis=1) == cell) for cell in range(len(anchors))]
    pairs, scores = [], []
    for window in range(len(_WINDOWS)):
        sketches = _sketches(pictures, window)
        own_cell = (sketches @ anchors.T).argmax(axis=1)
        for cell, others in enumerate(cells):
            for items in _blocks(np.flatnonzero(own_cell == cell)):
                similarity = sketches[items] @ plain[others].T
                similarity[items[:, None] == others] = -1
                count = min(_NEAREST, len(others))
                nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
                best = np.take_along_axis(similarity, nearest, axis=1).ravel()
                chosen = np.stack(
                    [np.repeat(items, count), others[nearest.ravel()], np.full(best.size, window)], axis=1
                )
                pairs.append(chosen[best > _SIMILAR])
                scores.append(best[best > _SIMILAR])
    candidates, score = np.concatenate(pairs), np.concatenate(scores)
    # Of each pair the best window, of each picture the best pairs, and those of the pictures that have the best.
    ranked = np.argsort(-score, kind="stable")
    candidates = candidates[ranked]
    candidates = candidates[
        np.sort(np.unique(candidates[:, 0] * len(pictures) + candidates[:, 1], return_index=True)[1])
    ]
    items, first = np.unique(candidates[:, 0], return_index=True)
    candidates = candidates[np.isin(candidates[:, 0], items[np.argsort(first)[:_MOST]])]
    candidates = candidates[np.argsort(candidates[:, 0], kind="stable")]
    return candidates[np.arange(len(candidates)) - np.searchsorted(candidates[:, 0], candidates[:, 0]) < _NEAREST]


def _blocks(items: np.ndarray) -> Iterator[np.ndarray]:
    return (items[start : start + _BLOCK] for start in range(0, len(items), _BLOCK))


def _sketches(pictures: np.ndarray, window: int) -> np.ndarray:
    """What pictures look like in a window, float32 `[items, 100]`, without brightness and contrast."""
    scale, down, right, is_mirrored = _WINDOWS[window]
    side = pictures.shape[1]
    edges, pixels = np.linspace(0, side, _SMALL + 1), np.arange(side)
    shares = np.minimum(pixels + 1, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    means = (np.clip(shares, 0, 1) * (_SMALL / side)).astype(np.float32)
    rows, columns = (means @ _sampling(side, np.array(scale), np.array(shift))[0] for shift in (down, right))
    sketches = (rows @ pictures @ columns.T)[:, :, :: -1 if is_mirrored else 1].reshape(len(pictures), -1)
    sketches = sketches - sketches.mean(axis=1, keepdims=True)
    return sketches / np.maximum(np.linalg.norm(sketches, axis=1, keepdims=True), 1e-3)


def _sampling(side: int, scale: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices that take rows from where a window has them, `[..., side, side]`, and which lie inside."""
    wanted = scale[..., None] * _centres(side) + shift[..., None]
    pixel = (wanted + 1) / 2 * side - 0.5
    inside = (pixel >= -0.5) & (pixel <= side - 0.5)
    pixel = np.clip(pixel, 0, side - 1)[..., None]
    return np.maximum(0, 1 - np.abs(pixel - np.arange(side))).astype(np.float32), inside


def _centres(side: int) -> np.ndarray:
    """Where the pixels lie, from -1 to 1."""
    return np.linspace(-1, 1, side) * (1 - 1 / side)


def _left(pictures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The share of each second picture's contrast that is left when the first is laid over it, float64 `[pairs]`."""
    side, windows = pictures.shape[1], np.array(_WINDOWS)[pairs[:, 2]]
    first, second = pictures[pairs[:, 0]], pictures[pairs[:, 1]]
    first = np.where(windows[:, 3, None, None] > 0, first[:, :, ::-1], first)
    scale, down, right = windows[:, :3].T.copy()
    centres, left = _centres(side).astype(np.float32), np.ones(len(pairs))
    for _ in range(_STEPS):
        rows, has_row = _sampling(side, scale, down)
        columns, has_column = _sampling(side, scale, right)
        moved = rows @ first @ columns.transpose(0, 2, 1)
        inside = (has_row[:, :, None] & has_column[:, None, :]).astype(np.float32)
        by_row, by_column = np.gradient(moved, 2 / side, axis=(1, 2))
        growing = by_row * centres[:, None] + by_column * centres
        changes = np.stack([growing, by_row, by_column, moved, np.ones_like(moved)], axis=-1) * inside[..., None]
        changes = changes.reshape(len(pairs), -1, 5)
        wanted = (second * inside).reshape(len(pairs), -1)
        # With brightness and contrast alone: what is left; with all five: where to move.
        gain, offset = _least_squares(changes[:, :, 3:], wanted).T.astype(np.float32)
        error = (gain[:, None] * changes[:, :, 3] + offset[:, None] * changes[:, :, 4] - wanted) ** 2
        count = inside.sum(axis=(1, 2))
        contrast = (wanted**2).sum(axis=1) - wanted.sum(axis=1) ** 2 / count
        # A picture without contrast is a copy of nothing.
        share = np.where((contrast > count) & (gain > 0.3), error.sum(axis=1) / np.maximum(contrast, count), 1.0)
        left = np.minimum(left, share)
        moves = _least_squares(changes, wanted)
        moves = moves[:, :3] / np.where(np.abs(moves[:, 3:4]) < 0.2, np.inf, moves[:, 3:4]) * scale[:, None]
        scale = np.clip(scale + np.clip(moves[:, 0], -0.05, 0.05), 0.75, 1.1)
        down = np.clip(down + np.clip(moves[:, 1], -0.08, 0.08), -0.3, 0.3)
        right = np.clip(right + np.clip(moves[:, 2], -0.08, 0.08), -0.3, 0.3)
    return left


def _least_squares(columns: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """For each pair the weights of `columns`, `[pairs, pixels, weights]`, whose sum is nearest to what is wanted."""
    turned = columns.transpose(0, 2, 1)
    products = (turned @ columns).astype(np.float64)
    products += np.eye(products.shape[1]) * (1e-6 * np.trace(products, axis1=1, axis2=2)[:, None, None] + 1e-6)
    return np.linalg.solve(products, (turned @ wanted[:, :, None]).astype(np.float64))[:, :, 0]


def _blurred(pictures: np.ndarray, axis: int) -> np.ndarray:
    padded = np.moveaxis(np.pad(pictures, [(0, 0), *((int(axis == at),) * 2 for at in (1, 2))], mode="edge"), axis, 0)
    return np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)
