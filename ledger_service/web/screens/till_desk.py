"""Who stands at the till, what was held there, and what the shift comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.web.screen import Go, Page, Screen, Visit
from ledger_service.web.screens.till import (
    CASHIER,
    Mistyped,
    basket_of,
    held,
    receipt,
    serving,
    somebody_serves,
    store_of,
    typed_rows,
)

_ROWS = "25"


def ask(visit: Visit) -> Page:
    """The form of name and PIN."""
    return _asked(visit, None, 200)


def _asked(visit: Visit, problem: Mapping[str, Any] | None, status: int) -> Page:
    typed = visit.form.get("cashier", "")
    return Page("till/cashier.html", {"problem": problem, "typed": typed, "serving": serving(visit)}, status)


def take_over(visit: Visit) -> Page | Go:
    """The cashier whose PIN was typed stands here; with no name nobody does any more."""
    cashier = visit.form.get("cashier", "").strip()
    if not cashier:
        return _stands(visit, None, "/till/cashier")
    answer = visit.do("/v1/cashier-checks", {"cashier": cashier, "pin": visit.form.get("pin", "")})
    if not answer.good:
        return _asked(visit, answer.document, answer.status)
    return _stands(visit, cashier, "/till")


def _stands(visit: Visit, cashier: str | None, to: str) -> Go:
    if visit.session is not None:
        visit.sessions.serve(visit.session.session_id, cashier)
    return Go(to)


def end_hold(visit: Visit) -> Page | Go:
    """The hold becomes a sale, or is let go: whichever button was pressed."""
    if not somebody_serves(visit):
        return Go("/till/cashier")
    hold, own = visit.path["hold"], {"cashier": serving(visit)} if serving(visit) else {}
    path = f"/v1/authorisations/{hold}" if hold.isalnum() else "/v1/authorisations/0"
    if visit.form.get("act") != "capture":
        answer = visit.do(f"{path}/void", own)
        return Go("/till") if answer.good else held(visit, hold, answer.document, answer.status)
    try:
        lines = _goods(visit, path)
    except Mistyped:
        return held(visit, hold, {"code": "malformed-field", "title": ""}, 422)
    reference = visit.form.get("reference", "").strip() or visit.form.get("once", "")[:12]
    answer = visit.do(f"{path}/captures", {"lines": lines, "reference": reference, **own})
    if not answer.good:
        return held(visit, hold, answer.document, answer.status)
    return receipt(visit, {"sale": answer.document, "lines": lines})


def _goods(visit: Visit, path: str) -> list[dict[str, Any]]:
    """What is sold of a hold: the basket that came with the form, else the one that was held.

    Raises:
        Mistyped: a field of the form cannot be read, or there is no basket.
    """
    kept: list[dict[str, Any]] = [] if typed_rows(visit.form) else visit.ask(path).document.get("lines", [])
    return kept or basket_of(visit.form, visit.formats.exponent)


def holds(visit: Visit) -> Page | Go:
    """What the store's tills hold, for whoever goes on with it."""
    if not somebody_serves(visit):
        return Go("/till/cashier")
    cursor = {"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {}
    told = visit.get("/v1/authorisations", limit=_ROWS, **cursor)
    return Page("till/holds.html", {"holds": told["holds"], "cursor": told["next_cursor"]})


def one_hold(visit: Visit) -> Page | Go:
    """A hold with its basket, to be sold or let go."""
    return held(visit, visit.path["hold"], None, 200) if somebody_serves(visit) else Go("/till/cashier")


def shift(visit: Visit) -> Page:
    """What this till has sold and taken back on its business date, by cashier."""
    store = store_of(visit)
    path = f"/v1/stores/{store['store']}/days/{store['business_date']}/cashiers"
    rows = [one for one in visit.get(path, limit="200")["cashiers"] if one["terminal"] == visit.me.subject]
    return Page("till/shift.html", {"store": store, "cashiers": rows, "serving": serving(visit)})


SCREENS = (
    Screen("GET", "/till/cashier", "till-cashier", CASHIER, ask),
    Screen("POST", "/till/cashier", "till-cashier", CASHIER, take_over),
    Screen("GET", "/till/holds", "till-holds", CASHIER, holds),
    Screen("GET", "/till/holds/<hold>", "till-hold", CASHIER, one_hold),
    Screen("POST", "/till/holds/<hold>", "till-hold", CASHIER, end_hold),
    Screen("GET", "/till/shift", "till-shift", CASHIER, shift),
)
