"""Whatever happens to a bundle's bytes, it is refused with a BundleError or answers as before."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.bundle.format import Check, pack_check, read_bundle, unpack_check, write_bundle
from headway.bundle.predictor import load
from headway.errors import BundleError
from tests.bundles import fuzz, hostile

GOLDEN = Path(__file__).parents[1] / "bundles" / "v1.headway"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and peaks of memory are Linux's")
@pytest.mark.parametrize("count", [100, pytest.param(800, marks=pytest.mark.slow)])
def test_mutated_bundles(tmp_path: Path, count: int) -> None:
    command = [sys.executable, str(Path(fuzz.__file__)), str(count), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["refused"] + found["same"] == count
    assert min(found["refused"], found["same"]) > count / 20
    assert found["peak_bytes"] < fuzz.MAX_BYTES


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
@pytest.mark.parametrize("count", [30, pytest.param(150, marks=pytest.mark.slow)])
def test_hostile_bundles_whose_hashes_are_right(tmp_path: Path, count: int) -> None:
    command = [sys.executable, str(Path(hostile.__file__)), str(count), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads(done.stdout)
    assert results["refused"] + results["answered"] == count
    assert min(results["refused"], results["answered"]) > count / 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.onnx", "check.npz"])
def test_mutated_files_with_hashes_that_are_right(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    # Hashes stop accidents, not intent: what is behind them must hold too. Here the answers may change.
    golden = read_bundle(GOLDEN)
    for seed in range(100):
        files = {**golden.files, name: fuzz.mutated(golden.files[name], random.Random(seed))}
        path = write_bundle(tmp_path / "model.headway", manifest=golden.manifest, files=files)
        with contextlib.suppress(BundleError):
            load(path)
    assert capfd.readouterr() == ("", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    field=st.sampled_from(["input", "target"]),
    key=st.sampled_from(["kind", "column", "size", "channels", "labels"]),
    value=JSON,
)
def test_fields_of_any_kind(field: str, key: str, value: object) -> None:
    golden = read_bundle(GOLDEN)
    changed = {**golden.manifest, field: {**golden.manifest[field], key: value}}
    with tempfile.TemporaryDirectory() as folder:
        path = write_bundle(Path(folder, "model.headway"), manifest=changed, files=golden.files)
        with contextlib.suppress(BundleError):
            load(path)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    manifest=st.dictionaries(st.text(), JSON, max_size=4),
    files=st.lists(st.binary(), min_size=3, max_size=3),
    card=st.text().map(str.encode),
)
def test_what_is_written_is_read(manifest: dict[str, object], files: list[bytes], card: bytes) -> None:
    named = {**dict(zip(("weights.safetensors", "model.onnx", "check.npz"), files, strict=True)), "card.md": card}
    with tempfile.TemporaryDirectory() as folder:
        bundle = read_bundle(write_bundle(Path(folder, "model.headway"), manifest=manifest, files=named))
    assert bundle.files == named
    added = {"files": bundle.manifest["files"], "format_version": 1}
    assert bundle.manifest == {**manifest, **added}


@given(count=st.integers(1, 3), size=st.integers(1, 9), classes=st.integers(1, 5), seed=st.integers(0, 99))
def test_check_arrays_come_back(count: int, size: int, classes: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, size=(count, size, size, 3), dtype=np.uint8)
    distances = draw.random(count, dtype=np.float32) if seed % 2 else None
    check = Check(images, draw.random((count, classes), dtype=np.float32), distances)
    found = unpack_check(pack_check(check), source="check")
    assert found.arrays.keys() == check.arrays.keys()
    for name, array in check.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
