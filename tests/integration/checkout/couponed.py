"""A shop whose members hold coupons."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import insert, select

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing.models import sale_coupon
from ledger_service.checkout.couponing.service import CouponedCheckout, CouponWish
from ledger_service.checkout.parsing import parse_quote, parse_refund, parse_sale
from ledger_service.checkout.service import Store
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import coupon_definition, coupon_use, coupon_version
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import Benefit, Share, Terms
from ledger_service.coupons.wallet.models import coupon

from .shop import GROCER, START, Phone, Shop, loads

_SERIAL = count(1)


class CouponShop:
    """Coupons over a shop: definitions that are live, coupons in wallets, quotes and sales with them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.cache = CouponCatalogueCache(shop.database, lambda: 0.0)
        store = Store(shop.writer, shop.database)
        self.checkout = CouponedCheckout(store, shop.admission, self.cache)

    def publish(self, number: int, benefit: Benefit, **more: Any) -> Terms:
        funders = more.pop("funders", (Share(GROCER, 10_000),))
        terms = Terms(number, 1, GROCER, "USD", benefit, funders, **more)
        with self.shop.database.begin() as conn:
            names = {"definition_id": number, "merchant_id": GROCER, "code": f"D{number}", "names": "{}"}
            by = {"jurisdiction": "none", "created_by": "a", "created_at": START}
            conn.execute(insert(coupon_definition).values({**names, **by}))
            text = {"definition_id": number, "version": 1, "body": terms_json(terms)}
            text |= {"terms_hash": terms_hash(terms), "effective_from": START, "written_by": "a"}
            by = {"written_at": START, "approved_by": "b", "approved_at": START, "live_from": START}
            conn.execute(insert(coupon_version).values({**text, **by}))
            next_number(conn)
        self.cache.refresh()
        return terms

    def give(self, phone: Phone, definition: int, **more: Any) -> bytes:
        coupon_id = next(_SERIAL).to_bytes(16, "big")
        row = {"coupon_id": coupon_id, "definition_id": definition, "version": 1, "state": "available"}
        row |= {"holder": phone.member_id, "claimed_at": START, **more}
        with self.shop.database.begin() as conn:
            conn.execute(insert(coupon).values(row))
        return coupon_id

    def body(self, phone: Phone, *lines: dict[str, Any], spend: Any = None) -> dict[str, Any]:
        member = {"number": phone.number}
        if spend is not None:
            member = {"pay_code": phone.pay_code(self.shop.clock.at)}
        more = {"member": member} | ({} if spend is None else {"spend": spend})
        return self.shop.sale_body(*lines, **more)

    def quote(self, body: dict[str, Any], wish: CouponWish) -> dict[str, Any]:
        caller = self.shop.caller()
        found: dict[str, Any] = loads(
            Answer(200, self.checkout.quote(caller, parse_quote(body), wish, self.shop.clock.at))
        )
        return found

    def sell(self, body: dict[str, Any], wish: CouponWish, key: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = loads(self.answer(body, wish, key))
        return found

    def answer(self, body: dict[str, Any], wish: CouponWish, key: str | None = None) -> Answer:
        return self.checkout.sale(self.shop.write("sale", body, key), parse_sale(body), wish)

    def state(self, coupon_id: bytes) -> str:
        with self.shop.database.begin() as conn:
            found = select(coupon.c.state).where(coupon.c.coupon_id == coupon_id)
            return str(conn.execute(found).scalar_one())

    def used(self) -> list[tuple[bytes, int]]:
        with self.shop.database.begin() as conn:
            rows = conn.execute(select(sale_coupon.c.coupon_id, sale_coupon.c.discount_minor)).all()
            return sorted((bytes(row[0]), row[1]) for row in rows)

    def counted(self) -> list[tuple[int, int]]:
        with self.shop.database.begin() as conn:
            rows = conn.execute(select(coupon_use.c.count, coupon_use.c.value_minor)).all()
            return [(row[0], row[1]) for row in rows]

    def refund(self, sale_id: str, *lines: tuple[str, int]) -> dict[str, Any]:
        body: dict[str, Any] = {"reference": "r"}
        if lines:
            body["lines"] = [{"line": name, "quantity": quantity} for name, quantity in lines]
        request = parse_refund(sale_id, body)
        used = self.checkout.used(request.sale_id)
        found: dict[str, Any] = loads(
            self.checkout.refund(self.shop.write("refund", body), request, used)
        )
        return found
