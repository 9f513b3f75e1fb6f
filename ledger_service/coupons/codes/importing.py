"""Taking over codes that somebody else made: one a line, perhaps with the number of the member it is for.

The file is read as a stream in bounded memory, whatever it is. A bad row is named by its line and left out;
rows that are there already are no change, so a file that was cut off is simply given again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.coupons.codes.errors import CodeFileRefused
from ledger_service.coupons.codes.making import ListDesk, the_list
from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.codes.rules import MAKING, MOST_CODES, PERSONAL, normal_code
from ledger_service.db.bulk import sql_of
from ledger_service.members.models import member

PIECE = 2_000
MOST_BAD = 100_000
_LONGEST = 256
_SKIP = 1 << 16
_HEADERS = {b"code", b"code,member"}
Reject = Callable[[int, str], None]


class CodeRow(NamedTuple):
    """A row of the file; ``reason`` says why it is bad."""

    line: int
    code: str = ""
    member: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Tally:
    """What came of the rows so far."""

    added: int = 0
    known: int = 0
    bad: int = 0
    line: int = 0


@dataclass
class Import:
    """One reading of a file into a list that was begun for it."""

    desk: ListDesk
    name: str
    reject: Reject
    tally: Tally = field(default_factory=Tally)

    def run(self, file: BinaryIO, at: datetime) -> Tally:
        """Every good row of the file is in the list; a list that was being made is sealed at the end.

        Raises:
            CodeListUnknown: no list of the name was begun.
            CodeFileRefused: so many bad rows that it is no list, or more codes than a list may have.
        """
        rows = rows_of(file)
        while piece := list(islice(rows, PIECE)):
            self.tally.line = piece[-1].line
            with self.desk.database.begin() as conn:
                listed = the_list(conn, self.name, lock=True)
                added, known, bad = self._take(conn, listed, piece)
            self.tally.added += added
            self.tally.known += known
            for line, reason in bad:
                self._bad(line, reason)
        if self.tally.added or self.tally.known:
            self.desk.seal(self.name, at)
        return self.tally

    def _take(
        self, conn: Connection, listed: RowMapping, piece: list[CodeRow]
    ) -> tuple[int, int, list[tuple[int, str]]]:
        members = _members(conn, piece)
        wanted, bad = _judged(listed["kind"] == PERSONAL, piece, members)
        tags: dict[bytes, tuple[int, int | None]] = {}
        known = 0
        for row, member_id in wanted:
            tag = self.desk.tagger.tag(row.code, closed=listed["closed"])
            known += tag in tags
            tags.setdefault(tag, (row.line, member_id))
        for there in sql_of(coupon_code, conn).select(conn, ("tag",), [(tag,) for tag in tags]):
            line, member_id = tags.pop(there["tag"])
            same = (there["list_id"], there["member_id"]) == (listed["list_id"], member_id)
            known += same
            bad += [] if same else [(line, "taken")]
        if listed["state"] != MAKING:
            bad += [(line, "list-sealed") for line, _ in tags.values()]
            return 0, known, sorted(bad)
        self._insert(conn, listed, tags)
        return len(tags), known, sorted(bad)

    def _insert(
        self, conn: Connection, listed: RowMapping, tags: Mapping[bytes, tuple[int, int | None]]
    ) -> None:
        begin, list_id = listed["made"], listed["list_id"]
        if begin + len(tags) > MOST_CODES:
            raise CodeFileRefused("too-many-codes", self.tally.line)
        rows = [
            {"tag": tag, "list_id": list_id, "position": position, "member_id": member_id}
            for position, (tag, (_, member_id)) in enumerate(tags.items(), begin)
        ]
        if rows:
            sql_of(coupon_code, conn).insert(conn, rows)
            mine = coupon_code_list.c.list_id == list_id
            conn.execute(update(coupon_code_list).where(mine).values(made=begin + len(rows)))

    def _bad(self, line: int, reason: str) -> None:
        self.tally.bad += 1
        self.reject(line, reason)
        if self.tally.bad >= MOST_BAD:
            raise CodeFileRefused("too-many-bad-rows", line)


def rows_of(file: BinaryIO) -> Iterator[CodeRow]:
    """The rows of a file; a line of any length takes no more memory than a short one."""
    number = 0
    while raw := file.readline(_LONGEST + 1):
        number += 1
        if len(raw) > _LONGEST:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(_SKIP)
            yield CodeRow(number, reason="too-long")
            continue
        bare = raw.strip()
        if bare and not (number == 1 and bare.lower() in _HEADERS):
            yield _row(number, bare)


def _row(number: int, bare: bytes) -> CodeRow:
    if not bare.isascii():
        return CodeRow(number, reason="form")
    typed, _, owner = bare.decode().partition(",")
    code = normal_code(typed)
    return CodeRow(number, reason="form") if code is None else CodeRow(number, code, owner.strip() or None)


def _members(conn: Connection, piece: Iterable[CodeRow]) -> dict[str, int]:
    numbers = {row.member for row in piece if row.member is not None}
    if not numbers:
        return {}
    m = member.c
    found = select(m.member_number, m.member_id).where(m.member_number.in_(numbers), m.status != "erased")
    return {row.member_number: row.member_id for row in conn.execute(found)}


def _judged(
    personal: bool, piece: Iterable[CodeRow], members: Mapping[str, int]
) -> tuple[list[tuple[CodeRow, int | None]], list[tuple[int, str]]]:
    good: list[tuple[CodeRow, int | None]] = []
    bad: list[tuple[int, str]] = []
    for row in piece:
        owner = None if row.member is None else members.get(row.member)
        if row.reason is not None:
            bad.append((row.line, row.reason))
        elif personal != (row.member is not None):
            bad.append((row.line, "member-missing" if personal else "member-not-wanted"))
        elif personal and owner is None:
            bad.append((row.line, "member-unknown"))
        else:
            good.append((row, owner))
    return good, bad
