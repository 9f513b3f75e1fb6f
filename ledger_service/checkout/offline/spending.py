"""Points for an offline sale inside its command's draft: the allowance first, then what is still there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.checkout.errors import (
    AcceptanceForged,
    NotEnoughPoints,
    PermitValueExceeded,
    ProgrammeFrozenForMember,
)
from ledger_service.checkout.models import sale
from ledger_service.checkout.offline.models import offline_allowance, offline_window
from ledger_service.checkout.offline.requests import OfflineSale
from ledger_service.checkout.offline.rules import Allowance, Cause, Loss, allowance_for
from ledger_service.checkout.presence import Presence, check_permit, use_permit
from ledger_service.checkout.records import SpentRecord
from ledger_service.checkout.requests import Write
from ledger_service.checkout.rules import Limits, SpendPlan
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.spending import (
    Redemption,
    frozen_of,
    permit_of,
    plan_spend,
    purses_of,
    redeem,
    spent_record,
)
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.money import micros_of_minor
from ledger_service.kernel.paycode_errors import PayCodeAltered, PayCodeUsed
from ledger_service.ledger.book import Book
from ledger_service.members.households.spending import count_spent
from ledger_service.merchants.models import terminal
from ledger_service.points.models import permit_use
from ledger_service.points.parties import Holder
from ledger_service.points.permits import count_custodial, nonce_key

TERMINAL: Load = load_by(terminal, "terminal_id")
ALLOWANCES: Load = load_by(offline_allowance, "terminal_id")
WINDOWS: Load = load_by(offline_window, "terminal_id", "window_seconds", "window_index")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Points that a till has taken offline; ``refusal`` says why nothing of the sale can be booked."""

    write: Write
    item: OfflineSale
    holder: Holder | None
    presence: Presence | None
    scene: Scene
    sale_id: bytes
    signed: bool
    late: bool
    refusal: str | None = None

    @property
    def sold_at(self) -> int:
        """The acceptance time, which the till has signed."""
        return seconds_floor(self.item.sold_at)


def allowance_needs(terminal_id: str) -> tuple[Need, Need]:
    """The terminal's row, to be locked, and every allowance that it was given."""
    return TERMINAL.of(terminal_id), ALLOWANCES.of(terminal_id)


def allowances_of(rows: list[Mapping[str, Any]]) -> list[Allowance]:
    """The versions of rows of ``offline_allowance``."""
    return [
        Allowance(r["version"], r["allowance_micros"], r["window_seconds"], seconds_floor(r["set_at"]))
        for r in rows
    ]


def window_need(view: Workset, attempt: Attempt) -> Need | None:
    """The window that the attempt counts in; None where no allowance covers it."""
    allowance = _allowance(view, attempt)
    return None if allowance is None else WINDOWS.of(*_window_key(attempt, allowance))


def take_points(draft: Draft, attempt: Attempt) -> tuple[SpentRecord | None, Loss | None]:
    """What points pay of the sale, and what the merchant bears of what they should have paid.

    Every loss within the allowance has been counted in the terminal's window before, so the losses of a
    window never sum to more than the allowance.

    Invariants: INV-9: a permit redeems once; whoever comes second bears it.
    """
    offered = attempt.item.offered_minor
    if not offered:
        return None, None
    most = attempt.write.caller.points_most_minor
    if most is not None and offered > most:
        return None, Loss(offered, Cause.SELF_CHECKOUT_LIMIT, beyond=True)
    cause = _count(draft, attempt, micros_of_minor(offered, attempt.scene.desk.exponent))
    if cause is not None:
        return None, Loss(offered, cause, beyond=True)
    if attempt.refusal is not None:
        return None, Loss(offered, attempt.refusal)
    if attempt.late:
        return None, Loss(offered, Cause.UPLOADED_LATE)
    try:
        return _redeemed(draft, attempt)
    except PayCodeUsed as refusal:
        return None, _double_spent(draft, attempt, refusal)
    except DomainError as refusal:
        return None, Loss(offered, refusal.code)


