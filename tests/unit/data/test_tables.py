from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import polars as pl
import pytest

from headway.data.tables import Dialect, names_table, read_table, read_values
from headway.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", True),
        ("a.TSV", True),
        ("x/a.parquet", True),
        ("a.csv.gz", True),
        ("a.txt", True),
        ("a.jsonl", True),
        ("a.png.gz", False),
        ("csv", False),
        ("a.png", False),
    ],
)
def test_tables_are_known_by_their_ending(name: str, expected: bool) -> None:
    assert names_table(name) is expected
    assert names_table(Path(name)) is expected


def write(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix.lower() == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix.lower() == ".tsv" else ",")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.TSV", "t.parquet", "t[1].csv", "t*.parquet", "d[ü]/t.tsv"])
def test_every_kind_of_table_gives_the_same(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"year": [2020, 2021], "photo": ["a, b.png", "sub/ü.png"], "kind": ["007", "1.50"]})
    (tmp_path / name).parent.mkdir(exist_ok=True)
    path = write(frame, tmp_path / name)
    found = read_table(path, input="photo", target="kind")
    assert found.columns == ["year", "photo", "kind"]
    assert found["year"].to_list() == [2020, 2021]
    assert found["photo"].to_list() == [str(path.parent / "a, b.png"), str(path.parent / "sub/ü.png")]
    assert found["kind"].to_list() == ["007", "1.50"]


def test_labels_of_a_csv_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("photo,kind\n1.png,007\n2.png,true\n3.png,1e3\n4.png,NaN\n5.png, x\n")
    found = read_table(tmp_path / "t.csv", input="photo", target="kind")
    assert found["kind"].to_list() == ["007", "true", "1e3", "NaN", " x"]


def test_a_type_is_not_guessed_from_the_first_rows(tmp_path: Path) -> None:
    rows = "".join(f"{i}.png,a,{i}\n" for i in range(300))
    (tmp_path / "t.csv").write_text("photo,kind,site\n" + rows + "300.png,a,north\n")
    assert read_table(tmp_path / "t.csv", input="photo", target="kind")["site"][-1] == "north"


@pytest.mark.parametrize("values", [[1, 2], [True, False], [1.5, 2.5]])
def test_labels_of_a_parquet_become_text(tmp_path: Path, values: list[object]) -> None:
    path = write(pl.DataFrame({"f": ["1.png", "2.png"], "y": values}), tmp_path / "t.parquet")
    assert read_table(path, input="f", target="y")["y"].dtype == pl.String


def test_paths_are_taken_from_the_tables_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    elsewhere = tmp_path / "other" / "1.png"
    (tmp_path / "data" / "t.csv").write_text(f"f,y\n2.png,a\n{elsewhere},b\n../3.png,c\n")
    monkeypatch.chdir(tmp_path)
    expected = [str(tmp_path / "data/2.png"), str(elsewhere), str(tmp_path / "data/../3.png")]
    for way in ("data/t.csv", tmp_path / "data" / "t.csv"):
        assert read_table(way, input="f", target="y")["f"].to_list() == expected


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f,y\n1.png,\n,b\n3.png,c\n")
    found = read_table(tmp_path / "t.csv", input="f", target="y")
    assert found["f"].to_list() == [str(tmp_path / "1.png"), None, str(tmp_path / "3.png")]
    assert found["y"].to_list() == [None, "b", "c"]


def test_a_table_from_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfphoto,"the kind"\r\n"1.png","one\ntwo"\r\n2.png,"say ""a"""\r\n')
    found = read_table(tmp_path / "t.csv", input="photo", target="the kind")
    assert found["the kind"].to_list() == ["one\ntwo", 'say "a"']
    assert found["photo"][1] == str(tmp_path / "2.png")


def test_a_table_may_hold_the_files_themselves(tmp_path: Path) -> None:
    path = write(pl.DataFrame({"image": [b"\x89PNG", None], "y": ["a", "b"]}), tmp_path / "t.parquet")
    assert read_table(path, input="image", target="y")["image"].to_list() == [b"\x89PNG", None]


