"""Counters of what was used of a definition: locked, judged and changed inside the draft of a sale.

A counter exists only for what the terms bound, and always for the places of an event: a version that bounds
them counts what was sold under one that did not. The row of a budget is locked by every sale that uses the
definition, so that the last unit goes to one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ledger_service.coupons.definitions.models import coupon_use
from ledger_service.coupons.terms.values import Terms, Ticket
from ledger_service.db.workset import Draft, Load, Need, load_by

USE: Load = load_by(coupon_use, "use_key")


@dataclass(frozen=True, slots=True)
class Place:
    """Whose use it is, where and when: the same place names the same counters when a use is taken back."""

    member_id: int | None
    store: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """What the limits leave: coupons and minor units, None for no bound; ``exhausted`` names an empty one."""

    coupons: int | None = None
    value_minor: int | None = None
    exhausted: str = ""


@dataclass(frozen=True, slots=True)
class _Counter:
    scope: str
    subject: str
    most_count: int | None
    most_value: int | None = None

    def key(self, definition: int) -> str:
        return f"{definition}:{self.scope}:{self.subject}"


def needs(terms: Terms, place: Place) -> list[Need]:
    """The counters to be loaded and locked before ``left`` and ``take``."""
    return [USE.of(counter.key(terms.definition)) for counter in _counters(terms, place)]


def left(draft: Draft, terms: Terms, place: Place) -> Left:
    """What the definition's limits leave there; the draft has what ``needs`` asked for."""
    coupons: int | None = None
    value: int | None = None
    exhausted = ""
    for counter in _counters(terms, place):
        row = draft.get(coupon_use, counter.key(terms.definition))
        used, spent = (0, 0) if row is None else (row["count"], row["value_minor"])
        if counter.most_count is not None:
            rest = max(0, counter.most_count - used)
            coupons = rest if coupons is None else min(coupons, rest)
            exhausted = exhausted or ("" if rest else counter.scope)
        if counter.most_value is not None:
            value = max(0, counter.most_value - spent)
            exhausted = exhausted or ("" if value else "budget-value")
    return Left(coupons, value, exhausted)


def take(draft: Draft, terms: Terms, place: Place, used: tuple[int, int]) -> None:
    """So many coupons and minor units more are used; ``left`` has said that they fit.

    Raises:
        ValueError: they do not: the caller has not asked ``left`` in this draft.
    """
    room = left(draft, terms, place)
    if (room.coupons is not None and used[0] > room.coupons) or (
        room.value_minor is not None and used[1] > room.value_minor
    ):
        raise ValueError("more is used than the limits leave")
    for counter in _counters(terms, place):
        key = counter.key(terms.definition)
        row = draft.get(coupon_use, key)
        if row is None:
            what = {"definition_id": terms.definition, "scope": counter.scope, "subject": counter.subject}
            draft.add(coupon_use, {"use_key": key, **what, "count": used[0], "value_minor": used[1]})
        else:
            draft.change(
                coupon_use, key, count=row["count"] + used[0], value_minor=row["value_minor"] + used[1]
            )


def give_back(draft: Draft, terms: Terms, place: Place, unused: tuple[int, int]) -> None:
    """So many coupons and minor units are used no more; ``place`` is that of the use.

    A counter that is gone, as after its days were forgotten, stays gone.
    """
    for counter in _counters(terms, place):
        key = counter.key(terms.definition)
        row = draft.get(coupon_use, key)
        if row is not None:
            count, value = row["count"] - unused[0], row["value_minor"] - unused[1]
            draft.change(coupon_use, key, count=max(0, count), value_minor=max(0, value))


def _counters(terms: Terms, place: Place) -> Iterator[_Counter]:
    limits = terms.limits
    bounded = limits.budget_count is not None or limits.budget_value_minor is not None
    if bounded or isinstance(terms.benefit, Ticket):
        yield _Counter("budget", "", limits.budget_count, limits.budget_value_minor)
    local = place.at.astimezone(ZoneInfo(terms.window.zone)).date()
    if limits.per_store_day is not None:
        yield _Counter("store-day", f"{place.store}:{local.toordinal()}", limits.per_store_day)
    if place.member_id is None:
        return
    year, week, _ = local.isocalendar()
    own = (
        ("member", "", terms.most_per_member),
        ("member-day", f":{local.toordinal()}", limits.per_member_day),
        ("member-week", f":{year}-{week}", limits.per_member_week),
        ("member-month", f":{local.year}-{local.month}", limits.per_member_month),
    )
    for scope, when, most in own:
        if most is not None:
            yield _Counter(scope, f"{place.member_id}{when}", most)
