"""What a counter asks for beside sales and refunds: exchanges, late receipts, goods without one, holds, days.

Each is written down and asked under one key, as a refund is (``deeds``).
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from ledger_service.kernel.otp import looks_like_digits
from ledger_service.till.book import HOLDS, Deed
from ledger_service.till.clocks import read_clock
from ledger_service.till.codes import acceptance, permit_digest
from ledger_service.till.deeds import DONE, do, key_of
from ledger_service.till.refunding import check_booked, sale_of
from ledger_service.till.refusals import TillRefused
from ledger_service.till.selling import Till

Json = dict[str, Any]


def exchange(till: Till, request: Json) -> Json:
    """Goods of a sale (``of``) come back and others (``lines``) are sold, both or neither."""
    check_booked(till, request)
    body = {**_basket(till, request), "sale": sale_of(till, request), "returned": request["returned"]}
    return _do(till, request, "/v1/exchanges", body)


def attach(till: Till, request: Json) -> Json:
    """The receipt of a sale (``of``) joins a ``member``; ``cashier`` is who does it."""
    check_booked(till, request)
    body = {"member": request["member"], "cashier": request["cashier"]}
    return _do(till, request, f"/v1/sales/{sale_of(till, request)}/attach", body)


def take_back(till: Till, request: Json) -> Json:
    """Goods come back without a receipt, for store credit."""
    body = {**_basket(till, request), "member": request["member"]}
    del body["store"]
    return _do(till, request, "/v1/returns", body)


def hold(till: Till, request: Json) -> Json:
    """Points of a ``member`` who shows a pay code are held for the basket."""
    body = {**_basket(till, request), "member": request["member"], "spend": request["spend"]}
    code = request["member"].get("pay_code") or ""
    if not looks_like_digits(code):
        body["acceptance"] = _accepted(till, key_of(request, "key"), code)
    return _do(till, request, HOLDS, body)


def capture(till: Till, request: Json) -> Json:
    """A hold (``of``) becomes a sale of the ``lines``, with at most the ``spend``."""
    body = {"reference": key_of(request, "key"), "lines": request["lines"], "spend": request["spend"]}
    return _do(till, request, f"/v1/authorisations/{_hold_of(till, request)}/captures", body)


def void(till: Till, request: Json) -> Json:
    """A hold (``of``) ends, and its points are free."""
    return _do(till, request, f"/v1/authorisations/{_hold_of(till, request)}/void", {})


def close_day(till: Till, request: Json) -> Json:
    """The till's ``totals`` of a business ``date`` are compared with the ledger's."""
    path = f"/v1/stores/{till.enrolment.store}/days/{_day(request)}/close"
    return _do(till, request, path, {"totals": request["totals"]})


def _basket(till: Till, request: Json) -> Json:
    return {
        "store": till.enrolment.store,
        "currency": till.enrolment.currency,
        "reference": key_of(request, "key"),
        "lines": request["lines"],
    }


def _accepted(till: Till, key: str, code: str) -> Json:
    """When the code was taken, which is said once.

    Raises:
        TillRefused: a sale of this till has taken it.
    """
    digest, known = permit_digest(till.enrolment, code), till.book.find_deed(key)
    if known is not None:
        return dict(json.loads(known["body"]).get("acceptance") or {})
    if till.book.used(digest.hex(), code):
        raise TillRefused("pay-code-used")
    return acceptance(till.enrolment, till.key, digest, read_clock(till.clocks, till.book.contact).now)


def _day(request: Json) -> str:
    """A date, which is a part of an address."""
    try:
        return date.fromisoformat(request["date"]).isoformat()
    except (TypeError, ValueError):
        raise TillRefused("malformed-request", "date must be like 2027-01-31") from None


def _hold_of(till: Till, request: Json) -> str:
    known = till.book.find_deed(key_of(request, "of"))
    hold_id = json.loads(known["answer"]).get("hold_id") if known and known["state"] == DONE else None
    if hold_id is None:
        raise TillRefused("hold-unknown", "this till holds nothing under that key")
    return str(hold_id)


def _do(till: Till, request: Json, path: str, body: Json) -> Json:
    return do(till, Deed(key_of(request, "key"), path, json.dumps(body)))
