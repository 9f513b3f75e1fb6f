"""Rule sets, observations and hits as JSON: what comes in is checked, what is stored reads back the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_integer
from ledger_service.risk.rules import Act, Count, Hit, Observation, Outcome, Per, Rule, RuleSet, Signal, Who
from ledger_service.risk.tallies import DAY_SECONDS, LONGEST_LONG, LONGEST_SHORT, QUARTER_SECONDS

Json = dict[str, Any]
E = TypeVar("E", bound=Enum)
MOST_RULES = 64
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_FIELDS = {
    "code", "signal", "outcome", "acts", "per", "count", "window_seconds", "most", "least_minor", "seconds",
    "share_bps", "least_count",
}  # fmt: skip
_NUMBERS = {"most": 2**53 - 1, "least_minor": 2**53 - 1, "seconds": 3_650 * DAY_SECONDS, "share_bps": 10_000,
            "least_count": 1_000_000}  # fmt: skip
# What a rule must say to mean anything; a limit of zero may be meant, so ``most`` is asked for.
_NEEDED = {
    Signal.VELOCITY: ("count", "window_seconds", "most"),
    Signal.NEW_DEVICE: ("seconds",),
    Signal.DORMANT: ("seconds",),
    Signal.OWN_CARD: (),
    Signal.REFUND_SHARE: ("window_seconds", "share_bps", "least_count"),
    Signal.CONCENTRATION: ("window_seconds", "share_bps", "least_count"),
    Signal.AMOUNT: ("most",),
    Signal.PERMIT_CAP: (),
}
_OUTCOMES = {outcome.name.lower(): outcome for outcome in Outcome}


def rules_of(given: object) -> tuple[Rule, ...]:
    """The rules of a JSON list.

    Raises:
        MalformedField: the first thing in it that means nothing.
    """
    if not isinstance(given, list) or len(given) > MOST_RULES:
        raise MalformedField("rules", f"must be a list of at most {MOST_RULES} rules")
    rules = tuple(_rule(f"rules[{number}]", raw) for number, raw in enumerate(given))
    if len({rule.code for rule in rules}) < len(rules):
        raise MalformedField("rules", "must have a code of its own for each rule")
    return rules


def rules_document(rules: Iterable[Rule]) -> list[Json]:
    """The rules as JSON values; what a signal does not use is left out."""
    return [_rule_document(rule) for rule in rules]


def outcome_name(outcome: Outcome) -> str:
    """The word of an outcome."""
    return outcome.name.lower()


def observation_document(seen: Observation) -> Json:
    """The observation as JSON values; what it does not have is left out."""
    who = seen.who
    found = {
        "at": seen.at, "merchant": who.merchant_id, "member": who.member_id, "terminal": who.terminal,
        "cashier": who.cashier, "device": who.device, "card": who.card, "acts": sorted(seen.acts),
        "goods": seen.goods_minor, "spend": seen.spend_minor, "permit": seen.permit_minor,
        "device_since": seen.device_since, "trusted_since": seen.trusted_since,
        "member_since": seen.member_since, "sold_at": seen.sold_at,
        "paid_in_points": seen.paid_in_points, "own_card": seen.own_card, "must_spend": seen.must_spend,
        "confirmed": seen.confirmed,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None and value is not False}


def observation_of(given: Mapping[str, Any]) -> Observation:
    """The observation of an ``observation_document``."""
    names = ("merchant", "member", "terminal", "cashier", "device", "card")
    return Observation(
        given["at"],
        Who(*(given.get(name) for name in names)),  # type: ignore[arg-type]  # as written
        frozenset(Act(act) for act in given["acts"]),
        given["goods"],
        given["spend"],
        given.get("permit"),
        given.get("device_since"),
        given.get("trusted_since"),
        given["member_since"],
        given.get("sold_at"),
        given.get("paid_in_points", False),
        given.get("own_card", False),
        given.get("must_spend", False),
        given.get("confirmed", False),
    )


def hits_document(found: Iterable[tuple[RuleSet, Sequence[Hit]]]) -> list[Json]:
    """The hits with the scope and version of the set that they are of."""
    return [
        {"scope": rules.merchant_id, "version": rules.version, "rule": hit.code, "signal": hit.signal.value,
         "outcome": outcome_name(hit.outcome), "actual": hit.actual, "limit": hit.limit}
        for rules, hits in found
        for hit in hits
    ]  # fmt: skip


def _rule(where: str, raw: object) -> Rule:
    if not isinstance(raw, dict) or not raw.keys() <= _FIELDS:
        raise MalformedField(where, "must be an object of known fields")
    signal = _one_of(Signal, raw.get("signal"), f"{where}.signal")
    missing = next((name for name in ("code", "outcome", "acts", *_NEEDED[signal]) if name not in raw), None)
    if missing is not None:
        raise MalformedField(f"{where}.{missing}", f"is required of {signal.value}")
    if not isinstance(raw["code"], str) or not _CODE.fullmatch(raw["code"]):
        raise MalformedField(f"{where}.code", "must be lower-case letters, digits and hyphens")
    if raw["outcome"] not in _OUTCOMES or raw["outcome"] == "allow":
        raise MalformedField(f"{where}.outcome", "must be step_up, hold or refuse")
    numbers = {
        name: clean_integer(raw[name], f"{where}.{name}", 0, most)
        for name, most in _NUMBERS.items()
        if name in raw
    }
    return Rule(
        raw["code"],
        signal,
        _OUTCOMES[raw["outcome"]],
        _acts(raw["acts"], f"{where}.acts"),
        _one_of(Per, raw.get("per", Per.MEMBER), f"{where}.per"),
        _one_of(Count, raw.get("count", Count.SALES), f"{where}.count"),
        _window(raw.get("window_seconds", DAY_SECONDS), f"{where}.window_seconds"),
        **numbers,
    )


def _rule_document(rule: Rule) -> Json:
    needed = _NEEDED[rule.signal]
    found: Json = {
        "code": rule.code,
        "signal": rule.signal.value,
        "outcome": outcome_name(rule.outcome),
        "acts": sorted(rule.acts),
    }
    if rule.signal in (Signal.VELOCITY, Signal.REFUND_SHARE):
        found["per"] = rule.per.value
    found |= {name: _plain(getattr(rule, name)) for name in needed}
    return found | ({"least_minor": rule.least_minor} if rule.least_minor else {})


def _plain(value: int | Count) -> int | str:
    return value.value if isinstance(value, Count) else value


def _one_of(kind: type[E], value: object, where: str) -> E:
    found = next((one for one in kind if one.value == value), None)
    if found is None:
        raise MalformedField(where, f"must be one of {', '.join(str(one.value) for one in kind)}")
    return found


def _acts(value: object, where: str) -> frozenset[Act]:
    if not isinstance(value, list) or not value:
        raise MalformedField(where, "must name acts")
    return frozenset(_one_of(Act, one, where) for one in value)


def _window(value: object, where: str) -> int:
    seconds = clean_integer(value, where, QUARTER_SECONDS, LONGEST_LONG)
    if seconds % (QUARTER_SECONDS if seconds <= LONGEST_SHORT else DAY_SECONDS):
        raise MalformedField(where, "must be quarters of an hour up to six hours, or whole days up to thirty")
    return seconds
