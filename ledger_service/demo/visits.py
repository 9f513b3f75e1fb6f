"""One checkout of a basket as the till sends it, and one that a cut-off till has kept for later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.demo.alliance_plan import CURRENCY, MERCHANTS, Merchant
from ledger_service.demo.dataset import Basket, Line
from ledger_service.demo.phones import Phone
from ledger_service.demo.tills import acceptance
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.eip712 import Domain

MERCHANT_OF = {merchant.key: merchant for merchant in MERCHANTS}


@dataclass(frozen=True, slots=True)
class Visit:
    """One checkout: the lines of one merchant in one basket."""

    phone: Phone
    basket: Basket
    merchant: Merchant
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """The checkout's stable name: basket and merchant."""
        return f"{self.basket.basket_id}-{self.merchant.key}"

    @property
    def total_minor(self) -> int:
        """What the shopper owes, in cents."""
        return sum(line.paid_minor for line in self.lines)

    def body(self) -> dict[str, Any]:
        """The sale as a till sends it, the member identified by number."""
        return {
            "store": self.merchant.store_gln(self.basket.store),
            "reference": self.name,
            "currency": CURRENCY,
            "lines": [
                {
                    "line": str(i),
                    "sku": str(line.product),
                    "category": line.department,
                    "quantity": line.quantity,
                    "amount_minor": line.paid_minor,
                }
                for i, line in enumerate(self.lines, start=1)
            ],
            "member": {"number": self.phone.number},
        }

    def show_pay_code(self, body: dict[str, Any], seed: str, domain: Domain, most_micros: int) -> None:
        """The member shows a fresh pay code instead of its number, and the till signs when it took it."""
        pay_code = self.phone.pay_code(domain, self.basket.at, most_micros)
        body["member"] = {"pay_code": pay_code}
        body["acceptance"] = acceptance(seed, body["store"], domain, pay_code, self.basket.at)


@dataclass(frozen=True, slots=True, order=True)
class KeptSale:
    """A sale in the queue of a till that is cut off until ``due_seconds``; ``item`` is what it uploads.

    ``thief`` where somebody else showed a photograph of the household's code.
    """

    due_seconds: int
    key: str
    household: int
    merchant: str
    store: int
    basket_id: int
    at_seconds: int
    thief: bool
    item: dict[str, Any]

    @property
    def at(self) -> datetime:
        """When it was sold."""
        return instant_of_seconds(self.at_seconds)

    @property
    def offered_minor(self) -> int:
        """What the till took as paid in points."""
        return int(self.item["sale"].get("spend", {}).get("max_value_minor", 0))

    def visit(self, phone: Phone) -> Visit:
        """The checkout again, out of what the till has kept."""
        lines = tuple(
            Line(int(line["sku"]), line["category"], line["quantity"], line["amount_minor"])
            for line in self.item["sale"]["lines"]
        )
        basket = Basket(0, self.basket_id, self.household, self.store, self.at, {})
        return Visit(phone, basket, MERCHANT_OF[self.merchant], lines)
