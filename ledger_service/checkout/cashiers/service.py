"""PINs of cashiers set, ended and judged; a try is on record before it is judged, as a member's is."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from ledger_service.checkout.cashiers.errors import CashierLocked, CashierRefused, CashierUnknown
from ledger_service.checkout.cashiers.models import cashier_pin
from ledger_service.members.cards import rules
from ledger_service.members.cards.errors import PinBlocked, PinLocked
from ledger_service.members.cards.pins import Pins
from ledger_service.members.models import member
from ledger_service.risk.models import staff_link

Recorder = Callable[[Callable[[Connection], Any]], Any]
# A merchant, and its own name of a cashier.
WhoServes = tuple[int, str]
_C = cashier_pin.c


@dataclass(frozen=True)
class Cashiers:
    """Judges cashiers' PINs; ``record`` runs a function in a durable unit of work of its own."""

    pins: Pins
    record: Recorder

    def check(self, who: WhoServes, pin: str, at: datetime) -> None:
        """The PIN is the cashier's.

        Raises:
            CashierRefused: nobody's, or another one. CashierLocked: too many wrong ones a moment ago.
        """
        tried: tuple[bytes, bytes] | None = self.record(lambda conn: _count_try(conn, who, at))
        salt, right = (bytes(16), bytes(32)) if tried is None else tried
        hashed = self.pins.hash_of(pin, salt)
        if not hmac.compare_digest(hashed, right) or tried is None:
            raise CashierRefused
        self.record(lambda conn: conn.execute(update(cashier_pin).where(_is(who)).values(_FORGOTTEN)))


_FORGOTTEN = {"tries": 0, "locked_until": None}


def set_pin(
    conn: Connection, who: WhoServes, hashed: tuple[bytes, bytes], said: tuple[str, datetime]
) -> None:
    """The cashier has this PIN from now on, and no try against it."""
    (salt, pin_hash), (by, at) = hashed, said
    values = {"pin_salt": salt, "pin_hash": pin_hash, "set_at": at, "set_by": by, **_FORGOTTEN}
    if not conn.execute(update(cashier_pin).where(_is(who)).values(values)).rowcount:
        conn.execute(insert(cashier_pin).values(merchant_id=who[0], cashier=who[1], **values))


def end_pin(conn: Connection, who: WhoServes) -> None:
    """The cashier has none any more.

    Raises:
        CashierUnknown: it had none before.
    """
    if not conn.execute(delete(cashier_pin).where(_is(who))).rowcount:
        raise CashierUnknown


def number_of(conn: Connection, who: WhoServes) -> str | None:
    """The member that the merchant's cashier is, as the merchant has said; None where it has not.

    Raises:
        CashierUnknown: the cashier has no PIN.
    """
    if conn.execute(select(_C.cashier).where(_is(who))).one_or_none() is None:
        raise CashierUnknown
    s = staff_link.c
    query = select(member.c.member_number).join(staff_link, s.member_id == member.c.member_id)
    found = conn.execute(query.where(s.merchant_id == who[0], s.cashier == who[1]))
    number: str | None = found.scalar_one_or_none()
    return number


def cashiers_after(conn: Connection, merchant_id: int, after: str | None, most: int) -> Sequence[RowMapping]:
    """A merchant's cashiers with a PIN, by name."""
    wanted = select(_C.cashier, _C.set_at, _C.tries).where(_C.merchant_id == merchant_id)
    if after is not None:
        wanted = wanted.where(_C.cashier > after)
    return conn.execute(wanted.order_by(_C.cashier).limit(most)).mappings().all()


def _is(who: WhoServes) -> Any:
    return (_C.merchant_id == who[0]) & (_C.cashier == who[1])


def _count_try(conn: Connection, who: WhoServes, at: datetime) -> tuple[bytes, bytes] | None:
    row = conn.execute(select(cashier_pin).where(_is(who)).with_for_update()).mappings().one_or_none()
    if row is None:
        return None
    try:
        rules.check_tries(row["tries"], row["locked_until"], at)
    except PinBlocked:
        return None
    except PinLocked as locked:
        raise CashierLocked(locked.retry_after_seconds) from None
    tries = row["tries"] + 1
    counted = {"tries": tries, "locked_until": rules.locked_after(tries, at)}
    conn.execute(update(cashier_pin).where(_is(who)).values(counted))
    return row["pin_salt"], row["pin_hash"]
