"""The verdict over a scanned code: pure rules in one order; never counterfeit by a count alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ledger_service.traceability.goods.rules import NOT_FOR_SALE, State

DEVICES_WARN = 5
DEVICES_SUSPECT = 10
MOST_METRES_A_SECOND = 250  # 900 km/h


class Verdict(StrEnum):
    """What the shopper is told."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    MISMATCH = "mismatch"
    RECALLED = "recalled"
    NOT_FOR_SALE = "not-for-sale"
    REPEAT = "repeat"
    RISK = "risk"
    GENUINE_FIRST = "genuine-first"
    GENUINE_AGAIN = "genuine-again"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the item: its state, its batch, its sales and whether somebody else claimed it.

    ``contradicts`` says that not all of what its events say can be true.
    """

    state: State
    lot: str
    expiry: str | None = None
    recalled: bool = False
    claimed_by_another: bool = False
    sales: int = 0
    expired: bool = False
    contradicts: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the scans: ``times`` before this one; distance and time since the one before."""

    times: int = 0
    devices: int = 0
    metres: int = 0
    seconds: int = 0
    before_commissioning: bool = False
    outside_market: bool = False
    burst: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason codes; ``hints`` changed nothing (fewer devices than suspect, diversion)."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def judge(item: Known | None, told: tuple[str | None, str | None], seen: Seen) -> Judgement:
    """The verdict over a well-formed code.

    Args:
        item: what is known of it; None where nobody made it.
        told: lot and expiry as the code says them, None where it does not.
        seen: its scans until now.
    """
    if item is None:
        return Judgement(Verdict.UNKNOWN, ("burst-of-unknown",) if seen.burst else ("not-issued",))
    hints = _hints(item, seen)
    for verdict, reasons in (
        (Verdict.MISMATCH, _mismatch(item, told)),
        (Verdict.RECALLED, ("recalled",) if item.recalled or item.state is State.RECALLED else ()),
        (Verdict.NOT_FOR_SALE, (str(item.state),) if item.state in NOT_FOR_SALE else ()),
        (Verdict.REPEAT, _repeat(item)),
        (Verdict.RISK, _risk(item, seen)),
    ):
        if reasons:
            return Judgement(verdict, reasons, hints)
    if seen.times:
        return Judgement(Verdict.GENUINE_AGAIN, ("seen-before",), hints)
    return Judgement(Verdict.GENUINE_FIRST, ("first-scan",), hints)


def _mismatch(item: Known, told: tuple[str | None, str | None]) -> tuple[str, ...]:
    lot, expiry = told
    wrong = [("lot-differs", lot is not None and lot != item.lot),
             ("expiry-differs", expiry is not None and expiry != item.expiry)]  # fmt: skip
    return tuple(reason for reason, found in wrong if found)


def _repeat(item: Known) -> tuple[str, ...]:
    found = [("claimed-by-another", item.claimed_by_another), ("sold-twice", item.sales > 1)]
    return tuple(reason for reason, holds in found if holds)


def _risk(item: Known, seen: Seen) -> tuple[str, ...]:
    found = [
        ("many-devices", seen.devices >= DEVICES_SUSPECT),
        ("impossible-travel", seen.times > 0 and seen.metres > seen.seconds * MOST_METRES_A_SECOND),
        ("before-commissioning", seen.before_commissioning),
        ("history-contradicts", item.contradicts),
    ]
    return tuple(reason for reason, holds in found if holds)


def _hints(item: Known, seen: Seen) -> tuple[str, ...]:
    found = [
        ("several-devices", DEVICES_WARN <= seen.devices < DEVICES_SUSPECT),
        ("outside-market", seen.outside_market),
        ("past-expiry", item.expired),
    ]
    return tuple(reason for reason, holds in found if holds)
