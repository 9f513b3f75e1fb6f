"""Strict parsing of uploaded sales; a basket is parsed by the same rules as one that is sold online."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import orjson

from ledger_service.checkout.couponing.parsing import parse_taken
from ledger_service.checkout.fields import Fields, sequence_of
from ledger_service.checkout.offline.requests import OfflineSale
from ledger_service.checkout.parsing import parse_sale
from ledger_service.checkout.requests import SaleRequest
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_integer
from ledger_service.points.basis import TenderType

MOST_SALES = 200
GREATEST_VERSION = 2**31 - 1
_ITEM = frozenset({"key", "sold_at", "sale", "allowance_version"})
_KEY = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def parse_batch(body: object) -> list[Any]:
    """Return the items of a batch, each still to be parsed for itself.

    Raises:
        MalformedField: no list of objects, an empty one, more than 200 items, or an unknown field.
    """
    fields = Fields(body, {"sales"})
    items = sequence_of(fields.get("sales"), "sales", MOST_SALES)
    if not items:
        raise MalformedField("sales", "must hold at least one sale")
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise MalformedField(f"sales[{place}]", "must be an object")
    return items


def key_of(item: object) -> str | None:
    """The key of an item, however malformed the rest is; None where there is none."""
    key = item.get("key") if isinstance(item, dict) else None
    return key if isinstance(key, str) and _KEY.fullmatch(key) else None


def parse_item(item: object) -> OfflineSale:
    """Return the sale of one item.

    Raises:
        MalformedField: as for a sale online; a key of other characters; 18 digits, which no till can check
            alone; a spend that is no value, without an acceptance signed at ``sold_at``, or above the basket.
    """
    fields = Fields(item, _ITEM)
    key = key_of(item)
    if key is None:
        raise MalformedField("key", "must have 1 to 64 letters, digits or . _ ~ -")
    sold_at = parse_instant(fields.get("sold_at"), "sold_at")
    wish, taken, body = parse_taken(fields.get("sale"))
    sale = parse_sale(body)
    _check_alone(sale)
    basket = sum(line.amount_minor for line in sale.lines)
    if taken > basket:
        raise MalformedField("coupons.taken_minor", "must not be above the basket")
    if sale.spend is not None:
        _check_spend(sale, seconds_floor(sold_at), basket - taken)
    version = fields.get("allowance_version")
    version = clean_integer(0 if version is None else version, "allowance_version", 0, GREATEST_VERSION)
    digest = sha256(b"POST /v1/offline-sales\n" + _remembered(item)).digest()
    return OfflineSale(key, sold_at, sale, version, digest, wish, taken)


def _remembered(item: Any) -> bytes:
    # A digest is kept for ever, and whoever has it can try cards and phone numbers until one fits.
    member = item["sale"].get("member")
    if isinstance(member, dict) and ("card" in member or "phone" in member):
        item = {**item, "sale": {**item["sale"], "member": {}}}
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


def _check_alone(sale: SaleRequest) -> None:
    if sale.member is not None and (sale.member.pin or sale.member.code):
        raise MalformedField("sale.member", "must have no PIN and no one-time code: they need the service")
    if sale.member is not None and sale.member.digits is not None:
        raise MalformedField("sale.member.pay_code", "must be a signed pay code: 18 digits need the service")
    if any(tender.shown is not None for tender in sale.tenders):
        raise MalformedField("sale.tenders", "must name no stored-value card: it needs the service")
    if any(tender.type == TenderType.POINTS for tender in sale.tenders):
        raise MalformedField("sale.tenders", "must not name points: which ones pay is known to the service")


def _check_spend(sale: SaleRequest, sold_at: int, basket_minor: int) -> None:
    value = sale.spend.max_value_minor if sale.spend is not None else None
    if value is None:
        raise MalformedField("sale.spend", "must be a value in minor units")
    if value > basket_minor:
        raise MalformedField("sale.spend", "must not be above the basket")
    taken = sale.acceptance
    if taken is None or taken.signature is None:
        raise MalformedField("sale.acceptance", "must be signed by the till")
    if seconds_floor(taken.accepted_at) != sold_at:
        raise MalformedField("sale.acceptance.accepted_at", "must be the second of sold_at")
