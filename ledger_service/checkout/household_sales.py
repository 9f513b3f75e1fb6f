"""What a household's mates bought under its pay codes: the lane of a permit tells whose phone showed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any

import orjson
from sqlalchemy import Connection, or_, select

from ledger_service.checkout.models import sale
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.kernel.points import Leg
from ledger_service.ledger.models import hold
from ledger_service.members.models import member
from ledger_service.points.models import permit_use

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Bought:
    """A sale of a household, and the lane of the key that showed the code; None for a bare number."""

    record: SaleRecord
    lane: int | None

    @property
    def position(self) -> str:
        """Where the sale stands in the list, newest first."""
        return f"{micros_of(self.record.occurred_at)} {self.record.sale_id.hex()}"


def spent_by_keys(
    conn: Connection, household_id: int, lanes: frozenset[int], since: datetime
) -> dict[tuple[int, int], int]:
    """Points by programme and epoch that codes of these lanes paid with since then, less what came back.

    What a hold of theirs has still set apart counts too: its capture may come when the mate has left.
    """
    uses = _uses(conn, household_id, since)
    mine = [used_by for used_by, lane in uses.items() if lane in lanes]
    found: dict[tuple[int, int], int] = {}
    for first in range(0, len(mine), _AT_ONCE):
        some = mine[first : first + _AT_ONCE]
        open_holds = select(hold.c.legs, hold.c.legs_left).where(hold.c.member_id == household_id)
        for row in conn.execute(open_holds.where(hold.c.state == "open", hold.c.hold_id.in_(some))):
            _add_held(found, row.legs, row.legs_left)
        chosen = select(sale).where(sale.c.member_id == household_id, sale.c.occurred_at >= since)
        sales = chosen.where(or_(sale.c.sale_id.in_(some), sale.c.hold_id.in_(some)))
        for sold in conn.execute(sales).mappings():
            _add(found, record_of(dict(sold)))
    return found


def bought(conn: Connection, household_id: int, after: str | None, most: int) -> list[Bought]:
    """The household's sales behind a position, newest first."""
    chosen = select(sale).where(sale.c.member_id == household_id)
    if after is not None:
        micros, _, last = after.partition(" ")
        at, last_id = instant_of_micros(int(micros)), bytes.fromhex(last)
        chosen = chosen.where(
            (sale.c.occurred_at < at) | ((sale.c.occurred_at == at) & (sale.c.sale_id < last_id))
        )
    ordered = chosen.order_by(sale.c.occurred_at.desc(), sale.c.sale_id.desc()).limit(most)
    rows = [dict(row) for row in conn.execute(ordered).mappings()]
    lanes = _lanes_of(conn, household_id, rows)
    return [Bought(record_of(row), lanes.get(row["hold_id"] or row["sale_id"])) for row in rows]


def _add(found: dict[tuple[int, int], int], record: SaleRecord) -> None:
    if record.spent is None:
        return
    back = record.returned.restored or [0] * len(record.spent.legs)
    for leg, restored in zip(record.spent.legs, back, strict=True):
        lot = (leg.programme, leg.epoch)
        found[lot] = found.get(lot, 0) + leg.amount - restored


def _add_held(found: dict[tuple[int, int], int], legs: str, legs_left: str) -> None:
    for leg, points in zip(starmap(Leg, orjson.loads(legs)), orjson.loads(legs_left), strict=True):
        lot = (leg.programme, leg.epoch)
        found[lot] = found.get(lot, 0) + points


def _lanes_of(conn: Connection, household_id: int, rows: Sequence[Mapping[str, Any]]) -> dict[bytes, int]:
    wanted = [row["hold_id"] or row["sale_id"] for row in rows]
    account = select(member.c.account).where(member.c.member_id == household_id).scalar_subquery()
    uses = select(permit_use.c.used_by, permit_use.c.nonce).where(permit_use.c.account == account)
    return _by_user(conn.execute(uses.where(permit_use.c.used_by.in_(wanted))).all())


def _uses(conn: Connection, household_id: int, since: datetime) -> dict[bytes, int]:
    account = select(member.c.account).where(member.c.member_id == household_id).scalar_subquery()
    uses = select(permit_use.c.used_by, permit_use.c.nonce).where(permit_use.c.account == account)
    return _by_user(conn.execute(uses.where(permit_use.c.used_at >= since)).all())


def _by_user(rows: Iterable[Any]) -> dict[bytes, int]:
    return {row.used_by: int.from_bytes(row.nonce, "big") >> 32 for row in rows}
