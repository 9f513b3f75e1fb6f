"""A shop whose receipts join members afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.attach import policies
from ledger_service.checkout.attach.requests import parse_attach
from ledger_service.checkout.attach.service import AttachService
from ledger_service.checkout.requests import Caller
from ledger_service.checkout.submission import Store
from ledger_service.risk import staff

from .shop import GROCER, Phone, Shop, loads


def attach(shop: Shop, sale_id: str, phone: Phone, **how: Any) -> dict[str, Any]:
    """The answer of a late attach at the grocer's till."""
    return loads(send(shop, sale_id, phone, **how))


def send(shop: Shop, sale_id: str, phone: Phone, key: str | None = None, **how: Any) -> Answer:
    """The same as it was answered; ``cashier`` says who does it, ``by`` with whose key."""
    body = {"member": {"number": phone.number}, "cashier": how.get("cashier", "ann")}
    write = shop.write("attach", [sale_id, body], key)
    if "by" in how:
        write = replace(write, caller=how["by"])
    service = AttachService(Store(shop.writer, shop.database), shop.admission)
    return service.attach(write, parse_attach(sale_id, body))


def office(merchant_id: int = GROCER) -> Caller:
    """A key of the merchant itself, at no till."""
    return Caller(f"merchant:{merchant_id}", merchant_id, "")


def allow_days(shop: Shop, days: int, merchant_id: int = GROCER) -> None:
    """The merchant's policy, known to every till at once."""
    with shop.database.begin() as conn:
        policies.publish(conn, merchant_id, days, shop.clock.at)
    shop.directory.refresh()


def works_here(shop: Shop, cashier: str, phone: Phone, merchant_id: int = GROCER) -> None:
    with shop.database.begin() as conn:
        staff.link(conn, (merchant_id, cashier), phone.member_id, ("merchant", shop.clock.at))


def later(shop: Shop, **span: int) -> None:
    shop.clock.at += timedelta(**span)
