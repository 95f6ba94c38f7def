"""Clients that mean harm: none ends the server, and none takes more than its limits."""

from __future__ import annotations

import gzip
import io
import random
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from tests.serve.server import Running, form, picture, running

# Servers and commands in processes of their own take seconds to start.
pytestmark = pytest.mark.slow

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
SEED = 0
NUM_BODIES = 500
MAX_BODY = 1_000_000
# Sixteen bodies, one large picture as it is decoded, and as much again for what Python keeps.
MAX_MORE_MEMORY = 200e6


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    quick = "import headway.serve.server as s, headway.serve.body as b\n"
    quick += "s._HEADER_SECONDS, s._REST_SECONDS, b._GRACE_SECONDS = 1.0, 1.0, 1.0\n"
    quick += "b._SLOWEST_BYTES_A_SECOND = 400_000\n"
    with running("--max-body", "1MB", "--max-pixels", "4MP", before=quick) as found:
        assert found.predict(picture()).status == 200
        yield found


def bodies() -> Iterator[tuple[str, bytes]]:
    """Bodies that are cut short, changed, bombs, or not what they say, each with a content type."""
    draw = random.Random(SEED)
    files = {kind: picture("red", (64, 48), kind=kind) for kind in KINDS}
    for number in range(NUM_BODIES):
        kind = KINDS[number % len(KINDS)]
        data = files[kind]
        match number // len(KINDS) % 8:
            case 0:
                yield "image/png", data[: draw.randrange(len(data))]
            case 1 | 2:
                changed = bytearray(data)
                for _ in range(draw.randrange(1, 20)):
                    changed[draw.randrange(len(changed))] = draw.randrange(256)
                yield "", bytes(changed)
            case 3:
                yield "image/jpeg", bombs()[number % len(bombs())]
            case 4:
                yield draw.choice(["application/json", "text/html", "image/" + "x" * 2000, ";;;", "\xff\xfe"]), data
            case 5:
                body, content_type = form(
                    *[("file", "a" * draw.randrange(300), "image/png", data)] * draw.randrange(70)
                )
                yield content_type, body[: draw.randrange(len(body) + 1)]
            case 6:
                yield "multipart/form-data; boundary=limit", draw.randbytes(5000) + b"\r\n--limit\r\n" * 1000
            case _:
                yield "image/gif", data[:20] + draw.randbytes(draw.randrange(30_000))


@cache
def bombs() -> list[bytes]:
    """Small files that would be huge."""

    def png(width: int, height: int, data: bytes, extra: bytes = b"") -> bytes:
        def chunk(name: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

        head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")

    zeros = zlib.compress(bytes(50_000_000), 9)
    text = b"zTXt" + b"a\0\0" + zeros
    comment = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return [
        png(60_000, 60_000, zeros),
        png(2_000_000_000, 1, zeros),
        png(1900, 1900, zeros),
        png(8, 8, zlib.compress(bytes(200)), comment),
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0xF7, 0, 0) + bytes(3 * 256) + b",",
        b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 50_000, 50_000, 1, 24, 0) + bytes(24),
        gzip.compress(bytes(10_000_000)),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n" + b"showpage\n" * 100,
        b'<svg xmlns="http://www.w3.org/2000/svg" width="99999" height="99999"/>',
    ]


@pytest.mark.slow
def test_hostile_bodies_end_nothing(server: Running) -> None:
    before = server.memory
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda each: server.predict(each[1], each[0]), bodies()))
    assert len(answers) == NUM_BODIES
    assert {answer.status for answer in answers} <= {200, 400, 413, 415, 422}
    kinds = {answer.kind for answer in answers if answer.status != 200}
    assert kinds == {"bad-request", "no-file", "too-many-pixels", "unreadable", "unsupported-media"}
    assert server.process.poll() is None
    assert server.predict(picture()).json["label"] == "red"
    assert server.memory - before < MAX_MORE_MEMORY


