"""All kinds of items and of answers in the browser: as Python answers them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as PILImage
from typer.testing import CliRunner

from headway.bundle.predictor import load
from headway.cli import app
from tests.chromium import Page
from tests.serve.bundles import make
from tests.serve.test_page import until
from tests.unit.bundle.test_site_javascript import archive, call, picture, served

__all__ = ["archive"]

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize("kind", ["number", "labels", "points", "mask"])
def test_the_site_answers_as_python_does(tmp_path: Path, archive: Path, kind: str) -> None:
    bundle = make(kind, tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", str(archive)])
    assert done.exit_code == 0, done.output
    predictor = load(bundle)
    exif = PILImage.Exif()
    exif[0x0112] = 6
    for name, size in (("wide.jpg", (900, 300)), ("tall.jpg", (37, 61)), ("plain.png", (64, 64))):
        picture(*size).save(tmp_path / name, **({"exif": exif} if name == "wide.jpg" else {}))
    with served(tmp_path / "site") as page:
        described = page.run("import('./backend.js').then((m) => m.describe())")
        assert described["task"] == predictor.target.task
        assert described.get("error") == (3.2 if kind == "number" else None)
        for file in sorted(tmp_path.glob("*.[jp][pn]g")):
            found, expected = call(page, "backend.js", "answer", file), predictor.predict(file)
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
            if kind == "mask":
                assert found["label"] == expected.label
                assert _drawn(page, file).size == _size(file)
            elif kind == "labels":
                assert found["value"] == list(expected.value)
            else:
                np.testing.assert_allclose(found["value"], expected.value, atol=0.051, rtol=1e-5)
        assert not page.complaints


def _size(file: Path) -> tuple[int, int]:
    with PILImage.open(file) as image:
        width, height = image.size
    return (height, width) if file.name == "wide.jpg" else (width, height)


def _drawn(page: Page, file: Path) -> PILImage.Image:
    """The mask of a picture: asked for with the file that was answered."""
    data = base64.b64encode(file.read_bytes()).decode()
    found = page.run(
        f"""import('./backend.js').then(async (m) => {{
            const file = new File([Uint8Array.from(atob('{data}'), (c) => c.charCodeAt(0))], 'picture');
            await m.answer(file);
            const bytes = new Uint8Array(await (await m.media(file)).arrayBuffer());
            return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(''));
        }})"""
    )
    return PILImage.open(io.BytesIO(base64.b64decode(found)))


ROWS: dict[str, list[dict[str, Any]]] = {
    "text": [{"job": text} for text in ("a cook", "Noël, the smith… [SEP]", "料理人", "nurse " * 40)],
    "table": [
        {"age": 30, "job": "cook", "smokes": "true", "joined": "2021-06-05"},
        {"age": None, "job": None, "smokes": None, "joined": None},
        {"age": 1e6, "job": "pilot", "smokes": "no", "joined": "1850-01-01"},
    ],
}


@pytest.mark.parametrize("kind", ROWS)
def test_rows_are_answered_as_python_does(tmp_path: Path, archive: Path, kind: str) -> None:
    bundle = make(kind, tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", str(archive)])
    assert done.exit_code == 0, done.output
    predictor = load(bundle)
    with served(tmp_path / "site") as page:
        described = page.run("import('./backend.js').then((m) => m.describe())")
        assert [column["name"] for column in described["columns"]] == list(ROWS[kind][0])
        assert described["privacy"] == "What you fill in stays on this device: the model runs in this browser."
        for row in ROWS[kind]:
            script = f"import('./backend.js').then((m) => m.answer({json.dumps(row)}))"
            found, expected = page.run(script), predictor.predict(predictor.input.from_row(row))
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
            assert (found["label"], found["familiar"]) == (expected.label, expected.familiar)
            # The script of a text is not known in the browser.
            assert found["notes"] == list(expected.notes) if kind == "table" else "notes" not in found
        _fill_in(page, ROWS[kind][0])
        assert not page.complaints


def _fill_in(page: Page, row: dict[str, Any]) -> None:
    """The page itself: a row is filled in and answered."""
    values = json.dumps([str(value) for value in row.values()])
    page.run(
        f"{values}.forEach((value, place) => {{ document.getElementById(`field-${{place}}`).value = value; }});"
        "document.getElementById('ask').click()"
    )
    until(page, "/Answered in/.test(document.querySelector('#list').innerText)")


def test_files_of_bytes_are_answered_as_python_does(tmp_path: Path, archive: Path) -> None:
    bundle = make("bytes", tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", str(archive)])
    assert done.exit_code == 0, done.output
    predictor, draw = load(bundle), np.random.default_rng(0)
    length = predictor.input.shape[1]
    assert length is not None
    with served(tmp_path / "site") as page:
        described = page.run("import('./backend.js').then((m) => m.describe())")
        assert described["privacy"] == "Files stay on this device: the model runs in this browser."
        for size in (1, length - 1, length, length + 1, 3 * length + 7, 100_003):
            (tmp_path / "file").write_bytes(draw.bytes(size))
            found = call(page, "backend.js", "answer", tmp_path / "file")
            expected = predictor.predict(tmp_path / "file")
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
            assert (found["label"], found["familiar"]) == (expected.label, expected.familiar)
        (tmp_path / "file").write_bytes(b"")
        assert call(page, "backend.js", "answer", tmp_path / "file") == {"error": "The file is empty: 0 bytes."}
        assert not page.complaints


def _sound(seconds: float, rate: int, channels: int) -> np.ndarray:
    """Tones that rise, with silence around them."""
    moments = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * (200 + 400 * moments / seconds) * moments)
    padded = np.pad(tone, rate // 5)
    return np.stack([padded * (1 - 0.2 * channel) for channel in range(channels)], axis=1)


def test_recordings_are_answered_as_python_does(tmp_path: Path, archive: Path) -> None:
    bundle = make("sound", tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", str(archive)])
    assert done.exit_code == 0, done.output
    predictor = load(bundle)
    clips = [("wav", 0.3, 16_000, 1), ("wav", 2.0, 16_000, 2), ("flac", 0.5, 44_100, 1), ("ogg", 1.2, 48_000, 2)]
    clips += [("mp3", 0.8, 22_050, 1), ("wav", 0.2, 8_000, 1)]
    with served(tmp_path / "site") as page:
        for ending, seconds, rate, channels in clips:
            file = tmp_path / f"clip.{ending}"
            soundfile.write(file, _sound(seconds, rate, channels), rate)
            found, expected = call(page, "backend.js", "answer", file), predictor.predict(file)
            # A browser may scale whole numbers by one more, and has its own way to another rate.
            close = 1e-3 if rate == 16_000 else 0.02
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=close)
            assert (found["label"], found["notes"]) == (expected.label, [])
            data = base64.b64encode(file.read_bytes()).decode()
            windows = page.run(
                f"""import('./read.js').then(async (m) => {{
                    const {{ fields }} = await (await fetch('model.json')).json();
                    const bytes = Uint8Array.from(atob('{data}'), (c) => c.charCodeAt(0));
                    const {{ dims, data }} = await m.look(new Blob([bytes]), fields.input);
                    return [dims, Array.from(data)];
                }})"""
            )
            array = predictor.input.read(file)
            assert windows[0] == [1, *array.shape]
            if rate == 16_000:
                np.testing.assert_allclose(np.array(windows[1]).reshape(array.shape), array, atol=1e-4)
        soundfile.write(tmp_path / "clip.wav", np.zeros(16_000), 16_000)
        assert call(page, "backend.js", "answer", tmp_path / "clip.wav")["notes"] == ["the recording is silent"]
        (tmp_path / "clip.wav").write_bytes(b"no sound")
        assert call(page, "backend.js", "answer", tmp_path / "clip.wav") == {
            "error": "It is not a recording that this browser plays, or it is damaged."
        }
        assert not page.complaints


def test_ratings_are_refused_before_any_work(tmp_path: Path) -> None:
    bundle = make("ratings", tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", "none.tgz"])
    assert str(done.exception).startswith("`headway export-web` cannot run a model of ")
    assert not (tmp_path / "site").exists()