def test_one_column_cannot_be_both_but_does_not_crash(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f,y\n1.png,a\n")
    assert len(read_table(tmp_path / "t.csv", input="f", target="f")) == 1


@pytest.mark.parametrize(("input", "target"), [("g", "y"), ("f", "z"), ("F", "y")])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_missing_column_is_an_error(tmp_path: Path, input: str, target: str, name: str) -> None:
    path = write(pl.DataFrame({"f": ["1.png"], "y": ["a"]}), tmp_path / name)
    with pytest.raises(DataError, match="no column for the"):
        read_table(path, input=input, target=target)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", b""),
        ("t.csv", b"\x89PNG\0\0\0\1"),
        ("t.csv.gz", b"f,y\n1.png,a\n"),
        ("t.parquet", b"f,y\n1.png,a\n"),
        ("t.parquet", b"PAR1"),
        ("t.parquet", b""),
    ],
)
def test_what_is_no_table_is_an_error(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=r"^The table cannot be read\.\n  Given: .*\n  Fix:   "):
        read_table(tmp_path / name, input="f", target="y")


def test_a_folder_or_nothing_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    (tmp_path / "t.csv" / "inside.csv").write_text("f,y\n1.png,a\n")
    with pytest.raises(DataError, match="a folder, not a file"):
        read_table(tmp_path / "t.csv", input="f", target="y")
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "u.csv", input="f", target="y")


def test_a_table_without_rows_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f,y\n")
    found = read_table(tmp_path / "t.csv", input="f", target="y")
    assert found.schema == {"f": pl.String, "y": pl.String}
    assert len(found) == 0


# Dialects.


def values(tmp_path: Path, data: str | bytes, name: str = "t.csv", **dialect: str) -> tuple[dict[str, list], list[str]]:
    """The columns that are read, and what is told."""
    (tmp_path / name).write_bytes(data.encode() if isinstance(data, str) else data)
    told: list[str] = []
    return read_values(tmp_path / name, Dialect(**dialect), tell=told.append).to_dict(as_series=False), told


PEOPLE = "name,age,town\nAnn,31,Ulm\nBob,45,Rom\n"
READ = {"name": ["Ann", "Bob"], "age": [31, 45], "town": ["Ulm", "Rom"]}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.txt"])
def test_separators_are_recognised_and_told(tmp_path: Path, separator: str, name: str) -> None:
    read, told = values(tmp_path, PEOPLE.replace(",", separator), name)
    assert read == READ
    assert told == [f"Columns are separated by {separator!r}; another: --separator (separator=)."]
    assert values(tmp_path, PEOPLE.replace(",", separator), name, separator=separator) == (READ, [])


def test_a_separator_may_be_said(tmp_path: Path) -> None:
    assert values(tmp_path, "a:b\n1:2\n", separator=":") == ({"a": [1], "b": [2]}, [])
    assert values(tmp_path, "a\tb\n1\t2\n", separator="tab") == ({"a": [1], "b": [2]}, [])
    # Text that holds other marks is no other dialect.
    assert values(tmp_path, "a,b\nx;y,1\nz;w,2\n")[0] == {"a": ["x;y", "z;w"], "b": [1, 2]}
    assert values(tmp_path, "only\n1\n")[0] == {"only": [1]}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (PEOPLE.replace("\n", "\r").encode(), []),
        (PEOPLE.encode("utf-16"), ["The text is read as utf-16; another: --encoding (encoding=)."]),
        (PEOPLE.encode("utf-16-le"), ["The text is read as utf-16-le; another: --encoding (encoding=)."]),
        (PEOPLE.encode("utf-16-be"), ["The text is read as utf-16-be; another: --encoding (encoding=)."]),
        (PEOPLE.encode("utf-8-sig"), []),
    ],
)
def test_encodings_and_ends_of_lines_are_recognised(tmp_path: Path, data: bytes, told: list[str]) -> None:
    assert values(tmp_path, data) == (READ, told)


