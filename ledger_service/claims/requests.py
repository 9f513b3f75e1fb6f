"""What the claims room may be asked for and what it answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class FileClaim:
    """A member's receipt: store, the store's day, the reference and amount printed on it, perhaps a code."""

    member_number: str
    store_gln: int
    sold_on: date
    reference: str
    amount_minor: int
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Points as the answer to a claim; ``merchant_id`` is the caller's, None for an operator."""

    programme: str
    points: int
    note: str
    merchant_id: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Who says something about a claim, under which idempotency key, and when."""

    by: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim as its member and the merchant's care see it."""

    claim_id: bytes
    member_id: int
    member_number: str | None
    merchant_id: int
    store_gln: int
    sold_on: str
    reference: str
    amount_minor: int
    state: str
    reason: str | None
    sale_id: bytes | None
    programme_id: int | None
    points: int | None
    adjustment_id: bytes | None
    filed_at: datetime
    answer_due_at: datetime
    escalated_at: datetime | None
