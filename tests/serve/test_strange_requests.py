"""A thousand requests that no client of good will sends, with good ones between them, which are all answered."""

from __future__ import annotations

import http.client
import json
import random
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serve.server import Running, form, picture, running

# Servers and commands in processes of their own take seconds to start.
pytestmark = pytest.mark.slow

NUM_REQUESTS = 1000
METHODS = ("GET", "POST", "HEAD", "PUT", "OPTIONS", "PROPFIND", "get", "POST\t", "\x00", "A" * 500)
PATHS = (
    "/predict",
    "/model",
    "/healthz",
    "/",
    "/metrics",
    "//predict",
    "/predict?a=" + "b" * 500,
    "*",
    "/%00",
    "/\u00ff",
)
HEADERS = (
    "Host: localhost:1",
    "Host: evil.example",
    "Host: ",
    "Host: localhost\r\nHost: localhost",
    "Content-Length: 0",
    "Content-Length: -1",
    "Content-Length: 1e3",
    "Content-Length: " + "9" * 30,
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Expect: 100-continue",
    "Connection: upgrade\r\nUpgrade: h2c",
    "Content-Type: multipart/form-data",
    "Content-Type: multipart/form-data; boundary=" + "x" * 300,
    "Content-Type: image/png; q=" + "\u00e9" * 50,
    "Content-Encoding: br",
    "Range: bytes=0-0,-1",
    "Sec-Fetch-Site: cross-site",
    "Origin: null",
    "X-Forwarded-Host: evil.example",
    "Accept: application/xml",
    "Cookie: " + "a=b; " * 200,
    "Bad Header: x",
    ": empty",
    "X: \x1b[2J",
)
STATUSES = {200, 400, 403, 404, 405, 408, 413, 415, 421, 422, 431, 501}


def requests() -> Iterator[bytes]:
    """Lines, headers and bodies put together at random; some are cut off in the middle."""
    draw = random.Random(0)
    bodies = [
        b"",
        b"0\r\n\r\n",
        b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
        b"ffffffffffffffff\r\n",
        picture(),
        picture()[:50],
        form(("file", "../a\x1b[2J.png", "image/png", picture()))[0],
        b"\xff" * 2000,
        b"GET /model HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3,
    ]
    for _ in range(NUM_REQUESTS):
        version = draw.choice(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/2.0", "HTTP/9", ""])
        lines = [f"{draw.choice(METHODS)} {draw.choice(PATHS)} {version}", draw.choice(HEADERS[:1] * 5 + HEADERS[1:4])]
        lines += draw.sample(HEADERS[4:], draw.randrange(5))
        data = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + draw.choice(bodies)
        yield data[: draw.randrange(len(data))] if draw.random() < 0.1 else data


def asked(port: int, data: bytes) -> bytes:
    """What a server says to some bytes, after which the client has no more to say."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                received += piece
        # The server may end a connection whose rest it does not want.
        except ConnectionError:
            pass
    return received


def test_strange_requests_harm_no_good_ones() -> None:
    quick = "import headway.serve.server as s, headway.serve.body as b\n"
    quick += "s._HEADER_SECONDS, s._REST_SECONDS, b._GRACE_SECONDS = 1.0, 1.0, 1.0\n"
    with running("--max-body", "1MB", before=quick) as server, ThreadPoolExecutor(8) as threads:
        good = threads.map(lambda turn: labelled(server, turn), range(NUM_REQUESTS // 10))
        answers = list(threads.map(lambda data: asked(server.port, data), requests()))
        assert list(good) == ["red", "green"] * (NUM_REQUESTS // 20)
        assert server.process.poll() is None
        assert server.ask("GET", "/healthz").status == 200
    assert len(answers) == NUM_REQUESTS
    for answer in filter(None, answers):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert int(head.split(b" ", 2)[1]) in STATUSES, head
        assert b"\x1b" not in head
        assert b"evil.example" not in answer
        # After the head to a HEAD, another answer may follow at once.
        first = body.partition(b"HTTP/1.1 ")[0]
        if b"application/problem+json" in head and first:
            json.loads(first)


def labelled(server: Running, turn: int) -> str:
    answer = server.predict(picture(("red", "green")[turn % 2]))
    assert answer.status == 200
    return answer.json["label"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the machine has one loopback address")
def test_one_client_cannot_hold_all_connections() -> None:
    with running() as server:
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(300)]
        try:
            # Beyond 250 of one address the server ends them.
            refused = 0
            for connection in connections[250:]:
                try:
                    refused += connection.recv(1) == b""
                except ConnectionError:
                    refused += 1
            assert refused == 50
            other = http.client.HTTPConnection("127.0.0.1", server.port, source_address=("127.0.0.2", 0), timeout=20)
            other.request("POST", "/predict", picture("blue"), {"content-type": "image/png"})
            assert json.loads(other.getresponse().read())["label"] == "blue"
            other.close()
        finally:
            for connection in connections:
                connection.close()


def test_a_library_s_own_messages_stay_out_of_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    tiff = picture(kind="TIFF", compression="tiff_lzw")
    with running() as server:
        for position in range(8, len(tiff), 3):
            server.predict(tiff[:position] + b"\xff\xff\xff" + tiff[position + 3 :], "image/tiff")
        assert server.predict(tiff, "image/tiff").status == 200
    assert capfd.readouterr().err == ""
