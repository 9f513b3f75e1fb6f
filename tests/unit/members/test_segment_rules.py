"""Rules of segments: what is one, what is none, and how deep and many conditions may be."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.members.segments.errors import SegmentRuleRefused
from ledger_service.members.segments.rules import Between, Group, OneOf, rule_of, used_by

BUYS = {"fact": "frequency", "at_least": 2}


def nested(depth: int) -> dict[str, Any]:
    return BUYS if depth == 1 else {"not": nested(depth - 1)}


def test_a_document_is_a_tree_of_conditions() -> None:
    rule = rule_of({"rule": {"all": [BUYS, {"any": [{"stage": ["new", "active"]}, {"tag": "vip"}]}]}})
    assert rule.window_days == 365
    assert rule.condition == Group("all", (
        Between("frequency", 2, None),
        Group("any", (OneOf("stage", ("new", "active")), OneOf("tag", ("vip",)))),
    ))  # fmt: skip
    assert used_by(rule.condition) == {"frequency"}
    assert rule_of({"rule": {"stage": ["new"] * 999}}).condition == OneOf("stage", ("new",))
    assert "coupons" in used_by(rule_of({"rule": {"behaviour": "collector"}}).condition)
    assert rule_of({"rule": nested(5), "window_days": 30}).window_days == 30


@pytest.mark.parametrize(
    "body",
    [
        {}, {"rule": []}, {"rule": {}}, {"rule": nested(6)}, {"rule": {"all": []}}, {"rule": {"all": BUYS}},
        {"rule": {"fact": "age", "at_least": 1}}, {"rule": {"fact": "frequency"}},
        {"rule": BUYS | {"at_most": 1.5}}, {"rule": BUYS | {"at_least": True}},
        {"rule": BUYS | {"at_least": -1}}, {"rule": BUYS | {"more": 1}}, {"rule": {"stage": "old"}},
        {"rule": {"stage": []}}, {"rule": {"stage": [1]}}, {"rule": {"tag": "VIP"}},
        {"rule": {"tag": "x'; DROP TABLE sale"}}, {"rule": {"tag": ["vip"]}},
        {"rule": {"stage": "new", "tag": "a"}},
        {"rule": BUYS, "window_days": 0}, {"rule": BUYS, "window_days": 3_651}, {"rule": BUYS, "x": 1},
        {"rule": {"any": [{"all": [BUYS] * 26}] * 2}},
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(SegmentRuleRefused):
        rule_of(body)
