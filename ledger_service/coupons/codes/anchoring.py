"""The intent to anchor a list's root on the chain, written with the seal, before a code leaves the house.

The contract takes a root only of a type that stands there: pass ``anchor`` to a ``ListDesk`` where types are
registered.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping

from ledger_service.coupons.codes.rules import serial_text
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.coupon_operations import CODEC, TARGET, AnchorRoot, serial_word
from ledger_service.kernel.ids import derive_id
from ledger_service.outbox.beside.service import enqueue_now


def anchor(conn: Connection, listed: RowMapping, at: datetime) -> None:
    """The root of the sealed list is in the outbox; fulfils ``making.Announce``."""
    operation = AnchorRoot(
        derive_id("coupon root", listed["list_id"]), listed["merchant_id"], seconds_floor(at), listed["gcn"],
        listed["root"], serial_word(serial_text(listed["first"])), listed["size"],
    )  # fmt: skip
    enqueue_now(conn, TARGET, CODEC, [operation], at)
