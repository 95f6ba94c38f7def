from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.loader import Loader
from headway.errors import ConfigError, DataError
from headway.inputs.base import learned
from headway.inputs.image.field import Image
from headway.inputs.image.geometry import CropBox
from headway.targets.points.field import Points
from headway.targets.registry import target_from_json


def photo(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 3), dtype=np.uint8)


def items(values: list[Any], sizes: list[tuple[int, int]]) -> pl.DataFrame:
    photos = pl.Series("file", [photo(*size) for size in sizes], dtype=pl.Object)
    return pl.DataFrame({"corners": values}).with_columns(photos)


def test_one_column_or_one_a_number() -> None:
    one, many = Points("corners"), Points(columns=["x1", "y1", "x2", "y2"])
    assert one.columns == ("corners",)
    assert (many.column, many.columns) == ("x1 y1 x2 y2", ("x1", "y1", "x2", "y2"))
    assert Points("eyes", columns=("x", "y")).column == "eyes"
    rows = pl.DataFrame({"corners": ["1 2.5  3 4"], "x1": [1], "y1": [2.5], "x2": [3], "y2": [4]})
    expected = [[1, 2.5, 3, 4]]
    assert one.encode(one.values(rows)).tolist() == many.encode(many.values(rows)).tolist() == expected


def test_a_point_that_is_not_there_is_missing() -> None:
    assert Points("corners").is_missing(pl.DataFrame({"corners": ["1 2", None, ""]})) == [False, True, True]
    rows = pl.DataFrame({"x": [1.0, None, 3.0, 4.0], "y": [1.0, 2.0, float("nan"), 4.0]})
    assert Points(columns=["x", "y"]).is_missing(rows) == [False, True, True, False]


@pytest.mark.parametrize("wrong", ["1 2 3", "1 2 x 4", "1 2 3 nan", "", None, [1, 2]])
def test_a_value_that_is_not_the_points_is_shown(wrong: Any) -> None:
    with pytest.raises(DataError) as error:
        Points("corners").encode(["1 2 3 4", wrong])
    assert str(error.value).startswith(
        "Column 'corners' must hold 4 finite numbers a row: x and y of 2 points.\n  Given: "
    )
    assert str(error.value).endswith('blanks, as in "10 20 30.5 40", and remove rows that lack a point.')


def test_a_row_of_blanks_is_shown_as_it_is() -> None:
    with pytest.raises(DataError) as error:
        Points("eye").encode(["1 2", " "])
    assert str(error.value) == (
        "Column 'eye' must hold 2 finite numbers a row: x and y of a point.\n  Given: ' '\n"
        '  Fix:   Separate them by blanks, as in "10 20 30.5 40", and remove rows that lack a point.'
    )


