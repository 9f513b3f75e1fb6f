"""Asking the phone again: a challenge names merchant, amount and the nonce that the next pay code must have.

The nonce is in the lane of the device that signed before, in the half of its counters that phones never use
by themselves, so that a pay code with it was signed by somebody who had seen merchant and amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from ledger_service.db.workset import Load, load_by
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import IdSource, id_text
from ledger_service.kernel.money import micros_of_minor
from ledger_service.kernel.permits import nonce_of
from ledger_service.risk.errors import ChallengeNeedsPhone, ChallengeUnknown, PaymentDeclined, StepUpRequired
from ledger_service.risk.models import risk_challenge

CHALLENGE: Load = load_by(risk_challenge, "challenge_id")
LIFE_SECONDS = 300
FIRST_ASKED_COUNTER = 1 << 31


@dataclass(frozen=True, slots=True)
class Asked:
    """Who answers which challenge; ``custodial_lanes`` are those of the member that custody signs for."""

    challenge_id: bytes
    member_id: int
    custodial_lanes: frozenset[int]


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
        "declined_at": None,
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

    Raises:
        PaymentDeclined: the member has said no to it.
    """
    if row is None or (row["member_id"], row["merchant_id"]) != who:
        return False
    if row["declined_at"] is not None:
        raise PaymentDeclined
    amount_minor, at = asked
    if amount_minor > row["amount_minor"] or at > row["expires_at"] or row["state"] == "used":
        return False
    if offer.custodial:
        return bool(row["state"] == "met")
    enough = offer.permit_micros >= micros_of_minor(amount_minor, offer.exponent)
    return enough and int.from_bytes(row["nonce"], "big") == offer.nonce


def answer(conn: Connection, asked: Asked, at: datetime, *, confirms: bool) -> None:
    """The member has confirmed the challenge, so that custody's code may pay, or declined it for good.

    Idempotency: the same answer again changes nothing. Locks: the caller holds the member's row, as sales do.

    Raises:
        ChallengeUnknown: no open challenge of the member has this id, or it was declined before.
        ChallengeNeedsPhone: a key of the member's own phone is to sign, and no page confirms in its place.
    """
    c = risk_challenge.c
    found = conn.execute(select(risk_challenge).where(c.challenge_id == asked.challenge_id)).one_or_none()
    if found is None or found.member_id != asked.member_id or found.state == "used":
        raise ChallengeUnknown
    declined = found.declined_at is not None
    if seconds_floor(at) > found.expires_at or (declined and confirms):
        raise ChallengeUnknown
    if confirms and nonce_lane(found.nonce) not in asked.custodial_lanes:
        raise ChallengeNeedsPhone
    if not declined:
        values: dict[str, Any] = {"state": "met"} if confirms else {"declined_at": at}
        conn.execute(update(risk_challenge).where(c.challenge_id == asked.challenge_id).values(values))


def nonce_lane(nonce: bytes) -> int:
    """The lane of the device that is to sign with this nonce."""
    return int.from_bytes(nonce, "big") >> 32
