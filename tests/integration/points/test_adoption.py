"""What the chain has and a restored database lacks is booked as it was mined, once, and marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.db.engine import open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.operations import Issue, Operation, Redeem
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import entry
from ledger_service.members.errors import MemberUnknown
from ledger_service.points.adoption import AdoptCommand
from ledger_service.points.models import permit_use
from tests.integration.checkout.shop import FUEL, Phone, Shop, line, lots_equal_postings
from tests.integration.points.test_points import operations

FACTS = {"batch": 3, "block": 40, "asked_by": "operator:ann", "agreed_by": "operator:ben"}


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Shop]:
    """The shop whose database was lost: the same members and keys as in the restored one."""
    database = open_database(f"sqlite:///{tmp_path}/before.db")
    create_everything(database)
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()
    database.close()


def trade(shop: Shop) -> tuple[Phone, list[Operation]]:
    """A member earns, spends and gets something back."""
    phone = shop.enrol()
    shop.send_sale(shop.sale_body(line("1", 5_000), member={"number": phone.number}), "first")
    sale = shop.sell(phone, line("1", 60), at=FUEL, spend=[{"programme": "GROC", "points": 30}])
    shop.refund(sale["sale_id"], at=FUEL)
    return phone, operations(shop)


def adopt(shop: Shop, operation: Operation) -> bool:
    return shop.writer.submit(AdoptCommand(operation, dict(FACTS), shop.clock.at))


def test_adopted_operations_give_the_same_lots_and_say_where_they_come_from(shop: Shop, before: Shop) -> None:
    phone, done = trade(before)
    shop.enrol()
    assert [adopt(shop, operation) for operation in done] == [True] * len(done)
    assert shop.balance(phone, 1) == before.balance(phone, 1) == 50
    assert shop.balance(phone, 2) == before.balance(phone, 2)
    assert [one.leaf() for one in operations(shop)] == [one.leaf() for one in done]
    with shop.database.read() as conn:
        rows = conn.execute(select(entry.c.kind, entry.c.body).order_by(entry.c.sequence)).all()
        used = conn.execute(select(permit_use.c.used_by)).scalars().all()
    assert [row.kind for row in rows[:2]] == ["issue", "redeem"]
    assert all(json.loads(row.body) == {**FACTS, "adopted": True} for row in rows)
    assert used == [one.op_id for one in done if isinstance(one, Redeem)]
    assert [adopt(shop, operation) for operation in done] == [False] * len(done)
    lots_equal_postings(shop)


def test_a_stranger_s_operation_and_points_that_are_not_there_are_refused(shop: Shop, before: Shop) -> None:
    phone, done = trade(before)
    shop.enrol()
    issue = next(one for one in done if isinstance(one, Issue))
    spent = next(one for one in done if isinstance(one, Redeem))
    with pytest.raises(MemberUnknown):
        adopt(shop, replace(issue, account=b"\x77" * 20))
    with pytest.raises(InsufficientPoints):
        adopt(shop, spent)
    assert shop.balance(phone, 1) == 0
    assert operations(shop) == []
