"""The rule set that an alliance may begin with: plain data, published like any other set."""

from __future__ import annotations

from typing import Any

_HOUR, _DAY = 3_600, 86_400
_PAYS, _SELLS = ["gift", "spend"], ["attach", "sale"]

# Amounts are minor units of the alliance's currency: 5,000 is fifty dollars.
DEFAULT_RULES: list[dict[str, Any]] = [
    {"code": "above-the-pay-code", "signal": "permit_cap", "outcome": "step_up", "acts": ["spend"]},
    {"code": "new-phone-pays", "signal": "new_device", "outcome": "step_up", "acts": _PAYS,
     "seconds": 3 * _DAY, "least_minor": 1_000},
    {"code": "long-away-pays", "signal": "dormant", "outcome": "step_up", "acts": _PAYS,
     "seconds": 180 * _DAY, "least_minor": 1_000},
    {"code": "many-payments", "signal": "velocity", "outcome": "step_up", "acts": _PAYS,
     "per": "member", "count": "spends", "window_seconds": _DAY, "most": 5},
    {"code": "much-paid-in-a-day", "signal": "velocity", "outcome": "step_up", "acts": _PAYS,
     "per": "member", "count": "spent_minor", "window_seconds": _DAY, "most": 20_000},
    {"code": "wrong-pins", "signal": "velocity", "outcome": "hold", "acts": ["pin", "spend"],
     "per": "member", "count": "pins", "window_seconds": _DAY, "most": 3},
    {"code": "wrong-pins-at-a-till", "signal": "velocity", "outcome": "refuse", "acts": ["pin"],
     "per": "terminal", "count": "pins", "window_seconds": _HOUR, "most": 10},
    {"code": "payments-where-pins-fail", "signal": "velocity", "outcome": "hold", "acts": ["spend"],
     "per": "terminal", "count": "pins", "window_seconds": _HOUR, "most": 8},
    {"code": "own-card", "signal": "own_card", "outcome": "hold", "acts": _SELLS},
    {"code": "many-sales", "signal": "velocity", "outcome": "hold", "acts": _SELLS,
     "per": "member", "count": "sales", "window_seconds": _DAY, "most": 10},
    {"code": "attached-afterwards", "signal": "velocity", "outcome": "hold", "acts": ["attach"],
     "per": "member", "count": "attaches", "window_seconds": 7 * _DAY, "most": 3},
    {"code": "one-card-at-one-cashier", "signal": "concentration", "outcome": "hold", "acts": _SELLS,
     "window_seconds": 7 * _DAY, "share_bps": 500, "least_count": 8},
    {"code": "returned-more-than-usual", "signal": "refund_share", "outcome": "hold", "acts": ["refund"],
     "per": "member", "window_seconds": 30 * _DAY, "share_bps": 6_000, "least_count": 4},
    {"code": "cashier-takes-back-much", "signal": "refund_share", "outcome": "hold", "acts": ["refund"],
     "per": "cashier", "window_seconds": 7 * _DAY, "share_bps": 2_500, "least_count": 10},
    {"code": "returns-without-receipt", "signal": "velocity", "outcome": "refuse", "acts": ["unreceipted"],
     "per": "member", "count": "unreceipted", "window_seconds": 30 * _DAY, "most": 3},
    {"code": "bought-paid-returned", "signal": "velocity", "outcome": "hold", "acts": ["refund"],
     "per": "member", "count": "loops", "window_seconds": 30 * _DAY, "most": 3},
]  # fmt: skip
