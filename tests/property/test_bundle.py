"""Whatever happens to a bundle's bytes, it is refused with a BundleError or answers as before."""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.bundle.format import pack_check, read_bundle, unpack_check, write_bundle
from headway.bundle.predictor import load
from headway.errors import BundleError

GOLDEN = Path(__file__).parents[1] / "bundles" / "v1.headway"
IMAGES = np.random.default_rng(0).integers(0, 256, size=(4, 8, 8, 3), dtype=np.uint8)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """One of: bytes changed, a piece removed, doubled, moved, zeroed, or the end cut off."""
    changed = bytearray(data)
    start, length = draw.randrange(len(data)), draw.choice([1, 2, 4, 30, 500])
    piece = changed[start : start + length]
    kind = draw.randrange(6)
    if kind == 0:
        for _ in range(draw.randint(1, 8)):
            changed[draw.randrange(len(data))] = draw.randrange(256)
    elif kind == 1:
        del changed[start : start + length]
    elif kind == 2:
        changed[start:start] = piece
    elif kind == 3:
        at = draw.randrange(len(data))
        changed[at : at + len(piece)] = piece
    elif kind == 4:
        changed[start : start + length] = bytes(len(piece))
    else:
        del changed[start:]
    return bytes(changed)


def refused_or_same(path: Path, expected: np.ndarray) -> bool:
    try:
        found = load(path).probabilities(IMAGES)
    except BundleError:
        return True
    np.testing.assert_array_equal(found, expected)
    return False


def test_mutated_bytes(tmp_path: Path) -> None:
    golden, expected = GOLDEN.read_bytes(), load(GOLDEN).probabilities(IMAGES)
    path = tmp_path / "model.headway"
    refused = 0
    for seed in range(400):
        path.write_bytes(mutated(golden, random.Random(seed)))
        refused += refused_or_same(path, expected)
    assert refused > 300


@pytest.mark.parametrize("name", ["model.onnx", "check.npz"])
def test_mutated_files_with_hashes_that_are_right(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    # Hashes stop accidents, not intent: what is behind them must hold too. Here the answers may change.
    golden = read_bundle(GOLDEN)
    for seed in range(100):
        files = {**golden.files, name: mutated(golden.files[name], random.Random(seed))}
        path = write_bundle(tmp_path / "model.headway", manifest=golden.manifest, files=files)
        with contextlib.suppress(BundleError):
            load(path)
    assert capfd.readouterr() == ("", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


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


@settings(max_examples=30, deadline=None)
@given(manifest=st.dictionaries(st.text(), JSON, max_size=4), files=st.lists(st.binary(), min_size=4, max_size=4))
def test_what_is_written_is_read(manifest: dict[str, object], files: list[bytes]) -> None:
    named: dict[str, bytes] = dict(
        zip(("weights.safetensors", "model.onnx", "check.npz", "card.md"), files, strict=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        bundle = read_bundle(write_bundle(Path(folder, "model.headway"), manifest=manifest, files=named))
    assert bundle.files == named
    added = {"files": bundle.manifest["files"], "format_version": 1}
    assert bundle.manifest == {**manifest, **added}


@given(count=st.integers(1, 3), size=st.integers(1, 9), classes=st.integers(1, 5), seed=st.integers(0, 99))
def test_check_arrays_come_back(count: int, size: int, classes: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, size=(count, size, size, 3), dtype=np.uint8)
    probabilities = draw.random((count, classes), dtype=np.float32)
    found = unpack_check(pack_check(images, probabilities), given="check")
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[1], probabilities)
