"""How many requests a second does `headway serve` answer, and how soon, beside the same model served otherwise?

The weight-bound model is a network of large linear layers: most of its time goes into fetching weights from memory, and
a batch fetches them once. The other is efficientnet_lite0 at 224 pixels, which is bound by arithmetic, so that batches
gain little. "plain" is FastAPI with `hw.load(...).predict` in its thread pool; LitServe and Gradio have batches of the
same size, and take part where they are installed (`pip install litserve gradio`). Each server has a process of its own,
as has the client, which keeps its connections open and sends the next picture as soon as it has an answer. Servers
take turns, several rounds of each. Goals beside plain, weight-bound: at least 1.5 times the requests a second at 16
and 64 connections, at most 1.1 times the median time at one. Then 10,000 requests over 64 connections: no error, and
memory as it was after the first thousand.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.results import Row, data_folder

ROUNDS = 5
MANY = int(os.environ.get("HEADWAY_BENCH_MANY", "10000"))
CONNECTIONS = {1: 200, 16: 800, 64: 800}
"""Connections, and the requests of a round over them."""


def run() -> list[Row]:
    """Both models, all servers, in turn."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        models = {"weight-bound": _weight_bound(Path(folder)), "efficientnet_lite0": _lite0(Path(folder))}
        for model, (bundle, picture) in models.items():
            rows += _compare(model, bundle, picture)
        rows.append(_endure(*models["weight-bound"]))
    return rows


def _compare(model: str, bundle: Path, picture: bytes) -> list[Row]:
    found: dict[tuple[str, int], list[Measured]] = {}
    kinds = [name for name in SERVERS if name in ("headway", "plain") or find_spec(name)]
    for _ in range(ROUNDS):
        for kind in kinds:
            with _server(kind, bundle) as (port, _process):
                _ask(kind, port, picture, connections=4, requests=40)
                for connections, requests in CONNECTIONS.items():
                    measured = _ask(kind, port, picture, connections=connections, requests=requests)
                    found.setdefault((kind, connections), []).append(measured)
    return [
        _row(model, kind, connections, found[kind, connections], beside=found["plain", connections])
        for connections in CONNECTIONS
        for kind in kinds
    ] + [{"model": model, "server": kind, "remark": "not installed"} for kind in SERVERS if kind not in kinds]


def _row(model: str, kind: str, connections: int, ours: list[Measured], *, beside: list[Measured]) -> Row:
    pairs = list(zip(ours, beside, strict=True))
    return {
        "model": model,
        "server": kind,
        "connections": connections,
        "requests a second / plain": statistics.median(a["rate"] / b["rate"] for a, b in pairs),
        "median time / plain": statistics.median(a["p50"] / b["p50"] for a, b in pairs),
        "99th percentile / plain": statistics.median(a["p99"] / b["p99"] for a, b in pairs),
        "requests a second": statistics.median(each["rate"] for each in ours),
        "median, ms": 1000 * statistics.median(each["p50"] for each in ours),
        "errors": sum(each["errors"] for each in ours),
    }


