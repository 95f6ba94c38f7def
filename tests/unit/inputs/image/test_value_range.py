"""Pictures of other than 8 bits: one rule of scale for the whole set, fitted on training rows, kept in the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.bundle.format import read_bundle
from headway.bundle.predictor import open_bundle
from headway.errors import BundleError, ConfigError
from headway.inputs.image.value_range import to_8_bits
from headway.inputs.registry import input_from_json

GOLDEN = Path(__file__).parents[3] / "bundles" / "v1.headway"
FIELD = hw.Image("file", size=16, channels=1)


def written(folder: Path, arrays: list[np.ndarray]) -> list[str]:
    for number, array in enumerate(arrays):
        PILImage.fromarray(array).save(folder / f"{number}.tiff")
    return [str(folder / f"{number}.tiff") for number in range(len(arrays))]


def ramp(low: float, high: float, dtype: type[np.generic]) -> np.ndarray:
    return np.linspace(low, high, 256).reshape(16, 16).astype(dtype)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "expected"),
    [
        (0, 3000, np.uint16, (0, 4095)),
        (0, 65535, np.uint16, (0, 65535)),
        (0, 200, np.uint16, (0, 255)),
        (0, 255, np.int32, (0, 255)),
        (0, 256, np.int32, (0, 511)),
        (-1024, 3071, np.int32, (-1024, 3071)),
        (0, 0.9, np.float32, (0, 1)),
        (0, 1.0001, np.float32, (0, 1.0001)),
        (-1.5, 2, np.float32, (-1.5, 2)),
        (0.001, 0.02, np.float32, (0.001, 0.02)),
        (0, 4000, np.float32, (0, 4000)),
    ],
)
def test_the_range_of_a_set(
    low: float, high: float, dtype: type[np.generic], expected: tuple[float, float], tmp_path: Path
) -> None:
    files = written(tmp_path, [ramp(low, high, dtype), ramp(low, (low + high) / 2, dtype)])
    fitted = FIELD.fit(pl.DataFrame({"file": files}))
    assert fitted.value_range == pytest.approx(expected, rel=1e-6)
    # Half as bright is half as bright, whatever each picture's own extremes are.
    first, second = (fitted.read(file)[..., 0].astype(float) for file in files)
    start, end = expected
    assert first.max() == pytest.approx(255 * (high - start) / (end - start), abs=0.6)
    assert second.max() == pytest.approx(255 * ((low + high) / 2 - start) / (end - start), abs=0.6)
    assert input_from_json(fitted.to_json()) == fitted


def test_a_little_more_light_changes_little(tmp_path: Path) -> None:
    files = written(tmp_path, [ramp(0, 1, np.float32), ramp(0, 1.0001, np.float32)])
    fitted = FIELD.fit(pl.DataFrame({"file": files}))
    one, other = (fitted.read(file).astype(int) for file in files)
    assert abs(one - other).max() <= 1


def test_sets_of_8_bits_are_as_they_were(photo_folder: Callable[..., Path]) -> None:
    files = sorted(map(str, photo_folder({"cat": 4}).rglob("*.png")))
    fitted = FIELD.fit(pl.DataFrame({"file": files}))
    assert fitted is FIELD
    assert "value_range" not in fitted.to_json()
    assert fitted.describe() == ["in:  pictures of 'file', 16 x 16 pixels, grey"]


def test_a_data_set_reads_all_pictures_alike(tmp_path: Path) -> None:
    """Those of valid, and new ones, by the range of the training rows."""
    draw = np.random.default_rng(0)
    arrays = [draw.integers(0, 3000 if number % 2 else 1500, (16, 16)).astype(np.uint16) for number in range(40)]
    columns = {"file": written(tmp_path, arrays), "label": ["dark", "light"] * 20}
    data = hw.from_items(columns, input=FIELD, target="label")
    assert "not of 8 bits: values from 0 to 4095 become 0 to 255, in all pictures alike" in data.summary()
    rows = data.valid.items["row"].to_list()
    expected = [to_8_bits(arrays[row], (0, 4095)) for row in rows]
    assert np.array_equal(data.valid.canvases(range(len(rows)))[..., 0], expected)
    assert np.array_equal(data.input.read(arrays[0])[..., 0], to_8_bits(arrays[0], (0, 4095)))
    assert not data.input.runs_in_browser


def test_deep_arrays_are_read_by_the_range_of_their_set() -> None:
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 4000, (40, 16, 16)).astype(np.uint16)
    data = hw.from_arrays(pictures, ["a", "b"] * 20)
    assert isinstance(data.input, hw.Image)
    assert data.input.value_range == (0, 4095)


def test_a_bundle_of_deep_pictures_opens() -> None:
    field = hw.Image("file", size=16, value_range=(0, 4095))
    assert field.to_json() == json.loads(json.dumps(field.to_json()))
    bundle = read_bundle(GOLDEN)
    manifest = {**bundle.manifest, "input": {**bundle.manifest["input"], "value_range": [0, 4095]}}
    predictor = open_bundle(replace(bundle, manifest=manifest), source="deep.headway")
    assert predictor.input == hw.Image("file", size=8, value_range=(0, 4095))
    assert predictor.predict(np.full((16, 16, 3), (4000, 0, 0), np.uint16)).label == "red"


@pytest.mark.parametrize("said", [[], 0, [1, 2, 3], [5, 1], "ab", [False, True], [0, 10**400], {"low": 0, "high": 1}])
def test_a_bundle_with_another_range_is_refused(said: object) -> None:
    bundle = read_bundle(GOLDEN)
    manifest = {**bundle.manifest, "input": {**bundle.manifest["input"], "value_range": said}}
    with pytest.raises(BundleError, match="The bundle's fields cannot be read"):
        open_bundle(replace(bundle, manifest=manifest), source="deep.headway")


def test_a_range_of_ones_own() -> None:
    field = hw.Image("file", size=16, channels=1, value_range=(-1000, 1000))
    assert field.read(np.full((16, 16), -1000, np.int16)).max() == 0
    assert field.read(np.full((16, 16), 1000.0)).min() == 255
    assert field.read(np.full((16, 16), np.nan)).max() == 0
    assert field.fit(pl.DataFrame({"file": []})) is field
    with pytest.raises(ConfigError) as caught:
        hw.Image("file", value_range=(1, 1))
    assert str(caught.value) == (
        "`value_range` must be two numbers, the lower one first.\n"
        "  Given: (1, 1)\n"
        "  Fix:   Leave it out, or pass it as (0, 4095)."
    )
