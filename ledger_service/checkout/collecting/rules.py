"""Which receipts reach a reward, and which stand in for one that came back; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GRANTED, TAKEN, OWED, LOST = "granted", "taken", "owed", "lost"
STATES = (GRANTED, TAKEN, OWED, LOST)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sale counts for a definition: ``minor`` (>= 0) of it was paid in money and kept."""

    sale_id: bytes
    sold_at: datetime
    minor: int


@dataclass(frozen=True, slots=True)
class Goal:
    """So much spend within so many days of 24 hours, from the first receipt to the last."""

    spend_minor: int
    days: int

    @property
    def span(self) -> timedelta:
        """First and last receipt lie less than this apart."""
        return timedelta(days=self.days)


def reached(receipts: Iterable[Receipt], goal: Goal) -> list[Receipt]:
    """The receipts that reach the goal first; empty where none do. What is not needed of them stays free."""
    window: deque[Receipt] = deque()
    total = 0
    for receipt in sorted(receipts, key=_in_order):
        if not receipt.minor:
            continue
        window.append(receipt)
        total += receipt.minor
        while receipt.sold_at - window[0].sold_at >= goal.span or (
            total - window[0].minor >= goal.spend_minor
        ):
            total -= window.popleft().minor
        if total >= goal.spend_minor:
            return list(window)
    return []


def stands(own: Sequence[Receipt], free: Iterable[Receipt], goal: Goal) -> list[Receipt] | None:
    """The free receipts that a reward needs beside its own to stand, often none; None where it falls."""
    kept = [one for one in own if one.minor]
    missing = goal.spend_minor - sum(one.minor for one in kept)
    if missing <= 0:
        return []
    others = sorted((one for one in free if one.minor), key=_in_order)
    for begins in sorted({one.sold_at for one in (*kept, *others)}):
        if all(begins <= one.sold_at < begins + goal.span for one in kept):
            inside = [one for one in others if begins <= one.sold_at < begins + goal.span]
            added = _until(inside, missing)
            if added:
                return added
    return None


def _until(receipts: Iterable[Receipt], minor: int) -> list[Receipt]:
    """The first of these that sum to so much; empty where all do not."""
    found: list[Receipt] = []
    for receipt in receipts:
        found.append(receipt)
        minor -= receipt.minor
        if minor <= 0:
            return found
    return []


def _in_order(receipt: Receipt) -> tuple[datetime, bytes]:
    return receipt.sold_at, receipt.sale_id