@pytest.mark.parametrize(
    "call",
    [{}, {"columns": "xy"}, {"columns": ["x", "y", "z"]}, {"swap": [(0, 1), (1, 2)], "column": "p"},
     {"swap": [(-1, 0)], "column": "p"}],
)  # fmt: skip
def test_settings_that_cannot_be(call: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        Points(**call)
    problem = "`swap` must hold pairs of points" if "swap" in call else "`columns` must name a column for each x and y"
    assert str(error.value).startswith(problem)
    assert str(error.value).endswith('Points(columns=["x1", "y1", "x2", "y2"], swap=[(0, 1)]).')


def test_the_whole_text_of_a_wrong_swap() -> None:
    rows = items(["1 2 3 4", "5 6 7 8"], [(20, 20), (20, 20)])
    with pytest.raises(ConfigError) as error:
        Points("corners", swap=[(0, 2)]).fit_places(rows, Image("file", size=8))
    assert str(error.value) == (
        "`swap` must name points that exist.\n"
        "  Given: points [2], where there are 2, counted from 0\n"
        "  Fix:   Correct the pairs."
    )


def test_points_lie_in_pictures() -> None:
    with pytest.raises(ConfigError) as error:
        Points("corners").place(pl.DataFrame({"corners": ["1 2"]}), object())  # pyright: ignore
    assert str(error.value) == (
        "Points lie in pictures.\n"
        "  Given: input=object\n"
        "  Fix:   Read the files with Image, or predict each number with Number."
    )


def test_places_follow_the_cut_of_the_canvas() -> None:
    field, reader = Points("corners"), Image("file", size=32)
    placed = field.place(items(["0 0 400 300", "50 50 100 100"], [(400, 300), (100, 100)]), reader)
    assert placed.dtype == np.float32
    # 375 of the 400 columns are kept.
    np.testing.assert_allclose(placed[0], [-200 / 187.5, -1, 200 / 187.5, 1, 375, 300], rtol=1e-6)
    np.testing.assert_allclose(placed[1], [0, 0, 1, 1, 100, 100])


@pytest.mark.parametrize(("size", "crop"), [(32, 1.0), (32, 0.8), (31, 0.73)])
def test_views_have_their_own_places(size: int, crop: float) -> None:
    field, reader = Points("corners"), Image("file", size=size, crop=crop)
    rows = items(["10 20 70 5.5", "50 50 0 100"], [(80, 90), (100, 100)])
    seen = field.view(field.place(rows, reader), reader)
    for row, value, given in zip(seen, rows["corners"], rows["file"], strict=True):
        frame = reader.geometry(given)
        wanted = np.array([float(each) for each in value.split()]).reshape(-1, 2)
        np.testing.assert_allclose(frame.outside(row[:-2].reshape(-1, 2)), wanted, atol=1e-4)
        np.testing.assert_allclose(row[-2:], [frame.right - frame.left, frame.bottom - frame.top], rtol=1e-6)


def test_it_learns_where_the_points_lie() -> None:
    rows = items(["0 0 10 10", "10 10 20 20"], [(20, 20), (20, 20)])
    field = Points("corners").fit(rows).fit_places(rows, Image("file", size=8))
    np.testing.assert_allclose(field.mean, [-0.5, -0.5, 0.5, 0.5], atol=1e-6)
    assert field.std == pytest.approx(0.5)
    assert field.num_outputs == 4
    with pytest.raises(DataError, match="must hold 4 finite numbers"):
        field.encode(["1 2"])


def test_an_answer_is_located_in_the_picture() -> None:
    field = learned(Points("corners"), mean=(0.0,) * 4)
    found = field.decode(np.array([-1, -1, 0.5, 0], dtype=np.float32))
    assert found.value == ((-1, -1), (0.5, 0))
    located = field.to_item(found, CropBox(400, 300, 12.5, 0, 387.5, 300))
    assert located.value == ((12.5, 0), (293.75, 150))
    assert located.label == "12.5 0.0 293.8 150.0"
    # What it says is what the column holds.
    assert field.encode([located.label]).shape == (1, 4)
    assert located.score is None


def test_it_travels_as_json() -> None:
    for field in (
        Points("corners"),
        Points("corners", swap=[]),
        learned(Points(columns=["a", "b", "c", "d"], swap=[(0, 1)]), mean=(0.1,) * 4, std=0.25),
    ):
        assert target_from_json(field.to_json()) == field


def test_points_that_trade_names() -> None:
    field = learned(Points("eyes", swap=[(0, 2)]), mean=(0.0,) * 8)
    assert field.swapped_order == [2, 1, 0, 3]
    assert learned(Points("eyes"), mean=(0.0,) * 4).swapped_order == [0, 1]
    assert [Points("eyes", swap=swap).can_mirror for swap in (None, [], [(0, 1)])] == [False, True, True]


def test_a_data_set_of_points() -> None:
    draw = np.random.default_rng(0)
    photos = [draw.integers(0, 256, (30, 40, 3), dtype=np.uint8) for _ in range(20)]
    frame = {"file": photos, "x": draw.uniform(0, 40, 20), "y": draw.uniform(0, 30, 20)}
    data = hw.from_items(frame, input=hw.Image("file", size=16), target=hw.Points(columns=["x", "y"]))
    assert data.train.targets.shape == (len(data.train), 4)
    np.testing.assert_allclose(data.train.targets, data.train.placed, atol=1e-6)
    places = data.train.targets[:, :2].astype(np.float64)
    np.testing.assert_allclose(data.target.mean, places.mean(axis=0), atol=1e-6)  # pyright: ignore
    batch = next(iter(Loader(data.valid, 4)))
    np.testing.assert_array_equal(batch.targets.numpy(), data.valid.targets[:4])
    figure = data.show(4)
    for axes, image in zip(figure.axes, range(4), strict=True):
        (dots,) = axes.collections
        ((x, y),) = dots.get_offsets()  # pyright: ignore
        assert -4 <= x <= 20, image
        assert -1 <= y <= 17


@pytest.mark.parametrize(
    ("point", "given"),
    [("-1 -1", "point 1 at (-1, -1) in 40 x 20 pixels"), ("10 30", "point 1 at (10, 30) in 40 x 20 pixels")],
)
def test_points_that_are_hidden_or_far_outside_are_refused(point: str, given: str) -> None:
    pictures = [np.zeros((20, 40, 3), np.uint8)] * 3
    items = pl.DataFrame({"file": pl.Series(pictures, dtype=pl.Object), "p": ["1 2 3 4", f"1 2 {point}", "0 0 42 -1"]})
    with pytest.raises(DataError) as caught:
        Points("p").place(items, Image("file", size=16))
    assert str(caught.value) == (
        "1 of 3 rows have a point outside of the picture.\n"
        f"  Given: <ndarray>: {given}\n"
        "  Fix:   Write x before y, in pixels; remove rows whose points are hidden (-1), or leave those points out."
    )


def test_shares_of_the_size_are_no_pixels() -> None:
    pictures = [np.zeros((20, 40, 3), np.uint8)] * 3
    items = pl.DataFrame({"file": pl.Series(pictures, dtype=pl.Object), "p": ["0.1 0.2", "0.5 0.9", "0 1"]})
    with pytest.raises(DataError) as caught:
        Points("p").fit_places(items, Image("file", size=16))
    assert str(caught.value) == (
        "Column 'p' seems to hold shares of the pictures' sizes; points must be in pixels.\n"
        "  Given: numbers from 0 to 1 in 3 rows\n"
        "  Fix:   Multiply each x by its picture's width, and each y by its height."
    )
