"""A member without a phone at the till: who a card or number names, and the presence of one that pays."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.errors import PermitValueExceeded
from ledger_service.checkout.pin_watch import AtTill, PinWatch
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import Presented, SaleRequest
from ledger_service.checkout.spending import Accepting
from ledger_service.kernel.money import micros_of_minor
from ledger_service.kernel.paycode import PayCode
from ledger_service.members.cards.desk import Approved, CardDesk, Known, Sought
from ledger_service.points.catalogue import Catalogue

SPEND = "spend"


@dataclass(frozen=True, slots=True)
class Wish:
    """How much custody has to allow for a sale; ``exact`` where the till named the points."""

    micros: int
    exact: bool

    def within(self, most_micros: int) -> int:
        """What the permit allows: no more than ``most_micros``.

        Raises:
            PermitValueExceeded: the named points are worth more; nothing is signed then.
        """
        if self.exact and self.micros > most_micros:
            raise PermitValueExceeded(self.micros, most_micros)
        return min(self.micros, most_micros)


def sought_of(member: Presented) -> Sought:
    """Whom a till means."""
    return Sought(member.card, member.phone, member.number)


def earning(known: Known) -> Presence:
    """The presence of a member that only earns."""
    return Presence(number=known.number, card=known.card)


def asked_micros(request: SaleRequest, catalogue: Catalogue, till: Accepting, exponent: int) -> int:
    """The most that custody has to allow for a basket, which is what it counts against the member's day.

    Nothing where the member only earns; what named points are worth; else up to the basket.
    """
    spend = request.spend
    if spend is None:
        return 0
    total = micros_of_minor(sum(line.amount_minor for line in request.lines), exponent)
    if spend.max_value_minor is not None:
        return min(total, micros_of_minor(spend.max_value_minor, exponent))
    worth = 0
    for leg in spend.legs:
        programme = catalogue.by_code.get(leg.programme)
        terms = None if programme is None else programme.terms_at(*till)
        if terms is None:
            return total
        worth += leg.points * terms.point_value_micros
    return worth


def approval(desk: CardDesk, member: Presented, till: AtTill, watch: PinWatch | None) -> Approved:
    """The member's leave to spend: its card with the PIN, or the code that was made for this merchant.

    Raises:
        RefusedByRules: too many were tried here.
        DomainError: as ``CardDesk.approve_pin`` and ``CardDesk.approve_code``.
    """
    sought, at = sought_of(member), till.at

    def look() -> Approved:
        if member.pin is not None:
            return desk.approve_pin(sought, member.pin, at)
        return desk.approve_code(sought, member.code or "", (till.caller.merchant_id, SPEND), at)

    return look() if watch is None else watch.tried(desk, sought, till, look)


def paying(pay_code: PayCode, desk: Desk, approved: Approved) -> Presence:
    """The presence of a member whose permit custody has signed."""
    presence = Presence.of_pay_code(pay_code, desk)
    return replace(presence, approved=approved, card=approved.known.card)