def _count(draft: Draft, attempt: Attempt, value_micros: int) -> str | None:
    allowance = _allowance(draft, attempt)
    if allowance is None:
        return Cause.ALLOWANCE_UNKNOWN
    key = _window_key(attempt, allowance)
    row = draft.get(offline_window, key)
    used = (row["used_micros"] if row is not None else 0) + value_micros
    if used > allowance.allowance_micros:
        return Cause.ALLOWANCE_EXCEEDED
    if row is None:
        names = ("terminal_id", "window_seconds", "window_index", "used_micros")
        draft.add(offline_window, dict(zip(names, (*key, used), strict=True)))
    else:
        draft.change(offline_window, key, used_micros=used)
    return None


def _redeemed(draft: Draft, attempt: Attempt) -> tuple[SpentRecord | None, Loss | None]:
    scene, presence, holder = attempt.scene, attempt.presence, attempt.holder
    if presence is None or holder is None:
        raise PayCodeAltered
    if not attempt.signed:
        raise AcceptanceForged(attempt.write.caller.terminal_id)
    signed = check_permit(draft, presence, scene.desk, attempt.sold_at)
    permit = permit_of(presence)
    limits = Limits(attempt.item.offered_minor, permit.max_value_micros, scene.desk.exponent)
    bounds = limits, (attempt.write.caller.merchant_id, attempt.sold_at)
    plan = plan_spend(draft, holder, scene.catalogue, attempt.item.sale.spend, bounds)
    short = attempt.item.offered_minor - plan.value_minor
    loss = _shortfall(draft, attempt, plan, short) if short else None
    if signed.custodial and plan.legs:
        count_custodial(draft, holder.account, plan.value_micros, scene.desk.limits, attempt.sold_at)
    if holder.household and plan.legs:
        count_spent(draft, holder.member_id, signed.device_id, plan.value_micros, attempt.item.sold_at)
    use_permit(draft, presence, attempt.sale_id, attempt.write.at)
    if not plan.legs:
        return None, loss
    op_id = derive_id("redeem", attempt.write.caller.subject, attempt.write.key, 0)
    redemption = Redemption(op_id, attempt.write.caller.merchant_id, permit, attempt.sold_at, plan.legs)
    leaf = redeem(draft, holder, redemption, attempt.item.sold_at)
    return spent_record(op_id, leaf, plan), loss


def _shortfall(draft: Draft, attempt: Attempt, plan: SpendPlan, short: int) -> Loss:
    """Why points pay less than the till took; only a member who had too few is to blame."""
    scene, holder = attempt.scene, attempt.holder
    if holder is None or attempt.presence is None or attempt.presence.pay_code is None:
        raise PayCodeAltered
    most = attempt.presence.pay_code.permit.max_value_micros
    if micros_of_minor(attempt.item.offered_minor, scene.desk.exponent) > most:
        return Loss(short, PermitValueExceeded.code)
    lots = Book(draft).lots(holder.member_id)
    frozen = frozen_of(draft, holder.member_id, {lot.programme for lot in lots})
    if frozen:
        return Loss(short, ProgrammeFrozenForMember.code)
    purses = purses_of(lots, scene.catalogue, (attempt.write.caller.merchant_id, attempt.sold_at), frozen)
    if sum(purse.available for purse in purses.values()) > sum(leg.amount for leg in plan.legs):
        return Loss(short, Cause.NOT_WHOLE_POINTS)
    return Loss(short, NotEnoughPoints.code, flagged=True)


def _double_spent(draft: Draft, attempt: Attempt, refusal: PayCodeUsed) -> Loss:
    """The member showed one code twice, unless it was the same till that took it before."""
    code = attempt.presence.pay_code if attempt.presence is not None else None
    if code is None:
        raise refusal
    used = draft.get(permit_use, (code.permit.account, nonce_key(code.permit.nonce)))
    won_by = used["used_by"] if used is not None else attempt.sale_id
    winner = draft.get(sale, won_by)
    own = winner is not None and winner["terminal_id"] == attempt.write.caller.terminal_id
    return Loss(attempt.item.offered_minor, refusal.code, flagged=not own, won_by=won_by)


def _allowance(view: Workset | Draft, attempt: Attempt) -> Allowance | None:
    rows = view.find(ALLOWANCES, attempt.write.caller.terminal_id)
    return allowance_for(allowances_of(rows), attempt.item.allowance_version, attempt.sold_at)


def _window_key(attempt: Attempt, allowance: Allowance) -> tuple[str, int, int]:
    window = allowance.window_of(attempt.sold_at)
    return attempt.write.caller.terminal_id, allowance.window_seconds, window
