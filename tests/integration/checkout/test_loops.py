"""Buying, spending the earn and returning, through the real service: nobody comes out richer (INV-13, D10).

The rules alone go through ten thousand such loops in tests/unit/checkout/test_free_points.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from ledger_service.checkout.return_requests import parse_unreceipted
from ledger_service.db.engine import Database
from ledger_service.points.models import member_programme

from .shop import FUEL, GROCER, POINT_VALUE, Phone, Shop, line, loads, lots_equal_postings

CENT = 10_000


@dataclass
class Purse:
    """A member and the money it has, in micros, with what its points bought elsewhere."""

    shop: Shop
    phone: Phone
    money: int = 0

    @property
    def wealth(self) -> int:
        points = sum(self.shop.balance(self.phone, 1, part) for part in ("available", "pending", "held"))
        owed = select(func.coalesce(func.sum(member_programme.c.debt), 0)).where(
            member_programme.c.member_id == self.phone.member_id
        )
        with self.shop.database.read() as conn:
            debt = conn.execute(owed).scalar_one()
        return self.money + (points - int(debt)) * POINT_VALUE[1]

    def buy(self, rng: random.Random) -> tuple[str, dict[str, int]]:
        """A basket, perhaps partly paid in points; returns the sale and its pieces."""
        lines = [
            line(str(i), rng.randrange(1, 3_000), rng.randrange(1, 5)) for i in range(rng.randrange(1, 4))
        ]
        points = rng.randrange(self.shop.balance(self.phone, 1) + 1)
        most = sum(one["amount_minor"] for one in lines)
        spend = {"max_value_minor": min(points, most)} if min(points, most) and rng.random() < 0.6 else None
        sold = self.shop.sell(self.phone, *lines, spend=spend)
        self.money -= sold["due_minor"] * CENT
        return sold["sale_id"], {one["line"]: one["quantity"] for one in lines}

    def spend_elsewhere(self, rng: random.Random) -> None:
        points = rng.randrange(self.shop.balance(self.phone, 1) + 1)
        if points:
            wish = [{"programme": "GROC", "points": points}]
            self.shop.sell(self.phone, line("1", points), at=FUEL, spend=wish)
            self.money += points * CENT

    def return_all(self, rng: random.Random, sale_id: str, pieces: dict[str, int]) -> None:
        """Everything comes back in portions, and between them points are spent elsewhere."""
        for name, quantity in portions(rng, pieces):
            if rng.random() < 0.4:
                self.spend_elsewhere(rng)
            self.give_back(sale_id, name, quantity)

    def give_back(self, sale_id: str, name: str, quantity: int) -> None:
        back = self.shop.refund(sale_id, [(name, quantity)])
        self.money += back["cash_minor"] * CENT

    def give_back_bare(self, rng: random.Random) -> None:
        """Buy and bring back without the receipt; store credit is money that must be spent here."""
        amount = rng.randrange(1, 3_000)
        sold = self.shop.sell(self.phone, line("1", amount))
        body = {"reference": "r", "currency": "USD", "member": {"number": self.phone.number}}
        body |= {"lines": [line("1", amount)]}
        back = loads(self.shop.service.take_back(self.shop.write("b", body), parse_unreceipted(body)))
        self.money += (back["store_credit_minor"] - sold["due_minor"]) * CENT


@pytest.fixture
def generous(sqlite_database: Database) -> Iterator[Shop]:
    """Seven points a dollar, each worth a cent."""
    shop = Shop(sqlite_database)
    shop.found(points=7)
    shop.publish(GROCER, without_receipt={"most_minor": 10_000, "most_per_day": 100})
    yield shop
    shop.close()
    lots_equal_postings(shop)


def portions(rng: random.Random, pieces: dict[str, int]) -> list[tuple[str, int]]:
    """All pieces, in any order, one or several at a time."""
    found = []
    for name, quantity in pieces.items():
        cut = rng.randrange(quantity)
        found += [(name, part) for part in (cut, quantity - cut) if part]
    rng.shuffle(found)
    return found


@pytest.mark.parametrize("loops", [300, pytest.param(3_000, marks=pytest.mark.deep)])
def test_no_loop_through_the_service_leaves_a_free_point(generous: Shop, loops: int) -> None:
    rng = random.Random(20)
    purses = [Purse(generous, generous.enrol()) for _ in range(5)]
    for purse in purses:
        generous.stock(purse.phone, 1, 40)
    for number in range(loops):
        purse = rng.choice(purses)
        before = purse.wealth
        if number % 10 == 9:
            purse.give_back_bare(rng)
        else:
            purse.return_all(rng, *purse.buy(rng))
        assert purse.wealth <= before, (number, before, purse.wealth)
        generous.clock.forward(minutes=7)
