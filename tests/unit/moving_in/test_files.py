"""Files as operators send them: byte order marks, quotes, broken bytes, short rows, Parquet."""

from __future__ import annotations

import builtins
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger_service.moving_in.errors import ImportFileMalformed, ParquetReaderMissing
from ledger_service.moving_in.files import Line, chunks, header_of, lines


def written(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_quotes_marks_and_line_ends_of_all_systems_are_read(tmp_path: Path, mark: bytes, end: bytes) -> None:
    raw = mark + end.join([b"external_id,name", b'1,"a ""b"", c"', b'2,"two', b'lines"', b"3,x"]) + end
    path = written(tmp_path / "members.csv", raw)
    told = list(lines(path, "members"))
    assert [line.number for line in told] == [2, 3, 5]
    assert [line.row and line.row["external_id"] for line in told] == ["1", "2", "3"]
    assert told[0].row == {"external_id": "1", "name": 'a "b", c'}


def test_a_short_row_and_broken_bytes_are_rows_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "members.csv", b"external_id,name\n1\n2,\xff\n3,x,y\n4,z\n")
    told = list(lines(path, "members"))
    assert [line.row is None for line in told] == [True, False, True, False]
    assert told[1].row == {"external_id": "2", "name": "\udcff"}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"name\nx\n", b"external_id,colour\n", b"external_id,external_id\n", b'external_id\n"x\n',
        b'external_id,"consent_a,b"\n',
    ],
)  # fmt: skip
def test_a_file_without_the_columns_of_its_kind_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(ImportFileMalformed):
        list(lines(written(tmp_path / "members.csv", raw), "members"))


def test_a_file_is_read_on_from_any_row(tmp_path: Path) -> None:
    raw = b"external_id\n" + b"".join(b"%d\n" % n for n in range(10))
    path = written(tmp_path / "members.csv", raw)
    told = [[line.number for line in some] for some in chunks(path, "members", 3, 4)]
    assert told == [[5, 6, 7, 8], [9, 10, 11]]


def test_parquet_says_what_csv_says(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    columns = {
        "external_id": ["1", "2"], "programme": ["GROC", None], "points": [5, 6],
        "last_day": [date(2026, 8, 15), None],
    }  # fmt: skip
    path = tmp_path / "lots.parquet"
    arrow.parquet = pytest.importorskip("pyarrow.parquet")
    arrow.parquet.write_table(arrow.table(columns), path)
    assert header_of(path, "lots") == list(columns)
    assert list(lines(path, "lots")) == [
        Line(2, {"external_id": "1", "programme": "GROC", "points": "5", "last_day": "2026-08-15"}),
        Line(3, {"external_id": "2", "programme": "", "points": "6", "last_day": ""}),
    ]
    with pytest.raises(ImportFileMalformed):
        list(lines(written(tmp_path / "x.parquet", b"no parquet"), "lots"))


def test_parquet_without_its_reader_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ParquetReaderMissing):
        list(lines(tmp_path / "lots.parquet", "lots"))
