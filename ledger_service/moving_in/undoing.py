"""The roll-back, before a cut-over: every opening entry is reversed, members without activity are erased.

What the ledger booked stays provable; what the import knew beside the ledger is deleted. Members who have
earned, brought a device or got an API key meanwhile stay, without the balances.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select, text

from ledger_service.checkout.models import imported_sale
from ledger_service.ledger.mass import MOVED_IN, MOVED_OUT, shift_lots, write_entries
from ledger_service.ledger.rules import Part, of_member
from ledger_service.members.standing import erase_untouched
from ledger_service.moving_in import books
from ledger_service.moving_in.cutting import next_lots, summed, taken_back
from ledger_service.moving_in.errors import ImportStateWrong
from ledger_service.moving_in.lots import draw_on_caps, lock_members
from ledger_service.moving_in.models import imported_history, moved_lot, moved_member
from ledger_service.moving_in.room import Note, Room

_MEMBERS = 1_000
_ROWS = 5_000
# Entries other than imports' own, devices, sales, API keys: signs that somebody uses the account.
_ACTIVE = text(
    "SELECT a.member_id FROM account AS a JOIN posting AS p ON p.source_id = a.account_id"
    " JOIN entry AS e ON e.sequence = p.sequence WHERE a.member_id IN :members AND e.kind NOT IN :own"
    f" AND {of_member('p.source_id')}"
    " UNION SELECT a.member_id FROM account AS a JOIN posting AS p ON p.destination_id = a.account_id"
    " JOIN entry AS e ON e.sequence = p.sequence WHERE a.member_id IN :members AND e.kind NOT IN :own"
    f" AND {of_member('p.destination_id')}"
    " UNION SELECT a.member_id FROM account AS a JOIN carried AS c ON c.source_id = a.account_id"
    " WHERE a.member_id IN :members AND c.imported = 0"
    " UNION SELECT a.member_id FROM account AS a JOIN carried AS c ON c.destination_id = a.account_id"
    " WHERE a.member_id IN :members AND c.imported = 0"
    " UNION SELECT member_id FROM device WHERE member_id IN :members"
    " UNION SELECT member_id FROM sale WHERE member_id IN :members"
    " UNION SELECT CAST(subject_id AS BIGINT) FROM api_key"
    " WHERE subject_kind = 'member' AND subject_id IN :names"
).bindparams(*(bindparam(name, expanding=True) for name in ("members", "own", "names")))


def roll_back(room: Room, name: str, note: Note) -> books.ImportRecord:
    """Nothing of the import is left but its entries and their reversals.

    Raises:
        ImportUnknown, ImportStateWrong: a cut-over has begun, and what is issued stays issued.
        ImportBusy: another process works on it.

    Idempotency: run it again after it was cut off. The name is not used a second time.
    """
    with room.database.read() as conn:
        record = books.find(conn, name)
    if record.state == "rolled_back":
        return record
    if record.state not in ("checked", "loading", "loaded", "undoing"):
        raise ImportStateWrong(name, record.state)
    if record.state != "undoing":
        with room.database.begin() as conn:
            books.move(conn, record, "undoing", room.clock.now())
    total, done = sum(file.loaded.accepted for file in record.files.values()), 0
    for step in (_take_back, _forget_past, _forget_sales, _forget_members):
        while taken := step(room, name):
            done += taken
            note("roll back rows", done, total)
    with room.database.begin() as conn:
        books.move(conn, books.find(conn, name), "rolled_back", room.clock.now())
        return books.find(conn, name)


def _take_back(room: Room, name: str) -> int:
    with room.database.begin() as conn:
        record = books.find(conn, name)
        rows = next_lots(conn, record.import_id, 0, _MEMBERS)
        if not rows:
            return 0
        moment, sums = room.moment(conn, record.import_id), summed(rows)
        lock_members(conn, [key[0] for key in sums])
        draw_on_caps(conn, {key: -points for key, points in sums.items()}, moment)
        shift_lots(conn, {key: {Part.PENDING: -points} for key, points in sums.items()})
        span = moved_lot.c.member_id.between(rows[0].member_id, rows[-1].member_id)
        conn.execute(delete(moved_lot).where(span & (moved_lot.c.import_id == record.import_id)))
        write_entries(conn, [taken_back(moment, key, points) for key, points in sums.items()], moment.at)
        return len(rows)


def _forget_past(room: Room, name: str) -> int:
    row = imported_history.c
    with room.database.begin() as conn:
        mine = row.import_id == books.find(conn, name).import_id
        keys = conn.execute(select(row.member_id, row.row_key).where(mine).limit(_ROWS)).all()
        ids = {key.member_id for key in keys}
        if not ids:
            return 0
        return conn.execute(delete(imported_history).where(mine & row.member_id.in_(ids))).rowcount


def _forget_sales(room: Room, name: str) -> int:
    row = imported_sale.c
    with room.database.begin() as conn:
        mine = row.import_id == books.find(conn, name).import_id
        some = [found[0] for found in conn.execute(select(row.sale_id).where(mine).limit(_ROWS))]
        if some:
            conn.execute(delete(imported_sale).where(row.sale_id.in_(some)))
        return len(some)


def _forget_members(room: Room, name: str) -> int:
    row = moved_member.c
    with room.database.begin() as conn:
        record = books.find(conn, name)
        mine = row.import_id == record.import_id
        query = select(row.member_id).where(mine).order_by(row.member_id).limit(_MEMBERS)
        ids = [found[0] for found in conn.execute(query)]
        if not ids:
            return 0
        known = lock_members(conn, ids)
        active = _active(conn, ids)
        erase_untouched(conn, [m for m in known if m not in active], room.clock.now())
        conn.execute(delete(moved_member).where(mine & row.member_id.in_(ids)))
        return len(ids)


def _active(conn: Connection, member_ids: Sequence[int]) -> set[int]:
    own = {"own": [MOVED_IN, MOVED_OUT], "members": list(member_ids), "names": [str(m) for m in member_ids]}
    return {int(row[0]) for row in conn.execute(_ACTIVE, own)}
