from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image as PILImage

import headway as hw

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(40, 3))
WORDS = ["yes", "no"] * 20


def pictures(*shape: int) -> np.ndarray:
    return DRAW.integers(0, 256, size=(40, *shape), dtype=np.uint8)


@pytest.mark.parametrize("X", [ROWS, ROWS.tolist(), pl.DataFrame(ROWS, schema=["x0", "x1", "x2"])])
def test_a_table(X: Any) -> None:  # noqa: N803
    data = hw.from_arrays(X, WORDS)
    assert isinstance(data.input, hw.Table)
    assert data.input.columns == ("x0", "x1", "x2")
    assert data.target == hw.Category("target", labels=("no", "yes"))
    assert (len(data.train), len(data.valid)) == (32, 8)


def test_a_frame_of_pandas_with_names_and_missing_values() -> None:
    frame = pd.DataFrame({"age": [*range(39), np.nan], "city": ["Rome", None] * 20})
    data = hw.from_arrays(frame, pd.Series(np.linspace(0, 1.5, 40), name="price"))
    assert set(data.input.columns) == {"age", "city"}
    assert isinstance(data.target, hw.Number)
    assert data.target.column == "price"
    assert data.items["age"].null_count() == 1


def test_nan_in_an_array_is_a_missing_value() -> None:
    rows = ROWS.copy()
    rows[5, 1] = np.nan
    assert hw.from_arrays(rows, WORDS).items["x1"].null_count() == 1


@pytest.mark.parametrize(
    ("shape", "channels", "size"),
    [((20, 16), 1, 16), ((16, 16, 1), 1, 16), ((16, 18, 3), 3, 16), ((3, 16, 18), 3, 16), ((1, 16, 16), 1, 16)],
)
@pytest.mark.parametrize("scale", ["uint8", "from 0 to 1", "from 0 to 255"])
def test_pictures(shape: tuple[int, ...], channels: int, size: int, scale: str) -> None:
    found = pictures(*shape)
    given = {"uint8": found, "from 0 to 1": found / 255, "from 0 to 255": found.astype(np.float32)}[scale]
    data = hw.from_arrays(given, WORDS)
    assert isinstance(data.input, hw.Image)
    assert (data.input.size, data.input.channels) == (size, channels)
    expected = np.moveaxis(found, 1, -1) if shape[0] in (1, 3) else found
    plain = expected.squeeze(-1) if expected.shape[-1] == 1 else expected
    (first,) = data.items.filter(pl.col("row") == 0)["image"].to_list()
    assert np.array_equal(np.squeeze(first), plain[0])


def test_large_pictures_are_seen_at_224_unless_said_otherwise() -> None:
    large = pictures(300, 310)
    assert hw.from_arrays(large, WORDS).input == hw.Image("image", 224, channels=1)
    assert hw.from_arrays(large, WORDS, size=64).input == hw.Image("image", 64, channels=1)


def test_what_is_not_clear_is_an_error() -> None:
    with pytest.raises(hw.ConfigError) as caught:
        hw.from_arrays(pictures(3, 16, 3), WORDS)
    assert str(caught.value) == (
        "It is not clear which axis of the pictures has the channels.\n"
        "  Given: shape [40, 3, 16, 3]\n"
        '  Fix:   Say channels="first" or channels="last".'
    )
    with pytest.raises(hw.ConfigError, match=r"Pixels must lie between 0 and 1, or between 0 and 255\."):
        hw.from_arrays(DRAW.normal(size=(40, 16, 16, 3)), WORDS)
    for wrong in (np.zeros((40, 2, 2, 2, 2)), np.zeros(40)):
        with pytest.raises(hw.ConfigError, match="Items in memory must be rows of a table, texts, or pictures"):
            hw.from_arrays(wrong, WORDS)
    with pytest.raises(hw.DataError, match="`y` must have one value for each item"):
        hw.from_arrays(ROWS, WORDS[:-1])


def test_the_kind_of_target() -> None:
    numbers = np.linspace(0, 3, 40)
    assert isinstance(hw.from_arrays(pictures(16, 16), numbers).target, hw.Number)
    assert isinstance(hw.from_arrays(ROWS, [0, 1] * 20).target, hw.Category)
    assert isinstance(hw.from_arrays(ROWS, [0, 1] * 20, target=hw.Number).target, hw.Number)
    assert hw.from_arrays(ROWS, WORDS, target=hw.Category("target")).target.labels == ("no", "yes")


def test_groups_stay_together() -> None:
    data = hw.from_arrays(ROWS, WORDS, groups=np.arange(40) // 4)
    sides = data.items.group_by("group").agg(pl.col("split").n_unique())["split"]
    assert (sides == 1).all()
    assert "group" not in data.input.columns


class Pairs:
    """Items as torchvision's data sets give them."""

    classes = ("cat", "dog")

    def __init__(self, items: list[tuple[Any, Any]]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.items[index]


def test_a_torch_data_set() -> None:
    tensors = [torch.from_numpy(each.astype(np.float32) / 255) for each in pictures(3, 16, 16)]
    whole = Pairs([(each, torch.tensor(number % 2)) for number, each in enumerate(tensors)])
    data = hw.from_dataset(whole)
    assert data.input == hw.Image("image", 16, channels=3)
    assert data.target == hw.Category("target", labels=("cat", "dog"))
    halves = hw.from_dataset(
        torch.utils.data.Subset(whole, range(30)), valid=torch.utils.data.Subset(whole, range(30, 40))
    )
    assert (len(halves.train), len(halves.valid)) == (30, 10)
    assert halves.target.labels == ("cat", "dog")


def test_pictures_of_pillow_of_several_sizes() -> None:
    items = [(PILImage.fromarray(each[: 12 + n % 3]), n % 2) for n, each in enumerate(pictures(16, 16, 3))]
    assert hw.from_dataset(Pairs(items)).input == hw.Image("image", 12, channels=3)


def test_rows_as_tensors() -> None:
    rows = torch.utils.data.TensorDataset(torch.from_numpy(ROWS), torch.arange(40) % 2)
    assert hw.from_dataset(rows).input.columns == ("x0", "x1", "x2")  # pyright: ignore[reportArgumentType]


def test_items_that_are_no_pairs() -> None:
    with pytest.raises(hw.ConfigError) as caught:
        hw.from_dataset(Pairs([{"x": 1, "y": 2}] * 10))  # type: ignore[list-item]
    assert str(caught.value) == (
        "An item of the data set must be a pair (x, y).\n"
        "  Given: dict of 2\n"
        "  Fix:   Give pairs, or put the items into columns and call hw.from_items."
    )
