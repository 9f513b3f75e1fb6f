"""When an offline sale counts, which allowance bounds it, and what a loss takes off a basket: pure rules.

Instants are whole seconds since 1970, values micros of the settlement currency, except where named otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ledger_service.checkout.requests import Line
from ledger_service.checkout.rules import points_part_of_lines
from ledger_service.kernel.money import share_floor
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, MINING_WINDOW_SECONDS

UPLOAD_SECONDS = 86_400
TOO_LATE_SECONDS = MINING_WINDOW_SECONDS
STATEMENT_SECONDS = 86_400
LEAST_WINDOW_SECONDS = 3_600
GREATEST_WINDOW_SECONDS = 7 * 86_400


class Timing(StrEnum):
    """How an offline sale stands to the service's clock when it is uploaded."""

    AHEAD = "ahead"
    IN_TIME = "in-time"
    LATE = "late"
    TOO_LATE = "too-late"


class Cause(StrEnum):
    """Why a merchant bears what points or coupons should have paid, beside the codes of refusals."""

    UPLOADED_LATE = "uploaded-late"
    ALLOWANCE_UNKNOWN = "allowance-unknown"
    ALLOWANCE_EXCEEDED = "allowance-exceeded"
    NOT_WHOLE_POINTS = "not-whole-points"
    SELF_CHECKOUT_LIMIT = "self-checkout-limit"
    # Where points paid all that they should; the sale's own answer says why of each coupon.
    COUPONS_REFUSED = "coupons-refused"


def timing_of(sold_at: int, now: int) -> Timing:
    """How a sale counts: as of its own time for a day, to earn only for a week, then not at all.

    A sale from the future waits until its time has come: the till's clock was ahead.
    """
    if sold_at > now + CLOCK_SKEW_SECONDS:
        return Timing.AHEAD
    if now - sold_at <= UPLOAD_SECONDS:
        return Timing.IN_TIME
    return Timing.LATE if now - sold_at <= TOO_LATE_SECONDS else Timing.TOO_LATE


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a merchant lets one terminal take in points while offline: so much in each window of so long."""

    version: int
    allowance_micros: int
    window_seconds: int
    set_at: int

    def window_of(self, at: int) -> int:
        """The number of the window that holds an instant; windows are counted from 1970."""
        return at // self.window_seconds


def allowance_for(versions: Iterable[Allowance], claimed: int, accepted_at: int) -> Allowance | None:
    """The allowance that the till went by, if its statement could still be in force at the acceptance.

    It was set before (never afterwards), and where another one followed it, at most the life of a statement
    ago: a till that is cut off cannot know of a lower one any sooner.
    """
    by_version = {one.version: one for one in versions}
    mine, later = by_version.get(claimed), by_version.get(claimed + 1)
    if mine is None or accepted_at + CLOCK_SKEW_SECONDS < mine.set_at:
        return None
    if later is not None and accepted_at > later.set_at + STATEMENT_SECONDS:
        return None
    return mine


def latest_of(versions: Iterable[Allowance]) -> Allowance | None:
    """The allowance that the merchant set last."""
    return max(versions, key=lambda one: one.version, default=None)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the merchant bears of one sale, in minor units, and why; ``beyond`` its allowance or within it.

    ``flagged`` blames the member, ``won_by`` is the sale or hold that a permit paid before.
    """

    value_minor: int
    cause: str
    beyond: bool = False
    flagged: bool = False
    won_by: bytes | None = None


def written_off(lines: Sequence[Line], loss_minor: int) -> tuple[Line, ...]:
    """The basket without what the merchant bears, taken off each line in proportion, exact in sum.

    So nothing is earned on it, and a refund gives back the money and points that were really paid.
    """
    parts = points_part_of_lines((line.amount_minor for line in lines), loss_minor)
    return tuple(_less(line, part) if part else line for line, part in zip(lines, parts, strict=True))


def _less(line: Line, part: int) -> Line:
    """The line for so much less; the tax in it shrinks with it, so it is never more than the line."""
    left, detail = line.amount_minor - part, line.detail
    if detail is not None and detail.tax is not None:
        tax = replace(detail.tax, amount_minor=share_floor(detail.tax_minor, left, line.amount_minor))
        detail = replace(detail, tax=tax)
    return replace(line, amount_minor=left, detail=detail)
