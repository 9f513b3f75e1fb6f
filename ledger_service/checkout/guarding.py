"""The checkout's one seam to the risk room: acts become observations, decisions become what happens next.

Without rules in force there is no guard in the scene, and nothing of this is called.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import SaleRequest, Spend, Write
from ledger_service.checkout.rules import Limits
from ledger_service.checkout.spending import Accepting, plan_spend
from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.money import minor_of_micros_floor
from ledger_service.kernel.points import GREATEST_AMOUNT
from ledger_service.members.device_rows import device_of
from ledger_service.members.rules import Device
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.parties import Holder
from ledger_service.points.permits import DEVICES_OF_MEMBER
from ledger_service.risk.challenges import CHALLENGE, Offer, fresh_challenge, is_answered, refusal_of
from ledger_service.risk.errors import StepUpRequired
from ledger_service.risk.guard import Guard, Judged
from ledger_service.risk.models import risk_challenge, risk_decision
from ledger_service.risk.rules import Act, Observation, Outcome, Signal, Who


@dataclass(frozen=True, slots=True)
class Cleared:
    """An act that goes on: ``pays`` with its points, ``review_until`` where somebody is to look at it."""

    pays: bool = True
    review_until: datetime | None = None


CLEAR = Cleared()


@dataclass(frozen=True, slots=True)
class Payer:
    """What bounds a payment in points: desk, programmes, who accepts when, signer, the basket's part."""

    desk: Desk
    catalogue: Catalogue
    till: Accepting
    signed: Device
    payable_minor: int

    def asked_minor(self, draft: Draft, holder: Holder, spend: Spend) -> int:
        """What the till asks the points to pay, were there no limit on the pay code.

        Raises:
            DomainError: as ``plan_spend``.
        """
        limits = Limits(self.payable_minor, GREATEST_AMOUNT, self.desk.exponent)
        return plan_spend(draft, holder, self.catalogue, spend, (limits, self.till)).value_minor

    def offer(self, presence: Presence) -> Offer:
        """What the pay code offers."""
        if presence.pay_code is None:
            raise ValueError("points are paid by a pay code")
        permit, signed = presence.pay_code.permit, self.signed
        desk = self.desk
        cap = permit.max_value_micros
        return Offer(signed.lane, permit.nonce, cap, signed.custodial, desk.currency, desk.exponent)


@dataclass(frozen=True, slots=True)
class Till:
    """Who sells or takes back what for how much: the write, the member's row, the cashier if told."""

    write: Write
    member: Row
    cashier: str | None
    goods_minor: int

    def who(self, device: int | None = None) -> Who:
        """The act's subjects."""
        caller = self.write.caller
        return Who(caller.merchant_id, self.member["member_id"], caller.terminal_id, self.cashier, device)


@dataclass(frozen=True, slots=True)
class Shown:
    """A sale or authorisation with the member who showed up."""

    write: Write
    request: SaleRequest
    presence: Presence
    row: Row | None

    def till(self) -> Till:
        """The till of the sale; the member is known by now."""
        if self.row is None:
            raise LookupError("a member at the till has a row")
        total = sum(line.amount_minor for line in self.request.lines)
        return Till(self.write, self.row, self.request.shift.cashier, total)


def sale_needs(guard: Guard, shown: Shown) -> list[Need]:
    """What judging a sale or an authorisation reads."""
    code, request = shown.presence.pay_code, shown.request
    needs = guard.needs(shown.till().who(None if code is None else code.lane))
    return needs if request.step_up is None else [*needs, CHALLENGE.of(request.step_up)]


def judge_sale(draft: Draft, guard: Guard, shown: Shown, sale_id: bytes) -> Cleared:
    """A sale without points is judged.

    Raises:
        RefusedByRules: a rule says no.
    """
    return judge_earn(draft, guard, shown.till(), (Act.SALE, sale_id))


def judge_earn(draft: Draft, guard: Guard, till: Till, earning: tuple[Act, bytes]) -> Cleared:
    """Points that a member is about to earn are judged: at a sale, or for one that is attached afterwards.

    Reads: ``guard.needs(till.who())``.

    Raises:
        RefusedByRules: a rule says no.
    """
    act, sale_id = earning
    seen = Observation(
        seconds_floor(till.write.at),
        till.who(),
        frozenset({act}),
        till.goods_minor,
        member_since=seconds_floor(till.member["created_at"]),
    )
    return settle(draft, guard, guard.judge(draft, seen), sale_id)


