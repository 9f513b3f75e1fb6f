"""What a write of the checkout happens in: programmes, ladders, places, rules, and the instant."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.directory import Places
from ledger_service.checkout.requests import Line
from ledger_service.checkout.taking.rules import Version, shared
from ledger_service.checkout.tender_rules import payable_amounts
from ledger_service.checkout.tiering import Visit
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.issuance import Worker
from ledger_service.points.parties import Holder
from ledger_service.points.rules import rule_in_force
from ledger_service.risk.guard import Guard
from ledger_service.tiers.ladders import NO_LADDERS, Ladders


@dataclass(frozen=True, slots=True)
class Scene:
    """What a decision at the till goes by: the desk, the programmes, the worker and the acceptance time.

    ``refusal`` is what the request thread found wrong with store, currency or clock; it is raised only
    after the idempotency key was looked up (D6). ``taking`` are the merchant's rules of taking points in
    force at the acceptance time, or the hold's; None where it takes whatever comes. Receipts of the
    merchants in ``collecting`` may add up to a reward.
    """

    desk: Desk
    catalogue: Catalogue
    worker: Worker
    accepted_at: int
    refusal: DomainError | None = None
    ladders: Ladders = NO_LADDERS
    places: Places | None = None
    business_day: int | None = None
    guard: Guard | None = None
    taking: Version | None = None
    collecting: Container[int] = frozenset()

    def check(self) -> None:
        """Nothing was wrong.

        Raises:
            DomainError: what was.
        """
        if self.refusal is not None:
            raise self.refusal

    def tiered(self, programmes: Sequence[Programme]) -> bool:
        """Whether one of the programmes has tiers; most alliances have none, and pay nothing for them."""
        return self.ladders.count > 0 and self.ladders.any_of([p.programme_id for p in programmes])

    def visit(self, holder: Holder, merchant_id: int, at: datetime, store_gln: int) -> Visit:
        """The member at a till of the merchant, for what tiers give."""
        issuers = self.catalogue.by_issuer.get(merchant_id, ())
        return Visit(holder, issuers, seconds_floor(at), store_gln, self.places)

    def codes(self) -> Mapping[int, str]:
        """Programme codes by id."""
        return self.catalogue.codes

    def payable(self, lines: Sequence[Line], merchant_id: int) -> list[int]:
        """How much of each line points may pay at this merchant, by the rules of its own programmes and by
        the shares of categories that it takes points for."""
        amounts = self.payable_by_programmes(lines, merchant_id)
        return amounts if self.taking is None else shared(self.taking.rules, lines, amounts)

    def payable_by_programmes(self, lines: Sequence[Line], merchant_id: int) -> list[int]:
        """How much of each line points may pay, whatever the merchant takes."""
        bases = []
        for programme in self.catalogue.by_issuer.get(merchant_id, ()):
            rule = rule_in_force(programme.rules, self.accepted_at)
            if rule is not None:
                bases.append(rule.basis)
        return payable_amounts(lines, bases)
