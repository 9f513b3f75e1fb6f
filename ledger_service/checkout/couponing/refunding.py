"""A return of goods that coupons took something off: their shares go back, and by their terms they do too.

The money needs nothing of this: lines were sold at what coupons left, so a return gives that back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.couponing import using
from ledger_service.checkout.couponing.models import sale_coupon, sale_coupon_return
from ledger_service.checkout.couponing.using import Taken
from ledger_service.checkout.earn_reversal import Outcome
from ledger_service.checkout.models import sale
from ledger_service.checkout.records import ReturnedRecord, SaleRecord
from ledger_service.checkout.refund_command import RefundCommand
from ledger_service.checkout.requests import RefundRequest, Write
from ledger_service.checkout.return_rules import ReturnPolicy
from ledger_service.checkout.reversal_rules import Returned
from ledger_service.checkout.scene import Scene
from ledger_service.coupons.deciding.returning import RestingPart, share_returned, wholly_returned
from ledger_service.coupons.definitions import budgets
from ledger_service.coupons.definitions.catalogue import CouponCatalogue
from ledger_service.coupons.terms.values import OnReturn, Terms
from ledger_service.coupons.wallet.moves import COUPON, Act
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text


def used_of(conn: Connection, sale_id: bytes, catalogue: CouponCatalogue) -> tuple[Taken, ...]:
    """The coupons of a sale, by id.

    Raises:
        CouponsBehind: the catalogue is older than one of them.
    """
    c = sale_coupon.c
    joined = sale_coupon.join(sale, sale.c.sale_id == c.sale_id)
    found = select(sale_coupon, sale.c.store_gln).select_from(joined)
    rows = conn.execute(found.where(c.sale_id == sale_id).order_by(c.coupon_id)).all()
    return tuple(_used(row, catalogue.terms(row.definition_id, row.version)) for row in rows)


class CouponedRefundCommand(RefundCommand):
    """As a refund; and coupons of which everything is back are the member's again, where their terms say so.

    Locks: as a refund, and the counters of bounded definitions. The sale's row locks its coupons.
    """

    def __init__(
        self,
        write: Write,
        request: RefundRequest,
        scene: Scene,
        policies: Mapping[int, ReturnPolicy],
        used: tuple[Taken, ...],
    ) -> None:
        """Take what a refund takes, and the coupons of the sale."""
        super().__init__(write, request, scene, policies)
        self._used = used
        self._view: list[dict[str, Any]] = []

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        yield from super().locks(view)
        for one in self._used:
            yield from budgets.needs(one.terms, one.place)

    def reads(self, view: Workset) -> Iterable[Need]:
        """As a refund, and the coupons."""
        yield from super().reads(view)
        yield from (COUPON.of(one.coupon_id) for one in self._used)

    def undo(
        self,
        draft: Draft,
        before: SaleRecord,
        state: ReturnedRecord,
        returned: Returned,
        outcome: Outcome,
    ) -> ReturnedRecord:
        """As a refund; then each coupon's share, and the coupon itself."""
        after = super().undo(draft, before, state, returned, outcome)
        sold = {line.line: line.quantity for line, _ in before.lines}
        pieces = before.returned.pieces, after.pieces
        act = Act(self.id_of("refund"), None, self.write.caller.subject, self.write.at)
        self._view = [self._back(draft, one, sold, pieces, act) for one in self._used]
        return after

    def _back(
        self,
        draft: Draft,
        one: Taken,
        sold: Mapping[str, int],
        pieces: tuple[Mapping[str, int], Mapping[str, int]],
        act: Act,
    ) -> dict[str, Any]:
        was, now = (share_returned(one.parts, sold, some) for some in pieces)
        funders: dict[int, int] = {}
        for (_, funder), minor in now.items():
            funders[funder] = funders.get(funder, 0) + minor
        for (_, funder), minor in was.items():
            funders[funder] -= minor
        self._note(draft, one, funders, act)
        return {
            "coupon": id_text(one.coupon_id),
            "discount_returned_minor": sum(funders.values()),
            "funders": [
                {"funder": gln_text(funder), "amount_minor": minor}
                for funder, minor in sorted(funders.items())
                if minor
            ],
            "given_back": wholly_returned(one.parts, sold, pieces[1]) and _given_back(draft, one, act, self),
        }

    def _note(self, draft: Draft, one: Taken, funders: Mapping[int, int], act: Act) -> None:
        """What the funders get back, for the settlement between them and the acceptor."""
        if not any(funders.values()):
            return
        parts = [[str(funder), minor] for funder, minor in sorted(funders.items()) if minor]
        draft.add(sale_coupon_return, {
            "refund_id": act.ref, "coupon_id": one.coupon_id, "sale_id": self.request.sale_id,
            "returned_minor": sum(funders.values()), "parts": orjson.dumps(parts).decode(),
            "returned_at": act.at,
        })  # fmt: skip

    def _write(self, draft: Draft, refund_id: bytes, answer: dict[str, Any]) -> None:
        answer["coupons"] = self._view
        super()._write(draft, refund_id, answer)


def _given_back(draft: Draft, one: Taken, act: Act, command: RefundCommand) -> bool:
    """Whether the coupon is the member's again: once, and only where its terms say so."""
    if one.terms.on_return is not OnReturn.GIVE_BACK:
        return False
    return using.give_back(draft, one, act, command.request.sale_id)


def _used(row: Any, terms: Terms) -> Taken:
    parts = tuple(RestingPart(line, int(funder), minor) for line, funder, minor in orjson.loads(row.parts))
    at: datetime = row.counted_at or row.used_at
    place = budgets.Place(row.member_id, row.store_gln, at)
    return Taken(row.coupon_id, terms, row.discount_minor, parts, place)
