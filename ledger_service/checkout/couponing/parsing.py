"""Which coupons a till's body asks for, from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.couponing.wishing import CouponWish
from ledger_service.checkout.fields import Fields
from ledger_service.checkout.line_parsing import GREATEST_MINOR
from ledger_service.coupons.codes.typed import LONGEST_TYPED
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.text import clean_integer

MOST_NAMED = 20
MOST_CODES = 10
_KNOWN = frozenset({"ids", "codes", "wallet"})


def parse_wish(body: Mapping[str, Any]) -> tuple[CouponWish | None, dict[str, Any]]:
    """The coupons asked for, and the body without them; None where no coupon can come of it.

    Raises:
        MalformedField: ``coupons`` is not in its form.
    """
    rest = {name: value for name, value in body.items() if name != "coupons"}
    given = body.get("coupons")
    if given is None:
        return None, rest
    return _wish(Fields(given, _KNOWN, "coupons")), rest


def parse_taken(sale: Any) -> tuple[CouponWish | None, int, Any]:
    """What a till alone took coupons for, what it took off for them in minor units, and the sale without.

    Raises:
        MalformedField: as ``parse_wish``; no coupon named, or no ``taken_minor``.
    """
    if not isinstance(sale, dict) or sale.get("coupons") is None:
        return None, 0, sale
    rest = {name: value for name, value in sale.items() if name != "coupons"}
    fields = Fields(sale["coupons"], {"ids", "codes", "taken_minor"}, "coupons")
    wish = _wish(fields)
    if wish is None:
        raise MalformedField("coupons", "must name at least one coupon")
    taken_minor = clean_integer(fields.get("taken_minor"), "coupons.taken_minor", 0, GREATEST_MINOR)
    return wish, taken_minor, rest


def _wish(fields: Fields) -> CouponWish | None:
    ids = _listed(fields, "ids", MOST_NAMED)
    named = tuple(parse_id(one, f"coupons.ids[{place}]") for place, one in enumerate(ids))
    codes = tuple(_code(place, one) for place, one in enumerate(_listed(fields, "codes", MOST_CODES)))
    wallet = fields.flag("wallet", default=False)
    return CouponWish(named, codes, wallet) if named or codes or wallet else None


def _listed(fields: Fields, name: str, most: int) -> list[Any]:
    value = fields.get(name)
    if value is not None and (type(value) is not list or len(value) > most):
        raise MalformedField(f"coupons.{name}", f"must be a list of at most {most}")
    return value or []


def _code(place: int, value: object) -> str:
    # Whatever else it says is no code of any list, and answered as one that is wrong.
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TYPED:
        raise MalformedField(f"coupons.codes[{place}]", f"must be text of 1 to {LONGEST_TYPED} characters")
    return value