def test_utf_8_with_a_line_of_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "towns.csv"
    file.write_bytes("town,n\nKöln,1\nDüren,2\n".encode() + "Jülich,3\n".encode("latin-1"))
    with pytest.raises(DataError) as error:
        read_values(file)
    assert str(error.value) == (
        "The table is UTF-8 text, but not in every line.\n"
        f"  Given: {file}, line 4: b'J\\xfclich,3'\n"
        "  Fix:   Save it in one encoding, or name one for all of it, such as --encoding windows-1252 (encoding=)."
    )


def test_what_is_no_utf_8_is_read_as_latin_1_and_told(tmp_path: Path) -> None:
    read, told = values(tmp_path, "town,n\nKöln,1\n".encode("latin-1"))
    assert read == {"town": ["Köln"], "n": [1]}
    assert told == ["The text is read as windows-1252, such as 'Köln'; another: --encoding (encoding=)."]
    assert values(tmp_path, "town,n\nКёльн,1\n".encode("cp1251"), encoding="cp1251") == (
        {"town": ["Кёльн"], "n": [1]},
        [],
    )


@pytest.mark.parametrize(
    ("rows", "separator", "read", "example"),
    [
        (["1.234,50", "3,5"], ";", [1234.5, 3.5], "'1.234,50' as 1234.5"),
        (["1,445", "2,001"], ";", [1.445, 2.001], "'1,445' as 1.445"),
        (['"1,445"', '"12,000,000"'], ",", [1445.0, 12e6], "'1,445' as 1445.0"),
        (['"3,5"', '"10,25"'], ",", [3.5, 10.25], "'3,5' as 3.5"),
        (["$5", "$10.5"], ",", [5.0, 10.5], "'$5' as 5.0"),
        (["5 €", "10,50 €"], ";", [5.0, 10.5], "'5 €' as 5.0"),
        (["10%", "2.5 %"], ",", [10.0, 2.5], "'10%' as 10.0"),
        (["10%", "NA"], ",", [10.0, None], "'10%' as 10.0"),
        (["1 234", "5 678"], ",", [1234.0, 5678.0], "'1 234' as 1234.0"),
        (["31/12/2024", "1/2/2024"], ",", ["2024-12-31", "2024-02-01"], "'31/12/2024' as 2024-12-31"),
        (["12/31/2024", "1/2/2024"], ",", ["2024-12-31", "2024-01-02"], "'12/31/2024' as 2024-12-31"),
        (["01.02.2024", "3.4.2024 12:30"], ",", ["2024-02-01", "2024-04-03 12:30"], "'01.02.2024' as 2024-02-01"),
        (["2024/2/9", "2024/12/31"], ",", ["2024-02-09", "2024-12-31"], "'2024/2/9' as 2024-02-09"),
    ],
)
def test_numbers_and_dates_as_people_write_them(
    tmp_path: Path, rows: list[str], separator: str, read: list, example: str
) -> None:
    text = "\n".join(f"a{separator}{row}" for row in rows)
    columns, told = values(tmp_path, f"k{separator}x\n{text}\n")
    assert columns["x"] == read
    assert told[-1] == f"Values are read as numbers or dates: 'x' {example}; otherwise: --decimal (decimal=)."


@pytest.mark.parametrize(
    "rows", [["$5", "€5"], ["10%", "0.1"], ["007", "1.5"], ["1,5", "1.5.5"], ["01/02/2024", "3/4/2024"], ["3 4", "5 6"]]
)
def test_what_could_mean_two_things_stays_text(tmp_path: Path, rows: list[str]) -> None:
    text = "\n".join(f"a;{row}" for row in rows)
    assert values(tmp_path, f"k;x\n{text}\n")[0]["x"] == rows


@pytest.mark.parametrize(
    "ids", [["10000000000000000000000001", "10000000000000000000000002"], ["9223372036854775808", "5"]]
)
def test_whole_numbers_too_long_for_64_bits_stay_text(tmp_path: Path, ids: list[str]) -> None:
    """Rounded, ids that differ would be one user."""
    assert values(tmp_path, "id;x\n" + "".join(f"{name};1\n" for name in ids))[0] == {"id": ids, "x": [1] * len(ids)}


