"""Drawing blocks of a programme's cap for one worker (D11)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from ledger_service.points.catalogue import Programme
from ledger_service.points.issuance import BlockEmpty
from ledger_service.points.models import issuance_budget, issuance_reservation
from ledger_service.points.rules import Reservation, refill_beside


def draw(conn: Connection, wish: BlockEmpty, worker: str) -> bool:
    """The worker's block holds what it wished for, unless the cap is exhausted.

    Returns:
        Whether it does.

    Locks: the programme's row of ``issuance_budget``, then the worker's own block.
    Invariants: INV-10: all blocks and all issues together never exceed the cap in force.
    """
    programme_id = wish.programme.programme_id
    cap = wish.programme.cap_at(wish.at)
    budget = issuance_budget.c
    drawn = conn.execute(
        select(budget.drawn_total).where(budget.programme_id == programme_id).with_for_update()
    ).scalar_one()
    block = issuance_reservation.c
    mine = (block.programme_id == programme_id) & (block.worker == worker)
    had = conn.execute(select(block.remaining).where(mine).with_for_update()).scalar_one_or_none()
    state = refill_beside(Reservation(had or 0, drawn), cap, wish.need)
    conn.execute(
        update(issuance_budget)
        .where(budget.programme_id == programme_id)
        .values(drawn_total=state.drawn_total)
    )
    values = {"remaining": state.remaining, "cap": cap}
    if had is None:
        row = {"programme_id": programme_id, "worker": worker, **values}
        conn.execute(insert(issuance_reservation).values(row))
    else:
        conn.execute(update(issuance_reservation).where(mine).values(values))
    return state.remaining >= wish.need


def draw_at_once(conn: Connection, programme: Programme, points: int, at: int) -> int | None:
    """So many points are drawn of the cap outside of any worker's block, for an import.

    Args:
        conn: a db transaction.
        programme: whose cap.
        points: how many; negative gives back what was promised and never issued.
        at: the instant whose cap is in force, in seconds.

    Returns:
        None, or what the cap leaves where that is less; then nothing is drawn.

    Locks: the programme's row of ``issuance_budget``.
    Invariants: INV-10.
    """
    mine = issuance_budget.c.programme_id == programme.programme_id
    drawn = conn.execute(select(issuance_budget.c.drawn_total).where(mine).with_for_update()).scalar_one()
    room = programme.cap_at(at) - int(drawn)
    if points > 0 and room < points:
        return max(room, 0)
    conn.execute(update(issuance_budget).where(mine).values(drawn_total=drawn + points))
    return None


def given_back(conn: Connection, worker: str) -> list[int]:
    """The programmes of which a worker's blocks hold anything."""
    block = issuance_reservation.c
    mine = (block.worker == worker) & (block.remaining > 0)
    return list(conn.execute(select(block.programme_id).where(mine).order_by(block.programme_id)).scalars())


def release(conn: Connection, programme_ids: Iterable[int], worker: str) -> None:
    """The worker's blocks of these programmes are empty, and their room is every worker's again.

    For a worker that issues nothing itself, as the one of the jobs: what lapses would be stranded with it.

    Locks: as ``draw``, programme by programme, ascending.
    """
    budget, block = issuance_budget.c, issuance_reservation.c
    for programme_id in sorted(programme_ids):
        whole = budget.programme_id == programme_id
        mine = (block.programme_id == programme_id) & (block.worker == worker)
        drawn = conn.execute(select(budget.drawn_total).where(whole).with_for_update()).scalar_one()
        had = conn.execute(select(block.remaining).where(mine).with_for_update()).scalar_one()
        conn.execute(update(issuance_budget).where(whole).values(drawn_total=drawn - had))
        conn.execute(update(issuance_reservation).where(mine).values(remaining=0))
