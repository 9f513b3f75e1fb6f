"""A merchant's back office: its programmes, what it owes and is owed, its coupons, its tills and keys."""

from __future__ import annotations

import re
from typing import Any

from ledger_service.web.office.names import choices_of, names_of
from ledger_service.web.office.reading import nets_of, own_net_alone
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Go, Page, Screen, Visit, roles

MERCHANT = roles("merchant")
_AMOUNT = re.compile(r"([0-9]{1,15})(?:[.,]([0-9]{1,6}))?")


def _own(visit: Visit, rest: str) -> str:
    return f"/v1/merchants/{visit.me.merchant}{rest}"


def _cursor(visit: Visit) -> dict[str, str]:
    return {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}


def home(visit: Visit) -> Page:
    """Where the merchant stands: programmes, the open period, what its reserve covers."""
    programmes = [p for p in visit.get("/v1/programmes")["programmes"] if p["merchant"] == visit.me.merchant]
    open_one = _open_period(visit)
    nets = visit.get(f"/v1/settlement/periods/{open_one}")["nets"] if open_one is not None else []
    coverage = visit.ask("/v1/coverage")
    shown = {
        "programmes": programmes, "period": open_one, "net": _net_of(nets, visit.me.merchant),
        "coverage": coverage.document.get("coverage", []) if coverage.good else [],
    }  # fmt: skip
    return Page("merchant/home.html", shown)


def _open_period(visit: Visit) -> int | None:
    """The period that is open, the last of all; None before the first."""
    query: dict[str, str] = {"limit": "200"}
    while True:
        told = visit.get("/v1/settlement/periods", **query)
        if not told["next_cursor"]:
            return int(told["periods"][-1]["period"]) if told["periods"] else None
        query["cursor"] = told["next_cursor"]


def _net_of(nets: list[dict[str, Any]], merchant: str | None) -> int:
    return sum(int(one["net_micros"]) for one in nets if one["merchant"] == merchant)


def periods(visit: Visit) -> Page:
    """Every period, the open one last."""
    told = visit.get("/v1/settlement/periods", **_cursor(visit))
    return Page("merchant/periods.html", {"periods": told["periods"], "cursor": told["next_cursor"]})


def period(visit: Visit) -> Page:
    """One period: one's net, who has confirmed it, the lines that make it."""
    return _period(visit, None)


def _period(visit: Visit, answer: Answer | None, done: str = "") -> Page:
    number = visit.path["period"]
    base = f"/v1/settlement/periods/{number}"
    told, standing = visit.get(base), visit.ask(f"{base}/standing")
    lines = visit.get(f"{base}/lines", limit="50", **_cursor(visit))
    names, refused = names_of(visit), answer is not None and not answer.good
    shown = {
        "period": told, "standing": standing.document if standing.good else None, "lines": lines["lines"],
        "cursor": lines["next_cursor"], "names": names, "nets": nets_of(told, names),
        "alone": own_net_alone(visit, told),
        "problem": answer.document if answer and refused else None, "done": "" if refused else done,
    }  # fmt: skip
    return Page("merchant/period.html", shown, answer.status if answer and refused else 200)


def confirm(visit: Visit) -> Page:
    """The merchant says that its net is right; its settlement key signs it where that lies in custody."""
    visit.step_up()
    path = f"/v1/settlement/periods/{visit.path['period']}/confirmations"
    # The figure that stood on the page: what has changed since is not what was confirmed.
    body = {"merchant": visit.me.merchant, "net_micros": visit.form.get("net_micros", "")}
    return _period(visit, visit.do(path, body), "period.confirmed")


def dispute(visit: Visit) -> Page:
    """A part of a line is not owed: it is held out, the rest settles."""
    visit.step_up()
    form = visit.form
    body = {name: form.get(name, "").strip() for name in ("debtor", "creditor", "evidence")}
    body["held_micros"] = _micros(form.get("held", ""), visit.formats.exponent)
    path = f"/v1/settlement/periods/{visit.path['period']}/disputes"
    return _period(visit, visit.do(path, {"merchant": visit.me.merchant, **body}), "period.disputed")


def _micros(typed: str, exponent: int) -> str:
    """An amount as people write it in millionths; nothing for what is none, which the API refuses.

    Handed on as it was typed, a figure that is no such amount would be taken for millionths.
    """
    found = _AMOUNT.fullmatch(typed.strip())
    whole, part = (found[1], found[2] or "") if found else ("", "")
    return whole + part.ljust(6, "0") if found and len(part) <= exponent else ""


def coupons(visit: Visit) -> Page:
    """Definitions and campaigns, with what waits for a second person."""
    definitions = visit.get(_own(visit, "/coupon-definitions"))
    campaigns = visit.get(_own(visit, "/coupon-campaigns"))
    shown = {"definitions": definitions, "campaigns": campaigns}
    return Page("merchant/coupons.html", shown)


def places(visit: Visit) -> Page:
    """Stores, tills, and the cashiers who are members."""
    stores = visit.get("/v1/stores", **_cursor(visit))
    shown = {
        "stores": stores["stores"], "names": choices_of(visit, "store"), "cursor": stores["next_cursor"],
        "terminals": visit.get("/v1/terminals", limit="50")["terminals"],
        "staff": visit.get("/v1/staff-links", limit="50")["staff_links"],
    }  # fmt: skip
    return Page("merchant/places.html", shown)


def disable(visit: Visit) -> Go:
    """A till and its keys do nothing any more."""
    visit.step_up()
    visit.must(f"/v1/terminals/{visit.path['terminal']}/disable", {})
    return Go("/merchant/places")


def sales(visit: Visit) -> Page:
    """The sales of a receipt's reference, within a week, newest first."""
    wanted = visit.query.get("reference", "").strip()
    if not wanted:
        return Page("merchant/sales.html", {"sales": [], "cursor": None, "wanted": "", "problem": None})
    answer = visit.ask("/v1/sales", reference=wanted, **_cursor(visit))
    found, problem = (answer.document, None) if answer.good else ({"sales": []}, answer.document)
    shown = {
        "sales": found["sales"],
        "cursor": found.get("next_cursor"),
        "wanted": wanted,
        "problem": problem,
    }
    return Page("merchant/sales.html", shown, answer.status)


SCREENS = (
    Screen("GET", "/merchant", "merchant-home", MERCHANT, home),
    Screen("GET", "/merchant/settlement", "merchant-periods", MERCHANT, periods),
    Screen("GET", "/merchant/settlement/<period>", "merchant-period", MERCHANT, period),
    Screen("POST", "/merchant/settlement/<period>/confirm", "merchant-confirm", MERCHANT, confirm),
    Screen("POST", "/merchant/settlement/<period>/dispute", "merchant-dispute", MERCHANT, dispute),
    Screen("GET", "/merchant/coupons", "merchant-coupons", MERCHANT, coupons),
    Screen("GET", "/merchant/sales", "merchant-sales", MERCHANT, sales),
    Screen("GET", "/merchant/places", "merchant-places", MERCHANT, places),
    Screen("POST", "/merchant/places/<terminal>/disable", "merchant-disable-till", MERCHANT, disable),
)
