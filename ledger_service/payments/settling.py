"""What becomes of a payment that has its order: the payer is matched or enrolled, then the sale is attached.

A job of the bridge. Whom a payment belongs to is decided in one db transaction, in which the payer's own name
goes; the attach is the late attach that tills use, which joins a sale to one member once. Killed anywhere, it
goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, select

from ledger_service.checkout.attach.requests import AttachRequest
from ledger_service.checkout.attach.service import AttachService
from ledger_service.checkout.errors import RequestInFlight
from ledger_service.checkout.models import sale
from ledger_service.checkout.requests import Caller, Presented, Write
from ledger_service.db.engine import Database
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.db.writer import Writer
from ledger_service.kernel.errors import DomainError
from ledger_service.members.errors import IdentityTaken, MemberFrozen
from ledger_service.members.identities import Identity
from ledger_service.members.models import member
from ledger_service.members.queries import find_by_identity
from ledger_service.members.requests import EnrolMember
from ledger_service.members.service import MembersService
from ledger_service.merchants.errors import MerchantSuspended
from ledger_service.merchants.queries import find_merchant
from ledger_service.payments.models import payment
from ledger_service.payments.queries import waiting
from ledger_service.payments.rules import PATIENCE, Provider
from ledger_service.payments.service import of_row, write
from ledger_service.referrals.links.binding import Binder

_AT_ONCE = 100
_LATER = timedelta(hours=1)
_PASSES = (MerchantSuspended, MemberFrozen, RequestInFlight, StorageUnavailable, WriterBusy)
_ATTACHED = {"state": "attached", "reason": ""}
_S, _P = sale.c, payment.c


@dataclass(frozen=True)
class PaymentJob:
    """Settles payments; ``members`` enrols, ``binder`` binds the live code that a newcomer came by."""

    writer: Writer
    database: Database
    members: MembersService
    binder: Binder
    attaching: AttachService

    def step(self, at: datetime) -> bool:
        """The next payments went a step on; returns whether there may be more at once."""
        with self.database.read() as conn:
            rows = waiting(conn, at, _AT_ONCE)
        for row in rows:
            if row["state"] == "due":
                self._decide(row, at)
            elif row["state"] == "matched":
                self._attach(row, at)
            else:
                self._give_up(row)
        return len(rows) == _AT_ONCE

    def _decide(self, row: RowMapping, at: datetime) -> None:
        """Whose payment it is: a member's, a newcomer's, or nobody's that we know."""
        kind = Provider(row["provider"]).identity_kind
        identity = Identity(kind, self.members.vault.open(kind, row["payer"]))
        with self.database.read() as conn:
            wrong = _fault(conn, row)
            found = None if wrong else find_by_identity(conn, self.members.vault, identity)
        if wrong is not None:
            self._end_or_wait(row, wrong, at)
        elif found is not None:
            self._change(row, {"member_id": found.member_id, "state": "matched", "until": at})
        elif not row["consent"]:
            self._change(row, {"state": "stranger", "reason": "no-consent"})
        else:
            self._enrol(row, identity, at)

    def _enrol(self, row: RowMapping, identity: Identity, at: datetime) -> None:
        def act(conn: Connection) -> None:
            state = conn.execute(select(_P.state).where(of_row(row)).with_for_update()).scalar_one()
            if state != "due":
                return
            enrolled = self.members.enrol(conn, prepared, at)[0]
            if row["touch_id"] is not None:
                self.binder.bind_newcomer(conn, row["touch_id"], enrolled.member_id, at)
            write(conn, row, member_id=enrolled.member_id, state="matched", until=at, payer=None)

        try:
            new = EnrolMember(identities=(identity,), enrolled_by=row["merchant_id"])
            prepared = self.members.prepare([new], at)
            self.writer.run(act)
        except IdentityTaken:
            return  # somebody enrolled it this very moment: the next turn finds it

    def _attach(self, row: RowMapping, at: datetime) -> None:
        with self.database.read() as conn:
            number = conn.execute(
                select(member.c.member_number).where(member.c.member_id == row["member_id"])
            ).scalar_one()
            seller = find_merchant(conn, row["merchant_id"])
        if number is None:
            self._change(row, {"state": "refused", "reason": "member-unknown"})
            return
        suspended = seller is None or seller.status != "active"
        subject = f"payments:{row['provider']}"
        caller = Caller(subject, row["merchant_id"], row["terminal_id"], suspended=suspended)
        # Another key for each try: what was refused for now is not answered so for ever. The merchant is in
        # it, for two may number their orders alike.
        key = f"{row['merchant_id']} {row['reference']} {row['tries']}"
        request = AttachRequest(row["sale_id"], Presented(number=number), row["cashier"])
        try:
            self.attaching.attach(Write(caller, key, sha256(key.encode()).digest(), at), request)
        except _PASSES as passing:
            self._end_or_wait(row, passing.code, at, passes=True)
        except DomainError as refusal:
            # It may be this very payment's doing, by a run that did not live to say so.
            done = self._is_attached(row)
            self._change(row, _ATTACHED if done else {"state": "refused", "reason": refusal.code})
        else:
            self._change(row, _ATTACHED)

    def _is_attached(self, row: RowMapping) -> bool:
        its = select(_S.member_id).where(_S.sale_id == row["sale_id"])
        with self.database.read() as conn:
            return bool(conn.execute(its).scalar_one_or_none() == row["member_id"])

    def _end_or_wait(self, row: RowMapping, reason: str, at: datetime, *, passes: bool = False) -> None:
        patient = at < row["noticed_at"] + PATIENCE
        if patient and (passes or reason == "unknown-sale"):
            later = {"until": at + _LATER, "tries": row["tries"] + 1, "reason": reason}
            self._change(row, {**later, "payer": row["payer"]})
        else:
            self._change(row, {"state": "refused", "reason": reason})

    def _give_up(self, row: RowMapping) -> None:
        reason = "unpaid" if row["state"] == "ordered" else "no-order"
        self._change(row, {"state": "refused", "reason": reason})

    def _change(self, row: RowMapping, values: Mapping[str, object]) -> None:
        """The payment has these values, unless it has moved on meanwhile; a payer not among them is gone."""

        def act(conn: Connection) -> None:
            state = conn.execute(select(_P.state).where(of_row(row)).with_for_update()).scalar_one()
            if state == row["state"]:
                write(conn, row, **{"payer": None, **values})

        self.writer.run(act)


def _fault(conn: Connection, row: RowMapping) -> str | None:
    """What is wrong between the payment and its sale: other money, more than it cost, or a member already."""
    its = select(_S.total_minor, _S.currency, _S.member_id).where(
        _S.sale_id == row["sale_id"], _S.merchant_id == row["merchant_id"]
    )
    sold = conn.execute(its).one_or_none()
    if sold is None:
        return "unknown-sale"
    if sold.member_id is not None:
        return "sale-has-member"
    if sold.currency != row["currency"] or row["amount_minor"] > sold.total_minor:
        return "other-amount"
    return None
