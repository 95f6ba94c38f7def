"""Checks a small page: its form, its answers beside the model's, its log, its switch."""

import io
import json
import re
import tempfile
from functools import cache
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import numpy as np
import polars as pl
from PIL import Image

import headway as hw
from headway.course.checking import case, close, equal, function, hidden, require

model = function("model")
make_page = function("make_page", "log")


@cache
def known():
    return model()


@cache
def log() -> Path:
    return Path(tempfile.mkdtemp()) / "log.jsonl"


@cache
def page():
    return make_page(log())


def ask(
    path: str, *, body: bytes = b"", method: str = "POST", kind: str = "image/png"
) -> tuple[str, dict[str, str], bytes]:
    """Status, headers by their names in lower case, and content."""
    environ: dict = {}
    setup_testing_defaults(environ)
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": str(len(body))}
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": kind}
    came = {}

    def start_response(status, headers, error=None):
        came["head"] = status, {name.lower(): value for name, value in headers}

    content = b"".join(page()(environ, start_response))
    require("head" in came, "A status and headers.", came="`start_response` was not called")
    return *came["head"], content


def pictures(count: int) -> list[bytes]:
    """Drawings that no lesson shows."""
    path = hidden("drawings")
    files = pl.read_csv(path).filter(pl.col("studio") != "openmoji")["file"]
    return [(path.parent / file).read_bytes() for file in files[:count]]


def noise() -> bytes:
    """What no drawing looks like."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@case("shows a page that anyone can use")
def _():
    status, headers, content = ask("/", method="GET")
    text = content.decode()
    require(status.startswith("200"), "Status 200.", came=status)
    for sign, meaning in (
        ("<html lang=", "screen readers need to know the language"),
        ("<label", "the field needs a label that says what goes in"),
        ('type="file"', "a field for a file"),
        ("<button", "a button that sends it"),
    ):
        require(sign in text, f"`{sign}` in the page.", came=text[:200], meaning=meaning)
    other = re.findall(r"https?://[^\"' <]+", text)
    require(not other, "No other host in the page.", came=", ".join(other))
    policy = headers.get("content-security-policy", "")
    require(policy.startswith("default-src 'none'"), "A Content-Security-Policy of default-src 'none'.", came=policy)


@case("has a model of Headway's", last=True)
def _():
    kinds = (hw.Learner, hw.Predictor)
    require(isinstance(known(), kinds), "A trained learner, or a bundle that `hw.load` opened.", came=known())


@case("answers as the model does", last=True)
def _():
    labels = set()
    for picture in pictures(12):
        status, _, content = ask("/predict", body=picture)
        came, answer = json.loads(content), known().predict(picture)
        require(status.startswith("200"), "Status 200.", came=status)
        labels.add(answer.label)
        expected = "unsure" if answer.familiar is False else answer.label
        equal(came["label"], expected, meaning="what the model says to the same bytes")
        close(came["score"], answer.score, within=1e-5, meaning="the model's score")
    require(len(labels) > 1, "A model that gives more than one answer to twelve drawings.", came=str(labels))


@case("answers its own button", last=True)
def _():
    (picture,) = pictures(1)
    head = 'Content-Disposition: form-data; name="file"; filename="drawing.png"\r\nContent-Type: image/png'
    body = b"--edge\r\n" + head.encode() + b"\r\n\r\n" + picture + b"\r\n--edge--\r\n"
    status, _, content = ask("/predict", body=body, kind="multipart/form-data; boundary=edge")
    meaning = "a browser sends the file of a form as multipart/form-data, not as the body itself"
    require(status.startswith("200"), "Status 200.", came=status, meaning=meaning)
    expected = json.loads(ask("/predict", body=picture)[2])["label"]
    equal(json.loads(content)["label"], expected, meaning="the same picture, sent as a browser sends it")


@case("is unsure about what it does not know", last=True)
def _():
    answer = known().predict(noise())
    if answer.familiar is False:
        equal(json.loads(ask("/predict", body=noise())[2])["label"], "unsure", meaning="noise is not familiar")


@case("says so where there is no picture", last=True)
def _():
    status, _, content = ask("/predict", body=b"no picture")
    require(status.startswith("400"), "Status 400.", came=status)
    require(len(str(json.loads(content).get("problem", ""))) > 10, "A `problem` in words.", came=content.decode()[:100])


@case("writes answers down, and no pictures", last=True)
def _():
    before = log().read_text().count("\n") if log().exists() else 0
    for picture in pictures(3):
        ask("/predict", body=picture)
    require(log().exists(), "A log.", came="no file")
    lines = log().read_text().splitlines()
    equal(len(lines) - before, 3, meaning="a line for each answer")
    for line in lines:
        equal(
            {"label", "score", "familiar"} <= set(json.loads(line)), True, meaning="label, score and familiar in a line"
        )
        require(len(line) < 500, "Short lines: the picture is not in them.", came=f"{len(line)} characters")


@case("has a way back", last=True)
def _():
    (picture,) = pictures(1)
    ask("/off")
    off = json.loads(ask("/predict", body=picture)[2])
    equal(off["label"], "ask a person", meaning="switched off, a person decides")
    ask("/on")
    on = json.loads(ask("/predict", body=picture)[2])
    require(on["label"] != "ask a person", "The model's answer after it was switched on.", came=on["label"])
