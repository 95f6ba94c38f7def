from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from headway.bundle.format import (
    FORMAT_VERSION,
    INPUT_DTYPES,
    Check,
    pack_check,
    read_bundle,
    unpack_check,
    write_bundle,
)
from headway.errors import BundleError, ConfigError

FILES = {"weights.safetensors": b"weights", "model.onnx": b"graph", "check.npz": b"check", "card.md": b"# Card\n"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "new" / "model.headway", manifest={"arch": "tiny"}, files=FILES)
    bundle = read_bundle(path)
    assert bundle.files == FILES
    assert bundle.manifest["arch"] == "tiny"
    assert bundle.manifest["format_version"] == FORMAT_VERSION
    assert bundle.manifest["files"]["card.md"] == {"size": 7, "sha256": hashlib.sha256(b"# Card\n").hexdigest()}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [write_bundle(tmp_path / name, manifest={"a": 1}, files=FILES) for name in ("one", "two")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_members_are_stored_in_order(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "model.headway", manifest={}, files=dict(reversed(FILES.items())))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", *FILES]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_bundle(tmp_path / "model.headway", manifest={"old": True}, files=FILES)

    def full(_: int) -> None:
        raise OSError(28, "disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError) as caught:
        write_bundle(path, manifest={"old": False}, files=FILES)
    assert str(caught.value) == (
        f"The bundle cannot be written.\n  Given: {path} (disk full)\n  Fix:   Free space, or name another file."
    )
    assert read_bundle(path).manifest["old"] is True
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("name", "reason"), [("", "a folder, not a file"), ("a\0b", "embedded null byte")])
def test_a_path_that_is_no_file_is_said(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"({reason})"):
        write_bundle(tmp_path / name, manifest={}, files=FILES)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, np.float32(1)])
def test_a_manifest_that_is_not_json_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(BundleError, match="plain JSON"):
        write_bundle(tmp_path / "model.headway", manifest={"value": value}, files=FILES)
    assert not any(tmp_path.iterdir())


def test_what_could_not_be_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match=r"manifest would be 4\.0 MB"):
        write_bundle(tmp_path / "model.headway", manifest={"x": "x" * 4 * 2**20}, files=FILES)
    monkeypatch.setattr("headway.bundle.format.MAX_BUNDLE_BYTES", 17_000)
    with pytest.raises(BundleError, match="smaller architecture"):
        write_bundle(tmp_path / "model.headway", manifest={"x": "x" * 1000}, files=FILES)


def test_check_arrays_come_back_and_numpy_reads_them() -> None:
    inputs = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    outputs = np.array([[0.25, 0.75], [1, 0]], dtype=np.float32)
    distances = np.array([0.5, -1], dtype=np.float32)
    for check in (Check(inputs, outputs), Check(inputs, outputs, distances)):
        data = pack_check(check)
        found = unpack_check(data, source="x")
        assert found.arrays.keys() == check.arrays.keys()
        for name, array in check.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array)
    with np.load(io.BytesIO(data), allow_pickle=False) as npz:
        np.testing.assert_array_equal(npz["inputs"], inputs)


@pytest.mark.parametrize("name", INPUT_DTYPES)
def test_items_of_every_dtype_come_back(name: str) -> None:
    inputs = np.array([[0, 1, 1], [1, 0, 1]]).astype(name)
    found = unpack_check(pack_check(Check(inputs, np.ones((2, 1), np.float32))), source="x").inputs
    assert found.dtype == inputs.dtype
    np.testing.assert_array_equal(found, inputs)


def _npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@pytest.mark.parametrize(
    "inputs",
    [
        _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"cos\nsystem\n."),
        _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 9999), }"),
        _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, -1), }", b"1"),
        _npy("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 1), }", b"1"),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", bytes(8)),
        _npy("((((((((((((((((((((("),
        _npy("__import__('os').abort()"),
        b"\x93NUMPY\x02\x00",
        b"",
    ],
)
def test_an_array_that_claims_anything_else_is_refused(inputs: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inputs.npy", inputs)
        archive.writestr("outputs.npy", _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", bytes(4)))
    with pytest.raises(BundleError, match=r"check\.npz"):
        unpack_check(buffer.getvalue(), source="x")
