"""A shop that sells stored-value cards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import select, update

from ledger_service.checkout.basket import CardShown
from ledger_service.checkout.service import Store
from ledger_service.checkout.stored import reconcile
from ledger_service.checkout.stored.requests import parse_card_load, parse_card_payout, parse_card_sale
from ledger_service.checkout.stored.service import CardCheckout
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.terms.values import InstrumentKind, StoredValue

from .couponed import CouponShop
from .shop import GROCER, Phone, Shop, line, loads

PIN = "4711"


class ValueShop(CouponShop):
    """Cards over a shop: sold, loaded, paid with."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.cards = CardCheckout(Store(shop.writer, shop.database), shop.admission, shop.desk, self.cache)

    def printed(self, size: int = 1, most: int = 50_000, place: str = "US", **more: Any) -> list[str]:
        """Codes of a live definition of cards, under the law of a place."""
        self.publish(1, StoredValue(most), kind=InstrumentKind.PAID, **more)
        self.law(jurisdiction=place)
        return self.list_of(1, size)

    def law(self, **values: Any) -> None:
        with self.shop.database.begin() as conn:
            conn.execute(update(coupon_definition).values(**values))

    def sold(self, code: str, minor: int, **more: Any) -> dict[str, Any]:
        suspended = more.pop("suspended", False)
        body = self._money(code, minor) | more
        write = self.shop.write("card", body)
        write = replace(write, caller=replace(write.caller, suspended=suspended))
        return loads(self.cards.sell(write, parse_card_sale(body)))

    def loaded(self, code: str, minor: int, merchant: int = GROCER) -> dict[str, Any]:
        body = self._money(code, minor)
        return loads(self.cards.load(self.shop.write("load", body, None, merchant), parse_card_load(body)))

    def paid_out(self, code: str, pin: str | None = None) -> dict[str, Any]:
        body = {"card": code, "pin": pin, "reference": "p"}
        return loads(self.cards.pay_out(self.shop.write("pay-out", body), parse_card_payout(body)))

    def looked(self, code: str, pin: str | None = None, merchant: int = GROCER) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(
            self.cards.look(self.shop.caller(merchant), CardShown(code, pin), self.shop.clock.at)
        )
        return found

    def basket(self, total: int, *tenders: dict[str, Any], phone: Phone | None = None) -> dict[str, Any]:
        member = {} if phone is None else {"member": {"number": phone.number}}
        return self.shop.sale_body(line("1", total, 10), tenders=list(tenders), **member)

    def bought(self, total: int, *tenders: dict[str, Any], phone: Phone | None = None) -> dict[str, Any]:
        return loads(self.shop.send_sale(self.basket(total, *tenders, phone=phone)))

    def row(self) -> dict[str, Any]:
        """The one card."""
        with self.shop.database.begin() as conn:
            return dict(conn.execute(select(value_card)).mappings().one())

    def differences(self) -> list[tuple[str, str]]:
        with self.shop.database.snapshot() as conn:
            return [(one.check, one.subject) for one in reconcile.differences(conn)]

    def _money(self, code: str, minor: int) -> dict[str, Any]:
        tenders = [{"type": "cash", "amount_minor": minor}]
        money = {"card": code, "amount_minor": minor, "currency": "USD", "reference": "c"}
        return {**money, "tenders": tenders}


def value(code: str, minor: int, pin: str | None = None) -> dict[str, Any]:
    tender = {"type": "stored_value", "amount_minor": minor, "card": code}
    return tender if pin is None else tender | {"pin": pin}


def cash(minor: int) -> dict[str, Any]:
    return {"type": "cash", "amount_minor": minor}