def test_long_numbers_beside_decimals_are_numbers(tmp_path: Path) -> None:
    read, _ = values(tmp_path, "a;b\n10000000000000000000000001;9223372036854775807\n1.5;5\n")
    assert read == {"a": [1e25, 1.5], "b": [9223372036854775807, 5]}


def test_one_mark_of_decimals_holds_for_the_table(tmp_path: Path) -> None:
    read, _ = values(tmp_path, "a;b\n1.445;3,5\n2.001;4,5\n")
    assert read == {"a": [1445.0, 2001.0], "b": [3.5, 4.5]}
    assert values(tmp_path, "a;b\n1,445;3.5\n", decimal=".")[0] == {"a": [1445.0], "b": [3.5]}
    assert values(tmp_path, 'a,b\n"1,445",3\n', decimal=",")[0] == {"a": [1.445], "b": [3]}


def test_numbers_to_predict_for_files_are_read_as_it_was_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f;y\n1.png;3,5\n2.png;4\n")
    options = {"input": "f", "target": "y"}
    assert read_table(tmp_path / "t.csv", **options)["y"].to_list() == ["3,5", "4"]
    assert read_table(tmp_path / "t.csv", **options, dialect=Dialect(decimal=","))["y"].to_list() == ["3.5", "4.0"]


def test_compressed_text_and_json_lines_are_read(tmp_path: Path) -> None:
    assert values(tmp_path, gzip.compress(PEOPLE.encode()), "t.csv.gz") == (READ, [])
    lines = "".join(f'{{"name": "{name}", "age": {age}}}\n' for name, age in (("Ann", 31), ("Bob", 45)))
    assert values(tmp_path, lines, "t.jsonl")[0] == {"name": ["Ann", "Bob"], "age": [31, 45]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"age": 5', "Expecting ',' delimiter, at character 10"),
        ("{'age': 5}", "Expecting property name enclosed in double quotes, at character 2"),
        ('{"age": NaN}', "NaN is not a finite number"),
        ('{"age": 1e400}', "1e400 is not a finite number"),
        ("[5]", "a value of another kind"),
        ("null", "a value of another kind"),
        ("[" * 60, "Expecting value, at character 61"),
    ],
)
def test_a_broken_line_of_json_is_named(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"age": 4}}\n\n{line}\n{{"age": 6}}\n')
    with pytest.raises(DataError) as caught:
        read_values(path)
    assert str(caught.value) == (
        "A line of the table is not a JSON object.\n"
        f"  Given: {path}, line 3: {line!r} ({reason})\n"
        '  Fix:   Correct it; each line is like {"age": 31}.'
    )


def test_json_lines_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert values(tmp_path, b'\xef\xbb\xbf{"age": 4}\r\n{"age": 6}\r\n', "t.jsonl")[0] == {"age": [4, 6]}


