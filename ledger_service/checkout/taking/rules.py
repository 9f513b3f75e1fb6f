"""Pure rules of taking points: whether, of whom, and how much of a ticket they may pay.

Amounts are minor units; shares are basis points, rounded down for each line and for the ticket. The
tightest bound decides, and of two that are as tight the one that stands first in ``Bound``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ledger_service.checkout.requests import Line

WHOLE_BPS = 10_000
DAY_MINUTES = 1_440
# What a merchant allows less of holds a day later: whoever filled a basket by the old rules pays by them.
NOTICE_SECONDS = 86_400


class Bound(StrEnum):
    """What stands between points and a ticket; the values are said to tills and never change."""

    PROGRAMME = "programme-not-taken"
    STORE = "store-takes-no-points"
    DAY = "day-without-points"
    HOUR = "hour-without-points"
    CATEGORY = "category-share"
    TICKET = "ticket-share"
    MOST = "ticket-most"
    LEAST = "ticket-least"
    MEMBER_DAY = "member-day-sum"
    STORE_DAY = "store-day-sum"
    MERCHANT_DAY = "merchant-day-sum"


@dataclass(frozen=True, slots=True)
class TakingRules:
    """One version of a merchant's rules; what is None or empty bounds nothing.

    ``category_bps`` is the share of a line of the category that points may pay, 0 for none of it; ``hours``
    are minutes after midnight, the second one outside; ``weekdays`` those with points, Monday is 1.
    """

    only_programmes: frozenset[str] | None = None
    not_programmes: frozenset[str] = frozenset()
    not_stores: frozenset[int] = frozenset()
    not_dates: frozenset[str] = frozenset()
    weekdays: frozenset[int] = frozenset(range(1, 8))
    hours: tuple[int, int] = (0, DAY_MINUTES)
    category_bps: Mapping[str, int] = field(default_factory=dict)
    ticket_bps: int = WHOLE_BPS
    least_minor: int = 0
    most_minor: int | None = None
    member_day_minor: int | None = None
    store_day_minor: int | None = None
    merchant_day_minor: int | None = None

    def sums(self) -> tuple[tuple[str, Bound, int], ...]:
        """The daily sums that are bounded: the scope, what it is called, and the most."""
        every = (
            ("member", Bound.MEMBER_DAY, self.member_day_minor),
            ("store", Bound.STORE_DAY, self.store_day_minor),
            ("merchant", Bound.MERCHANT_DAY, self.merchant_day_minor),
        )
        return tuple((scope, bound, most) for scope, bound, most in every if most is not None)


@dataclass(frozen=True, slots=True)
class Version:
    """Rules with their number and their first second."""

    version: int
    effective_from: int
    rules: TakingRules


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is to be paid: where, when by the store's clock, which lines, and how much of each points may pay
    whatever the merchant takes."""

    store: int
    local: datetime
    lines: Sequence[Line]
    payable: Sequence[int]


@dataclass(frozen=True, slots=True)
class Room:
    """How much points may pay of a ticket, at least and at most; ``bound`` is what keeps it so low."""

    most_minor: int
    least_minor: int
    bound: Bound | None


def in_force(versions: Sequence[Version], at: int) -> Version | None:
    """The version in force at a second; None before the first. Versions stand by number, which is by time."""
    for version in reversed(versions):
        if version.effective_from <= at:
            return version
    return None


def takes(rules: TakingRules, programme: str) -> bool:
    """Whether the programme's points are taken at all."""
    only = rules.only_programmes
    return programme not in rules.not_programmes and (only is None or programme in only)