def test_bombs_are_refused_or_read_within_limits(server: Running) -> None:
    statuses = [server.predict(bomb, "image/png").status for bomb in bombs()]
    # Of the third the picture itself is within the limits; the fourth is a small picture with a large comment.
    assert statuses[:2] == [413, 413]
    assert set(statuses[2:4]) <= {200, 422}
    assert set(statuses[4:]) <= {413, 422}


def test_other_languages_that_pillow_knows_are_not_run(server: Running) -> None:
    for kind in ("EPS", "PDF", "ICO", "TGA", "PPM", "SGI", "PCX"):
        answer = server.predict(picture(kind=kind), "application/octet-stream")
        assert (kind, answer.status) == (kind, 422)


def raw(server: Running, data: bytes, *, then: bytes = b"", pause: float = 0, seconds: float = 10) -> bytes:
    """Sends bytes as they are, and gives what comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        received = b""
        try:
            connection.sendall(data)
            if then:
                time.sleep(pause)
                connection.sendall(then)
            while more := connection.recv(65536):
                received += more
        except ConnectionError:
            pass
        return received


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"431"),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"431"),
        (b"hello\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"400"),
        (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"400"),
        (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
def test_what_is_not_http_gets_a_problem(server: Running, request_: bytes, status: bytes) -> None:
    received = raw(server, request_)
    assert received.startswith(b"HTTP/1.1 " + status)
    assert b"application/problem+json" in received
    assert server.predict(picture()).status == 200


def test_a_body_that_never_ends_is_cut_off(server: Running) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    received = raw(server, head + chunk * 40)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"too-large" in received


def test_a_body_that_is_announced_as_too_large_is_not_read(server: Running) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
    # It has no body at all: whoever waited for one would not answer.
    assert raw(server, head).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (b"", b"", b""),
        (b"GET / HTT", b"P/1.1\r\nX: y\r\n", b""),
        (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", b"x", b"HTTP/1.1 408"),
    ],
)
def test_slow_senders_are_cut_off(server: Running, first: bytes, then: bytes, expected: bytes) -> None:
    received = raw(server, first, then=then, pause=0.5)
    assert received.startswith(expected)
    assert bool(received) == bool(expected)


def test_many_slow_senders_keep_nobody_waiting(server: Running) -> None:
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for connection in connections:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\nx")
        assert server.predict(picture(), timeout=5).status == 200
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.slow
def test_large_bodies_share_a_limited_memory(server: Running) -> None:
    before, noise = server.memory, random.Random(SEED).randbytes(MAX_BODY - 1000)
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_BODY}\r\n\r\n".encode()
    connections, statuses = [], []
    try:
        for _ in range(60):
            connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            try:
                connections[-1].sendall(head + noise)
            except ConnectionError:
                statuses.append(b"gone")
        assert server.memory - before < MAX_MORE_MEMORY
        for connection in connections:
            try:
                statuses.append(connection.recv(12)[9:])
            except ConnectionError:
                statuses.append(b"gone")
    finally:
        for connection in connections:
            connection.close()
    assert b"503" in statuses
    assert set(statuses) <= {b"503", b"408", b"gone"}
    assert server.predict(picture()).status == 200


def test_clients_that_go_away_leave_nothing_behind(server: Running) -> None:
    body = picture()
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for end in (len(body), len(body) // 2):
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(head + body[:end])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    deadline = time.monotonic() + 60
    while b"headway_pictures_inside 0.0" not in server.ask("GET", "/metrics").body:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.predict(picture()).status == 200


def test_an_address_in_the_request_is_not_fetched(server: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/a.png".encode()
        trap.settimeout(0.3)
        assert server.predict(address, "image/png").status == 422
        body, content_type = form(("file", address.decode(), "image/png", address))
        assert server.predict(body, content_type).status == 422
        assert server.ask("POST", f"/predict?url={address.decode()}", b"", content_type="image/png").status == 422
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_picture_may_come_in_many_pieces(server: Running) -> None:
    body = picture("blue")
    pieces = b"".join(b"1\r\n" + bytes([each]) + b"\r\n" for each in body) + b"0\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    received = io.BytesIO(raw(server, head + pieces)).read()
    assert received.startswith(b"HTTP/1.1 200")
    assert b'"label": "blue"' in received
