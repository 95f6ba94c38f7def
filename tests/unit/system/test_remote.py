"""Files elsewhere: fetched once, again when they change, and in spite of a server that is slow and fails."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.errors import DataError
from headway.system import remote
from headway.system.files import read_file
from headway.system.remote import fetched, remote_state

pytest.importorskip("aiohttp", reason='pip install "headway[remote]"')


class Elsewhere(ThreadingHTTPServer):
    """A server of files that answers late, and of each file refuses or breaks off the first answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.failures = 0
        self.seconds = 0.0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked[self.command, name] += 1
        time.sleep(self.server.seconds)
        content = self.server.files.get(name)
        # The first answer is refused, the next is broken off, and so on.
        failing = self.server.asked[self.command, name] <= self.server.failures
        is_cut = failing and self.command == "GET" and self.server.asked[self.command, name] % 2 == 0
        self.send_response(404 if content is None else 503 if failing and not is_cut else 200)
        content = content or b""
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hash(content)}"')
        self.end_headers()
        if self.command == "GET" and not (failing and not is_cut):
            self.wfile.write(content[: len(content) // 2] if is_cut else content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Elsewhere]:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "WAIT_SECONDS", 0.01)
    with Elsewhere() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_a_file_is_fetched_once_and_again_when_it_changes(elsewhere: Elsewhere) -> None:
    elsewhere.files["rex.jpg"] = b"first"
    address = f"{elsewhere.address}/rex.jpg"
    state = remote_state(address)
    assert [read_file(address) for _ in range(3)] == [b"first"] * 3
    assert elsewhere.asked["GET", "rex.jpg"] == 1
    elsewhere.files["rex.jpg"] = b"second"
    assert (read_file(address), remote_state(address) != state) == (b"second", True)


def test_a_server_that_refuses_and_breaks_off_is_asked_again(elsewhere: Elsewhere) -> None:
    elsewhere.files["rex.jpg"] = bytes(range(256)) * 100
    elsewhere.failures = 2
    assert read_file(f"{elsewhere.address}/rex.jpg") == elsewhere.files["rex.jpg"]
    assert elsewhere.asked["GET", "rex.jpg"] == 3


def test_what_cannot_be_fetched(elsewhere: Elsewhere) -> None:
    elsewhere.files["large.jpg"] = bytes(100)
    with pytest.raises(OSError, match=r"too large: 0\.0 GB, the limit is 0\.0 GB"):
        fetched(f"{elsewhere.address}/large.jpg", max_bytes=99)
    with pytest.raises(FileNotFoundError):
        read_file(f"{elsewhere.address}/none.jpg")
    elsewhere.failures = 9
    with pytest.raises(OSError, match="not fetched in 3 tries: 503"):
        read_file(f"{elsewhere.address}/large.jpg")
    with pytest.raises(OSError, match=r'Protocol not known: .* \(pip install "headway\[remote\]"\)'):
        read_file("nowhere://pets/rex.jpg")
    assert remote_state(f"{elsewhere.address}/none.jpg") == "missing"


def test_what_was_not_used_for_longest_makes_room(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(remote, "MAX_CACHE_BYTES", 350)
    monkeypatch.setattr(remote, "_LOOK_AGAIN_BYTES", 50)
    (tmp_path / "cache" / "remote").mkdir(parents=True)
    # What another process is fetching, and a name whose file has gone meanwhile.
    part, gone = (tmp_path / "cache" / "remote" / name for name in (".5.jpg.part", "gone.jpg"))
    part.write_bytes(bytes(100))
    os.utime(part, (0, 0))
    gone.symlink_to("none")
    kept = []
    for number in range(4):
        elsewhere.files[f"{number}.jpg"] = bytes([number]) * 100
        kept.append(fetched(f"{elsewhere.address}/{number}.jpg", max_bytes=1000))
        os.utime(kept[-1], (number + 1, number + 1))
    assert [file.exists() for file in (part, *kept)] == [True, False, True, True, True]
    assert read_file(f"{elsewhere.address}/0.jpg") == bytes([0]) * 100


def photo(number: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 128, (16, 16, 3)) + 100 * (number % 2)
    PILImage.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def table(names: list[str]) -> bytes:
    file = io.BytesIO()
    pl.DataFrame({"photo": names, "label": ["dark", "light"] * (len(names) // 2)}).write_parquet(file)
    return file.getvalue()


@pytest.mark.slow
def test_a_table_elsewhere_and_its_photos(elsewhere: Elsewhere) -> None:
    elsewhere.files |= {f"photos/{number}.png": photo(number) for number in range(20)}
    names = [f"photos/{number}.png" for number in range(20)]
    # An address of its own, beside paths from the table's folder.
    names[0] = f"{elsewhere.address}/{names[0]}"
    elsewhere.files["items.parquet"] = table(names)
    elsewhere.failures = 1
    for _ in range(2):
        data = hw.from_items(f"{elsewhere.address}/items.parquet", input=hw.Image("photo", size=16), target="label")
        assert (len(data.items), len(data.problems)) == (20, 0)
    # The second time it is the store that is read; a photo was refused once and fetched once.
    assert {count for (method, name), count in elsewhere.asked.items() if method == "GET" and "photos" in name} == {2}
    assert data.train.canvases([0])[0].shape == (16, 16, 3)


def test_a_table_that_cannot_be_fetched(elsewhere: Elsewhere) -> None:
    address = f"{elsewhere.address}/none.parquet"
    with pytest.raises(DataError) as error:
        hw.from_items(address, target="label")
    first, given, fix = str(error.value).splitlines()
    assert (first, fix) == (
        "The table cannot be read.",
        "  Fix:   Check the address, the network, and that you may read it.",
    )
    assert given.startswith(f"  Given: {address} (")


@pytest.mark.slow
def test_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 as moto's server speaks it: a table and its photos in a bucket."""
    s3fs = pytest.importorskip("s3fs")
    pytest.importorskip("flask_cors", reason="no server of moto's")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    store = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "HEADWAY_CACHE": str(tmp_path),
        }.items():
            monkeypatch.setenv(name, value)
        for _ in range(200):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        files = s3fs.S3FileSystem()
        files.mkdir("pets")
        for number in range(20):
            files.pipe_file(f"pets/photos/{number}.png", photo(number))
        files.pipe_file("pets/items.parquet", table([f"photos/{number}.png" for number in range(20)]))
        data = hw.from_items("s3://pets/items.parquet", input=hw.Image("photo", size=16), target="label")
        assert (len(data.items), len(data.problems)) == (20, 0)
        with pytest.raises(DataError, match=r"s3://pets/none.parquet \("):
            hw.from_items("s3://pets/none.parquet", target="label")
    finally:
        store.terminate()
        store.wait()
