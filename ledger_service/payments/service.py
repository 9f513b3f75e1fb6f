"""Commands on payments: an order is named, a notice is noted; in the caller's unit of work, each once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select, update
from sqlalchemy.exc import IntegrityError

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import IdSource
from ledger_service.members.identities import Identity, IdentityVault
from ledger_service.payments.errors import PaymentConflict
from ledger_service.payments.models import payment
from ledger_service.payments.rules import PATIENCE, Notice, Provider

_P = payment.c
_NONCE_BYTES = 12
_EMPTY = {
    "sale_id": None, "cashier": None, "terminal_id": None, "consent": None, "touch_id": None,
    "ordered_by": None, "ordered_at": None, "transaction_id": None, "payer": None, "amount_minor": None,
    "currency": None, "paid_at": None, "noticed_at": None, "reason": "", "member_id": None, "tries": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """Which sale an order number is for, at which till, by whom; whether the payer agreed to become a member.

    ``touch_id`` is the live code that the payer opened, if any.
    """

    merchant_id: int
    provider: Provider
    reference: str
    sale_id: bytes
    cashier: str
    terminal_id: str
    consent: bool
    touch_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """Names orders and notes payments; the ``vault`` seals payers until it is decided who they are."""

    vault: IdentityVault
    ids: IdSource

    def order(self, conn: Connection, order: Order, told: tuple[str, datetime]) -> str:
        """The order is for this sale; returns the payment's state.

        Raises:
            PaymentConflict: it was for another sale, or the payer's consent was told otherwise.

        Idempotency: by merchant, provider and order. Locks: the payment.
        """
        row = _locked(conn, (order.merchant_id, order.provider, order.reference), ("ordered", told[1]))
        if row["ordered_at"] is not None:
            if (row["sale_id"], row["consent"]) != (order.sale_id, order.consent):
                raise PaymentConflict
            return str(row["state"])
        values = {
            "sale_id": order.sale_id, "cashier": order.cashier, "terminal_id": order.terminal_id,
            "consent": order.consent, "touch_id": order.touch_id, "ordered_by": told[0],
            "ordered_at": told[1],
        }  # fmt: skip
        return _set(conn, row, values, told[1])

    def note(self, conn: Connection, notice: Notice, at: datetime) -> str:
        """The provider's word is noted; returns the payment's state.

        Raises:
            PaymentConflict: the order was paid by another transaction, or that one paid another order.

        Idempotency: by merchant, provider, order and transaction. Locks: the payment.
        """
        row = _locked(conn, (notice.merchant_id, notice.provider, notice.order), ("noticed", at))
        if row["transaction_id"] is not None:
            if row["transaction_id"] != notice.transaction:
                raise PaymentConflict
            return str(row["state"])
        identity = Identity(notice.provider.identity_kind, notice.payer)
        values = {
            "transaction_id": notice.transaction, "amount_minor": notice.amount_minor,
            "payer": self.vault.seal(identity, self.ids.random_bytes(_NONCE_BYTES)),
            "currency": notice.currency, "paid_at": notice.paid_at, "noticed_at": at,
        }  # fmt: skip
        if row["state"] not in ("ordered", "noticed"):
            values["payer"] = None  # it was given up before: nobody needs to know who paid
        try:
            with conn.begin_nested():
                return _set(conn, row, values, at)
        except IntegrityError:
            raise PaymentConflict from None


def _locked(conn: Connection, key: tuple[int, Provider, str], first: tuple[str, datetime]) -> RowMapping:
    merchant_id, provider, reference = key
    fresh = {
        **_EMPTY, "merchant_id": merchant_id, "provider": provider.value, "reference": reference,
        "state": first[0], "until": first[1] + PATIENCE,
    }  # fmt: skip
    sql_of(payment, conn).insert(conn, [fresh], or_ignore=True)
    mine = (_P.merchant_id == merchant_id) & (_P.provider == provider.value) & (_P.reference == reference)
    return conn.execute(select(payment).where(mine).with_for_update()).mappings().one()


def _set(conn: Connection, row: RowMapping, values: dict[str, Any], at: datetime) -> str:
    whole = {**row, **values}
    both = whole["ordered_at"] is not None and whole["noticed_at"] is not None
    if both and row["state"] in ("ordered", "noticed"):
        values = {**values, "state": "due", "until": at}
    write(conn, row, **values)
    return str(values.get("state", row["state"]))


def write(conn: Connection, row: RowMapping, **values: Any) -> None:
    """The payment has these values."""
    conn.execute(update(payment).where(of_row(row)).values(values))


def of_row(row: RowMapping) -> ColumnElement[bool]:
    """The payment of a row that was read."""
    provider, reference = _P.provider == row["provider"], _P.reference == row["reference"]
    return and_(_P.merchant_id == row["merchant_id"], provider, reference)
