"""A member's debt for a loss that it is flagged for: an operator decides, later earnings pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.checkout.offline.errors import OfflineDebtRefused, OfflineSaleUnknown
from ledger_service.checkout.offline.models import offline_sale
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.money import micros_of_minor
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, add_debt
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.rules import terms_in_force

OFFLINE_SALE: Load = load_by(offline_sale, "sale_id")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides on which loss; ``collect`` makes it a debt, else the merchant keeps it."""

    sale_id: bytes
    collect: bool
    decided_by: str
    at: datetime


class DecideLossCommand(BookCommand[dict[str, Any]]):
    """The loss is decided once: a debt of the member in the bearing merchant's own programme, or none.

    What is collected of it that merchant need not issue, so the loss comes back to whoever bore it (D10).
    """

    def __init__(self, decision: Decision, catalogue: Catalogue, exponent: int) -> None:
        """Take the decision."""
        self.decision = decision
        self._catalogue = catalogue
        self._exponent = exponent

    def probe(self) -> Iterable[Need]:
        """The sale, for its member."""
        return [OFFLINE_SALE.of(self.decision.sale_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, so that a loss is decided once."""
        row = view.one(OFFLINE_SALE, self.decision.sale_id)
        return [MEMBER_BY_ID.of(row["member_id"])] if row is not None and row["member_id"] is not None else []

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The sale."""
        return [OFFLINE_SALE.of(self.decision.sale_id)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What the member owes."""
        row = view.one(OFFLINE_SALE, self.decision.sale_id)
        return [STANDING_OF_MEMBER.of(row["member_id"])] if row is not None else []

    def apply(self, draft: Draft) -> dict[str, Any]:
        """Write the decision, and the debt where it is one.

        Raises:
            OfflineSaleUnknown: no such sale.
            OfflineDebtRefused: nothing to decide, decided before, or no programme to owe points of.
        """
        decision = self.decision
        row = draft.get(offline_sale, decision.sale_id)
        if row is None:
            raise OfflineSaleUnknown(id_text(decision.sale_id))
        if row["decided_at"] is not None:
            raise OfflineDebtRefused("decided-before")
        if not row["flagged"] or row["member_id"] is None:
            raise OfflineDebtRefused("no-member-flagged")
        points = self._owed(draft, row) if decision.collect else 0
        who = {"decided_by": decision.decided_by, "decided_at": decision.at}
        draft.change(offline_sale, decision.sale_id, debt_points=points, **who)
        return {
            "sale_id": id_text(decision.sale_id),
            "debt_points": points,
            "decided_by": decision.decided_by,
            "decided_at": format_instant(decision.at),
        }

    def _owed(self, draft: Draft, row: Mapping[str, Any]) -> int:
        programme, value_micros = self._programme(row["merchant_id"])
        borne = row["loss_minor"] + row["beyond_minor"]
        points = micros_of_minor(borne, self._exponent) // value_micros
        member = draft.one(MEMBER_BY_ID, row["member_id"])
        if not points or member is None:
            raise OfflineDebtRefused("less-than-a-point")
        op_id = derive_id("offline-debt", self.decision.sale_id)
        facts = {"sale": id_text(self.decision.sale_id), "cause": row["cause"]}
        grant = Grant(Holder.of(member), programme, points, self.decision.at, op_id, facts=facts)
        add_debt(draft, grant, points)
        return points

    def _programme(self, merchant_id: int) -> tuple[Programme, int]:
        for programme in self._catalogue.by_issuer.get(merchant_id, ()):
            terms = terms_in_force(programme.terms, seconds_floor(self.decision.at))
            if terms is not None:
                return programme, terms.point_value_micros
        raise OfflineDebtRefused("merchant-without-programme")
