"""What a till may ask for beside a plain refund, strictly parsed: exchanges, returns without a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_service.checkout.fields import Fields, quick_text
from ledger_service.checkout.invoice_parsing import parse_invoice
from ledger_service.checkout.invoices import Paper
from ledger_service.checkout.line_parsing import parse_lines, parse_refund_lines
from ledger_service.checkout.parsing import SALE_FIELDS, parse_currency, parse_sale
from ledger_service.checkout.requests import Line, RefundRequest, SaleRequest
from ledger_service.checkout.shifts import NO_SHIFT, SHIFT_FIELDS, Shift, parse_shift
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.ids import parse_id


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """A return and a sale in one; ``prices_of`` names, per new line, the returned line whose price it has."""

    back: RefundRequest
    sale: SaleRequest
    prices_of: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class UnreceiptedRequest:
    """Goods of a member that come back without a receipt."""

    reference: str
    currency: str
    number: str
    lines: tuple[Line, ...]
    shift: Shift = NO_SHIFT


def parse_exchange(body: object) -> ExchangeRequest:
    """Return the exchange of a JSON object: a sale with ``sale``, ``returned``, and ``price_of`` in lines.

    Raises:
        MalformedField: as a sale or a refund.
    """
    fields = Fields(body, SALE_FIELDS | {"sale", "returned", "allowance"})
    lines, prices_of = _without_prices(fields.get("lines"))
    rest = {name: fields.get(name) for name in SALE_FIELDS if fields.get(name) is not None}
    sale = parse_sale({**rest, "lines": lines})
    back = RefundRequest(
        parse_id(fields.get("sale"), "sale"),
        sale.reference,
        parse_refund_lines(fields.get("returned")),
        parse_invoice(fields.get("allowance"), Paper.ALLOWANCE),
        sale.shift,
    )
    return ExchangeRequest(back, sale, prices_of)


def parse_unreceipted(body: object) -> UnreceiptedRequest:
    """Return the return without a receipt of a JSON object.

    Raises:
        MalformedField: the first field that is missing, unknown, of a wrong type or out of range.
    """
    fields = Fields(body, {"reference", "currency", "member", "lines"} | SHIFT_FIELDS)
    member = Fields(fields.get("member"), {"number"}, "member")
    return UnreceiptedRequest(
        quick_text(fields.get("reference"), "reference", 64),
        parse_currency(fields.get("currency")),
        parse_gsrn(member.get("number"), "member.number"),
        parse_lines(fields.get("lines")),
        parse_shift(fields),
    )


def _without_prices(value: object) -> tuple[object, tuple[tuple[str, str], ...]]:
    """The lines as a sale has them, and which of them have the price of a returned one."""
    if not isinstance(value, list):
        return value, ()
    lines: list[Any] = []
    prices_of: list[tuple[str, str]] = []
    for index, item in enumerate(value):
        if not isinstance(item, dict) or item.get("price_of") is None:
            lines.append(item)
            continue
        price_of = quick_text(item["price_of"], f"lines[{index}].price_of", 32)
        lines.append({name: given for name, given in item.items() if name != "price_of"})
        prices_of.append((quick_text(item.get("line"), f"lines[{index}].line", 32), price_of))
    return lines, tuple(prices_of)
