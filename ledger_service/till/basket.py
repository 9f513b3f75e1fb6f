"""A basket as the service takes it, checked before it is acknowledged: what counts alone must not turn out
malformed when it is uploaded.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.till.lines import (
    GREATEST_MINOR,
    check_coupons,
    check_line,
    check_tenders,
    known,
    total_minor,
)
from ledger_service.till.people import check_invoice, check_member
from ledger_service.till.refusals import TillRefused

_FIELDS = frozenset({"key", "reference", "lines", "member", "spend", "tenders", "business_date", "cashier",
                     "coupons", "invoice"})  # fmt: skip
_PAYS = ("pay_code", "pin", "code")
_KEY = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_LINES = 200
# So that one sale with its signatures fits into a request of 64 KB.
_MOST_BYTES = 50_000


def checked(request: dict[str, Any]) -> dict[str, Any]:
    """Return the request as it is.

    Raises:
        TillRefused: the service would find it malformed.
    """
    try:
        known(request, _FIELDS, "sale")
        key = request.get("key")
        if key is not None and not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise MalformedField("key", "must have 1 to 64 letters, digits or . _ ~ -")
        if request.get("reference") is not None:
            clean_text(request["reference"], "reference", 64)
        _check_lines(request.get("lines"))
        _check_member(request.get("member"), request.get("spend"))
        if request.get("tenders") is not None:
            check_tenders(request["tenders"])
        if request.get("invoice") is not None:
            check_invoice(request["invoice"])
        _check_shift(request)
        if request.get("coupons") is not None:
            check_coupons(request["coupons"], total_minor(request["lines"]))
        if len(json.dumps(request)) > _MOST_BYTES:
            raise MalformedField("lines", "must be a smaller basket")
    except MalformedField as refusal:
        raise TillRefused("malformed-sale", f"{refusal.field} {refusal.reason}") from None
    return request


def _check_lines(lines: Any) -> None:
    if not isinstance(lines, list) or not 1 <= len(lines) <= _MOST_LINES:
        raise MalformedField("lines", f"must be a list of 1 to {_MOST_LINES}")
    for line in lines:
        check_line(line)
    if len({line["line"] for line in lines}) != len(lines):
        raise MalformedField("lines", "must name each line once")
    if total_minor(lines) > GREATEST_MINOR:
        raise MalformedField("lines", f"must not come to more than {GREATEST_MINOR}")


def _check_shift(request: dict[str, Any]) -> None:
    if request.get("cashier") is not None:
        clean_text(request["cashier"], "cashier", 32)
    said = request.get("business_date")
    if said is None:
        return
    try:
        when = date.fromisoformat(said) if isinstance(said, str) and _DATE.fullmatch(said) else date.min
    except ValueError:
        when = date.min
    if not date(1970, 1, 1) <= when < date(9999, 1, 1):
        raise MalformedField("business_date", "must be a date as YYYY-MM-DD")


def _check_member(member: Any, spend: Any) -> None:
    if member is not None:
        check_member(member)
    if spend is None:
        return
    if member is None or all(member.get(way) is None for way in _PAYS):
        raise MalformedField("spend", "needs a pay code, a PIN or a one-time code")
    if isinstance(spend, dict):
        known(spend, frozenset({"max_value_minor"}), "spend")
        clean_integer(spend.get("max_value_minor"), "spend.max_value_minor", 1, GREATEST_MINOR)
