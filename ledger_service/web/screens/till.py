"""The till's pages: keyboard and scanner first; a basket is quoted, sold, and taken back by its items."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ledger_service.web.ports import Answer
from ledger_service.web.screen import Go, Page, Screen, Visit, roles
from ledger_service.web.screens.till_card import REUSED, TENDERS, quoted, sold_before, tenders_of

CASHIER = roles("cashier")
_ROW = re.compile("(?:amount|article)_([1-9][0-9]{0,2})")
_BACK = "back_"
_OF_BASKET = ("amount_", "article_", "quantity_", "category", "reference")


class Mistyped(Exception):
    """A field that is no number, or nothing to sell; ``field`` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def minor_of(text: str, exponent: int, field: str) -> int:
    """An amount as a cashier types it, in minor units.

    Raises:
        Mistyped: no amount, or more decimals than the currency has.
    """
    whole, _, part = text.strip().replace(",", ".").partition(".")
    digits = whole + part.ljust(exponent, "0")
    if not (whole and digits.isascii() and digits.isdigit()) or len(part) > exponent or len(whole) > 9:
        raise Mistyped(field)
    return int(digits)


def pieces_of(text: str, field: str) -> int:
    """How many pieces, 0 to 9,999, as a cashier types them.

    Raises:
        Mistyped: anything else; the length comes first, since Python reads no number of thousands of digits.
    """
    if len(text) > 4 or not text.isascii() or not text.isdigit():
        raise Mistyped(field)
    return int(text)


def basket_of(form: Mapping[str, str], exponent: int) -> list[dict[str, Any]]:
    """The lines of a typed basket; empty rows are left out. How many there may be the API says.

    Raises:
        Mistyped: a field that is no number, an article without a price, or no line at all.
    """
    lines: list[dict[str, Any]] = []
    for number in typed_rows(form):
        quantity = form.get(f"quantity_{number}", "1").strip() or "1"
        pieces = pieces_of(quantity, f"quantity_{number}")
        if not pieces:
            raise Mistyped(f"quantity_{number}")
        line: dict[str, Any] = {"line": str(number), "quantity": pieces}
        amount = form.get(f"amount_{number}", "")
        line["amount_minor"] = minor_of(amount, exponent, f"amount_{number}") * pieces
        line["category"] = form.get("category", "").strip() or "general"
        lines.append(line | _article(form.get(f"article_{number}", "").strip()))
    if not lines:
        raise Mistyped("amount_1")
    return lines


def _article(text: str) -> dict[str, str]:
    if not text:
        return {}
    scanned = text.isdecimal() and len(text) in (8, 12, 13, 14)
    return {"gtin": text.zfill(14)} if scanned else {"sku": text}


def member_of(shown: str) -> dict[str, str] | None:
    """Whoever was scanned or typed: a pay code, 18 digits of one, a member's number, a phone or a card."""
    text = shown.strip().replace(" ", "")
    if not text:
        return None
    if text.startswith("+"):
        return {"phone": text}
    if text.isdecimal() and len(text) == 18:
        return {"number": text} if text.startswith("952") else {"pay_code": text}
    if text.isdecimal():
        return {"card": text}
    return {"pay_code": text}


def body_of(visit: Visit) -> dict[str, Any]:
    """The sale that the form describes.

    Raises:
        Mistyped: a field cannot be read.
    """
    form, exponent = visit.form, visit.formats.exponent
    body: dict[str, Any] = {
        "store": visit.me.store, "currency": visit.formats.currency, "lines": basket_of(form, exponent),
        "reference": form.get("reference", "").strip() or form.get("once", "")[:12],
    }  # fmt: skip
    member = member_of(form.get("member", ""))
    if member is not None:
        body["member"] = member
    if form.get("points", "").strip():
        body["spend"] = {"max_value_minor": minor_of(form["points"], exponent, "points")}
    if form.get("step_up"):
        body["step_up"] = form["step_up"]
    cashier = serving(visit) or form.get("cashier", "").strip()
    if cashier:
        body["cashier"] = cashier
    return body