def _endure(bundle: Path, picture: bytes) -> Row:
    with _server("headway", bundle) as (port, process):
        first = _ask("headway", port, picture, connections=64, requests=MANY // 10)
        start = psutil.Process(process.pid).memory_info().rss
        rest = _ask("headway", port, picture, connections=64, requests=MANY - MANY // 10)
        end = psutil.Process(process.pid).memory_info().rss
    return {
        "model": "weight-bound",
        "server": "headway",
        "connections": 64,
        "requests a second": rest["rate"],
        "errors": first["errors"] + rest["errors"],
        "remark": f"{MANY:,} requests; {start / 1e6:.0f} MB of memory after a tenth, {end / 1e6:.0f} MB at the end",
    }


Measured = dict[str, float]


def _ask(kind: str, port: int, picture: bytes, *, connections: int, requests: int) -> Measured:
    """Runs the client in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.serving", kind, *map(str, (port, connections, requests))]
    done = subprocess.run(command, input=picture, capture_output=True, check=True, timeout=600)
    return json.loads(done.stdout)


async def _client(kind: str, port: int, picture: bytes, *, connections: int, requests: int) -> Measured:
    ask = _ASK.get(kind, _ask_raw)
    left, times, errors = iter(range(requests)), [], 0

    async def one() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            start = time.perf_counter()
            ok = await ask(reader, writer, picture)
            times.append(time.perf_counter() - start)
            errors += not ok
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    seconds = time.perf_counter() - start
    p50, p99 = np.quantile(times, [0.5, 0.99])
    return {"rate": requests / seconds, "p50": float(p50), "p99": float(p99), "errors": errors}


Ask = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[bool]]


async def _http(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, body: bytes, kind: str
) -> tuple[int, bytes]:
    """One request over a connection that stays open."""
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(answer[9:12])
    if length := re.search(rb"content-length: (\d+)", answer):
        return status, await reader.readexactly(int(length[1]))
    pieces = []
    while size := int(await reader.readline(), 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return status, b"".join(pieces)


async def _ask_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, picture: bytes) -> bool:
    status, body = await _http(reader, writer, "POST", "/predict", picture, "image/jpeg")
    return status == 200 and b'"label"' in body


def _form(picture: bytes, field: str) -> tuple[bytes, str]:
    head = (
        f'--limit\r\nContent-Disposition: form-data; name="{field}"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n'
    )
    return head.encode() + b"\r\n" + picture + b"\r\n--limit--\r\n", "multipart/form-data; boundary=limit"


async def _ask_form(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, picture: bytes) -> bool:
    status, body = await _http(reader, writer, "POST", "/predict", *_form(picture, "file"))
    return status == 200 and b'"label"' in body


async def _ask_gradio(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, picture: bytes) -> bool:
    """Gradio's own way: the file, then the call, then its events."""
    _, body = await _http(reader, writer, "POST", "/gradio_api/upload", *_form(picture, "files"))
    data = {"data": [{"path": json.loads(body)[0], "meta": {"_type": "gradio.FileData"}}]}
    call = json.dumps(data).encode()
    _, body = await _http(reader, writer, "POST", "/gradio_api/call/predict", call, "application/json")
    event = json.loads(body)["event_id"]
    _, body = await _http(reader, writer, "GET", f"/gradio_api/call/predict/{event}", b"", "application/json")
    return b"event: complete" in body


_ASK: dict[str, Ask] = {"litserve": _ask_form, "gradio": _ask_gradio}

SERVERS = {
    "headway": """
from headway.cli import main
sys.argv = ["headway", "serve", bundle, "--port", str(port), "--queue", "4096", "--deadline", "60"]
main()
""",
    "plain": """
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
predictor = hw.load(bundle)
app = FastAPI()

@app.post("/predict")
async def predict(request: Request):
    return (await run_in_threadpool(predictor.predict, await request.body())).to_json()

uvicorn.run(app, port=port, access_log=False, loop="asyncio", http="h11")
""",
    "litserve": """
import litserve
from fastapi import Request

class API(litserve.LitAPI):
    def setup(self, device):
        self.predictor = hw.load(bundle)

    def decode_request(self, request: Request):
        return self.predictor.input.read(request["file"].file.read())

    def batch(self, inputs):
        return self.predictor.input.collate(inputs)

    def predict(self, images):
        return self.predictor.answer(images)

    def unbatch(self, answers):
        return answers

    def encode_response(self, answer):
        return answer.to_json()

if __name__ == "__main__":
    api = API(max_batch_size=16, batch_timeout=0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(port=port, log_level="error", generate_client_file=False)
""",
    "gradio": """
import gradio
predictor = hw.load(bundle)

def predict(paths):
    return [[answer.probabilities for answer in predictor.predict_many(paths)]]

page = gradio.Interface(
    predict, gradio.Image(type="filepath"), gradio.Label(), batch=True, max_batch_size=16, api_name="predict"
)
page.queue(max_size=None).launch(server_port=port, quiet=True)
""",
}
"""A program for each server; `bundle` and `port` are set before it, and `headway` is there as `hw`."""


@contextmanager
def _server(kind: str, bundle: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = bundle.with_name(f"serve_by_{kind}.py")
    program.write_text(f"import sys\nimport headway as hw\nbundle, port = {str(bundle)!r}, {port}\n{SERVERS[kind]}")
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [sys.executable, str(program)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port, process)
        yield port, process
    finally:
        # LitServe's workers would outlive it.
        with suppress(psutil.NoSuchProcess):
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                each.terminate()
        process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if connection.recv(12).startswith(b"HTTP/1.1"):
                    return
        except OSError:
            time.sleep(0.05)
    message = "a server did not start"
    raise RuntimeError(message)


def _weight_bound(folder: Path) -> tuple[Path, bytes]:
    import torch
    from torch import nn

    torch.manual_seed(0)
    sizes = [3 * 32 * 32, 4096, 4096, 2]
    layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
    return _export(folder / "weights.headway", nn.Sequential(nn.Flatten(), *layers), size=32), _photo(32)


def _lite0(folder: Path) -> tuple[Path, bytes]:
    from headway.inputs.image import models as zoo

    built = zoo.create("efficientnet_lite0", num_outputs=2, channels=3, size=224)
    return _export(folder / "lite0.headway", built.module, size=224, prepare=built.prepare), _photo(224)


def _export(path: Path, model: Any, *, size: int, prepare: Any = None) -> Path:
    from headway.bundle.export import export_bundle
    from headway.inputs.image.field import Image
    from headway.inputs.image.networks import Prepare
    from headway.targets.category.field import Category

    return export_bundle(
        path,
        model=model,
        prepare=prepare or Prepare((0.0,) * 3, (255.0,) * 3),
        input=Image("file", size=size),
        target=Category("label", labels=("cat", "dog")),
        examples=np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8),
        manifest={"arch": "benchmark", "metrics": {}},
        card="# A model for measuring\n",
    )


def _photo(size: int) -> bytes:
    """A real photo where there is one, at the model's own size, as a JPEG."""
    from PIL import Image as PILImage

    folder = data_folder("cats_dogs")
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    image = PILImage.open(next(folder.rglob("*.jpg"))) if folder else PILImage.fromarray(noise)
    file = io.BytesIO()
    image.convert("RGB").resize((size, size)).save(file, "JPEG")
    return file.getvalue()


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    port_, connections_, requests_ = map(int, numbers)
    client = _client(name, port_, sys.stdin.buffer.read(), connections=connections_, requests=requests_)
    print(json.dumps(asyncio.run(client)))
