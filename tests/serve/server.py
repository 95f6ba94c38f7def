"""A real server for tests: `headway serve` in a process of its own, and a plain client."""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from PIL import Image as PILImage

__all__ = ["GOLDEN", "Answer", "Running", "form", "picture", "running"]

GOLDEN = Path(__file__).parents[1] / "bundles" / "v1.headway"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The kind of a problem; fails where it is none."""
        assert self.headers["content-type"] == "application/problem+json", self.body[:200]
        assert set(self.json) == {"type", "title", "status", "detail"}
        assert self.json["status"] == self.status
        return self.json["type"].removeprefix("/docs#")


class Running:
    """A server that takes requests."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.port = urlsplit(address).port or 0

    def ask(self, method: str, path: str, body: bytes | None = None, *, timeout: float = 30, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def predict(self, body: bytes, content_type: str = "image/png", **options: Any) -> Answer:
        return self.ask("POST", "/predict", body, content_type=content_type, **options)

    @property
    def memory(self) -> int:
        """Bytes of memory that the process has now, its children's included."""
        process = psutil.Process(self.process.pid)
        return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])


@contextmanager
def running(*options: object, bundle: Path = GOLDEN, before: str = "") -> Iterator[Running]:
    """A server on a port of its own, ended with the context. `before` is Python to run in its process first."""
    code = f"{before}\nfrom headway.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", str(bundle), "--port", "0", *map(str, options)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        first = process.stdout.readline()
        assert first.startswith("page:"), f"it did not start: {first}"
        try:
            yield Running(process, first.split()[1])
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def picture(colour: str = "red", size: tuple[int, int] = (20, 12), *, kind: str = "PNG", **options: Any) -> bytes:
    """An image file of one colour."""
    file = io.BytesIO()
    PILImage.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def form(*parts: tuple[str, str, str, bytes], boundary: str = "limit") -> tuple[bytes, str]:
    """A multipart body of (field, file name, media type, data), and its content type."""
    pieces = []
    for field, name, media_type, data in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        head += f"Content-Type: {media_type}\r\n" if media_type else ""
        pieces.append(head.encode() + b"\r\n" + data + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
