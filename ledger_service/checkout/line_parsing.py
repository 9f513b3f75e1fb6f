"""Strict parsing of the lines and tenders of a basket; bodies as a whole are read in ``parsing``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.basket import GRAM, PIECE, CardShown, LineDetail, Tax, Tender
from ledger_service.checkout.fields import Fields, clean_points, quick_text, sequence_of
from ledger_service.checkout.requests import Line, RefundLine
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln, parse_gtin
from ledger_service.kernel.text import clean_integer
from ledger_service.points.basis import GoodsKind, TenderType

MOST_LINES = 200
MOST_TENDERS = 20
GREATEST_MINOR = 9_000_000_000
GREATEST_QUANTITY = 1_000_000
GREATEST_MEASURE = 1_000_000_000
WHOLE_BPS = 10_000
UNITS = ("kg", "l", "m", "m2", "m3", "kwh", "hour")
PROGRAMME = re.compile(r"[A-Z0-9]{2,12}")

_PLAIN = frozenset({"line", "sku", "gtin", "category", "quantity", "amount_minor"})
_TENDER = frozenset({"type", "amount_minor", "programme", "points", "funder", "reference", "card", "pin"})
_OWNERS = {
    "programme": TenderType.POINTS, "points": TenderType.POINTS, "funder": TenderType.COUPON,
    "card": TenderType.STORED_VALUE, "pin": TenderType.STORED_VALUE,
}  # fmt: skip
_PIN = re.compile(r"[0-9]{4,12}")
LONGEST_CARD = 80
_COUNTS = ("quantity", "weight_grams", "measure")
_LINE = _PLAIN | {"weight_grams", "measure", "goods_kind", "tax", "price_override", "staff_discount_minor"}


def parse_lines(value: object) -> tuple[Line, ...]:
    """The lines of a basket.

    Raises:
        MalformedField: the first field that is missing, unknown, of a wrong type or out of range.
    """
    raw = sequence_of(value, "lines", MOST_LINES)
    if not raw:
        raise MalformedField("lines", "must hold at least one line")
    lines: list[Line] = []
    try:
        for item in raw:
            lines.append(_line(item))
    except MalformedField as error:
        # The field's path is built only when it is needed: a basket of 200 lines has 1,200 fields.
        raise MalformedField(f"lines[{len(lines)}].{error.field}".rstrip("."), error.reason) from None
    each_line_once([line.line for line in lines])
    if sum([line.amount_minor for line in lines]) > GREATEST_MINOR:
        raise MalformedField("lines", f"must not come to more than {GREATEST_MINOR}")
    return tuple(lines)


def parse_refund_lines(value: object) -> tuple[RefundLine, ...]:
    """The lines that come back, each once and at least one.

    Raises:
        MalformedField: as ``parse_lines``.
    """
    raw = sequence_of(value, "lines", MOST_LINES)
    if not raw:
        # A till with nothing ticked must not give the whole sale back.
        raise MalformedField("lines", "must hold at least one line")
    lines = tuple(_refund_line(i, item) for i, item in enumerate(raw))
    each_line_once([line.line for line in lines])
    return lines


def parse_tenders(value: object) -> tuple[Tender, ...]:
    """The tenders of a sale; none where the field is absent.

    Raises:
        MalformedField: as ``parse_lines``; a programme twice, a field that does not belong to the type.
    """
    if value is None:
        return ()
    raw = sequence_of(value, "tenders", MOST_TENDERS)
    if not raw:
        raise MalformedField("tenders", "must hold at least one tender")
    tenders = tuple(_tender(f"tenders[{i}]", item) for i, item in enumerate(raw))
    programmes = [t.programme for t in tenders if t.type == TenderType.POINTS]
    if len(set(programmes)) != len(programmes):
        raise MalformedField("tenders", "must name each programme once")
    return tenders


def each_line_once(names: list[str]) -> None:
    """No line is named twice.

    Raises:
        MalformedField: one is.
    """
    if len(set(names)) != len(names):
        raise MalformedField("lines", "must name each line once")


def parse_programme(value: object, where: str) -> str:
    """The code of a programme.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str) or not PROGRAMME.fullmatch(value):
        raise MalformedField(where, "must be 2 to 12 capital letters or digits")
    return value


def parse_card(fields: Fields, where: str = "") -> CardShown:
    """The stored-value card of an object's ``card`` and ``pin``.

    Raises:
        MalformedField: no text, or a PIN that is not 4 to 12 digits.
    """
    pin = fields.get("pin")
    if pin is not None and (not isinstance(pin, str) or _PIN.fullmatch(pin) is None):
        raise MalformedField(f"{where}pin", "must be 4 to 12 digits")
    return CardShown(quick_text(fields.get("card"), f"{where}card", LONGEST_CARD), pin)


def _line(value: object) -> Line:
    if type(value) is not dict or not _PLAIN.issuperset(value):
        return _detailed_line(value)
    sku, gtin = value.get("sku"), value.get("gtin")
    return Line(
        quick_text(value.get("line"), "line", 32),
        quick_text(value.get("category"), "category", 64),
        clean_integer(value.get("quantity"), "quantity", 1, GREATEST_QUANTITY),
        clean_integer(value.get("amount_minor"), "amount_minor", 0, GREATEST_MINOR),
        None if sku is None else quick_text(sku, "sku", 64),
        None if gtin is None else parse_gtin(gtin, "gtin"),
    )


