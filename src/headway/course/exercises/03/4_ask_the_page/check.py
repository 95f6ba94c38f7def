"""Checks a bundle by asking it, the client against small servers of known answers, and both together."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import headway as hw
from headway.course.checking import case, close, equal, function, raises, require

bundle = function("bundle")
ask = function("ask", "address", "picture")
asked = []


@contextmanager
def answering(status: int, content: dict) -> Iterator[str]:
    """A server that gives the same answer to everything, and writes down what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, self.headers.get("Content-Type"), body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def do_GET(self):
            self.do_POST()

        def log_message(self, *_):
            """Nothing on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def picture(seed: int) -> bytes:
    """Something on a coloured ground."""
    numbers = np.random.default_rng(seed)
    image = Image.new("RGB", (96, 96), tuple(map(int, numbers.integers(0, 255, 3))))
    ImageDraw.Draw(image).ellipse((20, 30, 70, 80), fill=tuple(map(int, numbers.integers(0, 255, 3))))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@cache
def exported() -> Path:
    return Path(bundle())


def right(label: str, familiar: object = True) -> dict:
    return {"label": label, "score": 0.75, "probabilities": {label: 0.75, "other": 0.25}, "familiar": familiar}


@case("sends the bytes to the page")
def _():
    asked.clear()
    with answering(200, right("ash")) as address:
        ask(address, picture(0))
    require(asked, "A request.", came="none")
    path, kind, body = asked[-1]
    equal(path, "/predict", meaning="the address that answers")
    equal(body == picture(0), True, meaning="the picture's bytes as they are")
    equal(kind, "image/png", meaning="without its kind the server does not read it")


@case("gives label and score")
def _():
    for label in ("ash", "beech"):
        with answering(200, right(label)) as address:
            name, score = ask(address, picture(1))
        equal(name, label, meaning="the label in the answer")
        close(score, 0.75, meaning="the score in the answer")


@case("says unsure where the picture is unfamiliar")
def _():
    with answering(200, right("ash", familiar=False)) as address:
        name, score = ask(address, picture(2))
    equal(name, "unsure", meaning="a label for a picture unlike the training data means nothing")
    close(score, 0.75, meaning="the score comes with it")


@case("a model that cannot tell is not unsure")
def _():
    with answering(200, right("ash", familiar=None)) as address:
        name, _ = ask(address, picture(3))
    equal(name, "ash", meaning="`familiar` is null where the bundle cannot tell: false is something else")


@case("passes on why the server refused")
def _():
    detail = "The picture is not an image that Pillow can read."
    with answering(422, {"title": "Unreadable", "status": 422, "detail": detail}) as address:
        meaning = "people need to know what to change"
        raises(ValueError, lambda: ask(address, b"no picture"), meaning=meaning)
        try:
            ask(address, b"no picture")
        except ValueError as error:
            equal(str(error), detail, meaning="the server's own words")


@case("has a model of pictures", section="export", last=True)
def _():
    require(exported().is_file(), "A file.", came=str(exported()), meaning="return the whole path, after export")
    model = hw.load(exported())
    equal(model.input.noun, "picture", meaning="what the model takes")
    require(len(model.labels) >= 2, "At least two classes.", came=", ".join(model.labels))


@case("the page answers as the bundle does", section="serve", last=True)
def _():
    model = hw.load(exported())
    command = [sys.executable, "-m", "headway", "serve", str(exported()), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            address = next(
                (word.rstrip(".,") for line in server.stdout or () for word in line.split() if "http://" in word), ""
            )
            require(address, "A server that starts.", came="it ended")
            for seed in range(3):
                name, score = ask(address, picture(seed))
                answer = model.predict(picture(seed))
                equal(
                    name,
                    answer.label if answer.familiar is not False else "unsure",
                    meaning="as `hw.load(...).predict` says",
                )
                close(score, answer.score, within=1e-5, meaning="the same model reads the same picture")
            raises(ValueError, lambda: ask(address, b"no picture"), meaning="the server cannot read it")
        finally:
            server.terminate()