def serving(visit: Visit) -> str:
    """The cashier who has shown its PIN at this till; empty where none has."""
    return "" if visit.session is None else visit.session.cashier or ""


def somebody_serves(visit: Visit) -> bool:
    """Whether a cashier stands here whose PIN still counts, or the merchant wants none to show one."""
    if serving(visit):
        return visit.ask(f"/v1/cashiers/{serving(visit)}").good
    return not visit.get("/v1/cashiers", limit="1")["cashiers"]


def own_card(visit: Visit) -> bool:
    """Whether the cashier serves its own account, as far as the till sees who it is that was shown."""
    shown, cashier = member_of(visit.form.get("member", "")) or {}, serving(visit)
    if not cashier or "pay_code" in shown or not shown:
        return False
    number = shown.get("number")
    if number is None:
        ((kind, value),) = shown.items()
        answer = visit.do("/v1/members/identify", {"kind": kind, "value": value})
        number = str(answer.document.get("number", ""))
    return visit.ask(f"/v1/cashiers/{cashier}").document.get("member") == number


def store_of(visit: Visit) -> dict[str, Any]:
    """What the till's store is called, whose it is, and its business date."""
    return visit.get(f"/v1/stores/{visit.me.store}/today")


def till(visit: Visit) -> Page | Go:
    """An empty basket."""
    return _till(visit, {}) if somebody_serves(visit) else Go("/till/cashier")


def _till(visit: Visit, more: Mapping[str, Any], status: int = 200) -> Page:
    shown = {
        "typed": visit.form, "rows": rows_of(visit.form), "quote": None, "problem": None, "mistyped": "",
        "serving": serving(visit), "own_card": False, "asked": None, "tenders": TENDERS,
    }  # fmt: skip
    return Page("till/basket.html", {**shown, **more}, status)


def rows_of(form: Mapping[str, str]) -> list[int]:
    """The numbers of a basket's rows: those that were filled in, and a fresh one."""
    return list(range(1, max(typed_rows(form), default=0) + 2))


def typed_rows(form: Mapping[str, str]) -> list[int]:
    """The numbers of the rows in which an article or a price was typed, in their order."""
    found = (_ROW.fullmatch(name) for name, text in form.items() if text.strip())
    return sorted({int(one[1]) for one in found if one})


def checkout(visit: Visit) -> Page | Go:
    """A quote, a hold or the sale: whichever button was pressed."""
    if not somebody_serves(visit):
        return Go("/till/cashier")
    act, own = visit.form.get("act", ""), own_card(visit)
    try:
        body = body_of(visit)
        tenders = _card_pays(visit, body, act)
    except Mistyped as wrong:
        return _till(visit, {"mistyped": wrong.field}, 422)
    if tenders is not None and not isinstance(tenders, list):
        shown = {"problem": tenders.document, "own_card": own, "asked": _asked(tenders.document)}
        return _till(visit, shown, tenders.status)
    body |= {"tenders": tenders} if tenders else {}
    if act not in ("sell", "hold"):
        answer = quoted(visit, body)
        more = {"quote": answer.document} if answer.good else {"problem": answer.document}
        return _till(visit, {**more, "own_card": own}, 200 if answer.good else answer.status)
    if own and visit.form.get("own") != "seen":
        return _till(visit, {"own_card": True}, 409)
    answer = visit.do("/v1/sales" if act == "sell" else "/v1/authorisations", body)
    before = sold_before(visit, body) if tenders and answer.document.get("code") == REUSED else None
    if before is not None:
        return receipt(visit, {"sale": before, "lines": body["lines"]})
    if not answer.good:
        shown = {"problem": answer.document, "own_card": own, "asked": _asked(answer.document)}
        return _till(visit, shown, answer.status)
    if act == "hold":
        return held(visit, answer.document["hold_id"])
    return receipt(visit, {"sale": answer.document, "lines": body["lines"]})


def _card_pays(visit: Visit, body: Mapping[str, Any], act: str) -> Answer | list[dict[str, Any]] | None:
    if not visit.form.get("card", "").strip():
        return None
    if act == "hold":
        # What is held is captured from another form, which has no card.
        raise Mistyped("card")
    typed = visit.form.get("card_amount", "").strip()
    most = minor_of(typed, visit.formats.exponent, "card_amount") if typed else None
    return tenders_of(visit, body, most)


