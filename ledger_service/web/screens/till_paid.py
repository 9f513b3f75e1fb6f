"""What is paid in advance, at the till: cards sold, loaded, asked and paid out; tickets sold and let in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger_service.web.ports import Answer
from ledger_service.web.screen import Go, Page, Screen, Visit
from ledger_service.web.screens.till import CASHIER, Mistyped, minor_of, serving, somebody_serves
from ledger_service.web.screens.till_card import TENDERS


class _Act(NamedTuple):
    """Where a button leads, which field has the code, and whether it takes money, a PIN and a reference."""

    path: str
    code: str
    money: bool = False
    pin: bool = False
    written: bool = True


ACTS: Mapping[str, _Act] = {
    "balance": _Act("/v1/value-cards/balances", "card", pin=True, written=False),
    "load": _Act("/v1/value-cards/loads", "card", money=True),
    "sell-card": _Act("/v1/value-cards", "card", money=True, pin=True),
    "pay-out": _Act("/v1/value-cards/payouts", "card", pin=True),
    "enter": _Act("/v1/tickets/entries", "ticket"),
    "sell-ticket": _Act("/v1/tickets", "ticket", money=True),
    "refund-ticket": _Act("/v1/tickets/refunds", "ticket"),
}


def paid(visit: Visit) -> Page | Go:
    """The form: a code, an amount, and a button for each act."""
    return _shown(visit, None) if somebody_serves(visit) else Go("/till/cashier")


def act(visit: Visit) -> Page | Go:
    """The till has done what the button says."""
    if not somebody_serves(visit):
        return Go("/till/cashier")
    chosen = ACTS.get(visit.form.get("act", ""), ACTS["balance"])
    try:
        body = _body(visit, chosen)
    except Mistyped:
        return _shown(visit, None, 422)
    return _shown(visit, visit.do(chosen.path, body))


def _shown(visit: Visit, answer: Answer | None, status: int = 200) -> Page:
    good = answer is not None and answer.good
    typed = {name: "" if good else visit.form.get(name, "") for name in ("code", "amount", "member")}
    shown = {
        "acts": list(ACTS), "tenders": TENDERS, "typed": typed, "serving": serving(visit),
        "told": None if answer is None or not good else answer.document,
        "problem": None if answer is None or good else answer.document, "mistyped": status == 422,
    }  # fmt: skip
    return Page("till/paid.html", shown, status if answer is None or good else answer.status)


def _body(visit: Visit, chosen: _Act) -> dict[str, Any]:
    form = visit.form
    body: dict[str, Any] = {chosen.code: form.get("code", "").strip()}
    if not body[chosen.code]:
        raise Mistyped("code")
    if chosen.pin and form.get("pin", "").strip():
        body["pin"] = form["pin"].strip()
    if chosen.written:
        body |= {"reference": form.get("once", "")[:12]} | ({"cashier": c} if (c := serving(visit)) else {})
    if chosen.money:
        minor = minor_of(form.get("amount", ""), visit.formats.exponent, "amount")
        tender = form.get("tender", "")
        paid_with = {"type": tender if tender in TENDERS else TENDERS[0], "amount_minor": minor}
        body |= {"amount_minor": minor, "currency": visit.formats.currency, "tenders": [paid_with]}
        if form.get("member", "").strip() and chosen.path in ("/v1/value-cards", "/v1/tickets"):
            body["member"] = form["member"].strip()
    return body


SCREENS = (
    Screen("GET", "/till/paid", "till-paid", CASHIER, paid),
    Screen("POST", "/till/paid", "till-paid", CASHIER, act),
)
