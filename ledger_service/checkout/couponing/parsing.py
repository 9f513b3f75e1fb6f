"""Which coupons a till's body asks for, from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.fields import Fields
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import parse_id

MOST_NAMED = 20
_KNOWN = frozenset({"ids", "wallet"})


def parse_wish(body: Mapping[str, Any]) -> tuple[CouponWish | None, dict[str, Any]]:
    """The coupons asked for, and the body without them; None where no coupon can come of it.

    Raises:
        MalformedField: ``coupons`` is not in its form.
    """
    rest = {name: value for name, value in body.items() if name != "coupons"}
    given = body.get("coupons")
    if given is None:
        return None, rest
    fields = Fields(given, _KNOWN, "coupons")
    ids = fields.get("ids")
    if ids is not None and (type(ids) is not list or len(ids) > MOST_NAMED):
        raise MalformedField("coupons.ids", f"must be a list of at most {MOST_NAMED} ids")
    named = tuple(parse_id(one, f"coupons.ids[{place}]") for place, one in enumerate(ids or ()))
    wallet = fields.flag("wallet", default=False)
    return (CouponWish(named, wallet) if named or wallet else None), rest
