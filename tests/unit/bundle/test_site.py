from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import polars as pl
import pytest

from headway.bundle import site
from headway.bundle.format import Bundle, read_bundle
from headway.errors import ConfigError
from headway.inputs.ratings.field import Ratings

GOLDEN = Path(__file__).parents[2] / "bundles" / "v1.headway"
NAMES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
FIX = "Fetch it on a machine with npm (npm pack onnxruntime-web@1.30.0), and name the file with --runtime."


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small archive that passes for the runtime's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in (*NAMES, "../../outside.js"):
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
    data = buffer.getvalue()
    monkeypatch.setattr(site, "RUNTIME_SHA512", base64.b64encode(hashlib.sha512(data).digest()).decode())
    (tmp_path / "runtime.tgz").write_bytes(data)
    return tmp_path / "runtime.tgz"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("index.html", "page.css", "page.js", "icon.svg", "backend.js", "docs.html"):
        (folder / name).write_text('<head>\n<meta charset="utf-8">\n</head>\n' if name == "index.html" else name)
    return folder


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program named npm that does as the script says."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("HEADWAY_CACHE", str(folder / "cache"))


def test_the_folder_holds_all_that_the_page_needs(tmp_path: Path, page: Path, runtime: Path) -> None:
    bundle = read_bundle(GOLDEN)
    written = site.write_site(tmp_path / "site", bundle, name="colours", page=page, runtime=runtime)
    names = {path.relative_to(tmp_path / "site").as_posix() for path in written}
    own = {"answers.js", "backend.js", "jpeg.js", "read.js", "model.json", "model.onnx", "headway-site.json"}
    assert names == own | {"index.html", "page.css", "page.js", "icon.svg"} | {f"runtime/{name}" for name in NAMES}
    model = json.loads((tmp_path / "site" / "model.json").read_text())
    assert (model["name"], model["labels"]) == ("colours", ["red", "green", "blue"])
    assert (model["task"], model["error"]) == ("classification", None)
    assert model["threshold"] == bundle.manifest["familiar"]["threshold"]
    assert model["card"].startswith("# Red")
    # The page's own backend asks a server.
    assert "onnxruntime" in (tmp_path / "site" / "backend.js").read_text()
    assert "default-src 'none'" in (tmp_path / "site" / "index.html").read_text()


def test_a_site_is_replaced_and_nothing_else(tmp_path: Path, page: Path, runtime: Path) -> None:
    bundle = read_bundle(GOLDEN)
    for name in ("one", "two"):
        site.write_site(tmp_path / "site", bundle, name=name, page=page, runtime=runtime)
    assert json.loads((tmp_path / "site" / "model.json").read_text())["name"] == "two"
    with pytest.raises(ConfigError) as caught:
        site.write_site(page, bundle, name="three", page=page, runtime=runtime)
    assert str(caught.value) == (
        f"The folder for the site has other files in it.\n  Given: {page}\n"
        "  Fix:   Name a folder that is empty or not there yet."
    )


def test_ratings_have_no_page_without_a_server(tmp_path: Path, page: Path, runtime: Path) -> None:
    bundle = read_bundle(GOLDEN)
    ratings = Ratings("user", "film").fit(pl.DataFrame({"user": ["a", "b"], "film": ["c", "d"]}))
    film = Bundle({**bundle.manifest, "input": ratings.to_json()}, bundle.files)
    with pytest.raises(ConfigError) as caught:
        site.write_site(tmp_path / "site", film, name="films", page=page, runtime=runtime)
    assert str(caught.value) == (
        f"`headway export-web` cannot run a model of {ratings.nouns} in the browser.\n"
        "  Given: input=Ratings, target=Category\n"
        "  Fix:   Serve it with `headway serve`."
    )
    assert not (tmp_path / "site").exists()


def test_npm_fetches_the_runtime_once(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", monkeypatch, f'test "$1 $2" = "pack {site.RUNTIME}" && cp {runtime} "$4/it.tgz"')
    assert site.find_runtime() == runtime.read_bytes()
    (tmp_path / "bin" / "npm").unlink()
    assert site.find_runtime() == runtime.read_bytes()


def test_without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        site.find_runtime()
    what = "The site needs onnxruntime-web, which is fetched with npm, and there is no npm here."
    assert str(caught.value) == f"{what}\n  Given: onnxruntime-web@1.30.0\n  Fix:   {FIX}"


def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", monkeypatch, "echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(ConfigError) as caught:
        site.find_runtime()
    what = "npm could not fetch onnxruntime-web."
    assert str(caught.value) == f"{what}\n  Given: npm error code ENOTFOUND\n  Fix:   {FIX}"


def test_another_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive.tgz").write_bytes(b"something else")
    npm(tmp_path / "bin", monkeypatch, f'cp {tmp_path}/archive.tgz "$4/it.tgz"')
    what = "The archive of onnxruntime-web is not the one that this version of Headway was tested with."
    fix = "Fetch it again: npm pack onnxruntime-web@1.30.0"
    for archive, given in ((None, "onnxruntime-web@1.30.0"), (tmp_path / "archive.tgz", tmp_path / "archive.tgz")):
        with pytest.raises(ConfigError) as caught:
            site.find_runtime(archive)
        assert str(caught.value) == f"{what}\n  Given: {given}, 14 bytes\n  Fix:   {fix}"
    assert not (tmp_path / "bin" / "cache").exists()


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        site.find_runtime(tmp_path / "none.tgz")
    assert str(caught.value) == (
        "The archive of onnxruntime-web cannot be read.\n"
        f"  Given: [Errno 2] No such file or directory: '{tmp_path}/none.tgz'\n"
        "  Fix:   Correct the path, or fetch it: npm pack onnxruntime-web@1.30.0"
    )
