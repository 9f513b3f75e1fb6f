"""Pure rules of suspicion: what makes a purchase's rewards wait for a person, each with its reason.

Nothing is refused by a rule: who is suspected waits for a person, may appeal, and has the points if nobody
decides in time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ledger_service.referrals.campaigns.rules import Terms

REVIEW_DAYS, APPEAL_DAYS = 14, 14
# A circle of followed links is looked for so far up.
RING_STEPS = 4
REASONS = (
    "same-device", "same-payment", "same-phone", "same-address", "same-household", "velocity", "star-burst",
    "ring", "cashier", "instant", "rush", "one-person", "found-out", "click-burst",
)  # fmt: skip
# Signals of one person rather than of one home.
OF_PERSONS = ("device", "payment", "phone")
# What friends do not do by chance; who was held for it is looked at again at each purchase.
STRONG = frozenset({"same-device", "same-payment", "same-phone", "ring", "cashier", "one-person"})
# More openings of a link in a minute than a group of people makes.
CLICKS_MINUTE = 60
# Who opens a link, enrols and has paid within a minute stands beside who shared it.
INSTANT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a sharer and who bought.

    Attributes:
        common: kinds of signals that both have (device, payment, phone, address, household).
        conversions_day: of the sharer in the day before the sale, this one included.
        newcomers_hour: most newcomers of the sharer in any hour around the one who bought.
        in_ring: a chain of followed links leads from the sharer up to the buyer.
        staff_deal: the sharer or the buyer is the member whom the cashier of the sale is.
        since_touch: from touching the link to the sale.
        conversions_hour: of the sharer in the hour before the sale, this one included.
        one_person: kinds of signals that the buyer has in common with somebody else whom the sharer brought.
        found_out: the sharer was held or refused for a strong reason before, and nobody has released it.
        clicks_minute: openings of the link in the minute around the buyer's.
    """

    common: frozenset[str] = frozenset()
    conversions_day: int = 1
    newcomers_hour: int = 0
    in_ring: bool = False
    staff_deal: bool = False
    since_touch: timedelta = timedelta(days=1)
    conversions_hour: int = 1
    one_person: frozenset[str] = frozenset()
    found_out: bool = False
    clicks_minute: int = 1


def reasons_of(facts: Facts, terms: Terms) -> tuple[str, ...]:
    """Why the rewards of a purchase wait for a person, in the order of ``REASONS``; empty for nothing."""
    found = {f"same-{kind}" for kind in facts.common}
    tests = {
        "velocity": facts.conversions_day > terms.most_a_day,
        "star-burst": facts.newcomers_hour > terms.burst_hour,
        "ring": facts.in_ring,
        "cashier": facts.staff_deal,
        "instant": facts.since_touch < INSTANT,
        "rush": facts.conversions_hour > terms.burst_hour,
        "one-person": bool(facts.one_person),
        "found-out": facts.found_out,
        "click-burst": facts.clicks_minute > CLICKS_MINUTE,
    }
    found |= {name for name, met in tests.items() if met}
    return tuple(reason for reason in REASONS if reason in found)


def is_strong(reasons: Collection[str]) -> bool:
    """Whether one of the reasons is ``STRONG``."""
    return not STRONG.isdisjoint(reasons)
