"""Judging a chunk of rows: each by itself, then against the rows above it and against the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from ledger_service.db.bulk import sql_of
from ledger_service.db.send import send
from ledger_service.members.identities import Identity, IdentityVault
from ledger_service.members.models import member_identity
from ledger_service.moving_in.files import Line
from ledger_service.moving_in.rules import Frame, Row, RowRefused, readable_points
from ledger_service.moving_in.tallies import Tally
from ledger_service.points.catalogue import Programme


class Reject(NamedTuple):
    """Why the row that begins on a line is not taken."""

    line: int
    field: str
    code: str
    reason: str


class Accepted(NamedTuple):
    """A row that is taken: what it says, and the member it concerns (None in a check, or where nobody's)."""

    line: int
    row: Any
    member_id: int | None


@dataclass(slots=True)
class Memory:
    """What rows above have claimed, and whom they would enrol.

    A check remembers a whole file; a load one chunk, since what went before stands in the database.
    """

    seen: set[bytes] = field(default_factory=set)
    people: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for which import a chunk is written; ``programmes`` by id."""

    import_id: bytes
    at: datetime
    programmes: Mapping[int, Programme]


class MembersMoved(Exception):
    """Between judging and writing a member was enrolled or erased by somebody else: judge the chunk again."""


class Kind(Protocol):
    """One kind of file."""

    size: int
    counts_points: bool

    def parse(self, row: Row, frame: Frame) -> Any:
        """What a row says by itself; ``RowRefused`` where it says nothing we can take."""

    def settle(self, conn: Connection, rows: Sequence[tuple[int, Any]], memory: Memory) -> Settled:
        """Which of the parsed rows are taken beside all that is there."""

    def prepare(self, accepted: Sequence[Accepted], at: datetime) -> Any:
        """What need not be done while the db transaction is open."""

    def write(self, conn: Connection, prepared: Any, moment: Moment) -> None:
        """The rows stand in the database; ``MembersMoved`` undoes the chunk, to be judged again."""


@dataclass(slots=True)
class Settled:
    """The rows of a chunk that are taken, and those that are not."""

    accepted: list[Accepted] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, line: int, refusal: RowRefused) -> None:
        """The row of this line is not taken."""
        self.rejects.append(Reject(line, refusal.field[:64], refusal.code, refusal.reason))


class Judged(NamedTuple):
    """A judged chunk with its tally."""

    settled: Settled
    tally: Tally


def judge(conn: Connection, kind: Kind, lines: Sequence[Line], frame: Frame, memory: Memory) -> Judged:
    """The rows of a chunk are told apart into accepted and rejected ones, none is lost."""
    parsed: list[tuple[int, Any]] = []
    early = Settled()
    for line, row in lines:
        try:
            if row is None:
                raise RowRefused("", "row-broken", "must have as many fields as the header, all of them text")
            parsed.append((line, kind.parse(row, frame)))
        except RowRefused as refusal:
            early.refuse(line, refusal)
    settled = kind.settle(conn, parsed, memory)
    settled.rejects = sorted([*early.rejects, *settled.rejects])
    tally = Tally(len(settled.accepted), len(settled.rejects))
    if kind.counts_points:
        _count_points(tally, settled, lines, frame)
    return Judged(settled, tally)


def _count_points(tally: Tally, settled: Settled, lines: Sequence[Line], frame: Frame) -> None:
    codes = {p.programme_id: code for code, p in frame.programmes.items()}
    sums = dict.fromkeys(codes, 0)
    for one in settled.accepted:
        sums[one.row.programme_id] += one.row.points
    tally.accepted_points.update({codes[number]: points for number, points in sums.items() if points})
    rows = {line.number: line.row for line in lines} if settled.rejects else {}
    for reject in settled.rejects:
        row = rows[reject.line]
        found = None if row is None else readable_points(row, frame)
        if found is None:
            tally.unread += 1
        else:
            tally.rejected_points[found[0]] += found[1]


def owners_by_external(
    conn: Connection, vault: IdentityVault, externals: Sequence[Identity], memory: Memory
) -> dict[str, int | None]:
    """Member ids by external id; None for a member whom a row above would enrol, nothing for a stranger."""
    # Each is hashed once, however many rows it has.
    hashes = {vault.hash_of(one): one for one in {one.value: one for one in externals}.values()}
    known: dict[str, int | None] = {
        one.value: None for value_hash, one in hashes.items() if value_hash in memory.people
    }
    owners = owners_of(conn, [(one.kind, value_hash) for value_hash, one in hashes.items()])
    known.update((hashes[value_hash].value, member_id) for value_hash, member_id in owners.items())
    return known


def owners_of(conn: Connection, keys: Sequence[tuple[str, bytes]]) -> dict[bytes, int]:
    """Who has these identities, by their hashes; other columns are not even read into Python."""
    sql = sql_of(member_identity, conn)
    at_hash, at_member = sql.names.index("value_hash"), sql.names.index("member_id")
    outcomes = send(conn, sql.selects(("kind", "value_hash"), keys)) if keys else []
    return {bytes(row[at_hash]): row[at_member] for outcome in outcomes for row in outcome.rows}
