"""The decision as tills are told of it, in a quote and in the answer of a sale."""

from __future__ import annotations

from typing import Any

from ledger_service.coupons.deciding.decision import Applied, Decision, LineDecided
from ledger_service.coupons.deciding.reasons import Refused
from ledger_service.kernel.gs1 import gln_text


def decision_view(decision: Decision) -> dict[str, Any]:
    """Every coupon, applied or refused with rule and reason, and every line that coupons touched."""
    return {
        "discount_minor": decision.discount_minor,
        "optimal": decision.optimal,
        "gap_minor": decision.gap_minor,
        "applied": [_applied(one) for one in decision.applied],
        "refused": [_refused(one) for one in decision.refused],
        "lines": [_line(one) for one in decision.lines if one.coupons],
    }


def _applied(one: Applied) -> dict[str, Any]:
    view: dict[str, Any] = {
        "coupon": one.key,
        "definition": one.definition,
        "version": one.version,
        "rule": one.step.name.lower(),
        "discount_minor": one.discount_minor,
        "funders": [{"funder": gln_text(party), "amount_minor": m} for party, m in one.funded().items()],
    }
    if one.promise is not None:
        what, number = one.promise
        view["promise"] = {"what": what, "number": number}
    return view


def _refused(one: Refused) -> dict[str, Any]:
    view = {"coupon": one.key, "definition": one.definition, "version": one.version}
    view |= {"rule": one.rule.value, "reason": one.reason.value}
    return view | ({"because_of": one.because_of} if one.because_of else {})


def _line(one: LineDecided) -> dict[str, Any]:
    return {
        "line": one.line,
        "amount_minor": one.amount_minor,
        "coupons": [{"coupon": key, "amount_minor": minor} for key, minor in one.coupons],
        "left_minor": one.left_minor,
        "tax_minor": one.tax_minor,
    }
