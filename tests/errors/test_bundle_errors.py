from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headway.bundle.format import pack_check, read_bundle, unpack_check, write_bundle
from headway.bundle.predictor import load
from headway.errors import BundleError

GOLDEN = Path(__file__).parents[1] / "bundles" / "v1.headway"
AGAIN = "Copy it again from where it was made, or export it again."
NAMES = "manifest.json, weights.safetensors, model.onnx, check.npz, card.md"


def text(what: str, given: object, fix: str = AGAIN) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


def refusal(path: Path, opener: Callable[[Path], object] = read_bundle) -> str:
    with pytest.raises(BundleError) as caught:
        opener(path)
    return str(caught.value)


def rebuilt(path: Path, *, manifest: dict[str, object] | None = None, **files: bytes) -> Path:
    """The golden bundle with other contents and hashes that are right."""
    golden = read_bundle(GOLDEN)
    named = {name: files.get(name.split(".")[0], data) for name, data in golden.files.items()}
    return write_bundle(path, manifest={**golden.manifest, **(manifest or {})}, files=named)


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, entries: dict[str, bytes] | list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(name, data)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.headway"


NO_BUNDLE = "Pass a model.headway file, as written by `headway train` or `learner.export`."


def test_no_such_file(path: Path) -> None:
    assert refusal(path) == text("The bundle cannot be opened: there is no such file.", path, "Correct the path.")


def test_a_folder(tmp_path: Path) -> None:
    what = "A bundle is a file, and this is a folder."
    assert refusal(tmp_path) == text(what, tmp_path, "Pass the model.headway file itself.")
    inside = tmp_path / "model.headway"
    inside.touch()
    assert refusal(tmp_path) == text(what, tmp_path, f"Pass {inside}.")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe(path: Path) -> None:
    os.mkfifo(path)
    assert refusal(path) == text("The bundle cannot be opened: not a regular file.", path, "Correct the path.")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty."),
        (b"\xff\xd8\xff\xe0 a photo", "it is not a zip archive."),
    ],
)
def test_another_kind_of_file(path: Path, data: bytes, why: str) -> None:
    path.write_bytes(data)
    assert refusal(path) == text(f"This is not a Headway bundle: {why}", path, NO_BUNDLE)


def test_another_zip(path: Path) -> None:
    zipped(path, {"word/document.xml": b""})
    assert refusal(path) == text("The bundle is unsafe or damaged: 'word/document.xml' is not a plain file name.", path)
    zipped(path, {"document.xml": b""})
    what = "This is not a Headway bundle: it is a zip archive without a manifest.json."
    assert refusal(path) == text(what, path, NO_BUNDLE)


def test_cut_short_or_longer(path: Path) -> None:
    what = "The bundle is cut short, or something follows its end."
    for data in (GOLDEN.read_bytes()[:-100], GOLDEN.read_bytes() + b"\n"):
        path.write_bytes(data)
        assert refusal(path) == text(what, path)


def test_a_huge_directory(path: Path) -> None:
    zipped(path, {str(number): b"" for number in range(1000)})
    assert refusal(path) == text("The bundle is damaged: its directory is not as it should be.", path)


def test_over_the_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(2**31)
    assert refusal(path) == text(
        "The bundle cannot be opened: too large: 2.1 GB, the limit is 2.1 GB.", path, "Correct the path."
    )


