"""What the law of a place asks of coupons that somebody paid for; free ones are promises and have none of it.

Points are sold for cash nowhere: no terms give points, and a card's money buys goods only. What follows is
data with its sources in docs/coupons.md; who sells cards asks a lawyer all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger_service.coupons.terms.values import InstrumentKind, StoredValue, Terms, Ticket

NOWHERE = "none"


@dataclass(frozen=True, slots=True)
class Profile:
    """The law of paid instruments in one place.

    ``may_expire`` False bans any end; ``least_days`` is the shortest life where one may end. ``guarantee``:
    somebody must guarantee what was paid. ``most_minor`` is the most that a card may hold, by currency, of a
    holder who is known; ``most_bearer_minor`` of one who is not. ``cash_below_minor``: a rest below this is
    paid out when the holder asks. ``refundable``: a merchant that stops taking cards pays back what is left.
    """

    may_expire: bool
    least_days: int = 0
    guarantee: bool = False
    most_minor: Mapping[str, int] = field(default_factory=dict)
    most_bearer_minor: Mapping[str, int] = field(default_factory=dict)
    cash_below_minor: Mapping[str, int] = field(default_factory=dict)
    refundable: bool = False


_FIVE_YEARS = 1_827
_THREE_YEARS = 1_096
PROFILES: Mapping[str, Profile] = {
    "US": Profile(True, _FIVE_YEARS),
    "US-CA": Profile(False, cash_below_minor={"USD": 1_500}, refundable=True),
    "CA-ON": Profile(False),
    "CA-QC": Profile(False, cash_below_minor={"CAD": 501}),
    "CN": Profile(
        True, _THREE_YEARS, guarantee=True, most_minor={"CNY": 500_000}, most_bearer_minor={"CNY": 100_000},
        refundable=True,
    ),
    "TW": Profile(False, guarantee=True, refundable=True),
}  # fmt: skip
JURISDICTIONS = (NOWHERE, *PROFILES)


def refusal_of(terms: Terms, jurisdiction: str, guarantee: str | None) -> str | None:
    """The rule of the place that the terms break; None where they are lawful or nobody pays.

    A ticket ends with its event, which is what was bought; its sale is no card's.
    """
    if terms.kind is not InstrumentKind.PAID:
        return None
    profile = PROFILES.get(jurisdiction)
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


def cash_out_minor(jurisdiction: str, currency: str, balance_minor: int) -> int:
    """How much of a card's rest its holder may have in cash now."""
    profile = PROFILES.get(jurisdiction)
    below = 0 if profile is None else profile.cash_below_minor.get(currency, 0)
    return balance_minor if 0 < balance_minor < below else 0


def _beyond_cap(terms: Terms, profile: Profile) -> bool:
    most = profile.most_minor.get(terms.currency)
    if most is None or not isinstance(terms.benefit, StoredValue):
        return False
    return terms.benefit.most_minor > most