def _asked(problem: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the member's phone is asked about, when that is why the till was refused."""
    found: Mapping[str, Any] | None = problem.get("params")
    return found if problem.get("code") == "step-up-required" else None


def held(visit: Visit, hold_id: str, problem: Mapping[str, Any] | None = None, status: int = 201) -> Page:
    """Points that are held until the goods leave, or are let go; a typed basket goes along in the form."""
    kept = {name: text for name, text in visit.form.items() if name.startswith(_OF_BASKET)}
    answer = visit.ask(f"/v1/authorisations/{hold_id}" if hold_id.isalnum() else "/v1/authorisations/0")
    shown = {"hold": hold_id, "kept": kept, "one": answer.document if answer.good else None}
    if not answer.good and problem is None:
        problem, status = answer.document, answer.status
    return Page("till/held.html", shown | {"problem": problem}, status)


def receipt(visit: Visit, paper: Mapping[str, Any]) -> Page:
    """The paper of a sale or of what came back, under the merchant's name."""
    shown: dict[str, Any] = {
        "sale": None, "refund": None, "lines": [], "store": store_of(visit), "serving": serving(visit),
    }  # fmt: skip
    return Page("till/receipt.html", {**shown, **paper}, 201)


def find(visit: Visit) -> Page:
    """The form that finds a sale by its number."""
    sale_id = visit.query.get("sale", "").strip()
    if not sale_id:
        return Page("till/returns.html", {"sale": None, "problem": None})
    answer = visit.ask(f"/v1/sales/{sale_id}" if sale_id.isalnum() else "/v1/sales/0")
    found = answer.document if answer.good else None
    problem = None if answer.good else answer.document
    return Page(
        "till/returns.html", {"sale": found, "problem": problem}, 200 if answer.good else answer.status
    )


def take_back(visit: Visit) -> Page | Go:
    """Goods of a sale come back, as many of each line as was typed; one field that is no number stops all."""
    if not somebody_serves(visit):
        return Go("/till/cashier")
    sale_id = visit.path["sale"]
    try:
        lines = returned_of(visit.form)
    except Mistyped:
        return _returns(visit, sale_id, {"code": "malformed-field", "title": ""}, 422)
    body: dict[str, Any] = {"reference": visit.form.get("once", "")[:12], "lines": lines}
    if serving(visit):
        body["cashier"] = serving(visit)
    answer = visit.do(f"/v1/sales/{sale_id}/refunds", body)
    if answer.good:
        return receipt(visit, {"refund": answer.document})
    return _returns(visit, sale_id, answer.document, answer.status)


def returned_of(form: Mapping[str, str]) -> list[dict[str, Any]]:
    """The lines that come back, those with 0 left out.

    Raises:
        Mistyped: a field that is no number of pieces.
    """
    typed = {n: pieces_of(text.strip() or "0", n) for n, text in form.items() if n.startswith(_BACK)}
    return [{"line": n.removeprefix(_BACK), "quantity": pieces} for n, pieces in typed.items() if pieces]


def _returns(visit: Visit, sale_id: str, problem: Mapping[str, Any], status: int) -> Page:
    found = visit.ask(f"/v1/sales/{sale_id}")
    shown = {"sale": found.document if found.good else None, "problem": problem}
    return Page("till/returns.html", shown, status)


def day(visit: Visit) -> Page:
    """The store's day as the ledger has it."""
    answer = visit.ask("/v1/offline-sales", limit="20")
    return Page(
        "till/day.html", {"offline": answer.document.get("offline_sales", []) if answer.good else None}
    )


SCREENS = (
    Screen("GET", "/till", "till", CASHIER, till),
    Screen("POST", "/till", "till", CASHIER, checkout),
    Screen("GET", "/till/returns", "till-returns", CASHIER, find),
    Screen("POST", "/till/returns/<sale>", "till-take-back", CASHIER, take_back),
    Screen("GET", "/till/offline", "till-offline", CASHIER, day),
)