def judge_code(
    draft: Draft, guard: Guard, paid: tuple[Shown, Holder, Payer], sale_id: bytes | None
) -> Cleared:
    """A pay code at a sale, or (without a sale id) at an authorisation, is judged.

    Raises:
        StepUpRequired: the phone must confirm; a challenge is kept.
        HeldForReview, RefusedByRules: a rule says so.
        DomainError: as ``plan_spend``.
    """
    shown, holder, payer = paid
    spend, till = shown.request.spend, shown.till()
    if spend is None:
        return judge_sale(draft, guard, shown, sale_id or b"")
    offer, at = payer.offer(shown.presence), seconds_floor(till.write.at)
    who, asked = till.who(offer.lane), payer.asked_minor(draft, holder, spend)
    signed, trusted = _devices(draft, who, till.write.at)
    confirmed = _use_answer(draft, shown.request, (offer, who), (asked, at))
    seen = Observation(
        at,
        who,
        frozenset({Act.SALE, Act.SPEND}),
        till.goods_minor,
        asked,
        minor_of_micros_floor(offer.permit_micros, offer.exponent),
        None if signed is None else seconds_floor(signed["created_at"]),
        None if trusted is None else seconds_floor(trusted["created_at"]),
        seconds_floor(till.member["created_at"]),
        # There is no authorisation without its points, however much the till would take.
        must_spend=spend.max_value_minor is None or sale_id is None,
        confirmed=confirmed,
    )
    judged = guard.judge(draft, seen)
    if judged.outcome is Outcome.STEP_UP:
        raise _step_up(guard, judged, offer, trusted)
    return settle(draft, guard, judged, sale_id)


def judge_return(draft: Draft, guard: Guard, till: Till, sold: tuple[int, bool] | None) -> None:
    """Goods that come back are judged: with a receipt, ``sold`` is when, and whether points paid.

    Raises:
        RefusedByRules: a rule says no. What is held is booked all the same, and somebody looks at it.
    """
    sold_at, paid_in_points = sold if sold is not None else (None, False)
    seen = Observation(
        seconds_floor(till.write.at),
        till.who(),
        frozenset({Act.UNRECEIPTED if sold is None else Act.REFUND}),
        till.goods_minor,
        member_since=seconds_floor(till.member["created_at"]),
        sold_at=sold_at,
        paid_in_points=paid_in_points,
    )
    settle(draft, guard, guard.judge(draft, seen), None)


def settle(draft: Draft, guard: Guard, judged: Judged, sale_id: bytes | None) -> Cleared:
    """The act goes on and is counted, perhaps under review.

    Raises:
        HeldForReview, RefusedByRules: it does not.
    """
    if judged.outcome is Outcome.REFUSE or (judged.outcome is Outcome.HOLD and judged.seen.must_spend):
        raise guard.refusal(judged)
    guard.book_it(draft, judged)
    if judged.outcome is Outcome.ALLOW:
        return CLEAR
    return Cleared(pays=False, review_until=guard.review(draft, judged, sale_id))


def _use_answer(draft: Draft, request: SaleRequest, by: tuple[Offer, Who], asked: tuple[int, int]) -> bool:
    """Whether the code answers the challenge that the till names, which then is used."""
    if request.step_up is None:
        return False
    offer, who = by
    row = draft.get(risk_challenge, request.step_up)
    if row is None or not is_answered(row, offer, (who.member_id, who.merchant_id), asked):
        return False
    draft.change(risk_challenge, request.step_up, state="used")
    return True


def _devices(draft: Draft, who: Who, at: datetime) -> tuple[Row | None, Row | None]:
    """The device that signed, and the oldest other one that could confirm."""
    rows = draft.find(DEVICES_OF_MEMBER, who.member_id)
    others = [
        row
        for row in rows
        if row["lane"] != who.device and device_of(row).active_at(at) and not device_of(row).custodial
    ]
    signed = next((row for row in rows if row["lane"] == who.device), None)
    return signed, min(others, key=lambda row: row["created_at"], default=None)


def _step_up(guard: Guard, judged: Judged, offer: Offer, trusted: Row | None) -> StepUpRequired:
    # Neither a new device nor custody's key for digits vouches for itself where the member has a phone.
    if trusted is not None and (offer.custodial or judged.hit_by(Signal.NEW_DEVICE)):
        offer = replace(offer, lane=trusted["lane"])
    challenge = fresh_challenge(offer, judged.row, judged.seen.spend_minor, guard.ids)
    refusal = refusal_of(challenge, offer.currency)

    def keep(draft: Draft) -> None:
        draft.add(risk_decision, judged.row)
        draft.add(risk_challenge, challenge)

    refusal.trace = keep
    return refusal
