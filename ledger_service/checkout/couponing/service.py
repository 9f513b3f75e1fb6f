"""Quotes and sales with coupons: who is there and what is asked for is known before the writer runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing.choosing import Chooser, Wanted
from ledger_service.checkout.couponing.lines import after_coupons
from ledger_service.checkout.couponing.refunding import CouponedRefundCommand, UsedCoupon, used_of
from ledger_service.checkout.couponing.selling import CouponedSaleCommand, coupons_view
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.quoting import Quote
from ledger_service.checkout.requests import Caller, RefundRequest, SaleRequest, Write
from ledger_service.checkout.submission import Store, Submission
from ledger_service.coupons.definitions.catalogue import CouponCatalogue, CouponCatalogueCache, CouponsBehind
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.rules import AVAILABLE
from ledger_service.db.workset import Draft, Workset

# A wallet may hold more: those that end soonest are looked at.
MOST_OF_WALLET = 50


@dataclass(frozen=True, slots=True)
class CouponWish:
    """Coupons that the till names by their ids, and whether the member's wallet serves as well."""

    coupon_ids: tuple[bytes, ...] = ()
    wallet: bool = False


class CouponedCheckout:
    """Quotes and sales with coupons; one instance serves all request threads of a process."""

    def __init__(self, store: Store, admission: Admission, catalogue: CouponCatalogueCache) -> None:
        """Take the database, the door keeper and the definitions."""
        self._store = store
        self._admission = admission
        self._catalogue = catalogue
        self._submission = Submission(store, admission)

    def quote(self, caller: Caller, request: SaleRequest, wish: CouponWish, at: datetime) -> bytes:
        """What the sale would come to now, coupons and points, each with the rule that decided, as JSON.

        Changes nothing.

        Raises:
            DomainError: what the sale would refuse.
        """
        scene, presence = self._admission.quote(caller, request, at)
        with self._store.database.snapshot() as conn:
            chooser = self._chooser(conn, request, presence, (caller.merchant_id, wish, at))
            work = Workset(conn)
            work.load([*chooser.locks(), *chooser.reads()])
            decision = chooser.decide(Draft(work))
            left = replace(request, lines=after_coupons(request.lines, decision))
            quoted = Quote(left, presence, scene).of(conn, caller)
        return orjson.dumps(quoted | coupons_view(request, decision))

    def sale(self, write: Write, request: SaleRequest, wish: CouponWish) -> Answer:
        """The basket is sold at what coupons leave of it, and these are consumed: 201.

        Raises:
            DomainError: as a sale without coupons.

        Idempotency: by caller and key; the first answer is replayed.
        Invariants: INV-6, and those of a sale.
        """
        with self._admission.admitted(write, request) as admitted:
            if admitted.known is not None:
                return admitted.known
            asked = (write.caller.merchant_id, wish, write.at)
            with self._store.database.snapshot() as conn:
                chooser = self._chooser(conn, request, admitted.presence, asked)
            command = CouponedSaleCommand(write, request, admitted.presence, admitted.scene, chooser)
            return self._submission.submit(command)

    def used(self, sale_id: bytes) -> tuple[UsedCoupon, ...]:
        """The coupons that a sale consumed; nothing is read where nobody offers any."""
        catalogue = self._catalogue.current()
        if not catalogue.definitions:
            return ()
        with self._store.database.snapshot() as conn:
            try:
                return used_of(conn, sale_id, catalogue)
            except CouponsBehind:
                return used_of(conn, sale_id, self._catalogue.refresh())

    def refund(self, write: Write, request: RefundRequest, used: tuple[UsedCoupon, ...]) -> Answer:
        """As a refund without coupons; their shares go back, and by their terms they do too: 201.

        Raises:
            DomainError: as a refund without coupons.

        Idempotency: by caller and key.
        Invariants: INV-6, INV-13.
        """
        write = permitted(write, "refund", request.shift)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        policies = self._admission.policies()
        return self._submission.submit(CouponedRefundCommand(write, request, scene, policies, used))

    def _chooser(
        self,
        conn: Connection,
        request: SaleRequest,
        presence: Presence | None,
        asked: tuple[int, CouponWish, datetime],
    ) -> Chooser:
        merchant_id, wish, at = asked
        member_id = None
        if presence is not None:
            work = Workset(conn)
            work.load(presence.locks())
            row = presence.row(work)
            member_id = None if row is None else row["member_id"]
        catalogue = self._catalogue.current()
        try:
            wanted = _wanted(conn, wish, member_id, catalogue)
        except CouponsBehind:
            catalogue = self._catalogue.refresh()
            wanted = _wanted(conn, wish, member_id, catalogue)
        return Chooser(request, merchant_id, member_id, wanted, catalogue, at)


def _wanted(
    conn: Connection, wish: CouponWish, member_id: int | None, catalogue: CouponCatalogue
) -> tuple[Wanted, ...]:
    """The named coupons and those of the wallet, each once."""
    c = coupon.c
    found: dict[bytes, Terms | None] = dict.fromkeys(wish.coupon_ids)
    columns = select(c.coupon_id, c.definition_id, c.version)
    rows: list[Any] = []
    if wish.coupon_ids:
        rows += conn.execute(columns.where(c.coupon_id.in_(wish.coupon_ids))).all()
    if wish.wallet and member_id is not None:
        mine = columns.where(c.holder == member_id, c.state == AVAILABLE)
        soonest = mine.order_by(c.expires_at.is_(None), c.expires_at, c.coupon_id).limit(MOST_OF_WALLET)
        rows += conn.execute(soonest).all()
    for row in rows:
        found[row.coupon_id] = catalogue.terms(row.definition_id, row.version)
    return tuple(Wanted(coupon_id, terms) for coupon_id, terms in sorted(found.items()))
