from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headway.datasets import download
from headway.datasets.catalogue import PublishedFile
from headway.datasets.download import DownloadError, obtain
from headway.errors import ConfigError

CONTENT = bytes(range(256)) * 4096


@dataclass
class Site:
    """A server on this machine: what it does to the n-th request, and what it was asked."""

    address: str
    faults: list[str] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    content: bytes = CONTENT

    def file(self, path: str = "file.bin", *, more: tuple[str, ...] = ()) -> PublishedFile:
        digest = hashlib.sha256(CONTENT).hexdigest()
        return PublishedFile(name="file.bin", addresses=(self.address + path, *more), size=len(CONTENT), sha256=digest)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self.close_connection = True
        self.site.requests.append({"path": self.path, **dict(self.headers.items())})
        fault = self.site.faults.pop(0) if self.site.faults else "well"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, f"_{fault.partition(' ')[0]}")(fault.partition(" ")[2])

    def _head(self, status: int, headers: dict[str, object]) -> None:
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def _body(self, *, ranges: bool = True) -> bytes:
        content, wanted = self.site.content, re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and ranges else 0
        if start >= len(content):
            self._head(416, {"Content-Length": 0})
            return b""
        found = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self._head(206 if start else 200, {"Content-Length": len(content) - start, **found})
        return content[start:]

    def _well(self, _: str) -> None:
        self.wfile.write(self._body())

    def _cut(self, after: str) -> None:
        self.wfile.write(self._body()[: int(after)])

    def _cut_without_range(self, after: str) -> None:
        self.wfile.write(self._body(ranges=False)[: int(after)])

    def _without_range(self, _: str) -> None:
        self.wfile.write(self._body(ranges=False))

    def _stall(self, after: str) -> None:
        self.wfile.write(self._body()[: int(after)])
        self.wfile.flush()
        time.sleep(0.6)

    def _corrupt(self, _: str) -> None:
        body = bytearray(self._body())
        body[len(body) // 2] ^= 1
        self.wfile.write(body)

    def _status(self, status: str) -> None:
        self._head(int(status), {"Content-Length": 0})

    def _redirect(self, target: str) -> None:
        self._head(302, {"Location": target, "Content-Length": 0})

    def _page(self, _: str) -> None:
        self._head(200, {"Content-Length": 4, "Content-Type": "text/html"})
        self.wfile.write(b"Hi!\n")

    def _endless(self, _: str) -> None:
        self._head(200, {})
        while True:
            self.wfile.write(CONTENT)

    def _otherrange(self, _: str) -> None:
        self._head(206, {"Content-Range": f"bytes 5-9/{len(CONTENT)}", "Content-Length": 5})
        self.wfile.write(CONTENT[5:10])


@pytest.fixture
def new_site() -> Iterator[Callable[..., Site]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def make(*faults: str) -> Site:
        handler = type("Handler", (_Handler,), {})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        handler.site = Site(f"http://127.0.0.1:{server.server_address[1]}/", list(faults))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return handler.site

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(download, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWAY_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


def fetch(site: Site, folder: Path, **options: object) -> Path:
    return obtain(site.file(), folder, name="things", **options)  # type: ignore[arg-type]


def test_what_is_whole_is_kept(new_site: Callable[..., Site], tmp_path: Path) -> None:
    site = new_site()
    seen: list[int] = []
    found = fetch(site, tmp_path / "new", on_progress=seen.append)
    assert found.read_bytes() == CONTENT
    assert [each.name for each in found.parent.iterdir()] == ["file.bin"]
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == len(CONTENT)
    assert fetch(site, tmp_path / "new") == found
    assert len(site.requests) == 1


# A fault for each of the first requests; how many requests it takes then.
SURVIVED = {
    "cut": (["cut 300000", "cut 300000"], 3),
    "cut at once": (["cut 0", "cut 0"], 3),
    "cut, then it ignores ranges": (["cut 300000", "without_range"], 2),
    "ignores ranges and cuts": (["cut_without_range 500000", "cut_without_range 900000"], 3),
    "stalls": (["stall 100000"], 2),
    "corrupts what was cut": (["cut 300000", "corrupt"], 3),
    "another range": (["cut 300000", "otherrange"], 3),
    "range not satisfiable": (["cut 300000", "status 416"], 3),
    "busy": (["status 503", "status 429"], 3),
    "broken for a moment": (["status 500"], 2),
    "moved": (["redirect /elsewhere"], 2),
    "moved while cut": (["cut 300000", "redirect /elsewhere"], 3),
}


@pytest.mark.parametrize("case", SURVIVED)
def test_faults_that_pass(case: str, new_site: Callable[..., Site], tmp_path: Path) -> None:
    faults, num_requests = SURVIVED[case]
    site = new_site(*faults)
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert [each.name for each in tmp_path.iterdir()] == ["file.bin"]
    assert len(site.requests) == num_requests


# A fault that stays; what the error says.
LOST = {
    "status 404": "it answers 404 Not Found",
    "status 500": "it answers 500 Internal Server Error",
    "page": "it has 4 bytes",
    "endless": "it has more than 1,048,576 bytes",
    "corrupt": "another file than the published one",
    "cut 0": "the connection was cut",
    "stall 0": "nothing came for 0.3 s",
    "redirect /again": "more than 10 redirects",
    "redirect file:///etc/hostname": "it leads to something other than an http address (No connection adapters were "
    "found for 'file:///etc/hostname')",
}


@pytest.mark.parametrize("fault", LOST)
def test_faults_that_stay(fault: str, new_site: Callable[..., Site], tmp_path: Path) -> None:
    site = new_site(*[fault] * 20)
    with pytest.raises(DownloadError) as caught:
        fetch(site, tmp_path)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert str(caught.value) == (
        "file.bin of the data set things could not be downloaded.\n"
        f"  Given: 1,048,576 bytes, SHA-256 {digest}; tried:\n    {site.address}file.bin: {LOST[fault]}\n"
        "  Fix:   Check the network and try again: what was received is kept. Or download it elsewhere and put it at "
        f"{tmp_path / 'file.bin'}, or set HEADWAY_MIRROR to a folder or address that has things/file.bin."
    )
    assert not (tmp_path / "file.bin").exists()


@pytest.mark.parametrize("fault", ["status 404", "page", "corrupt", "endless"])
def test_the_next_address_is_tried(fault: str, new_site: Callable[..., Site], tmp_path: Path) -> None:
    bad, good = new_site(*[fault] * 20), new_site()
    file = bad.file(more=(good.address,))
    assert obtain(file, tmp_path, name="things").read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_was(new_site: Callable[..., Site], tmp_path: Path) -> None:
    site = new_site("cut 300000", "status 404")
    with pytest.raises(DownloadError):
        fetch(site, tmp_path)
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:300000]
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert site.requests[-1]["Range"] == "bytes=300000-"


def test_a_file_that_changed_meanwhile_is_not_patched_together(new_site: Callable[..., Site], tmp_path: Path) -> None:
    site = new_site("cut 300000", "status 404")
    site.content = bytes(reversed(CONTENT))
    with pytest.raises(DownloadError):
        fetch(site, tmp_path)
    site.content = CONTENT
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    # The pieces do not have the hash, so it began again.
    assert len(site.requests) == 4


def test_parts_of_unknown_origin_are_tried_and_then_dropped(new_site: Callable[..., Site], tmp_path: Path) -> None:
    site = new_site()
    for part, num_requests in ((CONTENT[:1000], 1), (b"x" * 1000, 2), (b"x" * len(CONTENT), 1), (CONTENT + b"x", 1)):
        site.requests.clear()
        (tmp_path / "file.bin").unlink(missing_ok=True)
        (tmp_path / "file.bin.part").write_bytes(part)
        assert fetch(site, tmp_path).read_bytes() == CONTENT
        assert len(site.requests) == num_requests
        assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_what_was_put_there_by_hand(new_site: Callable[..., Site], tmp_path: Path) -> None:
    site = new_site("status 404")
    (tmp_path / "file.bin").write_bytes(b"another version")
    with pytest.raises(DownloadError, match=r"file\.bin: another file than the published one\n.*404"):
        fetch(site, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == b"another version"
    (tmp_path / "file.bin").write_bytes(CONTENT)
    assert fetch(site, tmp_path) == tmp_path / "file.bin"
    assert len(site.requests) == 1


def test_a_mirror_at_an_address(new_site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, site = new_site(), new_site()
    monkeypatch.setenv("HEADWAY_MIRROR", mirror.address)
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert [each["path"] for each in mirror.requests] == ["/things/file.bin"]
    assert not site.requests


def test_a_mirror_in_a_folder(new_site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, kept = new_site(), tmp_path / "mirror" / "things" / "file.bin"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(CONTENT)
    monkeypatch.setenv("HEADWAY_MIRROR", str(tmp_path / "mirror"))
    assert fetch(site, tmp_path / "new") == kept
    assert not site.requests


@pytest.mark.parametrize(("kept", "reason"), [(None, "no such file"), (b"x", "another file than the published one")])
def test_a_mirror_that_does_not_serve_is_told_of(
    kept: bytes | None,
    reason: str,
    new_site: Callable[..., Site],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "mirror" / "things" / "file.bin"
    file.parent.mkdir(parents=True)
    if kept is not None:
        file.write_bytes(kept)
    monkeypatch.setenv("HEADWAY_MIRROR", str(tmp_path / "mirror"))
    told = f"HEADWAY_MIRROR was passed over for things: {reason} ({file})"
    with pytest.warns(UserWarning, match=f"^{re.escape(told)}$"):
        assert fetch(new_site(), tmp_path / "new").read_bytes() == CONTENT
    address = new_site("status 404").address
    monkeypatch.setenv("HEADWAY_MIRROR", address)
    with pytest.warns(UserWarning, match=re.escape(f"it answers 404 Not Found ({address}things/file.bin)")):
        fetch(new_site(), tmp_path / "newer")


@pytest.mark.parametrize("mirror", ["ftp://example.org/", "file:///tmp", "nowhere/at/all"])
def test_a_mirror_that_is_none(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_MIRROR", mirror)
    with pytest.raises(ConfigError) as caught:
        fetch(Site("http://127.0.0.1:1/"), tmp_path)
    assert str(caught.value) == (
        "HEADWAY_MIRROR must be a folder, or an address that begins with http:// or https://.\n"
        f"  Given: {mirror}\n  Fix:   Correct it, or unset it."
    )


def test_without_a_network(tmp_path: Path) -> None:
    # Nothing listens at port 1; names under .invalid are never given to anyone.
    file = Site("http://127.0.0.1:1/").file(more=("http://things.invalid/file.bin",))
    with pytest.raises(DownloadError) as caught:
        obtain(file, tmp_path, name="things")
    assert "http://127.0.0.1:1/file.bin: no connection\n" in str(caught.value)
    assert "http://things.invalid/file.bin: its name cannot be looked up: is there a network?\n" in str(caught.value)


def test_an_error_that_is_the_disks_is_not_the_networks(new_site: Callable[..., Site], tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").mkdir()
    with pytest.raises(OSError) as caught:  # noqa: PT011
        fetch(new_site(), tmp_path)
    assert not isinstance(caught.value, DownloadError)


def test_bytes_are_taken_as_they_are(new_site: Callable[..., Site], tmp_path: Path) -> None:
    """Some servers call a .gz file gzip-encoded; it is not to be unpacked on the way."""
    site = new_site()
    fetch(site, tmp_path)
    assert site.requests[0]["Accept-Encoding"] == "identity"