def _entry(name: str, *, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (_entry("../card.md"), "'../card.md' is not a plain file name"),
        (_entry("C:card.md"), "'C:card.md' is not a plain file name"),
        (_entry("..\\card.md"), "'..\\\\card.md' is not a plain file name"),
        (_entry("card.md", mode=stat.S_IFLNK | 0o777), "card.md is not a regular file"),
        (_entry("model.onnx"), "it has two members of one name"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_tricks_with_members(path: Path, entry: zipfile.ZipInfo, why: str) -> None:
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [*members().items()]
    entries[-1] = (entry, b"/etc/passwd")
    zipped(path, entries)
    assert refusal(path) == text(f"The bundle is unsafe or damaged: {why}.", path)


def test_a_card_that_is_no_text(path: Path) -> None:
    rebuilt(path, card=b"# Pets\n\xff")
    assert refusal(path) == text("The bundle is damaged: card.md is not UTF-8 (byte 7).", path)
    assert read_bundle(rebuilt(path, card="# Häuser".encode())).card == "# Häuser"


def test_a_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members().items():
            method = zipfile.ZIP_DEFLATED if name == "card.md" else zipfile.ZIP_STORED
            archive.writestr(name, data, compress_type=method)
    assert refusal(path) == text("The bundle is unsafe or damaged: card.md is compressed.", path)


def _change_directory(path: Path, *, at: int, form: str, value: int) -> None:
    """Writes one number of the first entry in the zip's directory."""
    data = bytearray(GOLDEN.read_bytes())
    directory = struct.unpack_from("<L", data, len(data) - 6)[0]
    struct.pack_into(form, data, directory + at, value)
    path.write_bytes(data)


def test_an_encrypted_member(path: Path) -> None:
    _change_directory(path, at=8, form="<H", value=1)
    assert refusal(path) == text("The bundle is unsafe or damaged: manifest.json is encrypted.", path)


def test_a_member_that_claims_too_much(path: Path) -> None:
    _change_directory(path, at=24, form="<L", value=2**31)
    assert refusal(path) == text("The bundle is unsafe or damaged: its members claim more bytes than there are.", path)


def test_a_wrong_checksum_of_the_zip(path: Path) -> None:
    _change_directory(path, at=16, form="<L", value=1)
    assert refusal(path) == text("The bundle is damaged: Bad CRC-32 for file 'manifest.json'.", path)


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        (b"[]", "The bundle's manifest lacks its format version or its list of files."),
        (b'{"format_version": "1"}', "The bundle's manifest lacks its format version or its list of files."),
        (b'{"format_version": 1}', "The bundle's manifest lacks its format version or its list of files."),
        (b"{", "The bundle's manifest is not JSON (Expecting property name enclosed in double quotes: "
               "line 1 column 2 (char 1))."),
        (b"x" * (4 * 2**20 + 1), "The bundle's manifest is over the limit of 4 MB."),
    ],
)  # fmt: skip
def test_a_manifest_of_another_shape(path: Path, manifest: bytes, what: str) -> None:
    zipped(path, {**members(), "manifest.json": manifest})
    assert refusal(path) == text(what, path)


@pytest.mark.parametrize("manifest", [b"[" * 100_000, b"\xff\xfe", b"9" * 5000])
def test_a_manifest_that_breaks_parsers(path: Path, manifest: bytes) -> None:
    zipped(path, {**members(), "manifest.json": manifest})
    assert refusal(path).startswith("The bundle's manifest is not JSON (")


def test_a_newer_version(path: Path) -> None:
    # A newer version may have other members.
    zipped(path, {"manifest.json": b'{"format_version": 2, "files": {}}', "new.bin": b""})
    what = "The bundle has format version 2; this version of Headway reads up to 1."
    assert refusal(path) == text(what, path, "Upgrade Headway: pip install --upgrade headway")


def test_a_missing_file(path: Path) -> None:
    entries = members()
    del entries["card.md"]
    zipped(path, entries)
    assert refusal(path) == text(f"The bundle does not hold just {NAMES}.", path)


def test_another_size_or_hash(path: Path) -> None:
    zipped(path, {**members(), "card.md": b"# Another"})
    assert refusal(path) == text("The bundle is damaged: the size of card.md is not the one in the manifest.", path)
    zipped(path, {**members(), "card.md": members()["card.md"].swapcase()})
    assert refusal(path) == text("The bundle is damaged: the SHA-256 of card.md is not the one in the manifest.", path)


def test_a_field_of_a_later_kind(path: Path) -> None:
    rebuilt(path, manifest={"input": {"kind": "smell"}})
    what = "A field is of a kind that this version of Headway does not know."
    assert refusal(path, load) == text(
        what,
        "kind='smell'",
        "Upgrade Headway. Known: bytes, image, past, ratings, series, sound, table, text and 1 more.",
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"input": {"kind": "image"}}, "'column'"),
        ({"input": None}, "'NoneType' object has no attribute 'get'"),
        ({"familiar": {}}, "'threshold'"),
        ({"familiar": {"threshold": "far"}}, "'far' is not a number"),
        ({"familiar": {"threshold": True}}, "True is not a number"),
        ({"check_tolerance": 1}, "check_tolerance is 1, and must lie above 0 and at most at 0.25"),
    ],
)
def test_fields_that_cannot_be_read(path: Path, changed: dict[str, object], reason: str) -> None:
    rebuilt(path, manifest=changed)
    assert refusal(path, load) == text(f"The bundle's fields cannot be read ({reason}).", path)


