"""Numbers, several labels, points and masks in the browser: as Python answers them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from typer.testing import CliRunner

from headway.bundle.predictor import load
from headway.cli import app
from tests.chromium import Page
from tests.serve.bundles import make
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


def test_a_table_is_refused_before_any_work(tmp_path: Path) -> None:
    bundle = make("table", tmp_path)
    done = CliRunner().invoke(app, ["export-web", str(bundle), str(tmp_path / "site"), "--runtime", "none.tgz"])
    assert str(done.exception).startswith("`headway export-web` cannot run a model of rows in the browser.\n")
    assert not (tmp_path / "site").exists()
