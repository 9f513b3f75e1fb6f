"""The file of an archive: readable by anybody, and a byte that differs is named with its chapter."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.file import ArchiveFile, packed, unpacked
from ledger_service.archive.verifying import files
from ledger_service.db.engine import Database
from tests.integration.archive.old_ledger import OldLedger


@pytest.fixture
def old(sqlite_database: Database, tmp_path: Path) -> OldLedger:
    """Files do not depend on the dialect."""
    old = OldLedger(sqlite_database, tmp_path / "archive")
    old.spring()
    old.summer()
    return old


def test_the_file_is_plain_lines_and_an_entry_is_what_its_hash_was_taken_of(old: OldLedger) -> None:
    with old.shop.database.read() as conn:
        hashes = dict(conn.execute(text("SELECT sequence, hash FROM entry")).all())
    done = old.archive()
    told = gzip.decompress((old.room.folder / done.file).read_bytes()).splitlines()
    entries = [line for line in told if b'"sequence"' in line]
    assert len(told) == done.entries + done.answers
    assert {json.loads(line)["sequence"]: sha256(line).digest() for line in entries} == {
        number: hashes[number] for number in range(1, done.entries + 1)
    }


def test_every_byte_that_differs_is_named_with_its_chapter(old: OldLedger) -> None:
    done = old.archive()
    path = old.room.folder / done.file
    whole = path.read_bytes()
    path.chmod(0o600)
    with old.shop.database.read() as conn:
        spans = conn.execute(text("SELECT number, at_byte, byte_count FROM archive_chapter")).all()
    for number, at_byte, byte_count in spans:
        for place in (at_byte, at_byte + 4, at_byte + byte_count // 2, at_byte + byte_count - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            named = [one.subject for one in files(old.room) if one.check == "archive-file"]
            assert len(named) == 1 and named[0].startswith(f"{done.file} chapter {number}"), (place, named)
    path.write_bytes(whole)
    assert old.faults() == []


def test_a_file_that_is_cut_short_or_away_is_named(old: OldLedger) -> None:
    path = old.room.folder / old.archive().file
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    assert [one.check for one in files(old.room)] == ["archive-file"]
    path.unlink()
    assert any("No such file" in one.found for one in files(old.room))


def test_a_chapter_or_a_sum_that_the_database_tells_differently_is_named(old: OldLedger) -> None:
    old.archive()
    with old.shop.database.begin() as conn:
        conn.execute(text("UPDATE carried SET amount = amount + 1 WHERE source_id = (SELECT MIN(source_id)"
                          " FROM carried)"))  # fmt: skip
        conn.execute(text("UPDATE archive SET root = :root"), {"root": bytes(32)})
    checks = {one.check for one in old.faults()}
    assert {"archive-root", "archive-carried", "lots"} <= checks


def test_a_file_that_is_not_the_archives_is_not_gone_on_with(tmp_path: Path) -> None:
    file = ArchiveFile(tmp_path, "a")
    with pytest.raises(ArchiveRefused, match="put the file back"):
        file.append(10, b"more")
    file.append(0, b"tail of a death")
    file.append(4, b"!")
    assert (tmp_path / "a").read_bytes() == b"tail!"


def test_a_chapter_reads_back_and_is_the_same_bytes_each_time() -> None:
    records = [b'{"a":1}', '{"b":"é"}'.encode()]
    assert unpacked(packed(records)) == records
    assert packed(records) == packed(records)
