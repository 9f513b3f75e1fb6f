"""The past, for reading only: what the old system booked, and sales that a refund may refer to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from ledger_service.checkout.models import imported_sale
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import derive_id
from ledger_service.members.identities import IdentityVault
from ledger_service.moving_in.judging import Accepted, Memory, Moment, Settled, owners_by_external
from ledger_service.moving_in.models import imported_history
from ledger_service.moving_in.people import UNKNOWN_MEMBER
from ledger_service.moving_in.rules import Frame, PastRow, Row, RowRefused, SaleRow, parse_past, parse_sale


class History:
    """history.csv."""

    size = 3_000
    counts_points = False

    def __init__(self, vault: IdentityVault) -> None:
        """Take what finds members by their external ids."""
        self._vault = vault

    def parse(self, row: Row, frame: Frame) -> PastRow:
        """The booking of a row."""
        return parse_past(row, frame)

    def settle(self, conn: Connection, rows: Sequence[tuple[int, PastRow]], memory: Memory) -> Settled:
        """Bookings of known members that are not here yet."""
        known = owners_by_external(conn, self._vault, [row.external for _, row in rows], memory)
        keys = {(m, row.key) for _, row in rows if (m := known.get(row.external.value)) is not None}
        sql = sql_of(imported_history, conn)
        found = sql.select(conn, ("member_id", "row_key"), list(keys)) if keys else []
        here = {row["row_key"] for row in found}
        settled = Settled()
        for line, row in rows:
            if row.external.value not in known:
                settled.refuse(line, UNKNOWN_MEMBER)
            elif row.key in here or row.key in memory.seen:
                settled.refuse(line, RowRefused("entry_id", "entry-twice", "this booking came before"))
            else:
                memory.seen.add(row.key)
                settled.accepted.append(Accepted(line, row, known[row.external.value]))
        return settled

    def prepare(self, accepted: Sequence[Accepted], at: datetime) -> Sequence[Accepted]:
        """Nothing."""
        return accepted

    def write(self, conn: Connection, prepared: Sequence[Accepted], moment: Moment) -> None:
        """The bookings can be read."""
        names = ("member_id", "row_key", "import_id", "programme_id", "kind", "points", "occurred_at")
        rows = [
            (one.member_id, one.row.key, moment.import_id, one.row.programme_id, one.row.kind, one.row.points,
             one.row.occurred_at)
            for one in prepared
        ]  # fmt: skip
        if rows:
            sql_of(imported_history, conn).insert_cells(conn, names, sorted(rows))


def imported_sale_id(merchant_id: int, reference: str) -> bytes:
    """The id under which a sale of an old system is refunded; it follows from what its receipt says."""
    return derive_id("imported-sale", merchant_id, reference)


class Sales:
    """sales.csv."""

    size = 3_000
    counts_points = False

    def __init__(self, vault: IdentityVault) -> None:
        """Take what finds members by their external ids."""
        self._vault = vault

    def parse(self, row: Row, frame: Frame) -> SaleRow:
        """The sale of a row."""
        return parse_sale(row, frame)

    def settle(self, conn: Connection, rows: Sequence[tuple[int, SaleRow]], memory: Memory) -> Settled:
        """Sales whose receipt is not here yet, of known members or of nobody."""
        named = [row.external for _, row in rows if row.external is not None]
        known = owners_by_external(conn, self._vault, named, memory)
        ids = [imported_sale_id(row.merchant_id, row.reference) for _, row in rows]
        found = sql_of(imported_sale, conn).select(conn, ("sale_id",), [(i,) for i in set(ids)])
        here = {row["sale_id"] for row in found}
        settled = Settled()
        for (line, row), sale_id in zip(rows, ids, strict=True):
            if row.external is not None and row.external.value not in known:
                settled.refuse(line, UNKNOWN_MEMBER)
            elif sale_id in here or sale_id in memory.seen:
                settled.refuse(line, RowRefused("reference", "sale-twice", "this receipt came before"))
            else:
                memory.seen.add(sale_id)
                member_id = None if row.external is None else known[row.external.value]
                settled.accepted.append(Accepted(line, row, member_id))
        return settled

    def prepare(self, accepted: Sequence[Accepted], at: datetime) -> Sequence[Accepted]:
        """Nothing."""
        return accepted

    def write(self, conn: Connection, prepared: Sequence[Accepted], moment: Moment) -> None:
        """The sales are known by their receipts."""
        rows = [
            {"sale_id": imported_sale_id(one.row.merchant_id, one.row.reference),
             "merchant_id": one.row.merchant_id, "member_id": one.member_id, "reference": one.row.reference,
             "total_minor": one.row.total_minor, "occurred_at": one.row.occurred_at,
             "import_id": moment.import_id}
            for one in prepared
        ]  # fmt: skip
        if rows:
            sql_of(imported_sale, conn).insert(conn, sorted(rows, key=lambda row: row["sale_id"]))
