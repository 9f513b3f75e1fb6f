"""Earn rules as the JSON text that ``earn_rule`` keeps, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from ledger_service.points.audiences import Audience
from ledger_service.points.basis import USUAL, basis_body, basis_of
from ledger_service.points.pending_rules import PendingTerms, Wait
from ledger_service.points.rules import EarnRule, Multiplier


def rule_body(rule: EarnRule) -> str:
    """The JSON text that ``earn_rule`` keeps of a rule."""
    body: dict[str, Any] = {
        "points": rule.rate_points,
        "per_minor": rule.rate_minor,
        "excluded": sorted(rule.excluded),
        "daily_cap": rule.daily_cap,
        "multipliers": [_multiplier_body(m) for m in rule.multipliers],
    }
    if rule.pending is not None:
        body["pending"] = asdict(rule.pending)
    if rule.basis != USUAL:
        body["basis"] = basis_body(rule.basis)
    return orjson.dumps(body).decode()


def rule_of(version: int, effective_from: int, body: str) -> EarnRule:
    """The rule that ``rule_body`` wrote."""
    raw = orjson.loads(body)
    return EarnRule(
        version,
        effective_from,
        raw["points"],
        raw["per_minor"],
        frozenset(raw["excluded"]),
        tuple(_multiplier(m) for m in raw["multipliers"]),
        raw["daily_cap"],
        _pending(raw.get("pending")),
        basis_of(raw["basis"]) if "basis" in raw else USUAL,
    )


def _pending(raw: Mapping[str, Any] | None) -> PendingTerms | None:
    return None if raw is None else PendingTerms(**{**raw, "wait": Wait(raw["wait"])})


def audience_body(audience: Audience | None) -> dict[str, Any]:
    """What a multiplier's text says of its audience; nothing where it has none."""
    if audience is None:
        return {}
    listed = {"segments": sorted(audience.segments)} if audience.segments else {}
    return listed | ({"first_purchase": True} if audience.first_purchase else {})


def audience_of(raw: Mapping[str, Any]) -> Audience | None:
    """The audience that ``audience_body`` wrote, or that a body asks for."""
    audience = Audience(frozenset(raw.get("segments", ())), raw.get("first_purchase", False))
    return None if audience == Audience() else audience


def _multiplier_body(one: Multiplier) -> dict[str, Any]:
    listed = None if one.categories is None else sorted(one.categories)
    body = {"starts_at": one.starts_at, "ends_at": one.ends_at, "percent": one.percent, "categories": listed}
    return body | audience_body(one.audience)


def _multiplier(raw: Mapping[str, Any]) -> Multiplier:
    listed = raw["categories"]
    categories = None if listed is None else frozenset(listed)
    return Multiplier(raw["starts_at"], raw["ends_at"], raw["percent"], categories, audience_of(raw))
