"""Two accounts of one person become one: opened, approved and announced as any case, and then all goes over.

The ledger's parts move by one entry, the chain's by moves to the account of who stays; what other rooms keep
of a member follows through ``Following``. INV-9: two operators, a notice, no objection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from ledger_service.care import queries, rules
from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import MoveReason
from ledger_service.ledger.mass import LotKey, MassEntry, shift_lots, write_entries
from ledger_service.ledger.models import lot
from ledger_service.ledger.rules import Part, PostingRow
from ledger_service.members.merging import Merge, close_into
from ledger_service.outbox.service import NewIntent, enqueue_now
from ledger_service.points.merging import debts_of

Follow = Callable[[Connection, Merge], list[NewIntent]]
_PARTS = (("available", Part.AVAILABLE), ("pending", Part.PENDING))


@dataclass(frozen=True, slots=True)
class Following:
    """What other rooms do at a merge, in the order of their locks, and whether it must wait for one."""

    follow: Sequence[Follow] = ()
    waits: Callable[[Connection, int, int], bool] = lambda conn, closes, stays: False


def must_wait(conn: Connection, following: Following, closes: int, stays: int) -> bool:
    """Whether a sale of one of them is under way, the chain refused something, or a room is not ready."""
    unready = (
        queries.has_open_holds(conn, one) or queries.is_unsettled(conn, one) for one in (closes, stays)
    )
    return any(unready) or following.waits(conn, closes, stays)


def merge_members(
    conn: Connection, merge: Merge, rows: tuple[RowMapping, RowMapping], following: Following
) -> None:
    """Whatever ``closes`` has, owes and is promised belongs to ``stays``; the chain's moves are on their way.

    Args:
        conn: the unit of work; both members' rows are locked.
        merge: who becomes whom.
        rows: of who closes and of who stays.
        following: what other rooms do.

    Locks: those of ``following``; the head row last.
    """
    closes, stays = rows
    on_chain = queries.lots_of(conn, merge.closes)
    moved = _parts(conn, merge, rows)
    ended = [intent for follow in following.follow for intent in follow(conn, merge)]
    close_into(conn, merge, closes, stays)
    _book(conn, merge, moved)
    leave = rules.Leave(MoveReason.MERGE, seconds_floor(merge.at))
    moves = rules.moves_of(closes["account"], stays["account"], on_chain, leave)
    enqueue_now(conn, [*ended, *(NewIntent(move, merge.stays) for move in moves)], merge.at)


def _parts(conn: Connection, merge: Merge, rows: tuple[RowMapping, RowMapping]) -> list[PostingRow]:
    """The postings that bring every part of every lot, and every debt, over; the lots have changed."""
    here, there = (row["ledger_base"] for row in rows)
    mine = select(lot).where(lot.c.member_id == merge.closes).order_by(lot.c.programme_id, lot.c.epoch)
    shifts: dict[LotKey, dict[Part, int]] = {}
    postings: list[PostingRow] = []
    for row in conn.execute(mine).mappings().all():
        place = row["programme_id"], row["epoch"]
        for column, part in _PARTS:
            if not row[column]:
                continue
            shifts.setdefault((merge.closes, *place), {})[part] = -row[column]
            shifts.setdefault((merge.stays, *place), {})[part] = row[column]
            postings.append(PostingRow(here + part, there + part, *place, row[column]))
    shift_lots(conn, shifts)
    for programme, points in debts_of(conn, merge.closes):
        postings.append(PostingRow(here + Part.DEBT, there + Part.DEBT, programme, 0, points))
    return postings


def _book(conn: Connection, merge: Merge, postings: list[PostingRow]) -> None:
    if not postings:
        return
    op_id = derive_id("member-merge", merge.closes, merge.stays)
    body = canonical_json({"op": id_text(op_id), "closes": merge.closes, "stays": merge.stays}).decode()
    write_entries(conn, [MassEntry(op_id, "merge", merge.at, body, tuple(postings))], merge.at)
