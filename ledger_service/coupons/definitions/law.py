"""What the law of a place asks of coupons that somebody paid for; free ones are promises and have none of it.

Points are sold for cash nowhere: no terms give points, and a card's money buys goods only. What follows is
data, each rule with the day from which it holds, with its sources in docs/coupons.md; who sells cards asks a
lawyer all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from ledger_service.coupons.terms.values import InstrumentKind, StoredValue, Terms, Ticket

NOWHERE = "none"


@dataclass(frozen=True, slots=True)
class Profile:
    """The law of paid instruments in one place.

    ``may_expire`` False bans any end, ``named_may_expire`` of cards whose holder is known; ``least_days`` is
    the shortest life where one may end. ``guarantee``: somebody must guarantee what was paid. ``most_minor``
    is the most that a card may hold, by currency, of a holder who is known; ``most_bearer_minor`` of one who
    is not. ``cash_below_minor``: a rest below this is paid out when the holder asks. ``refundable``: a
    merchant that stops taking cards pays back what is left.
    """

    may_expire: bool
    least_days: int = 0
    guarantee: bool = False
    most_minor: Mapping[str, int] = field(default_factory=dict)
    most_bearer_minor: Mapping[str, int] = field(default_factory=dict)
    cash_below_minor: Mapping[str, int] = field(default_factory=dict)
    refundable: bool = False
    named_may_expire: bool = True


# Where no earlier day matters to anybody who sells cards here.
_EVER = date(1970, 1, 1)
_FIVE_YEARS = 1_827
_THREE_YEARS = 1_096
_CALIFORNIA = Profile(False, cash_below_minor={"USD": 1_000}, refundable=True)
PROFILES: Mapping[str, tuple[tuple[date, Profile], ...]] = {
    "US": ((_EVER, Profile(True, _FIVE_YEARS)),),
    "US-CA": (
        (_EVER, _CALIFORNIA),
        (date(2026, 4, 1), replace(_CALIFORNIA, cash_below_minor={"USD": 1_500})),
    ),
    "CA-ON": ((_EVER, Profile(False)),),
    "CA-QC": ((_EVER, Profile(False, cash_below_minor={"CAD": 501})),),
    "CN": ((_EVER, Profile(
        True, _THREE_YEARS, guarantee=True, most_minor={"CNY": 500_000}, most_bearer_minor={"CNY": 100_000},
        refundable=True, named_may_expire=False,
    )),),
    "HK": ((_EVER, Profile(True)),),
    "TW": ((_EVER, Profile(False, guarantee=True, refundable=True)),),
}  # fmt: skip
JURISDICTIONS = (NOWHERE, *PROFILES)


def profile_on(jurisdiction: str, day: date) -> Profile | None:
    """The law of the place as it is on that day; None where none is known."""
    begun = [profile for since, profile in PROFILES.get(jurisdiction, ()) if since <= day]
    return begun[-1] if begun else None


def refusal_of(terms: Terms, jurisdiction: str, guarantee: str | None, day: date) -> str | None:
    """The rule of the place that the terms break on that day; None where they are lawful or nobody pays.

    A ticket ends with its event, which is what was bought; its sale is no card's.
    """
    if terms.kind is not InstrumentKind.PAID:
        return None
    profile = profile_on(jurisdiction, day)
    if profile is None:
        return "no-profile"
    if profile.guarantee and not guarantee:
        return "guarantee"
    if isinstance(terms.benefit, Ticket):
        return None
    window = terms.window
    if window.ends_at is not None or window.days_after_claim is not None:
        if not profile.may_expire:
            return "expiry-banned"
        # An end that all cards share leaves the last one sold no days at all.
        if window.ends_at is not None or (window.days_after_claim or 0) < profile.least_days:
            return "too-short"
    return "card-cap" if _beyond_cap(terms, profile) else None


def ends(profile: Profile, *, named: bool) -> bool:
    """Whether a card may end at all; ``named``: whether its holder is known."""
    return profile.may_expire and (profile.named_may_expire or not named)


def most_minor(profile: Profile, currency: str, *, named: bool) -> int | None:
    """The most that a card may hold; None where the law bounds nothing."""
    return (profile.most_minor if named else profile.most_bearer_minor).get(currency)


def cash_out_minor(profile: Profile, currency: str, balance_minor: int) -> int:
    """How much of a card's rest its holder may have in cash."""
    below = profile.cash_below_minor.get(currency, 0)
    return balance_minor if 0 < balance_minor < below else 0


def _beyond_cap(terms: Terms, profile: Profile) -> bool:
    most = profile.most_minor.get(terms.currency)
    if most is None or not isinstance(terms.benefit, StoredValue):
        return False
    return terms.benefit.most_minor > most