def shared(rules: TakingRules, lines: Sequence[Line], payable: Sequence[int]) -> list[int]:
    """How much of each line points may pay, by the share of its category."""
    shares = rules.category_bps
    return [
        min(amount, line.amount_minor * shares.get(line.category, WHOLE_BPS) // WHOLE_BPS)
        for line, amount in zip(lines, payable, strict=True)
    ]


def share_of_ticket(rules: TakingRules, lines: Sequence[Line], payable: Sequence[int]) -> int:
    """How much of the lines points may pay, by the shares of category and ticket alone."""
    total = sum(line.amount_minor for line in lines)
    return min(sum(shared(rules, lines, payable)), total * rules.ticket_bps // WHOLE_BPS)


def room_of(rules: TakingRules, ticket: Ticket, taken: Mapping[str, int]) -> Room:
    """How much points may pay of the ticket.

    Args:
        rules: those in force.
        ticket: the basket.
        taken: by scope of ``TakingRules.sums`` what points have paid in the day so far.
    """
    total = sum(line.amount_minor for line in ticket.lines)
    bounds: list[tuple[Bound, int]] = [
        (bound, 0)
        for bound, closed in (
            (Bound.STORE, ticket.store in rules.not_stores),
            (Bound.DAY, _closed_day(rules, ticket.local)),
            (Bound.HOUR, not rules.hours[0] <= _minute(ticket.local) < rules.hours[1]),
        )
        if closed
    ]
    bounds.append((Bound.CATEGORY, sum(shared(rules, ticket.lines, ticket.payable))))
    bounds.append((Bound.TICKET, total * rules.ticket_bps // WHOLE_BPS))
    if rules.most_minor is not None:
        bounds.append((Bound.MOST, rules.most_minor))
    bounds += [(bound, max(most - taken.get(scope, 0), 0)) for scope, bound, most in rules.sums()]
    bound, room = min(bounds, key=lambda one: one[1])
    if room < rules.least_minor:
        return Room(0, rules.least_minor, Bound.LEAST if room else bound)
    return Room(room, rules.least_minor, bound) if room < sum(ticket.payable) else _free(rules, ticket)


def beyond(room: Room, value_minor: int) -> Bound | None:
    """What a payment of so much would pass; None where it fits."""
    if value_minor > room.most_minor:
        return room.bound
    return Bound.LEAST if 0 < value_minor < room.least_minor else None


def tighter(before: TakingRules, after: TakingRules) -> list[str]:
    """The dimensions in which the later rules take less than the earlier, by their names in the document."""
    found = []
    if _fewer_programmes(before, after):
        found.append("programmes")
    for name in ("not_stores", "not_dates"):
        if getattr(after, name) - getattr(before, name):
            found.append(name)
    if before.weekdays - after.weekdays:
        found.append("weekdays")
    if after.hours[0] > before.hours[0] or after.hours[1] < before.hours[1]:
        found.append("hours")
    if any(bps < before.category_bps.get(name, WHOLE_BPS) for name, bps in after.category_bps.items()):
        found.append("category_bps")
    if after.ticket_bps < before.ticket_bps:
        found.append("ticket_bps")
    if after.least_minor > before.least_minor:
        found.append("least_minor")
    mosts = ("most_minor", "member_day_minor", "store_day_minor", "merchant_day_minor")
    return found + [name for name in mosts if _lower(getattr(before, name), getattr(after, name))]


def rules_body(rules: TakingRules) -> dict[str, Any]:
    """The rules as a document; ``rules_of`` reads it back."""
    only = rules.only_programmes
    return {
        "only_programmes": None if only is None else sorted(only),
        "not_programmes": sorted(rules.not_programmes),
        "not_stores": [f"{gln:013d}" for gln in sorted(rules.not_stores)],
        "not_dates": sorted(rules.not_dates),
        "weekdays": sorted(rules.weekdays),
        "hours": list(rules.hours),
        "category_bps": [{"category": name, "bps": bps} for name, bps in sorted(rules.category_bps.items())],
        "ticket_bps": rules.ticket_bps,
        "least_minor": rules.least_minor,
        "most_minor": rules.most_minor,
        "member_day_minor": rules.member_day_minor,
        "store_day_minor": rules.store_day_minor,
        "merchant_day_minor": rules.merchant_day_minor,
    }


def rules_of(body: Mapping[str, Any]) -> TakingRules:
    """The rules of a document; what it leaves out bounds nothing."""
    plain = TakingRules()
    only, hours = body.get("only_programmes"), body.get("hours", plain.hours)
    return TakingRules(
        None if only is None else frozenset(only),
        frozenset(body.get("not_programmes", ())),
        frozenset(int(gln) for gln in body.get("not_stores", ())),
        frozenset(body.get("not_dates", ())),
        frozenset(body.get("weekdays", plain.weekdays)),
        (hours[0], hours[1]),
        {row["category"]: row["bps"] for row in body.get("category_bps", ())},
        body.get("ticket_bps", WHOLE_BPS),
        body.get("least_minor", 0),
        *(body.get(f"{name}_minor") for name in ("most", "member_day", "store_day", "merchant_day")),
    )


def _free(rules: TakingRules, ticket: Ticket) -> Room:
    return Room(sum(ticket.payable), rules.least_minor, None)


def _closed_day(rules: TakingRules, local: datetime) -> bool:
    return local.isoweekday() not in rules.weekdays or local.date().isoformat() in rules.not_dates


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _fewer_programmes(before: TakingRules, after: TakingRules) -> bool:
    if after.only_programmes is None:
        return any(takes(before, code) for code in after.not_programmes)
    if before.only_programmes is None:
        return True
    return any(takes(before, code) and not takes(after, code) for code in _named(before))


def _named(rules: TakingRules) -> Iterable[str]:
    return rules.only_programmes or ()


def _lower(before: int | None, after: int | None) -> bool:
    return after is not None and (before is None or after < before)
