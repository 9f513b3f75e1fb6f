"""Redeeming points inside a command's draft: which purses, which legs, and the operation for the chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.checkout.errors import (
    NotEnoughPoints,
    ProgrammeFrozenForMember,
    ProgrammeWithoutTerms,
    UnknownProgramme,
)
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.records import SpentRecord
from ledger_service.checkout.requests import Spend
from ledger_service.checkout.rules import NOTHING, Limits, Purse, SpendPlan, plan_explicit, plan_up_to
from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.operations import FLAG_SERIES, Redeem
from ledger_service.kernel.points import Leg, Lot
from ledger_service.ledger.book import Book
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.members.households.spending import free_lots
from ledger_service.outbox.service import enqueue
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.models import member_programme
from ledger_service.points.parties import Holder
from ledger_service.points.rules import is_open, terms_in_force

# Who accepts, and when in seconds: what decides under which terms points are spent.
Accepting = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Permit:
    """The member's leave as it goes to the chain: the signed permit, its digest and its signature."""

    account: bytes
    nonce: int
    max_value_micros: int
    valid_until: int
    digest: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Redemption:
    """Legs to redeem at ``merchant_id``; ``accepted_at`` in seconds is what the till signed for (D3)."""

    op_id: bytes
    merchant_id: int
    permit: Permit
    accepted_at: int
    legs: tuple[Leg, ...]
    series: bool = False

    def operation(self) -> Redeem:
        """The chain operation."""
        permit = self.permit
        return Redeem(
            self.op_id,
            self.merchant_id,
            permit.account,
            permit.nonce,
            permit.max_value_micros,
            permit.valid_until,
            self.accepted_at,
            FLAG_SERIES if self.series else 0,
            permit.digest,
            self.legs,
            permit.signature,
        )


def plan_spend(
    draft: Draft, holder: Holder, catalogue: Catalogue, spend: Spend | None, bounds: tuple[Limits, Accepting]
) -> SpendPlan:
    """Which points pay, as the till asked; nothing where it did not ask.

    Args:
        draft: with the member's lots and standing.
        holder: the member.
        catalogue: the programmes.
        spend: the wish.
        bounds: the limits of this sale, and who accepts when.

    Raises:
        UnknownProgramme, ProgrammeWithoutTerms, ProgrammeFrozenForMember, NotEnoughPoints and what
        ``plan_explicit`` raises.
    """
    if spend is None:
        return NOTHING
    limits, till = bounds
    lots = Book(draft).lots(holder.member_id)
    if holder.household:
        lots = free_lots(draft, holder.member_id, lots, instant_of_seconds(till[1]))
    if spend.max_value_minor is not None:
        most = Limits(min(limits.total_minor, spend.max_value_minor), limits.permit_micros, limits.exponent)
        frozen = frozen_of(draft, holder.member_id, {lot.programme for lot in lots})
        return plan_up_to(purses_of(lots, catalogue, till, frozen | limits.without), most)
    wanted: list[tuple[Purse, int]] = []
    for leg in spend.legs:
        programme = catalogue.by_code.get(leg.programme)
        if programme is None:
            raise UnknownProgramme(leg.programme)
        if frozen_of(draft, holder.member_id, {programme.programme_id}):
            raise ProgrammeFrozenForMember(leg.programme)
        wanted.append((_purse_or_refusal(lots, programme, till, leg.points), leg.points))
    return plan_explicit({purse.programme: purse for purse, _ in wanted}, wanted, limits)


def purses_of(
    lots: Iterable[Lot], catalogue: Catalogue, till: Accepting, frozen: set[int]
) -> dict[int, Purse]:
    """What these lots can pay with there and then: points of open epochs of programmes with terms, none
    frozen."""
    by_programme: dict[int, list[Lot]] = {}
    for lot in lots:
        if lot.programme not in frozen and lot.programme in catalogue.programmes:
            by_programme.setdefault(lot.programme, []).append(lot)
    found: dict[int, Purse] = {}
    for programme_id, some in by_programme.items():
        purse = purse_of(some, catalogue.programmes[programme_id], till)
        if purse is not None:
            found[programme_id] = purse
    return found


def purse_of(lots: Iterable[Lot], programme: Programme, till: Accepting) -> Purse | None:
    """The purse of one programme there and then, at the pair's own terms where it has any in force; None
    before the programme's first."""
    acceptor, at = till
    # Two calls less for every sale of a programme that has no terms of pairs.
    own = programme.pairs or programme.end is not None
    terms = programme.terms_at(acceptor, at) if own else terms_in_force(programme.terms, at)
    if terms is None:
        return None
    ends = programme.epoch_ends
    usable = tuple(
        (lot.epoch, ends[lot.epoch - 1], lot.available)
        for lot in lots
        if lot.programme == programme.programme_id and is_open(ends, lot.epoch, at)
    )
    return Purse(programme.programme_id, programme.code, terms.version, terms.point_value_micros, usable)


def redeem(draft: Draft, holder: Holder, redemption: Redemption, at: datetime) -> bytes:
    """The legs' points are redeemed at the merchant and the operation is queued; returns its leaf.

    Raises:
        InsufficientPoints: a lot has less than its leg (the plan forbids it; the ledger says it again).

    Invariants: INV-1, INV-2, INV-9.
    """
    operation = redemption.operation()
    available = holder.part(Part.AVAILABLE)
    moves = [
        Movement(
            available,
            system_account(SystemKind.REDEMPTION, leg.programme, redemption.merchant_id),
            leg.programme,
            leg.epoch,
            leg.amount,
        )
        for leg in redemption.legs
    ]
    facts = {
        "merchant": redemption.merchant_id,
        "terms": [[leg.programme, leg.terms_version] for leg in redemption.legs],
    }
    Book(draft).entry(redemption.op_id, "redeem", at, facts, moves)  # type: ignore[arg-type]  # lists are invariant
    return enqueue(draft, operation, holder.member_id)


def frozen_of(draft: Draft, member_id: int, programmes: set[int]) -> set[int]:
    """Those of the programmes whose points the member may not spend (D7). Reads: the member's standing."""
    rows = ((p, draft.get(member_programme, (member_id, p))) for p in programmes)
    return {p for p, row in rows if row is not None and row["frozen"]}


def _purse_or_refusal(lots: Iterable[Lot], programme: Programme, till: Accepting, points: int) -> Purse:
    purse = purse_of(lots, programme, till)
    if purse is None:
        raise ProgrammeWithoutTerms(programme.code)
    if purse.available < points:
        raise NotEnoughPoints(programme.code, points, purse.available)
    return purse


def permit_of(presence: Presence) -> Permit:
    """The permit of a pay code as the chain wants it."""
    if presence.pay_code is None:
        raise ValueError("a bare number has no permit")
    permit = presence.pay_code.permit
    return Permit(
        permit.account,
        permit.nonce,
        permit.max_value_micros,
        permit.valid_until,
        presence.digest,
        presence.pay_code.signature,
    )


def spent_record(op_id: bytes, leaf: bytes, plan: SpendPlan, custodial: str | None = None) -> SpentRecord:
    """What a sale remembers of its redemption; ``custodial`` is what let custody sign it, if it did."""
    paid = tuple((p.programme, p.points, p.value_minor) for p in plan.paid)
    return SpentRecord(op_id, leaf, plan.legs, paid, custodial)
