"""When a till may ask about an attempt and when it may revoke one (payment-code practice, D6)."""

from __future__ import annotations

from enum import StrEnum

from ledger_service.kernel.paycode_errors import RevokeTooEarly

QUERY_AFTER_SECONDS = 5
REVOKE_AFTER_SECONDS = 15


class AttemptState(StrEnum):
    """What the service knows of an attempt to pay with a code."""

    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


class Revocation(StrEnum):
    """What a permitted revocation has to do."""

    WRITE_TOMBSTONE = "write-tombstone"
    UNDO = "undo"
    NOTHING = "nothing"


def next_query_seconds(state: AttemptState, age_seconds: int) -> int | None:
    """Seconds until the till should ask again, or None once the answer is final.

    Args:
        state: what is known now.
        age_seconds: since the attempt began at the till; 0 or more.
    """
    if state is not AttemptState.UNKNOWN:
        return None
    return max(QUERY_AFTER_SECONDS - age_seconds, 0) or QUERY_AFTER_SECONDS


def revocation_of(state: AttemptState, age_seconds: int) -> Revocation:
    """What a revocation at this age does: a tombstone for the unknown, the reversal of what was accepted.

    Idempotency: a second revocation finds ``REVOKED`` and has nothing to do, at any age.

    Raises:
        RevokeTooEarly: the original may still be on its way.
    """
    if state is AttemptState.REVOKED:
        return Revocation.NOTHING
    if age_seconds < REVOKE_AFTER_SECONDS:
        raise RevokeTooEarly(REVOKE_AFTER_SECONDS - max(age_seconds, 0))
    return Revocation.UNDO if state is AttemptState.ACCEPTED else Revocation.WRITE_TOMBSTONE
