"""Asking the phone again: a challenge names merchant, amount and the nonce that the next pay code must have.

The nonce is in the lane of the device that signed before, in the half of its counters that phones never use
by themselves, so that a pay code with it was signed by somebody who had seen merchant and amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.db.workset import Draft, Load, load_by
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import IdSource, id_text
from ledger_service.kernel.money import micros_of_minor
from ledger_service.kernel.permits import nonce_of
from ledger_service.risk.errors import ChallengeUnknown, StepUpRequired
from ledger_service.risk.models import risk_challenge

CHALLENGE: Load = load_by(risk_challenge, "challenge_id")
LIFE_SECONDS = 300
FIRST_ASKED_COUNTER = 1 << 31


@dataclass(frozen=True, slots=True)
class Offer:
    """What a pay code offers: who signed it (a lane), its nonce, its value, whether custody signed it."""

    lane: int
    nonce: int
    permit_micros: int
    custodial: bool
    currency: str
    exponent: int


def fresh_challenge(
    offer: Offer, judged: Mapping[str, Any], amount_minor: int, ids: IdSource
) -> dict[str, Any]:
    """The row of a new challenge.

    Args:
        offer: of the pay code that was not enough.
        judged: the row of the decision.
        amount_minor: what is to be paid in points.
        ids: for id and nonce.
    """
    counter = FIRST_ASKED_COUNTER | int.from_bytes(ids.random_bytes(4), "big") >> 1
    return {
        "challenge_id": ids.random_bytes(16),
        "decision_id": judged["decision_id"],
        "member_id": judged["member_id"],
        "merchant_id": judged["merchant_id"],
        "amount_minor": amount_minor,
        "nonce": nonce_of(offer.lane, counter).to_bytes(8, "big"),
        "reason": "confirm-payment",
        "expires_at": seconds_floor(judged["decided_at"]) + LIFE_SECONDS,
        "state": "open",
    }


def refusal_of(row: Mapping[str, Any], currency: str) -> StepUpRequired:
    """What the till is told of a challenge."""
    return StepUpRequired(
        id_text(row["challenge_id"]),
        gln_text(row["merchant_id"]),
        row["amount_minor"],
        currency,
        str(int.from_bytes(row["nonce"], "big")),
        format_instant(instant_of_seconds(row["expires_at"])),
        row["reason"],
    )


def is_answered(
    row: Mapping[str, Any] | None, offer: Offer, who: tuple[int, int], asked: tuple[int, int]
) -> bool:
    """Whether the pay code answers the challenge: the phone's by its nonce, custody's by what was met.

    Args:
        row: the challenge that the till names; None for none.
        offer: of the pay code.
        who: member and merchant.
        asked: what is to be paid in points, and the time in seconds.
    """
    if row is None or (row["member_id"], row["merchant_id"]) != who:
        return False
    amount_minor, at = asked
    if amount_minor > row["amount_minor"] or at > row["expires_at"] or row["state"] == "used":
        return False
    if offer.custodial:
        return bool(row["state"] == "met")
    enough = offer.permit_micros >= micros_of_minor(amount_minor, offer.exponent)
    return enough and int.from_bytes(row["nonce"], "big") == offer.nonce


def meet(draft: Draft, challenge_id: bytes, member_id: int, at: datetime) -> None:
    """A member without a device has confirmed the challenge; the same till may now sell.

    Reads: ``CHALLENGE`` of the id. Locks: the caller holds the member's row.

    Raises:
        ChallengeUnknown: no open challenge of the member has this id.
    """
    row = draft.get(risk_challenge, challenge_id)
    if row is None or row["member_id"] != member_id or row["state"] == "used":
        raise ChallengeUnknown
    if seconds_floor(at) > row["expires_at"]:
        raise ChallengeUnknown
    draft.change(risk_challenge, challenge_id, state="met")
