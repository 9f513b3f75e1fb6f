"""What the points room may be asked, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.points import Leg
from ledger_service.points.expiry_rules import Jurisdiction
from ledger_service.points.inactivity_rules import Activity
from ledger_service.points.rules import Cycle, EarnRule, Terms


@dataclass(frozen=True, slots=True)
class NewProgramme:
    """A programme as the registry on chain made it: its id and token come from there."""

    programme_id: int
    code: str
    merchant_id: int
    name: str
    currency: str
    timezone: str
    cycle: Cycle
    epoch_ends: tuple[int, ...]
    terms: Terms
    rule: EarnRule
    pending_days: int = 0
    notice_days: tuple[int, ...] = ()
    token: bytes | None = None
    jurisdiction: Jurisdiction = Jurisdiction.NONE
    activities: tuple[Activity, ...] = ()


@dataclass(frozen=True, slots=True)
class AskAdjustment:
    """Points to add for goodwill or as a correction, or to give a later end (D18).

    An extension names the ``epoch`` that the points are in and the later one that they go to, others none.
    """

    member_number: str
    programme: str
    points: int
    reason: str
    note: str
    funder_merchant_id: int
    epoch: int | None = None
    into_epoch: int | None = None
    claim_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class GiftRequest:
    """Legs that one member gives another under a signed gift permit."""

    giver: bytes
    recipient: bytes
    legs: tuple[Leg, ...]
    nonce: int
    valid_until: int
    signature: bytes
