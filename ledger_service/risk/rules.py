"""What a rule, a set of rules and an observed act are, and whose tallies they concern; pure.

Instants are whole seconds since 1970, amounts minor units, shares basis points.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

ALLIANCE = 0


class Outcome(IntEnum):
    """What becomes of an act; of several the greatest counts."""

    ALLOW = 0
    STEP_UP = 1
    HOLD = 2
    REFUSE = 3


class Act(StrEnum):
    """What may be judged; a sale that is paid in points is a sale and a spend."""

    SALE = "sale"
    SPEND = "spend"
    REFUND = "refund"
    UNRECEIPTED = "unreceipted"
    GIFT = "gift"
    ATTACH = "attach"
    PIN = "pin"


class Signal(StrEnum):
    """What a rule looks at."""

    VELOCITY = "velocity"
    NEW_DEVICE = "new_device"
    DORMANT = "dormant"
    OWN_CARD = "own_card"
    REFUND_SHARE = "refund_share"
    CONCENTRATION = "concentration"
    AMOUNT = "amount"
    PERMIT_CAP = "permit_cap"


class Per(StrEnum):
    """Of whom something is counted. A till that names no cashier is one cashier."""

    MEMBER = "member"
    DEVICE = "device"
    CARD = "card"
    CASHIER = "cashier"
    TERMINAL = "terminal"


class Count(StrEnum):
    """What is counted: acts, or what they were worth."""

    SALES = "sales"
    SPENDS = "spends"
    REFUNDS = "refunds"
    UNRECEIPTED = "unreceipted"
    GIFTS = "gifts"
    ATTACHES = "attaches"
    LOOPS = "loops"
    PINS = "pins"
    SOLD_MINOR = "sold_minor"
    SPENT_MINOR = "spent_minor"
    REFUNDED_MINOR = "refunded_minor"


@dataclass(frozen=True, slots=True)
class Who:
    """Who did it where. ``merchant_id`` and ``terminal`` are empty for gifts, ``device`` is a lane."""

    merchant_id: int
    member_id: int
    terminal: str = ""
    cashier: str | None = None
    device: int | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One act with all that rules may ask of it; ages are None where they are not known.

    ``spend_minor`` is what the points are worth, ``permit_minor`` what the pay code allows, ``sold_at`` when
    the goods that come back were sold. ``trusted_since`` is when the member's oldest other device was
    registered, which could confirm what a new one pays. ``must_spend`` says that it is nothing without its
    points, ``confirmed`` that the phone was asked again and agreed.
    """

    at: int
    who: Who
    acts: frozenset[Act]
    goods_minor: int = 0
    spend_minor: int = 0
    permit_minor: int | None = None
    device_since: int | None = None
    trusted_since: int | None = None
    member_since: int = 0
    sold_at: int | None = None
    paid_in_points: bool = False
    own_card: bool = False
    must_spend: bool = False
    confirmed: bool = False

    @property
    def worth_minor(self) -> int:
        """What is at stake: the points, else the goods."""
        return self.spend_minor if self.acts & {Act.SPEND, Act.GIFT} else self.goods_minor


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: asked of ``acts`` worth at least ``least_minor``, it hits by its ``signal``.

    Velocity hits above ``most`` of ``count`` ``per`` somebody in the window; amount above ``most`` minor
    units; a new device before it and a dormant account after it has been so for ``seconds``; shares above
    ``share_bps`` once there are ``least_count``.
    """

    code: str
    signal: Signal
    outcome: Outcome
    acts: frozenset[Act]
    per: Per = Per.MEMBER
    count: Count = Count.SALES
    window_seconds: int = 86_400
    most: int = 0
    least_minor: int = 0
    seconds: int = 0
    share_bps: int = 0
    least_count: int = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a merchant, or (``merchant_id`` 0) of the alliance, from a time on.

    ``counting_since`` is when the first of its versions took effect: nothing was counted before.
    """

    merchant_id: int
    version: int
    effective_from: int
    rules: tuple[Rule, ...]
    counting_since: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that hit: what was found and the limit it went over."""

    code: str
    signal: Signal
    outcome: Outcome
    actual: int
    limit: int


def subject(scope: int, per: Per, who: Who) -> str | None:
    """The key of a tally; None where the act has no such thing."""
    if per is Per.MEMBER:
        return f"{scope}/m:{who.member_id}"
    if per is Per.CASHIER:
        return f"{scope}/c:{who.merchant_id}:{_cashier(who)}" if who.merchant_id else None
    if per is Per.TERMINAL:
        return f"{scope}/t:{who.terminal}" if who.terminal else None
    if per is Per.CARD:
        return f"{scope}/k:{who.card}" if who.card else None
    return None if who.device is None else f"{scope}/d:{who.member_id}:{who.device}"


def pair_subject(scope: int, who: Who) -> str | None:
    """The key of what a cashier did for one member."""
    if not who.merchant_id:
        return None
    return f"{scope}/p:{who.merchant_id}:{_cashier(who)}:{who.member_id}"


def _cashier(who: Who) -> str:
    return who.cashier if who.cashier is not None else f"@{who.terminal}"


def subjects(rules: RuleSet, who: Who) -> list[str]:
    """The keys of every tally that the set reads or that an act adds to."""
    pers = {Per.MEMBER, *(rule.per for rule in rules.rules)}
    paired = any(rule.signal is Signal.CONCENTRATION for rule in rules.rules)
    wanted = sorted(pers | {Per.CASHIER}) if paired else sorted(pers)
    found = [subject(rules.merchant_id, per, who) for per in wanted]
    found += [pair_subject(rules.merchant_id, who)] if paired else []
    return [key for key in found if key is not None]
