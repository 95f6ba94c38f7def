"""A folder of static files that predicts in the browser: the page, the graph, and a runtime for it.

The runtime, onnxruntime-web, is fetched with npm once, checked against a hash that is written here, and copied into
the folder, which then loads nothing from any other host.

A kind of input brings `web/read.js`, with a function `look(item, field)`: a promise of a tensor's `type`, `data` and
`dims`, and of `notes`, `familiar` and `isFar` as the input's methods of these names give them. `field` is the input as
JSON, with what its `browser_facts` gives as `facts`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headway.bundle.format import Bundle
from headway.errors import ConfigError
from headway.inputs.base import Input
from headway.inputs.registry import input_from_json
from headway.system.cache import cache_folder
from headway.targets.registry import target_from_json

__all__ = ["RUNTIME", "RUNTIME_SHA512", "find_runtime", "write_site"]

RUNTIME = "onnxruntime-web@1.30.0"
# Of the package's archive, in base64 as npm writes it.
RUNTIME_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="

_RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_MARK = "headway-site.json"

# As the server sends it with the page; compiling the runtime needs one permission more.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'"
)


def write_site(folder: Path, bundle: Bundle, *, name: str, page: Path, runtime: Path | None = None) -> list[Path]:
    """Writes the folder, in which there may be an earlier site; its files, in the order of their names.

    Args:
        folder: Made where it is not there.
        bundle: The model.
        name: What the page calls it.
        page: The folder with the page's own files.
        runtime: The archive of onnxruntime-web, where it was fetched by hand.

    Raises:
        ConfigError: If there is anything else in the folder, the browser could not read what the model takes or tell
            what it gives, or there is no runtime.
    """
    input, target = input_from_json(bundle.manifest["input"]), target_from_json(bundle.manifest["target"])
    if not (input.runs_in_browser and target.runs_in_browser):
        what = f"`headway export-web` cannot run a model of {input.nouns} in the browser."
        given = f"input={type(input).__name__}, target={type(target).__name__}"
        raise ConfigError(what, given=given, fix="Serve it with `headway serve`.")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _MARK).is_file())):
        fix = "Name a folder that is empty or not there yet."
        raise ConfigError("The folder for the site has other files in it.", given=folder, fix=fix)
    # The page that tells of the API has no place here, and the site brings a backend.js of its own.
    files = {file.name: file.read_bytes() for file in page.iterdir() if not file.name.startswith("docs.")}
    for module in (__name__, type(input).__module__):
        files |= {file.name: file.read_bytes() for file in _beside(module).glob("*.js")}
    mark = '<meta charset="utf-8">\n'
    assert mark.encode() in files["index.html"]
    policy = f'{mark}<meta http-equiv="content-security-policy" content="{_POLICY}">\n'
    files["index.html"] = files["index.html"].replace(mark.encode(), policy.encode())
    files["model.json"] = _json({"name": name, **target.page_facts(input), **_model(bundle, input)})
    files["model.onnx"] = bundle.files["model.onnx"]
    files[_MARK] = _json({"runtime": RUNTIME})
    with tarfile.open(fileobj=io.BytesIO(find_runtime(runtime)), mode="r:gz") as archive:
        for file in _RUNTIME_FILES:
            member = archive.extractfile(f"package/dist/{file}")
            assert member is not None
            files[f"runtime/{file}"] = member.read()
    for file, data in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    return [folder / file for file in sorted(files)]


def _beside(module: str) -> Path:
    """The folder with the JavaScript that belongs to a module."""
    return Path(str(sys.modules[module].__file__)).with_name("web")


def _model(bundle: Bundle, input: Input) -> dict[str, Any]:
    """What the page needs to know of a bundle."""
    manifest = bundle.manifest
    familiar, metrics = manifest.get("familiar"), manifest.get("metrics", {})
    judged = metrics.get("test") or metrics.get("valid") or {}
    return {
        "error": judged["mae"]["value"] if "mae" in judged else None,
        "card": bundle.card,
        "fields": {"input": {**manifest["input"], "facts": input.browser_facts()}, "target": manifest["target"]},
        # Of what has no form the page takes files.
        "columns": [asdict(column) for column in input.form()] or None,
        "threshold": familiar["threshold"] if familiar else None,
    }


def find_runtime(archive: Path | None = None) -> bytes:
    """The archive of onnxruntime-web: from a file, else the cache, else fetched with npm.

    Raises:
        ConfigError: If npm is not there or cannot fetch it, the file cannot be read, or the archive is not the one
            whose hash is written here.
    """
    cached = cache_folder("runtime") / f"{RUNTIME}.tgz"
    # Hashed each time: the cache is a folder that anything may write to.
    if archive is None and cached.is_file() and _is_right(cached.read_bytes()):
        return cached.read_bytes()
    try:
        data = archive.read_bytes() if archive else _fetched()
    except OSError as error:
        fix = f"Correct the path, or fetch it: npm pack {RUNTIME}"
        raise ConfigError("The archive of onnxruntime-web cannot be read.", given=error, fix=fix) from error
    if not _is_right(data):
        what = "The archive of onnxruntime-web is not the one that this version of Headway was tested with."
        fix = f"Fetch it again: npm pack {RUNTIME}"
        raise ConfigError(what, given=f"{archive or RUNTIME}, {len(data)} bytes", fix=fix)
    if archive is None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_bytes(data)
    return data


def _is_right(data: bytes) -> bool:
    return base64.b64encode(hashlib.sha512(data).digest()).decode() == RUNTIME_SHA512


def _fetched() -> bytes:
    fix = f"Fetch it on a machine with npm (npm pack {RUNTIME}), and name the file with --runtime."
    npm = shutil.which("npm")
    if npm is None:
        what = "The site needs onnxruntime-web, which is fetched with npm, and there is no npm here."
        raise ConfigError(what, given=RUNTIME, fix=fix)
    with tempfile.TemporaryDirectory(prefix="headway-npm-") as folder:
        command = [npm, "pack", RUNTIME, "--pack-destination", folder]
        try:
            # In an empty folder, as npm obeys an .npmrc or package.json where it runs.
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
        except subprocess.TimeoutExpired as error:
            raise ConfigError("npm did not answer in ten minutes.", given=RUNTIME, fix=fix) from error
        archives = sorted(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["no reason given"]
            raise ConfigError("npm could not fetch onnxruntime-web.", given=lines[0][:200], fix=fix)
        return archives[0].read_bytes()


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
