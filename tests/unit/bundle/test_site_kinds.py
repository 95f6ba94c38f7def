"""All kinds of items and of answers in the browser: as Python answers them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage
from typer.testing import CliRunner

from headway.bundle.predictor import load
from headway.cli import app
from tests.chromium import Page
from tests.serve.bundles import make
from tests.serve.test_page import until
from tests.unit.bundle.test_site_javascript import archive, call, picture, served

__all__ = ["archive"]

pytestmark = pytest.mark.slow


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


def test_ratings_are_refused_before_any_work(tmp_path: Path) -> None:
    bundle = make("ratings", tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", "none.tgz"])
    assert str(done.exception).startswith("`headway export-web` cannot run a model of ")
    assert not (tmp_path / "site").exists()
