"""A shop whose members hold coupons."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import Connection, insert, select

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing.models import sale_coupon
from ledger_service.checkout.couponing.service import CouponedCheckout, CouponWish
from ledger_service.checkout.parsing import parse_authorise, parse_quote, parse_refund, parse_sale
from ledger_service.checkout.return_requests import parse_exchange
from ledger_service.checkout.service import Store
from ledger_service.coupons.codes.making import ListDesk, NewList
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import coupon_definition, coupon_use, coupon_version
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import Benefit, Share, Terms
from ledger_service.coupons.wallet.models import coupon
from ledger_service.db.models import alliance

from .shop import GROCER, START, Phone, Shop, loads

_SERIAL = count(1)
_IDS = SystemRandom()
GCN = 9_520_001_000_010


def on_chain(conn: Connection) -> None:
    """The alliance has a contract of coupons."""
    contracts = "clearing_house", "registry", "manager", "points_implementation", "coupons"
    row = {"id": 1, "name": "A", "currency": "USD", "gs1_prefix": "9520001", "chain_id": 1}
    bounds = {"per_permit_micros": 1, "per_day_micros": 1, "founded_at": START}
    conn.execute(insert(alliance).values({**row, **dict.fromkeys(contracts, bytes(20)), **bounds}))


class CouponShop:
    """Coupons over a shop: definitions that are live, coupons in wallets, quotes and sales with them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.cache = shop.coupons
        store = Store(shop.writer, shop.database)
        self.tagger = tagger_of(bytes(32))
        self.checkout = CouponedCheckout(store, shop.admission, self.cache, self.tagger)

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
        coupon_id: bytes = more.pop("coupon_id", next(_SERIAL).to_bytes(16, "big"))
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

    def list_of(self, definition: int, size: int = 1, **other: Any) -> list[str]:
        """The codes of a sealed list."""
        name = f"L{definition}-{next(_SERIAL)}"
        desk = ListDesk(self.shop.database, self.tagger, safe_of(bytes(32), _IDS), _IDS)
        given = {"kind": "unique", "pattern": "####-####-####-####-*"} | other
        desk.begin(NewList(name, GROCER, definition, GCN, size=size, **given), START)
        return list(desk.codes(desk.generate(name, START, lambda *_: None)))

    def authorise(
        self, phone: Phone, wish: CouponWish, *lines: dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        body = self.body(phone, *lines, spend={"max_value_minor": 50}) | more
        write = self.shop.write("authorise", body)
        found: dict[str, Any] = loads(self.checkout.authorise(write, parse_authorise(body), wish))
        return found

    def exchange(
        self, sale_id: str, body: dict[str, Any], wish: CouponWish | None, *back: tuple[str, int]
    ) -> dict[str, Any]:
        returned = [{"line": name, "quantity": quantity} for name, quantity in back]
        request = parse_exchange({**body, "sale": sale_id, "returned": returned})
        used = self.checkout.used(request.back.sale_id)
        write = self.shop.write("exchange", body)
        found: dict[str, Any] = loads(self.checkout.exchange(write, request, wish, used))
        return found

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
        found: dict[str, Any] = loads(self.checkout.refund(self.shop.write("refund", body), request, used))
        return found
