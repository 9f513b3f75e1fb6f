"""Lines and tenders of a basket, checked as the service does: weights, taxes, kinds of goods, payments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln, parse_gtin
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.text import clean_integer, clean_text

GREATEST_MINOR = 9_000_000_000
_MOST_TENDERS = 20
_MOST_COUPONS = 20
_MOST_CODES = 10
_LONGEST_CODE = 200
_GREATEST_QUANTITY = 1_000_000
_GREATEST_MEASURE = 1_000_000_000
_WHOLE_BPS = 10_000
_COUNTS = {"quantity": _GREATEST_QUANTITY, "weight_grams": _GREATEST_MEASURE}
_UNITS = ("kg", "l", "m", "m2", "m3", "kwh", "hour")
_KINDS = ("merchandise", "service", "bill_payment", "tobacco", "infant_formula", "gift_card", "top_up",
          "lottery", "postage", "ticket", "deposit", "donation")  # fmt: skip
_TENDERS = ("cash", "card", "wallet", "coupon", "stored_value")
_TENDER = frozenset({"type", "amount_minor", "funder", "reference", "card", "pin"})
_CARD_PIN = re.compile(r"[0-9]{4,12}")
_LINE = frozenset({"line", "category", "amount_minor", "sku", "gtin", "quantity", "weight_grams", "measure",
                   "goods_kind", "tax", "price_override", "staff_discount_minor"})  # fmt: skip


def total_minor(lines: Iterable[Mapping[str, Any]]) -> int:
    """What checked lines come to, with the tax that comes on top."""
    return sum(amount_minor(line) for line in lines)


def amount_minor(line: Mapping[str, Any]) -> int:
    """What the customer pays for a checked line."""
    tax, amount = line.get("tax"), int(line["amount_minor"])
    return amount if tax is None or tax.get("included", True) else amount + int(tax["amount_minor"])


def to_pay_minor(body: Mapping[str, Any]) -> int:
    """What is left of a checked basket after what the till takes off for coupons."""
    taken: int = body["coupons"]["taken_minor"] if body.get("coupons") is not None else 0
    return total_minor(body["lines"]) - taken


def check_coupons(coupons: Any, most_minor: int) -> None:
    """The coupons are named as the service takes them, for no more than the basket.

    Raises:
        MalformedField: they are not.
    """
    known(coupons, frozenset({"ids", "codes", "taken_minor"}), "coupons")
    ids = _listed(coupons, "ids", _MOST_COUPONS)
    codes = _listed(coupons, "codes", _MOST_CODES)
    if not ids and not codes:
        raise MalformedField("coupons", "must name at least one coupon")
    for one in ids:
        parse_id(one, "coupons.ids")
    if any(not isinstance(one, str) or not 1 <= len(one) <= _LONGEST_CODE for one in codes):
        raise MalformedField("coupons.codes", f"must be text of 1 to {_LONGEST_CODE} characters")
    clean_integer(coupons.get("taken_minor"), "coupons.taken_minor", 0, most_minor)


def _listed(coupons: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = coupons.get(name)
    if value is not None and (not isinstance(value, list) or len(value) > most):
        raise MalformedField(f"coupons.{name}", f"must be a list of at most {most}")
    return value or []


def check_line(line: Any) -> None:
    """The line is one that the service takes.

    Raises:
        MalformedField: it is not.
    """
    known(line, _LINE, "lines")
    clean_text(line.get("line"), "line", 32)
    clean_text(line.get("category"), "category", 64)
    amount = clean_integer(line.get("amount_minor"), "amount_minor", 0, GREATEST_MINOR)
    pieces = _check_count(line)
    if line.get("sku") is not None:
        clean_text(line["sku"], "sku", 64)
    if line.get("gtin") is not None:
        parse_gtin(line["gtin"], "gtin")
    if line.get("goods_kind") is not None:
        _one_of(line["goods_kind"], _KINDS, "goods_kind")
    if line.get("tax") is not None:
        _check_tax(line["tax"], amount, pieces)
    _check_reductions(line)


def check_tenders(tenders: Any) -> None:
    """Tenders that a till can name; which points pay it cannot, where it takes them up to a value.

    Raises:
        MalformedField: they are none.
    """
    if not isinstance(tenders, list) or not 1 <= len(tenders) <= _MOST_TENDERS:
        raise MalformedField("tenders", f"must be a list of 1 to {_MOST_TENDERS}")
    for tender in tenders:
        known(tender, _TENDER, "tenders")
        kind = _one_of(tender.get("type"), _TENDERS, "tenders.type")
        clean_integer(tender.get("amount_minor"), "tenders.amount_minor", 0, GREATEST_MINOR)
        if tender.get("funder") is not None:
            if kind != "coupon":
                raise MalformedField("tenders.funder", "belongs to a tender of type coupon")
            parse_gln(tender["funder"], "tenders.funder")
        if tender.get("reference") is not None:
            clean_text(tender["reference"], "tenders.reference", 64)
        _check_value_card(tender, kind)


def _check_value_card(tender: Mapping[str, Any], kind: str) -> None:
    card, pin = tender.get("card"), tender.get("pin")
    if (card is None and pin is not None) or (card is not None and kind != "stored_value"):
        raise MalformedField("tenders.card", "belongs to a tender of type stored_value, and a PIN to a card")
    if card is not None:
        clean_text(card, "tenders.card", 80)
    if pin is not None and (not isinstance(pin, str) or not _CARD_PIN.fullmatch(pin)):
        raise MalformedField("tenders.pin", "must be 4 to 12 digits")


def known(value: Any, names: frozenset[str], field: str) -> None:
    """An object of known members.

    Raises:
        MalformedField: it is none.
    """
    if not isinstance(value, dict) or not names >= value.keys():
        raise MalformedField(field, f"must be an object of {', '.join(sorted(names))}")


def _check_count(line: Mapping[str, Any]) -> int:
    """Exactly one field says how much; gives the pieces, 1 for what is measured."""
    named = [name for name in (*_COUNTS, "measure") if line.get(name) is not None]
    if len(named) != 1:
        raise MalformedField("quantity", "must be the only one of quantity, weight_grams, measure, and there")
    if named[0] in _COUNTS:
        count = clean_integer(line[named[0]], named[0], 1, _COUNTS[named[0]])
        return count if named[0] == "quantity" else 1
    measure = line["measure"]
    known(measure, frozenset({"unit", "thousandths"}), "measure")
    _one_of(measure.get("unit"), _UNITS, "measure.unit")
    clean_integer(measure.get("thousandths"), "measure.thousandths", 1, _GREATEST_MEASURE)
    return 1


def _check_tax(tax: Any, amount: int, pieces: int) -> None:
    known(tax, frozenset({"rate_bps", "amount_minor", "included"}), "tax")
    rate = clean_integer(tax.get("rate_bps"), "tax.rate_bps", 0, _WHOLE_BPS)
    tax_minor = clean_integer(tax.get("amount_minor"), "tax.amount_minor", 0, GREATEST_MINOR)
    included = tax.get("included", True)
    if not isinstance(included, bool):
        raise MalformedField("tax.included", "must be true or false")
    whole = _WHOLE_BPS + rate if included else _WHOLE_BPS
    if abs(amount * rate - tax_minor * whole) > pieces * whole:
        raise MalformedField("tax.amount_minor", "must be the tax at the rate, but for rounding")


def _check_reductions(line: Mapping[str, Any]) -> None:
    override = line.get("price_override")
    if override is not None:
        known(override, frozenset({"regular_minor", "reason"}), "price_override")
        clean_integer(override.get("regular_minor"), "price_override.regular_minor", 0, GREATEST_MINOR)
        clean_text(override.get("reason"), "price_override.reason", 64)
    if line.get("staff_discount_minor") is not None:
        clean_integer(line["staff_discount_minor"], "staff_discount_minor", 0, GREATEST_MINOR)


def _one_of(value: Any, choices: tuple[str, ...], field: str) -> str:
    if not isinstance(value, str) or value not in choices:
        raise MalformedField(field, f"must be one of {', '.join(choices)}")
    return value
