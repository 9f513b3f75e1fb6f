"""The decision as tills are told of it, in a quote and in the answer of a sale or a hold.

A code is never repeated to the till: ``code`` says which of those that it sent was meant, from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger_service.checkout.couponing.choosing import Chooser, Wanted
from ledger_service.checkout.couponing.using import Taken
from ledger_service.coupons.deciding.decision import Applied, Decision, LineDecided
from ledger_service.coupons.deciding.reasons import Refused
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text


def coupons_view(chooser: Chooser, decision: Decision, taken: Sequence[Taken] = ()) -> dict[str, Any]:
    """What quote, sale and hold add to their answers; ``taken`` are the coupons that were made or used."""
    gross = sum(line.amount_minor for line in chooser.request.lines)
    made = {one.key: id_text(used.coupon_id) for one, used in zip(decision.applied, taken, strict=False)}
    named = _Names(chooser.by_key(), made)
    return {"before_coupons_minor": gross, "coupons": decision_view(decision, named)}


class _Names:
    """How a till is told which coupon is meant."""

    def __init__(self, wanted: Mapping[str, Wanted], made: Mapping[str, str]) -> None:
        self._wanted, self._made = wanted, made

    def id_of(self, key: str) -> str | None:
        """The coupon's id; None where there is none: of a wrong code, of a generic one before it is used."""
        one = self._wanted.get(key)
        if one is not None and one.nameless:
            return self._made.get(key)
        return key

    def of(self, key: str) -> dict[str, Any]:
        """The id, and which code it was."""
        one = self._wanted.get(key)
        view: dict[str, Any] = {"coupon": self.id_of(key)}
        return view if one is None or one.code is None else view | {"code": one.code}


def decision_view(decision: Decision, named: _Names | None = None) -> dict[str, Any]:
    """Every coupon, applied or refused with rule and reason, and every line that coupons touched."""
    named = named or _Names({}, {})
    return {
        "discount_minor": decision.discount_minor,
        "optimal": decision.optimal,
        "gap_minor": decision.gap_minor,
        "applied": [_applied(one, named) for one in decision.applied],
        "refused": [_refused(one, named) for one in decision.refused],
        "lines": [_line(one, named) for one in decision.lines if one.coupons],
    }


def _applied(one: Applied, named: _Names) -> dict[str, Any]:
    view: dict[str, Any] = {
        **named.of(one.key),
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


def _refused(one: Refused, named: _Names) -> dict[str, Any]:
    view = {**named.of(one.key), "definition": one.definition, "version": one.version}
    view |= {"rule": one.rule.value, "reason": one.reason.value}
    return view | ({"because_of": named.id_of(one.because_of)} if one.because_of else {})


def _line(one: LineDecided, named: _Names) -> dict[str, Any]:
    return {
        "line": one.line,
        "amount_minor": one.amount_minor,
        "coupons": [{"coupon": named.id_of(key), "amount_minor": minor} for key, minor in one.coupons],
        "left_minor": one.left_minor,
        "tax_minor": one.tax_minor,
    }