def test_a_wide_table_is_refused_at_once(tmp_path: Path) -> None:
    path, width = tmp_path / "t.csv", 100_000
    path.write_text("\n".join(",".join(f"{kind}{i}" for i in range(width)) for kind in ("x", "")))
    with pytest.raises(DataError) as caught:
        read_values(path)
    assert str(caught.value) == (
        "The table has more than 10,000 columns, which is too many to look at each.\n"
        f"  Given: {path}, 100,000 columns\n"
        "  Fix:   Choose columns, or turn the table if its rows are columns."
    )


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"separator": ";;"}, '`separator` must be one ASCII character, or "tab".'),
        ({"decimal": "'"}, '`decimal` must be "." or ",".'),
        ({"encoding": "latin-99"}, "`encoding` must be an encoding that Python knows, such as latin-1."),
    ],
)
def test_a_dialect_that_cannot_be(options: dict[str, str], what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Dialect(**options)
    said = ", ".join(f"{name}={options.get(name)!r}" for name in ("separator", "encoding", "decimal"))
    fix = "Correct it, or leave it out to have it recognised."
    assert str(caught.value) == f"{what}\n  Given: {said}\n  Fix:   {fix}"


def refusal(path: Path, data: bytes, **dialect: str) -> str:
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_values(path, Dialect(**dialect))
    return str(caught.value)


def test_tables_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    assert refusal(path, b"a,b\n1,2\n1,2,3\n") == (
        "A line of the table has more values than there are columns.\n"
        f"  Given: {path}, line 3 has 3, the first line 2\n"
        "  Fix:   Put values that hold ',' into quotes, or name the character between values: --separator."
    )
    assert refusal(path, "a\nö\n".encode("latin-1"), encoding="utf-8") == (
        "The table cannot be read.\n"
        f"  Given: {path} ('utf-8' codec can't decode byte 0xf6 in position 2: invalid start byte)\n"
        "  Fix:   Name the encoding that the file is written in, such as --encoding latin-1 (encoding=)."
    )
    assert refusal(path, b"a,b\n\0\1,2\n") == (
        f"The table cannot be read.\n  Given: {path} (not text)\n  Fix:   Give a CSV, TSV or Parquet file."
    )

    # 3 GB that take no room on the disk are known by their first bytes.
    with path.open("wb") as sparse:
        sparse.truncate(3 * 2**30)
    with pytest.raises(DataError) as caught:
        read_values(path)
    assert f"Given: {path} (not text)" in str(caught.value)

    def out_of_memory(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("headway.data.tables._decoded", out_of_memory)
        assert refusal(path, b"a,b\n1,2\n") == (
            f"The table cannot be read.\n  Given: {path} (it does not fit into memory)\n"
            "  Fix:   Give a CSV, TSV or Parquet file."
        )

    def without_reader(*_: object, **__: object) -> None:
        message = "required package 'fastexcel' not found."
        raise ModuleNotFoundError(message)

    monkeypatch.setattr(pl, "read_excel", without_reader)
    assert refusal(tmp_path / "t.xlsx", b"PK\5\6" + bytes(18)) == (
        "The table cannot be read.\n"
        f"  Given: {tmp_path / 't.xlsx'} (required package 'fastexcel' not found.)\n"
        "  Fix:   Install what reads Excel files, pip install fastexcel, or save the table as CSV."
    )


def test_a_table_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.data.tables.MAX_BYTES", 1_000_000)
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 500_000))
    assert file.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"too large: unpacked, it has more than 0\.0 GB"):
        read_values(file)


def refused(file: Path) -> str:
    with pytest.raises(DataError) as error:
        read_values(file)
    return error.value.given


def test_tables_that_libraries_unpack_are_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.data.tables.MAX_BYTES", 1_000_000)
    unpacked = "too large: unpacked, it has more than 0.0 GB"
    same = pl.DataFrame({"a": [7] * 200_000, "b": ["x"] * 200_000})
    same.write_parquet(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    assert refused(tmp_path / "a.parquet") == f"{tmp_path / 'a.parquet'} ({unpacked})"
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.xml", bytes(2_000_000))
    assert refused(tmp_path / "a.xlsx") == f"{tmp_path / 'a.xlsx'} ({unpacked})"
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n' * 200_000)
    assert refused(tmp_path / "a.jsonl") == (f"{tmp_path / 'a.jsonl'} (too large: 0.0 GB, the limit is 0.0 GB)")
    same.head(100).write_parquet(tmp_path / "b.parquet")
    assert read_values(tmp_path / "b.parquet").shape == (100, 2)


def test_an_archive_that_holds_more_than_it_claims_is_damaged(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.xml", bytes(2_000_000))
    changed = (tmp_path / "a.xlsx").read_bytes().replace((2_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    (tmp_path / "a.xlsx").write_bytes(changed)
    assert refused(tmp_path / "a.xlsx") == f"{tmp_path / 'a.xlsx'} (an archive in it is damaged)"
    (tmp_path / "b.xlsx").write_bytes(b"no archive")
    assert refused(tmp_path / "b.xlsx") == f"{tmp_path / 'b.xlsx'} (File is not a zip file)"
