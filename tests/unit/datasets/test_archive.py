from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import tracemalloc
import warnings
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.datasets.archive import members, read_gzip
from headway.errors import DataError

LIMIT = 200_000

KINDS = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}
names = st.one_of(
    st.sampled_from(["../out", "/etc/passwd", "a/../../out", "a\\..\\out", "C:out", "a/b.txt", "./a", "..", "~/x"]),
    st.text(min_size=1, max_size=30),
)
entries = st.lists(st.tuples(names, st.sampled_from(sorted(KINDS)), st.binary(max_size=600)), max_size=6)
several = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tar(content: list[tuple[str, str, bytes]], path: Path) -> Path:
    opener = gzip.open if path.suffix in (".gz", ".tgz") else open
    with opener(path, "wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind, data in content:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = KINDS[kind], "/etc/passwd", len(data) if kind == "file" else 0
            archive.addfile(member, io.BytesIO(data) if kind == "file" else None)
    return path


def zipped(content: list[tuple[str, str, bytes]], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, data in content:
            member = zipfile.ZipInfo("x")
            member.filename, member.compress_type = name, zipfile.ZIP_DEFLATED
            member.external_attr = (0o120777 if kind == "link" else 0o100644) << 16
            with warnings.catch_warnings(action="ignore"):
                archive.writestr(member, data)
    return path


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz"])
def test_files_of_a_tar(name: str, tmp_path: Path) -> None:
    content = [("things", "folder", b""), ("things/a.txt", "file", b"one"), ("x", "link", b""), ("b", "file", b"")]
    assert list(members(tar(content, tmp_path / name), limit=LIMIT)) == [("things/a.txt", b"one"), ("b", b"")]


def test_files_of_a_zip(tmp_path: Path) -> None:
    content = [("things/", "file", b""), ("things/a.txt", "file", b"one"), ("x", "link", b"/etc/passwd")]
    assert list(members(zipped(content, tmp_path / "a.zip"), limit=LIMIT)) == [("things/a.txt", b"one")]


@several
@given(content=entries, ending=st.sampled_from([".tar", ".tgz", ".zip"]))
def test_no_name_leads_elsewhere(content: list[tuple[str, str, bytes]], ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"hostile{ending}"
    try:
        (zipped if ending == ".zip" else tar)(content, path)
    except (ValueError, UnicodeError):
        return
    try:
        found = list(members(path, limit=LIMIT))
    except DataError:
        return
    files = {data for _, kind, data in content if kind != "link"}
    for name, data in found:
        assert not PurePosixPath(name).is_absolute()
        assert ".." not in PurePosixPath(name).parts
        assert not set(name) & set("\\:\0")
        assert data in files


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "a\\out", "C:out"])
@pytest.mark.parametrize("ending", [".tgz", ".zip"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, ending: str, tmp_path: Path) -> None:
    path = (zipped if ending == ".zip" else tar)(
        [("good", "file", b"1"), (name, "file", b"2")], tmp_path / f"a{ending}"
    )
    with pytest.raises(DataError) as caught:
        list(members(path, limit=LIMIT))
    assert str(caught.value) == (
        "The archive has a file that would lie outside its folder.\n"
        f"  Given: a{ending}: {name!r}\n  Fix:   Remove {path} and fetch the data set again."
    )


@several
@given(data=st.data(), ending=st.sampled_from([".tar", ".tgz", ".zip"]))
def test_damage_is_said_or_harmless(data: st.DataObject, ending: str, tmp_path: Path) -> None:
    """Whatever bytes change: nothing but a DataError comes out, and never more than the limit."""
    content = [(f"things/{number}.txt", "file", bytes([number]) * 700) for number in range(4)]
    path = (zipped if ending == ".zip" else tar)(content, tmp_path / f"damaged{ending}")
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with contextlib.suppress(DataError):
        assert sum(len(each) for _, each in members(path, limit=LIMIT)) <= LIMIT


@several
@given(raw=st.binary(max_size=2000), ending=st.sampled_from([".tar", ".tgz", ".zip"]))
def test_any_bytes_at_all(raw: bytes, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"any{ending}"
    path.write_bytes(raw)
    with contextlib.suppress(DataError):
        assert sum(len(each) for _, each in members(path, limit=LIMIT)) <= LIMIT


def test_a_cut_archive_is_damaged(tmp_path: Path) -> None:
    path = tar([("a", "file", bytes(range(256)) * 40)], tmp_path / "a.tgz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError) as caught:
        list(members(path, limit=LIMIT))
    assert str(caught.value) == (
        "The archive is damaged.\n"
        "  Given: a.tgz (Compressed file ended before the end-of-stream marker was reached)\n"
        f"  Fix:   Remove {path} and fetch the data set again."
    )


def test_bombs(tmp_path: Path) -> None:
    zeros = bytes(30_000_000)
    one = tar([("a", "file", zeros)], tmp_path / "one.tgz")
    many = tar([(f"{number}", "file", bytes(1000)) for number in range(300)], tmp_path / "many.tgz")
    passed_over = tar([(f"{number}", "folder", b"") for number in range(1000)], tmp_path / "folders.tgz")
    flat = zipped([("a", "file", zeros)], tmp_path / "flat.zip")
    plain = tmp_path / "a.gz"
    plain.write_bytes(gzip.compress(zeros))
    after = tmp_path / "after.tgz"
    after.write_bytes(tar([("a", "file", b"1")], tmp_path / "small.tgz").read_bytes() + gzip.compress(zeros))
    tracemalloc.start()
    for path in (one, many, passed_over, flat, after):
        with pytest.raises(DataError) as caught:
            list(members(path, limit=LIMIT))
        assert str(caught.value) == (
            "The archive unpacks to more than it may hold.\n"
            f"  Given: {path.name}\n  Fix:   Remove {path} and fetch the data set again."
        )
    with pytest.raises(DataError, match="more than it may hold"):
        read_gzip(plain, limit=LIMIT)
    # Nothing was unpacked to find that out.
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_size_that_lies_gives_no_more_than_it_says(tmp_path: Path) -> None:
    path = zipped([("a", "file", bytes(1_000_000))], tmp_path / "a.zip")
    raw = path.read_bytes()
    true, said = (1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert raw.count(true) == 2
    path.write_bytes(raw.replace(true, said))
    with pytest.raises(DataError, match="The archive is damaged"):
        list(members(path, limit=LIMIT))


def test_holes_are_passed_over(tmp_path: Path) -> None:
    """A sparse file of a terabyte is a header of 512 bytes."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("holes")
        member.type = tarfile.GNUTYPE_SPARSE
        header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
        header[483:495] = tarfile.itn(2**40, 12, tarfile.GNU_FORMAT)
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header[:512])
        archive.fileobj.write(header)  # type: ignore[union-attr]
    assert list(members(path, limit=LIMIT)) == []


def test_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one"))
    assert read_gzip(tmp_path / "a.gz", limit=3) == b"one"
    (tmp_path / "b.gz").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"The archive is damaged.\n  Given: b\.gz \(Not a gzipped file"):
        read_gzip(tmp_path / "b.gz", limit=3)
