from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

from headway.data import store as store_module
from headway.data.ragged import Ragged, RaggedWriter
from headway.data.store import Store, open_store, reader_threads
from headway.errors import ConfigError, ReadError
from headway.inputs.image.field import Image
from headway.system.files import read_file

READER = Image("file", size=8, crop=0.8)

Decoded = Callable[[], int]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own."""
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "store"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    """How many items were decoded since it was last asked."""
    calls: list[int] = []
    canvas = Image.canvas

    def counted(self: Image, value: object) -> np.ndarray:
        calls.append(threading.get_ident())
        return canvas(self, value)

    def since() -> int:
        number = len(calls)
        calls.clear()
        return number

    monkeypatch.setattr(Image, "canvas", counted)
    return since


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    draw = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.bmp" for i in range(7)]
    for path in paths:
        PILImage.fromarray(draw.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(path)
    return paths


def assert_same(one: Store, two: Store) -> None:
    np.testing.assert_array_equal(one.canvases, two.canvases)
    assert one.contents.equals(two.contents)
    assert one.reasons == two.reasons


def test_the_store_holds_what_the_reader_reads(files: list[Path]) -> None:
    store = open_store(files, READER)
    assert store.canvases is not None
    assert store.canvases.shape == (7, 10, 10, 3)
    assert store.canvases.dtype == np.uint8
    for path, canvas in zip(files, store.canvases, strict=True):
        np.testing.assert_array_equal(canvas, READER.canvas(path))
    assert store.reasons == {}
    assert store.contents.n_unique() == 7


def test_nothing_is_decoded_the_second_time(files: list[Path], decoded: Decoded, cache: Path) -> None:
    first = open_store(files, READER)
    assert decoded() == len(files) + 1  # one of them twice, for its shape
    second = open_store(files, READER)
    assert decoded() == 0
    assert_same(first, second)
    assert isinstance(second.canvases, np.memmap)
    # No traces of the making are left.
    assert sorted(path.suffix for path in cache.iterdir()) == [".bin", ".json"]


def test_a_store_from_the_cache_cannot_be_written_to(files: list[Path]) -> None:
    for _ in range(2):
        store = open_store(files, READER)
        assert store.canvases is not None
        assert not store.canvases.flags.writeable


def test_what_is_asked_for_decides(files: list[Path], decoded: Decoded) -> None:
    open_store(files, READER)
    decoded()
    for values, reader in [
        (files[:-1], READER),
        (files[::-1], READER),
        (files, Image("file", size=8, crop=1.0)),
        (files, Image("file", size=9, crop=0.9)),
        (files, Image("file", size=8, channels=1, crop=0.8)),
    ]:
        found = open_store(values, reader)
        assert decoded() == len(values) + 1
        np.testing.assert_array_equal(found.canvases, np.stack([reader.canvas(value) for value in values]))
        decoded()
    # The column's name is nothing to the pixels.
    open_store([str(file) for file in files], Image("photo", size=8, crop=0.8))
    assert decoded() == 0


def test_relative_paths_mean_what_they_mean_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "a.bmp").write_bytes(b"x")
    # One file under two names: neither its size nor its times tell them apart.
    os.link(tmp_path / "one" / "a.bmp", tmp_path / "two" / "a.bmp")
    keys = []
    for name in ("one", "two", "one"):
        monkeypatch.chdir(tmp_path / name)
        keys.append(store_module._key(["a.bmp"], READER))
    assert keys[0] == keys[2] != keys[1]
    assert keys[0] == store_module._key([tmp_path / "one" / "a.bmp"], READER)


def test_a_touched_file_is_read_again(files: list[Path], decoded: Decoded) -> None:
    before = open_store(files, READER)
    os.utime(files[3], ns=(1, 1))
    decoded()
    assert_same(open_store(files, READER), before)
    assert decoded() > 0


def test_a_file_changed_behind_its_times_is_read_again(files: list[Path]) -> None:
    before = open_store(files, READER)
    stat = files[3].stat()
    # The same size and, as rsync, tar and cp -p do, the time of writing set back.
    PILImage.new("RGB", (12, 12), (1, 2, 3)).save(files[3])
    os.utime(files[3], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (files[3].stat().st_size, files[3].stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    after = open_store(files, READER)
    assert after.canvases is not None
    assert (after.canvases[3] == (1, 2, 3)).all()
    assert after.contents[3] != before.contents[3]
    assert after.contents[:3].equals(before.contents[:3])


def test_a_missing_file_is_read_once_it_is_there(files: list[Path]) -> None:
    data = files[2].read_bytes()
    files[2].unlink()
    assert open_store(files, READER).reasons == {2: "no such file"}
    files[2].write_bytes(data)
    assert open_store(files, READER).reasons == {}


def test_a_new_version_reads_anew(files: list[Path], decoded: Decoded, monkeypatch: pytest.MonkeyPatch) -> None:
    version = store_module.version
    for package in ("pillow", "headway"):
        open_store(files, READER)
        decoded()
        monkeypatch.setattr(store_module, "version", lambda name, new=package: "99" if name == new else version(name))
        open_store(files, READER)
        assert decoded() > 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda notes, pixels: pixels.write_bytes(pixels.read_bytes()[:-1]),
        lambda notes, pixels: pixels.write_bytes(b""),
        lambda notes, pixels: pixels.unlink(),
        lambda notes, pixels: notes.write_text(""),
        lambda notes, pixels: notes.write_text(notes.read_text()[:-20]),
        lambda notes, pixels: notes.write_bytes(b"\xff\xfe\x00"),
        lambda notes, pixels: notes.write_text("[]"),
        lambda notes, pixels: notes.write_text("{}"),
        lambda notes, pixels: notes.write_text(json.dumps({"shape": [7, 10, 10, 3]})),
        lambda notes, pixels: notes.write_text(json.dumps({"shape": [7, 10, 10, 3], "contents": [], "reasons": {}})),
        lambda notes, pixels: notes.write_text(
            json.dumps({"shape": [7, 10, 10, 3], "contents": ["a"] * 7, "reasons": []})
        ),
        lambda notes, pixels: notes.write_text(json.dumps({"shape": "no", "contents": ["a"] * 7, "reasons": {}})),
    ],
)
def test_a_damaged_cache_is_made_again(
    files: list[Path], cache: Path, decoded: Decoded, damage: Callable[[Path, Path], object]
) -> None:
    first = open_store(files, READER)
    contents, canvases = first.contents, np.array(first.canvases)
    del first
    (notes,), (pixels,) = cache.glob("*.json"), cache.glob("*.bin")
    damage(notes, pixels)
    decoded()
    assert_same(open_store(files, READER), Store(canvases, contents))
    assert decoded() == len(files) + 1
    assert_same(open_store(files, READER), Store(canvases, contents))
    assert decoded() == 0


@pytest.mark.parametrize("where", ["file", "below"])
def test_a_cache_that_cannot_be_written_is_gone_without(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # A file where the folder should be stops root as well, which a folder without write permission would not.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "file" if where == "file" else tmp_path / "file" / "below"))
    for _ in range(2):
        store = open_store(files, READER)
        assert not isinstance(store.canvases, np.memmap)
        np.testing.assert_array_equal(store.canvases, np.stack([READER.canvas(file) for file in files]))


def test_a_full_disk_is_gone_without(files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = store_module.shutil.disk_usage(files[0].parent)
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda _: usage._replace(free=2 * 7 * 300 - 1))
    assert not isinstance(open_store(files, READER).canvases, np.memmap)
    assert list(cache.iterdir()) == []
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda _: usage._replace(free=2 * 7 * 300))
    assert isinstance(open_store(files, READER).canvases, np.memmap)


def test_an_error_on_the_way_leaves_no_traces(files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = Image.canvas

    def interrupted(self: Image, value: object) -> np.ndarray:
        if isinstance(value, bytes) and value == files[4].read_bytes():
            raise KeyboardInterrupt
        return canvas(self, value)

    monkeypatch.setattr(Image, "canvas", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_store(files, READER, threads=1)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_the_number_of_threads_does_not_matter(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    values = [*files * 20, tmp_path / "none", *files]
    expected = open_store(values, READER)
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "other"))
    assert_same(open_store(values, READER, threads=threads), expected)


def test_reader_threads_are_one_a_core_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= reader_threads() <= 16
    monkeypatch.setattr(store_module, "num_cores", lambda: 5)
    assert reader_threads() == 5
    monkeypatch.setattr(store_module, "num_cores", lambda: 99)
    assert reader_threads() == 16


def test_what_cannot_be_read_has_a_reason_and_an_empty_slot(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "half.bmp").write_bytes(files[0].read_bytes()[:100])
    (tmp_path / "folder.png").mkdir()
    values = [
        tmp_path / "none.png",
        files[0],
        tmp_path / "empty.png",
        tmp_path / "text.png",
        tmp_path / "half.bmp",
        tmp_path / "folder.png",
        "a\0b",
        files[1],
    ]
    for _ in range(2):  # as they were found, and from the cache
        store = open_store(values, READER)
        half = store.reasons.pop(4)
        assert half.startswith("damaged: image file is truncated")
        assert store.reasons == {
            0: "no such file",
            2: "empty: 0 bytes",
            3: "not an image that Pillow can read",
            5: "a folder, not a file",
            6: "not a path: embedded null byte",
        }
        assert store.canvases is not None
        assert not store.canvases[[0, 2, 3, 4, 5, 6]].any()
        assert store.canvases[[1, 7]].any((1, 2, 3)).all()
        assert [bool(content) for content in store.contents] == [False, True, False, False, False, False, False, True]


def test_nothing_that_can_be_read_gives_only_reasons(tmp_path: Path) -> None:
    store = open_store([tmp_path / "a", tmp_path / "b"], READER)
    assert store.canvases is None
    assert store.contents.to_list() == ["", ""]
    assert store.reasons == {0: "no such file", 1: "no such file"}
    assert_same(open_store([], READER), Store(None, pl.Series(dtype=pl.String)))


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), PermissionError(13, "Permission denied")])
def test_a_failure_of_the_moment_is_not_remembered(
    files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def failing(path: Path) -> bytes:
        if path == files[3]:
            raise error
        return read_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("headway.data.store.read_file", failing)
        store = open_store(files, READER)
    assert store.reasons == {3: str(error.strerror).lower()}
    assert store.canvases is not None
    np.testing.assert_array_equal(store.canvases[4], READER.canvas(files[4]))
    assert list(cache.iterdir()) == []
    assert open_store(files, READER).reasons == {}


def test_running_out_of_memory_is_not_remembered(
    files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    square, poor = Image._square, READER.canvas(files[3])

    def failing(self: Image, image: PILImage.Image) -> np.ndarray:
        pixels = square(self, image)
        if np.array_equal(pixels, poor):
            raise MemoryError
        return pixels

    with monkeypatch.context() as patch:
        patch.setattr(Image, "_square", failing)
        assert open_store(files, READER).reasons == {3: "damaged: MemoryError"}
    assert list(cache.iterdir()) == []
    assert open_store(files, READER).reasons == {}


def test_contents_tell_identical_items(files: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.bmp"
    copy.write_bytes(files[0].read_bytes())
    data = files[0].read_bytes()
    contents = open_store([files[0], files[1], copy, data, bytearray(data), memoryview(data)], READER).contents
    assert contents[0] == contents[2] == contents[3] == contents[4] == contents[5] != contents[1]


def test_arrays_and_images_differ_by_their_shape_and_type() -> None:
    zeros = [np.zeros(shape, dtype) for shape in ((4, 9), (9, 4), (6, 6)) for dtype in (np.uint8, np.uint16)]
    images = [PILImage.new("L", (5, 8)), PILImage.new("L", (8, 5))]
    contents = open_store([*zeros, *images, zeros[0].copy()], READER).contents
    assert len(set(contents)) == 8
    assert contents[0] == contents[-1]


@pytest.mark.parametrize("value", [None, 3, [[1, 2], [3]], {"path": "a.png"}, np.zeros((2, 2), np.int64)])
def test_what_is_no_item_has_a_reason(value: object, files: list[Path]) -> None:
    store = open_store([files[0], value], READER)
    assert list(store.reasons) == [1]
    assert store.reasons[1] == "no value" or store.reasons[1].startswith("not an image: ")


def test_items_that_are_no_files_stay_in_memory(
    files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [file.read_bytes() for file in files]
    store = open_store(values, READER)
    np.testing.assert_array_equal(store.canvases, np.stack([READER.canvas(value) for value in values]))
    assert not cache.exists()
    monkeypatch.setattr(store_module, "MAX_MEMORY_BYTES", 7 * 300)
    assert open_store(values, READER).canvases is not None
    monkeypatch.setattr(store_module, "MAX_MEMORY_BYTES", 7 * 300 - 1)
    too_large = open_store(values, READER)
    assert too_large.canvases is None
    assert too_large.contents.equals(store.contents)


def test_the_cache_makes_room_for_what_is_new(files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_STORE_BYTES", 7 * 300)
    groups = [files[:3], files[3:5], files[5:]]
    for age, group in enumerate(groups[:2]):
        open_store(group, READER)
        for path in cache.glob("*.bin"):
            if path.stat().st_mtime > 1000:
                os.utime(path, (age, age))
    used_lately = open_store(groups[0], READER)  # used again, so the second one is now the oldest
    open_store(files[3:6], READER)
    assert sorted(path.stat().st_size for path in cache.glob("*.bin")) == [900, 900]
    assert len(list(cache.glob("*.json"))) == 2
    monkeypatch.setattr(store_module, "MAX_STORE_BYTES", 899)
    # Larger than all of the cache: not kept there, and nothing is thrown out for it.
    del used_lately
    store = open_store(files[1:4], READER)
    assert not isinstance(store.canvases, np.memmap)
    assert len(list(cache.glob("*.bin"))) == 2


@dataclass(frozen=True)
class Wave:
    """Reads a file of float32 numbers as `[time, 2]`, as long as the file is."""

    dtype = np.float32
    axes = ("time*", "channels")

    def canvas(self, value: bytes) -> np.ndarray:
        if len(value) % 8:
            message = "not a whole number of samples"
            raise ReadError(message)
        return np.frombuffer(value, dtype=np.float32).reshape(-1, 2)

    def to_json(self) -> dict[str, str]:
        return {"kind": "wave"}


@dataclass(frozen=True)
class Levels:
    """Reads a file of two float32 numbers."""

    dtype: type[np.generic] = np.float32
    axes = ("columns",)

    def canvas(self, value: bytes) -> np.ndarray:
        return np.frombuffer(value, dtype=np.float32)

    def to_json(self) -> dict[str, str]:
        return {"kind": "levels"}


def test_the_store_keeps_the_dtype_that_the_reader_declares(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.f32" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(np.array([number + 0.25, -number], np.float32).tobytes())
    for values in (paths, paths, [path.read_bytes() for path in paths]):  # made, from the cache, and in memory
        store = open_store(values, Levels())
        assert isinstance(store.canvases, np.ndarray)
        assert store.canvases.dtype == np.float32
        assert store.canvases.tolist() == [[0.25, 0], [1.25, -1], [2.25, -2], [3.25, -3]]
    with pytest.raises(ConfigError, match="float32, not uint8"):
        open_store(paths, Levels(dtype=np.uint8))


def test_items_of_different_lengths_lie_one_after_another(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = [np.random.default_rng(n).normal(size=(length, 2)).astype("f4") for n, length in enumerate([3, 0, 5, 1])]
    paths = [tmp_path / f"{number}.wave" for number in range(5)]
    for wave, path in zip([*waves[:2], waves[0][:1].ravel()[:1], *waves[2:]], paths, strict=True):
        path.write_bytes(wave.tobytes())
    for values in (paths, paths, [path.read_bytes() for path in paths]):
        store = open_store(values, Wave(), threads=3)
        assert store.reasons == {2: "not a whole number of samples"}
        assert isinstance(store.canvases, Ragged)
        found = store.canvases[np.array([4, 0, 1, 3])]
        for array, wave in zip(found, [waves[3], waves[0], waves[1], waves[2]], strict=True):
            np.testing.assert_array_equal(array, wave)
            assert array.dtype == np.float32
    assert sorted(path.suffix for path in cache.iterdir()) == [".bin", ".json"]
    monkeypatch.setattr(store_module, "MAX_MEMORY_BYTES", 9 * 8)
    assert open_store([path.read_bytes() for path in paths], Wave()).canvases is not None
    monkeypatch.setattr(store_module, "MAX_MEMORY_BYTES", 9 * 8 - 1)
    assert open_store([path.read_bytes() for path in paths], Wave()).canvases is None


def test_an_interrupted_store_leaves_no_file_open(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writers: list[RaggedWriter] = []

    class Kept(RaggedWriter):
        def __init__(self, *options: Any) -> None:
            super().__init__(*options)
            writers.append(self)

        def __setitem__(self, index: int, array: np.ndarray) -> None:
            if index == 2:
                raise KeyboardInterrupt
            super().__setitem__(index, array)

    paths = [tmp_path / f"{number}.wave" for number in range(4)]
    for path in paths:
        path.write_bytes(np.ones((3, 2), "f4").tobytes())
    monkeypatch.setattr(store_module, "RaggedWriter", Kept)
    with pytest.raises(KeyboardInterrupt):
        open_store(paths, Wave(), threads=1)
    assert list(cache.iterdir()) == []
    assert writers[0]._bytes.closed


def test_progress_is_told_and_ends_at_the_end(files: list[Path], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    values = [*files * 20, tmp_path / "none"]
    open_store(values, READER, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 141), (128, 141), (141, 141)]
    told.clear()
    open_store(values, READER, on_progress=lambda done, total: told.append((done, total)))
    assert told == []
