"""A basket as the service takes it, checked before it is acknowledged: what counts alone must not turn out
malformed when it is uploaded.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn, parse_gtin
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.till.refusals import TillRefused

_FIELDS = frozenset({"key", "reference", "lines", "member", "spend"})
_LINE = frozenset({"line", "category", "quantity", "amount_minor", "sku", "gtin"})
_KEY = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_MOST_LINES = 200
_GREATEST_MINOR = 9_000_000_000
_GREATEST_QUANTITY = 1_000_000
_LONGEST_CODE = 400
# So that one sale with its signatures fits into a request of 64 KB.
_MOST_BYTES = 50_000


def checked(request: dict[str, Any]) -> dict[str, Any]:
    """Return the request as it is.

    Raises:
        TillRefused: the service would find it malformed.
    """
    try:
        _known(request, _FIELDS, "sale")
        key = request.get("key")
        if key is not None and not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise MalformedField("key", "must have 1 to 64 letters, digits or . _ ~ -")
        if request.get("reference") is not None:
            clean_text(request["reference"], "reference", 64)
        _check_lines(request.get("lines"))
        _check_member(request.get("member"), request.get("spend"))
        if len(json.dumps(request)) > _MOST_BYTES:
            raise MalformedField("lines", "must be a smaller basket")
    except MalformedField as refusal:
        raise TillRefused("malformed-sale", f"{refusal.field} {refusal.reason}") from None
    return request


def _check_lines(lines: Any) -> None:
    if not isinstance(lines, list) or not 1 <= len(lines) <= _MOST_LINES:
        raise MalformedField("lines", f"must be a list of 1 to {_MOST_LINES}")
    for line in lines:
        _check_line(line)
    if len({line["line"] for line in lines}) != len(lines):
        raise MalformedField("lines", "must name each line once")
    if sum(line["amount_minor"] for line in lines) > _GREATEST_MINOR:
        raise MalformedField("lines", f"must not come to more than {_GREATEST_MINOR}")


def _check_line(line: Any) -> None:
    _known(line, _LINE, "lines")
    clean_text(line.get("line"), "line", 32)
    clean_text(line.get("category"), "category", 64)
    clean_integer(line.get("quantity"), "quantity", 1, _GREATEST_QUANTITY)
    clean_integer(line.get("amount_minor"), "amount_minor", 0, _GREATEST_MINOR)
    if line.get("sku") is not None:
        clean_text(line["sku"], "sku", 64)
    if line.get("gtin") is not None:
        parse_gtin(line["gtin"], "gtin")


def _check_member(member: Any, spend: Any) -> None:
    if member is not None:
        _known(member, frozenset({"pay_code", "number"}), "member")
        if (member.get("pay_code") is None) == (member.get("number") is None):
            raise MalformedField("member", "must have either a pay code or a number")
        if member.get("number") is not None:
            parse_gsrn(member["number"], "member.number")
        else:
            clean_text(member["pay_code"], "member.pay_code", _LONGEST_CODE)
    if spend is None:
        return
    if member is None or member.get("pay_code") is None:
        raise MalformedField("spend", "needs a pay code")
    if isinstance(spend, dict):
        _known(spend, frozenset({"max_value_minor"}), "spend")
        clean_integer(spend.get("max_value_minor"), "spend.max_value_minor", 1, _GREATEST_MINOR)


def _known(value: Any, names: frozenset[str], field: str) -> None:
    if not isinstance(value, dict) or not names >= value.keys():
        raise MalformedField(field, f"must be an object of {', '.join(sorted(names))}")
