"""What runs in the browser, in a real one: pictures are read bit for bit as Python reads them, and answered alike."""

from __future__ import annotations

import atexit
import base64
import functools
import http.server
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage
from typer.testing import CliRunner

from headway.bundle import site
from headway.bundle.predictor import Predictor, load
from headway.bundle.quantize import QuantizeName
from headway.cli import app
from headway.data.build import from_folder
from headway.errors import ReadError
from headway.inputs.image import field
from headway.inputs.image.field import Image
from headway.learner.learner import Learner
from tests.chromium import Page, find_chromium, open_page

WEB = Path(field.__file__).with_name("web")
FIELDS = (
    Image("file", size=224),
    Image("file", size=28, channels=1),
    Image("file", size=64, crop=0.875),
    Image("file", size=96, squeeze=1),
)

pytestmark = pytest.mark.slow


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@cache
def _browser(chromium: str) -> Page:
    """One browser for all tests of a process: each is another site to it."""
    opened = ExitStack()
    atexit.register(opened.close)
    return opened.enter_context(open_page(chromium))


@contextmanager
def served(folder: Path) -> Iterator[Page]:
    """A page of a folder on a static host, in Chromium."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium here")
    page = _browser(chromium)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            page.go(f"http://127.0.0.1:{server.server_port}/")
            yield page
        finally:
            page.go("about:blank")
            server.shutdown()


def call(page: Page, module: str, function: str, picture: Path, *more: Any) -> Any:
    """Calls a function of a module with a picture's file; bytes come back as base64."""
    data = base64.b64encode(picture.read_bytes()).decode()
    rest = "".join(f", {json.dumps(each)}" for each in more)
    return page.run(
        f"import('./{module}').then((m) => m.{function}(new File([Uint8Array.from(atob('{data}'), "
        f"(c) => c.charCodeAt(0))], 'picture'){rest})).then((found) => !(found instanceof Uint8Array) ? found : "
        "btoa(Array.from(found, (each) => String.fromCharCode(each)).join('')), (error) => ({error: error.message}))"
    )


