"""Pure rules of segments: the tree of conditions, and what stages of life and behaviours mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger_service.kernel.ids import derive_id
from ledger_service.members.segments.errors import SegmentRuleRefused

MOST_SEGMENTS = 100
MOST_CONDITIONS, MOST_DEPTH = 50, 5
GREATEST = 10**12
# Days since the last purchase below which somebody is active, then at risk; since the first one, new.
NEW_DAYS, ACTIVE_DAYS, AT_RISK_DAYS = 60, 60, 180
COLLECTS_FROM = 3
BUYING = (
    "recency_days", "tenure_days", "frequency", "monetary_minor", "average_minor", "recency_score",
    "frequency_score", "monetary_score",
)  # fmt: skip
BESIDE = ("links", "brought", "followed", "claims", "coupons", "items")
# What somebody is expected to spend over the horizon, by the merchant's own model.
VALUE = "lifetime_value_minor"
FACTS = (*BUYING, *BESIDE, VALUE)
STAGES = ("prospect", "new", "active", "at-risk", "lapsed")
BEHAVIOURS = ("creator", "conversationalist", "critic", "collector", "joiner", "spectator", "inactive")
TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}")


@dataclass(frozen=True, slots=True)
class Between:
    """A fact within bounds, both ends included; None is no bound."""

    fact: str
    at_least: int | None
    at_most: int | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A stage or behaviour among these, or a tag."""

    what: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """``all`` or ``any`` of these hold, or ``not`` the one of it."""

    how: str
    parts: tuple[Condition, ...]


Condition = Between | OneOf | Group


class SegmentRule(NamedTuple):
    """Who is in: the condition, with frequency and money counted over so many days up to the instant, and
    values expected over so many days after it."""

    condition: Condition
    window_days: int
    horizon_days: int = 365

    @property
    def foretells(self) -> bool:
        """Whether it asks for what is not bought yet."""
        return VALUE in used_by(self.condition)


def segment_id_of(merchant_id: int, code: str) -> bytes:
    """The id of a merchant's segment follows from its code, so that whoever names one need not look it up."""
    return derive_id("segment", merchant_id, code)


def rule_of(body: Mapping[str, Any]) -> SegmentRule:
    """The rule of a document.

    Raises:
        SegmentRuleRefused: a part that is none, too many of them, or too deep.
    """
    spans = {name: body.get(name, 365) for name in ("window_days", "horizon_days")}
    for name, days in spans.items():
        if not _whole(days, 1, 3_650):
            raise SegmentRuleRefused(name, "must be 1 to 3650")
    if set(body) - {"rule", *spans}:
        raise SegmentRuleRefused("rule", "takes `rule`, `window_days` and `horizon_days`")
    condition = _condition(body.get("rule"), "rule", 1)
    if count_of(condition) > MOST_CONDITIONS:
        raise SegmentRuleRefused("rule", f"has more than {MOST_CONDITIONS} conditions")
    return SegmentRule(condition, **spans)


def count_of(condition: Condition) -> int:
    """How many conditions stand in the tree."""
    return sum(map(count_of, condition.parts)) if isinstance(condition, Group) else 1


def used_by(condition: Condition) -> set[str]:
    """The facts that the tree needs."""
    if isinstance(condition, Group):
        return set().union(*map(used_by, condition.parts))
    if isinstance(condition, Between):
        return {condition.fact}
    return {"links", "brought", "followed", "claims", "coupons"} if condition.what == "behaviour" else set()


def _condition(body: object, where: str, depth: int) -> Condition:
    if not isinstance(body, Mapping) or depth > MOST_DEPTH:
        raise SegmentRuleRefused(where, f"must be an object, {MOST_DEPTH} deep at most")
    for how in ("all", "any"):
        if set(body) == {how}:
            return _group(body[how], how, f"{where}.{how}", depth)
    if set(body) == {"not"}:
        return Group("not", (_condition(body["not"], f"{where}.not", depth + 1),))
    if "fact" in body:
        return _between(body, where)
    return _one_of(body, where)


def _group(parts: object, how: str, where: str, depth: int) -> Group:
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_CONDITIONS:
        raise SegmentRuleRefused(where, f"must be a list of 1 to {MOST_CONDITIONS}")
    found = (_condition(part, f"{where}[{place}]", depth + 1) for place, part in enumerate(parts))
    return Group(how, tuple(found))


def _between(body: Mapping[str, Any], where: str) -> Between:
    least, most = body.get("at_least"), body.get("at_most")
    if body["fact"] not in FACTS or set(body) - {"fact", "at_least", "at_most"}:
        raise SegmentRuleRefused(where, "names no fact")
    if least is None and most is None:
        raise SegmentRuleRefused(where, "needs `at_least` or `at_most`")
    for bound in (least, most):
        if bound is not None and not _whole(bound, 0, GREATEST):
            raise SegmentRuleRefused(where, "needs whole numbers")
    return Between(body["fact"], least, most)


def _one_of(body: Mapping[str, Any], where: str) -> OneOf:
    known = {"stage": STAGES, "behaviour": BEHAVIOURS}
    if len(body) == 1:
        what, value = next(iter(body.items()))
        if what == "tag" and isinstance(value, str) and TAG.fullmatch(value):
            return OneOf("tag", (value,))
        listed = value if isinstance(value, list) else [value]
        if what in known and listed and all(isinstance(one, str) and one in known[what] for one in listed):
            return OneOf(what, tuple(dict.fromkeys(listed)))
    raise SegmentRuleRefused(where, "is no condition")


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