def _detailed_line(value: object) -> Line:
    fields = Fields(value, _LINE)
    quantity, unit = _counted(fields)
    given = clean_integer(fields.get("amount_minor"), "amount_minor", 0, GREATEST_MINOR)
    tax = _tax(fields.get("tax"), given, quantity if unit == PIECE else 1)
    regular, reason = _override(fields.get("price_override"))
    discount = fields.get("staff_discount_minor")
    detail = LineDetail(
        _kind(fields.get("goods_kind")),
        unit,
        tax,
        regular,
        reason,
        0 if discount is None else clean_integer(discount, "staff_discount_minor", 0, GREATEST_MINOR),
    )
    sku, gtin = fields.get("sku"), fields.get("gtin")
    return Line(
        quick_text(fields.get("line"), "line", 32),
        quick_text(fields.get("category"), "category", 64),
        quantity,
        # A line counts with what the customer pays for it; tax that came on top is in it from here on.
        given if tax is None or tax.included else given + tax.amount_minor,
        None if sku is None else quick_text(sku, "sku", 64),
        None if gtin is None else parse_gtin(gtin, "gtin"),
        None if detail == LineDetail() else detail,
    )


def _counted(fields: Fields, where: str = "") -> tuple[int, str]:
    """How much, and what is counted: exactly one of the three fields says it."""
    named = [name for name in _COUNTS if fields.get(name) is not None]
    if len(named) != 1:
        raise MalformedField(f"{where}quantity", f"must be the only one of {', '.join(_COUNTS)}, and there")
    name, value = named[0], fields.get(named[0])
    if name == "quantity":
        return clean_integer(value, f"{where}quantity", 1, GREATEST_QUANTITY), PIECE
    if name == "weight_grams":
        return clean_integer(value, f"{where}weight_grams", 1, GREATEST_MEASURE), GRAM
    measure = Fields(value, {"unit", "thousandths"}, f"{where}measure")
    unit = _one_of(measure.get("unit"), UNITS, f"{where}measure.unit")
    return clean_integer(measure.get("thousandths"), f"{where}measure.thousandths", 1, GREATEST_MEASURE), unit


def _tax(value: object, given: int, roundings: int) -> Tax | None:
    if value is None:
        return None
    fields = Fields(value, {"rate_bps", "amount_minor", "included"}, "tax")
    rate = clean_integer(fields.get("rate_bps"), "tax.rate_bps", 0, WHOLE_BPS)
    amount = clean_integer(fields.get("amount_minor"), "tax.amount_minor", 0, GREATEST_MINOR)
    included = fields.flag("included", default=True)
    whole = WHOLE_BPS + rate if included else WHOLE_BPS
    # Tills round tax per piece, per line or per receipt: a unit for each rounding is no error.
    if abs(given * rate - amount * whole) > roundings * whole:
        raise MalformedField("tax.amount_minor", "must be the tax at the rate, but for rounding")
    return Tax(rate, min(amount, given) if included else amount, included)


def _override(value: object) -> tuple[int | None, str]:
    if value is None:
        return None, ""
    fields = Fields(value, {"regular_minor", "reason"}, "price_override")
    regular = clean_integer(fields.get("regular_minor"), "price_override.regular_minor", 0, GREATEST_MINOR)
    return regular, quick_text(fields.get("reason"), "price_override.reason", 64)


def _kind(value: object) -> str:
    return GoodsKind.MERCHANDISE if value is None else _one_of(value, tuple(GoodsKind), "goods_kind")


def _one_of(value: object, known: tuple[str, ...], where: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise MalformedField(where, f"must be one of {', '.join(known)}")
    return str(value)


def _refund_line(index: int, value: object) -> RefundLine:
    where = f"lines[{index}]"
    fields = Fields(value, {"line", *_COUNTS}, where)
    name = quick_text(fields.get("line"), f"{where}.line", 32)
    return RefundLine(name, *_counted(fields, f"{where}."))


def _tender(where: str, value: object) -> Tender:
    fields = Fields(value, _TENDER, where)
    kind = _one_of(fields.get("type"), tuple(TenderType), f"{where}.type")
    amount = clean_integer(fields.get("amount_minor"), f"{where}.amount_minor", 0, GREATEST_MINOR)
    more: dict[str, Any] = {}
    if kind == TenderType.POINTS:
        more["programme"] = parse_programme(fields.get("programme"), f"{where}.programme")
        more["points"] = clean_points(fields.get("points"), f"{where}.points")
    _only_for(fields, where, _OWNERS, kind)
    if fields.get("card") is not None or fields.get("pin") is not None:
        more["shown"] = parse_card(fields, f"{where}.")
    if fields.get("funder") is not None:
        more["funder"] = parse_gln(fields.get("funder"), f"{where}.funder")
    if fields.get("reference") is not None:
        more["reference"] = quick_text(fields.get("reference"), f"{where}.reference", 64)
    return Tender(kind, amount, **more)


def _only_for(fields: Fields, where: str, owners: Mapping[str, str], kind: str) -> None:
    for name, owner in owners.items():
        if kind != owner and fields.get(name) is not None:
            raise MalformedField(f"{where}.{name}", f"belongs to a tender of type {owner}")
