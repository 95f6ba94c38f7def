"""Data sets of the hub: their Parquet files as one table, as the hub's own library writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.data.repository import is_repository
from headway.errors import DataError
from headway.system import remote
from tests.unit.bundle.hub_server import Hub, running_hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import HfFileSystem, constants

    # Older ones are kept whatever hub they speak to.
    HfFileSystem.clear_instance_cache()
    with running_hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(remote, "WAIT_SECONDS", 0.01)
        monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
        yield server


def photo(number: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 128, (16, 16, 3)) + 100 * (number % 2)
    PILImage.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def table(numbers: range, **columns: Any) -> bytes:
    """A Parquet file as the hub's library writes it: pictures with their names, and classes as numbers."""
    rows = {
        "image": [{"bytes": photo(number), "path": f"{number}.png"} for number in numbers],
        "label": [number % 2 for number in numbers],
    }
    features = {"image": {"_type": "Image"}, "label": {"names": ["dark", "light"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    file = io.BytesIO()
    pl.DataFrame(rows | columns).write_parquet(file, metadata=metadata)
    return file.getvalue()


def test_which_addresses_are_of_a_repository() -> None:
    yes = ("hf://datasets/ada/pets", "hf://datasets/ada/pets@v2", "hf://datasets/ada/pets.v2/small/")
    no = ("hf://ada/pets", "hf://datasets/ada", "hf://datasets/ada/pets/items.csv", "s3://datasets/ada/pets", Path("x"))
    assert all(map(is_repository, (*yes, "hf://datasets/ada/pets@~parquet")))
    assert not any(map(is_repository, no))


def test_a_repository_is_split_as_its_files_are_named(hub: Hub) -> None:
    hub.files["datasets/ada/pets"] = {
        "README.md": b"pets",
        "data/test-00000-of-00001.parquet": table(range(30, 40)),
        "data/train-00000-of-00002.parquet": table(range(20)),
        "data/train-00001-of-00002.parquet": table(range(20, 30)),
    }
    data = hw.from_csv("hf://datasets/ada/pets", input=hw.Image("image", size=16), target="label")
    # Valid is drawn from train, as no file is of it.
    assert {name: len(data.part(name)) for name in data.parts} == {"train": 24, "valid": 6, "test": 10}
    assert data.target.labels == ("dark", "light")
    assert data.test.canvases([0])[0].shape == (16, 16, 3)
    # The second time nothing is fetched again.
    hw.from_csv("hf://datasets/ada/pets", input=hw.Image("image", size=16), target="label")
    assert sum("GET /datasets" in asked for asked in hub.asked) == 3


def test_one_table_of_a_repository(hub: Hub) -> None:
    hub.files["datasets/ada/pets"] = {"small/items.parquet": table(range(20)), "large/items.parquet": b"?"}
    data = hw.from_csv("hf://datasets/ada/pets/small", input=hw.Image("image", size=16), target="label")
    assert {name: len(data.part(name)) for name in data.parts} == {"train": 16, "valid": 4}


def test_repositories_that_are_no_table(hub: Hub) -> None:
    hub.files["datasets/ada/pets"] = {"items.csv": b"a,b\n1,2\n"}
    hub.files["datasets/ada/mixed"] = {"a.parquet": table(range(4)), "b.parquet": table(range(4), age=[1] * 4)}
    errors = []
    for name in ("pets", "mixed", "none"):
        with pytest.raises(DataError) as error:
            hw.from_csv(f"hf://datasets/ada/{name}", input="image", target="label")
        errors.append(str(error.value))
    assert errors[0] == (
        "The repository has no Parquet files.\n"
        "  Given: hf://datasets/ada/pets\n"
        "  Fix:   Name the hub's own copy, hf://datasets/ada/pets@~parquet, or another file of it, such as "
        "hf://datasets/ada/pets/items.csv."
    )
    assert errors[1] == (
        "The repository's Parquet files have different columns.\n"
        "  Given: hf://datasets/ada/mixed/a.parquet: image, label; "
        "hf://datasets/ada/mixed/b.parquet: image, label, age\n"
        "  Fix:   Name one of its folders or files."
    )
    assert errors[2].startswith("The table cannot be read.\n  Given: hf://datasets/ada/none (")
