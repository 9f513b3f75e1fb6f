"""Which refused operations can still pass: pure rules over what the contract said and what is known since.

The contract judges an operation as of its acceptance, which never changes. What it says of signatures,
numbers, terms and ends is said for good; what it says of balances, limits, suspensions and calendars may
have been mended. A reward's issue is queued behind its promise: where that is missing, nobody makes it any
more. Where nobody can tell, it may be tried: a dry run decides before anything is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger_service.kernel.operations import (
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Operation,
    Redeem,
    Restore,
)
from ledger_service.kernel.permits import MINING_WINDOW_SECONDS

MOVING_POINTS = (Issue, Redeem, Restore, Clawback, Expire, Gift, Extend, Convert)
# Refusals that are the same whenever they are asked for; the others may pass once their cause is gone.
FOR_GOOD = frozenset({
    "AcceptedTooLongAgo", "AccountInvalid", "AccountMoved", "AmountZero", "ConversionAmountWrong",
    "ConversionBelowLeast", "ConversionLegInvalid", "ConversionNotInForce", "CustodialPermitLimit",
    "EpochEnded", "EpochTooShort", "ExtensionNotLater", "ExtensionsExhausted", "FlagsUnknown",
    "IssuerMismatch", "LegCountInvalid", "LegOutsideTable", "NonceUsed", "OperationMalformed",
    "OperationOnChainDiffers", "OriginalExceeded", "OriginalLegMismatch", "OriginalLegUnknown",
    "OriginalMerchantMismatch", "PayloadUnreadable", "PermitExpired", "PermitValueExceeded", "PromiseMissing",
    "ReasonUnknown", "RewardNotPromised", "SeriesAcceptorMismatch", "SignatureInvalid", "SignerNotActive",
    "TermsNotInForce", "TermsOfAnotherPair",
})  # fmt: skip


class Hopeless(StrEnum):
    """Why a retry cannot succeed, or would make nothing better."""

    UNREADABLE = "unreadable"
    KIND = "kind"
    REFUSED_FOR_GOOD = "refused-for-good"
    TOO_LATE = "too-late"
    MOVED = "moved"
    ORIGINAL = "original"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that is set aside, as far as a retry of it depends on it.

    Attributes:
        operation: None where its payload is none.
        reason: what the contract said, ``Name(arguments)``.
        account: the member's account now; None where there is no member.
        recipient: whether a gift's account is still its recipient's.
        original_aside: whether what it cites is set aside itself.
        left: what it and its reversals still make, by member, programme and epoch; None before the job has
            written it down.
    """

    operation: Operation | None
    reason: str
    account: bytes | None
    recipient: bool
    original_aside: bool
    left: Counter[Any] | None


def hopeless(refused: Refused, at: int) -> Hopeless | None:
    """Why the operation is not put to the chain again; None where it may pass.

    Args:
        refused: the operation.
        at: now, in seconds.
    """
    operation = refused.operation
    if operation is None:
        return Hopeless.UNREADABLE
    if not isinstance(operation, MOVING_POINTS) or refused.account is None:
        return Hopeless.KIND
    if refused.original_aside:
        return Hopeless.ORIGINAL
    if refused.reason.partition("(")[0] in FOR_GOOD:
        return Hopeless.REFUSED_FOR_GOOD
    if operation.accepted_at + MINING_WINDOW_SECONDS <= at:
        return Hopeless.TOO_LATE
    if operation.account != refused.account or not refused.recipient:
        return Hopeless.MOVED
    if refused.left is not None and not any(refused.left.values()):
        return Hopeless.UNDONE
    return None


def left_of(rows: Iterable[Any]) -> Counter[Any] | None:
    """What rows of ``set_aside`` that no retry has settled add up to; None without any."""
    sums: Counter[Any] = Counter()
    standing = [row for row in rows if row["settled_by"] is None]
    for row in standing:
        sums[row["member_id"], row["programme_id"], row["epoch"]] += row["points"]
    return sums if standing else None