def test_a_graph_that_is_none(path: Path) -> None:
    rebuilt(path, model=b"no graph")
    assert refusal(path, load).startswith("The bundle's graph cannot be opened (")


def test_labels_that_do_not_fit_the_graph(path: Path) -> None:
    rebuilt(path, manifest={"target": {"kind": "category", "column": "label", "labels": ["red", "green"]}})
    what = "The bundle's graph, its check and its fields do not fit one another."
    assert refusal(path, load) == text(what, path)


def golden_check(**changed: object) -> bytes:
    check = unpack_check(read_bundle(GOLDEN).files["check.npz"], source="golden")
    return pack_check(replace(check, **changed))  # type: ignore[arg-type]


def test_a_check_that_fails(path: Path) -> None:
    check = unpack_check(read_bundle(GOLDEN).files["check.npz"], source="golden")
    assert check.distances is not None
    for changed in (
        golden_check(outputs=check.outputs[::-1]),
        golden_check(outputs=check.outputs * np.float32("nan")),
        golden_check(distances=check.distances + np.float32(0.01)),
        golden_check(distances=check.distances * np.float32("nan")),
    ):
        rebuilt(path, check=changed)
        assert refusal(path, load) == text(
            "The model's outputs differ from the reference outputs stored in the file.", path
        )


def test_a_check_that_fails_where_a_provider_was_asked_for(path: Path) -> None:
    check = unpack_check(read_bundle(GOLDEN).files["check.npz"], source="golden")
    rebuilt(path, check=golden_check(outputs=check.outputs[::-1]))
    what = "The model's outputs differ from the reference outputs stored in the file."
    fix = "Leave the provider out: if the file opens then, the provider computes something else."
    assert refusal(path, lambda file: load(file, providers=["cpu"])) == text(what, path, fix=fix)


def test_a_check_of_another_shape(path: Path) -> None:
    check = unpack_check(read_bundle(GOLDEN).files["check.npz"], source="golden")
    for changed in (golden_check(inputs=check.inputs[:, :4]), golden_check(distances=None)):
        rebuilt(path, check=changed)
        what = "The bundle's graph, its check and its fields do not fit one another."
        assert refusal(path, load) == text(what, path)
    rebuilt(path, check=golden_check(distances=np.zeros((3, 1), np.float32)))
    what = "The bundle's check.npz does not hold one answer for each input."
    assert refusal(path, load) == text(what, path)


def test_a_check_that_is_none(path: Path) -> None:
    rebuilt(path, check=b"")
    assert refusal(path, load) == text("The bundle is cut short, or something follows its end.", path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inputs.npy", b"")
    rebuilt(path, check=buffer.getvalue())
    assert refusal(path, load) == text(
        "The bundle's check.npz does not hold just inputs and outputs, with or without distances.", path
    )


def test_a_graph_never_reads_files_beside_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(read_bundle(GOLDEN).files["model.onnx"])
    weights = max(model.graph.initializer, key=lambda each: len(each.raw_data))
    (path.parent / "secret.bin").write_bytes(weights.raw_data)
    monkeypatch.chdir(path.parent)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    place = weights.external_data.add()
    place.key, place.value = "location", "secret.bin"
    rebuilt(path, model=model.SerializeToString())
    assert refusal(path, load).startswith("The bundle's graph cannot be opened (")


def test_a_manifest_that_cannot_be_written(path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        rebuilt(path, manifest={"accuracy": float("nan")})
    what = "The manifest must hold plain JSON values: text, numbers that are finite, lists and dicts."
    given = str(caught.value.__cause__)
    assert str(caught.value) == text(what, given, "Leave that value out, or store it as text.")
    assert json.loads(members()["manifest.json"])["format_version"] == 1