def picture(width: int, height: int, *, seed: int = 0) -> PILImage.Image:
    """Blurred noise: all colours, edges and flat places."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, size=(max(height // 12, 2), max(width // 12, 2), 3), dtype=np.uint8)
    return PILImage.fromarray(coarse).resize((width, height), PILImage.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """JPEGs of every kind: samplings, scans, restarts, turns, sizes; and PNG, WebP and GIF."""
    folder = tmp_path_factory.mktemp("pictures")

    def save(name: str, image: PILImage.Image, **options: Any) -> None:
        image.save(folder / name, **options)

    for sampling in (0, 1, 2):
        for progressive in (False, True):
            for restart in (0, 5):
                for side in (333, 705):
                    options = {"subsampling": sampling, "progressive": progressive, "restart_marker_blocks": restart}
                    name = f"{sampling}-{progressive}-{restart}-{side}.jpg"
                    save(name, picture(side, side * 3 // 4, seed=side), quality=40 + 25 * sampling, **options)
    for turn in range(1, 9):
        exif = PILImage.Exif()
        exif[0x0112] = turn
        save(f"turned-{turn}.jpg", picture(310, 190), exif=exif)
    for width, height in ((1, 1), (2, 300), (37, 23), (224, 224), (230, 300), (300, 230), (900, 90), (90, 900)):
        save(f"{width}x{height}.jpg", picture(width, height))
    save("grey.jpg", picture(320, 240).convert("L"))
    save("plain.png", picture(320, 240))
    save("grey.png", picture(320, 240).convert("L"))
    save("palette.gif", picture(320, 240))
    save("lossless.webp", picture(320, 240), lossless=True)
    return sorted(folder.iterdir())


def test_pictures_are_read_bit_for_bit_as_in_python(tmp_path: Path, pictures: list[Path]) -> None:
    shutil.copytree(WEB, tmp_path / "web")
    (tmp_path / "web" / "index.html").write_text("<!doctype html>")
    with served(tmp_path / "web") as page:
        for file in pictures:
            for one in FIELDS:
                found = call(page, "read.js", "read", file, one.to_json())
                assert isinstance(found, str), f"{file.name}: {found}"
                expected = one.read(file)
                pixels = np.frombuffer(base64.b64decode(found), np.uint8).reshape(expected.shape)
                np.testing.assert_array_equal(pixels, expected, err_msg=f"{file.name}, {one}")


def test_what_python_refuses_is_refused(tmp_path: Path, pictures: list[Path]) -> None:
    shutil.copytree(WEB, tmp_path / "web")
    (tmp_path / "web" / "index.html").write_text("<!doctype html>")
    whole = next(file for file in pictures if file.name == "grey.jpg").read_bytes()
    bad = {
        "The file is empty.": b"",
        "This is not a picture that your browser can read.": b"no picture",
        "The picture is damaged: its end is missing.": whole[:-200],
        "The picture is too large: over 100 megapixels.": whole.replace(
            bytes([0xFF, 0xC0, 0, 11, 8, 0, 240, 1, 64]), bytes([0xFF, 0xC0, 0, 11, 8, 255, 255, 255, 255])
        ),
    }
    with served(tmp_path / "web") as page:
        for message, data in bad.items():
            file = tmp_path / "picture"
            file.write_bytes(data)
            assert call(page, "read.js", "read", file, FIELDS[0].to_json()) == {"error": message}
            with pytest.raises(ReadError):
                FIELDS[0].read(file)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real runtime; tests that need it are left out where npm cannot fetch it."""
    try:
        data = site.find_runtime()
    except Exception as error:
        pytest.skip(f"no runtime: {error}")
    path = tmp_path_factory.mktemp("runtime") / "archive.tgz"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> dict[str | None, Path]:
    """A model of digits in float32 and in int8."""
    learner = Learner(from_folder(digits, size=28), progress=False)
    learner.fit(3)
    report, folder = learner.report(), tmp_path_factory.mktemp("bundles")
    names: tuple[QuantizeName | None, ...] = (None, "int8")
    return {name: learner.export(folder / f"{name}.headway", report=report, quantize=name) for name in names}


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_the_site_answers_as_python_does(
    tmp_path: Path,
    digits: Path,
    pictures: list[Path],
    archive: Path,
    bundles: dict[str | None, Path],
    quantize: str | None,
) -> None:
    bundle = bundles[quantize]
    predictor = load(bundle)
    arguments = ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", str(archive)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    tolerance = 1e-3 if quantize is None else predictor.manifest["check_tolerance"]
    with served(tmp_path / "site") as page:
        described = page.run("import('./backend.js').then((m) => m.describe())")
        assert (described["name"], described["labels"]) == (bundle.stem, list(predictor.labels))
        for file in [*sorted(digits.rglob("*.png"))[::20], *pictures[::6]]:
            found, expected = call(page, "backend.js", "answer", file), predictor.predict(file)
            for label, share in expected.probabilities.items():
                assert found["probabilities"][label] == pytest.approx(share, abs=tolerance), file.name
            if quantize is None:
                assert (found["label"], found["familiar"]) == (expected.label, expected.familiar), file.name
        _check_page(page, sorted(digits.rglob("*.png"))[0], predictor)
        assert not page.complaints
        assert all("127.0.0.1" in address or address.startswith(("blob:", "data:")) for address in page.requests)


def _check_page(page: Page, file: Path, predictor: Predictor) -> None:
    """The page itself, with a picture that is chosen before the model is there."""
    data = base64.b64encode(file.read_bytes()).decode()
    page.call("Page.reload")
    page.run(
        "new Promise((done) => { const wait = () => document.getElementById('files') && document.readyState === "
        "'complete' ? done() : setTimeout(wait, 10); wait(); }).then(() => { const chosen = new DataTransfer(); "
        f"chosen.items.add(new File([Uint8Array.from(atob('{data}'), (c) => c.charCodeAt(0))], 'digit.png')); "
        "const input = document.getElementById('files'); input.files = chosen.files; "
        "input.dispatchEvent(new Event('change', {bubbles: true})); })"
    )
    answered = (
        "document.querySelector('#list .bars li, #list .bars > *') ? document.querySelector('#list').innerText : ''"
    )
    for _ in range(200):
        shown = page.run(answered)
        if shown:
            break
        time.sleep(0.05)
    answer = predictor.predict(file)
    assert f"{answer.label}" in shown
    assert "No answer" not in shown
