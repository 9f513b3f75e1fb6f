"""Proofs inside SQL: entries = balances, history unbroken, hashes true. Differences are named, never mended.

Run them in one ``Database.snapshot``; they read everything and write nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from ledger_service.ledger.carried import EVERY_POSTING, archived
from ledger_service.ledger.rules import EntryRow, PostingRow, entry_hash

_CHUNK = 5_000


class Difference(NamedTuple):
    """What is wrong where; ``expected`` is what the append-only rows say, ``found`` what is kept."""

    check: str
    subject: str
    expected: str
    found: str


_LOTS = text(
    "SELECT member_id, programme_id, epoch, kind, SUM(posted), SUM(kept) FROM ("
    " SELECT a.member_id, p.programme_id, p.epoch, a.kind, p.amount AS posted, 0 AS kept"
    f"  FROM {EVERY_POSTING} AS p JOIN account AS a ON a.account_id = p.destination_id"
    "  WHERE a.member_id IS NOT NULL"
    " UNION ALL SELECT a.member_id, p.programme_id, p.epoch, a.kind, -p.amount, 0"
    f"  FROM {EVERY_POSTING} AS p JOIN account AS a ON a.account_id = p.source_id"
    "  WHERE a.member_id IS NOT NULL"
    " UNION ALL SELECT member_id, programme_id, epoch, 'available', 0, available FROM lot"
    " UNION ALL SELECT member_id, programme_id, epoch, 'held', 0, held FROM lot"
    " UNION ALL SELECT member_id, programme_id, epoch, 'pending', 0, pending FROM lot"
    ") AS sides WHERE kind <> 'debt' GROUP BY member_id, programme_id, epoch, kind"
    " HAVING SUM(posted) <> SUM(kept) ORDER BY 1, 2, 3, 4"
)
_STRANGERS = text(
    "SELECT p.sequence, p.source_id, p.destination_id FROM ("
    "SELECT sequence, source_id, destination_id FROM posting"
    " UNION ALL SELECT 0, source_id, destination_id FROM carried) AS p"
    " LEFT JOIN account AS s ON s.account_id = p.source_id"
    " LEFT JOIN account AS d ON d.account_id = p.destination_id"
    " WHERE s.account_id IS NULL OR d.account_id IS NULL ORDER BY p.sequence"
)
_GAPS = text(
    "SELECT previous, sequence FROM (SELECT sequence,"
    " LAG(sequence, 1, CAST(:archived AS BIGINT)) OVER (ORDER BY sequence) AS previous"
    " FROM entry) AS numbered WHERE sequence <> previous + 1"
)
_HEAD = text(
    "SELECT (SELECT COALESCE(MAX(sequence), 0) FROM entry), COALESCE(MAX(sequence), 0) FROM ledger_head"
)
_HOLDS = text(
    "SELECT member_id, SUM(in_holds), SUM(in_lots) FROM ("
    " SELECT member_id, points_held - points_captured - points_released AS in_holds, 0 AS in_lots FROM hold"
    " UNION ALL SELECT member_id, 0, held FROM lot"
    ") AS sides GROUP BY member_id HAVING SUM(in_holds) <> SUM(in_lots) ORDER BY 1"
)
_CLOSINGS = text(
    "SELECT h.hold_id, h.state FROM hold AS h"
    " LEFT JOIN hold_event AS e ON e.hold_id = h.hold_id AND e.closing = 1"
    " WHERE (h.state = 'closed' AND e.hold_id IS NULL) OR (h.state = 'open' AND e.hold_id IS NOT NULL)"
)
_CHAPTER = text(
    "SELECT sequence, op_id, kind, occurred_at, recorded_at, body, hash FROM entry"
    " WHERE sequence > :after AND sequence <= :upto ORDER BY sequence"
)
_CHAPTER_POSTINGS = text(
    "SELECT sequence, source_id, destination_id, programme_id, epoch, amount FROM posting"
    " WHERE sequence > :after AND sequence <= :upto ORDER BY sequence, position"
)


def differences(conn: Connection, after: int = 0) -> Iterator[Difference]:
    """Every difference inside the ledger, named (R10).

    Args:
        conn: a snapshot.
        after: rehash only entries with a greater sequence number; the other checks are always whole.

    Invariants: INV-1, INV-2, INV-3.
    """
    yield from lots_against_postings(conn)
    yield from numbering(conn)
    yield from holds_against_lots(conn)
    yield from rehash(conn, after)


def lots_against_postings(conn: Connection) -> Iterator[Difference]:
    """Lots that do not equal the sum of their postings, and postings on accounts nobody opened (INV-2)."""
    for member, programme, epoch, kind, posted, kept in conn.execute(_LOTS):
        subject = f"member {member} programme {programme} epoch {epoch} {kind}"
        yield Difference("lots", subject, str(int(posted)), str(int(kept)))
    for sequence, source, destination in conn.execute(_STRANGERS):
        yield Difference("accounts", f"entry {sequence}", "accounts that exist", f"{source} to {destination}")


def numbering(conn: Connection) -> Iterator[Difference]:
    """Holes in the sequence of entries behind the archived ones, and a head that names another last one."""
    for previous, sequence in conn.execute(_GAPS, {"archived": archived(conn).sequence}):
        yield Difference("sequence", f"entry {previous + 1}", "an entry", f"none up to {sequence - 1}")
    last, head = conn.execute(_HEAD).one()
    if last != head:
        yield Difference("head", "last entry", str(head), str(last))


def holds_against_lots(conn: Connection) -> Iterator[Difference]:
    """Held points that no open hold explains, and holds whose state is not that of their events (INV-3)."""
    for member, in_holds, in_lots in conn.execute(_HOLDS):
        yield Difference("held", f"member {member}", str(int(in_holds)), str(int(in_lots)))
    for hold_id, state in conn.execute(_CLOSINGS):
        yield Difference("closing", f"hold {bytes(hold_id).hex()}", "one closing event when closed", state)


def rehash(conn: Connection, after: int = 0) -> Iterator[Difference]:
    """Entries whose stored hash is not that of their canonical JSON: an edited entry, a deleted posting.

    Args:
        conn: a snapshot.
        after: begin behind this sequence number; the work grows with the entries from there.
    """
    last, after = conn.execute(_HEAD).one()[0], max(after, archived(conn).sequence)
    while after < last:
        chapter = {"after": after, "upto": after + _CHUNK}
        postings: dict[int, list[PostingRow]] = {}
        for sequence, *posted in conn.execute(_CHAPTER_POSTINGS, chapter):
            postings.setdefault(sequence, []).append(PostingRow(*posted))
        for row in conn.execute(_CHAPTER, chapter):
            found = _hash_of(row, postings.get(row[0], []))
            if found != bytes(row[6]):
                yield Difference("hash", f"entry {row[0]} ({row[2]})", bytes(row[6]).hex(), found.hex())
        after += _CHUNK


def _hash_of(row: Any, postings: list[PostingRow]) -> bytes:
    sequence, op_id, kind, occurred_at, recorded_at, body, _ = row
    return entry_hash(EntryRow(sequence, bytes(op_id), kind, occurred_at, recorded_at, body), postings)
