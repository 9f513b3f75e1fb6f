"""A sale that a till made alone comes home after its receipt was claimed: it earns once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.db.engine import Database
from ledger_service.points.models import adjustment
from ledger_service.points.receipts.models import claimed_receipt
from tests.integration.checkout.alone import OfflineShop, Till
from tests.integration.checkout.shop import Phone, lots_equal_postings

from .office import Office


@pytest.fixture
def cut(database: Database) -> Iterator[Office]:
    """The claims room over a shop whose tills may be cut off."""
    one = OfflineShop(database)
    one.found()
    two = OfflineShop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield Office(one, two)
    one.close()
    two.close()
    lots_equal_postings(one)


def alone(office: Office, phone: Phone, reference: str, total: int = 1_000) -> tuple[Till, dict[str, Any]]:
    """A till without a line sells to the member; a while passes."""
    assert isinstance(office.shop, OfflineShop)
    till = office.shop.till()
    item = till.sell(office.shop.clock.at, total, member={"number": phone.number}, reference=reference)
    office.shop.clock.forward(minutes=5)
    return till, item


def home(office: Office, till: Till, item: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(office.shop, OfflineShop)
    merged = office.shop.one(till, item)
    assert merged.state == "certain", merged
    return dict(merged.content or {})


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("spelt", ["A-17", "a17", "smudged"])
def test_points_that_were_granted_while_the_till_was_cut_off_are_not_earned_again(
    cut: Office, spelt: str, same: bool
) -> None:
    phone, mate = cut.shop.enrol(), cut.shop.enrol()
    till, item = alone(cut, phone, "A17")
    claimant = phone if same else mate
    cut.decide(cut.grant(cut.file(claimant, spelt), 10))
    told = home(cut, till, item)
    again = spelt != "smudged" or same
    assert told.get("already_claimed", False) is again
    assert (told["sale"]["earned"] == []) is again
    assert cut.shop.balance(phone, 1) + cut.shop.balance(mate, 1) == (10 if again else 20)
    assert home(cut, till, item) == told
    # The claim stands for that one sale and for no other of the number.
    other, second = alone(cut, phone, "A17", 2_000)
    assert home(cut, other, second)["sale"]["earned"][0]["points"] == 20


def test_what_was_only_asked_for_is_declined_when_the_sale_comes_with_its_member(cut: Office) -> None:
    phone = cut.shop.enrol()
    till, item = alone(cut, phone, "A17")
    claim = cut.file(phone, "A17")
    asked = cut.grant(claim, 10)
    told = home(cut, till, item)
    assert (told["sale"]["earned"][0]["points"], "already_claimed" in told) == (10, False)
    with cut.shop.database.read() as conn:
        its = select(adjustment.c.state, adjustment.c.decided_by).where(adjustment.c.adjustment_id == asked)
        assert tuple(conn.execute(its).one()) == ("declined", "service")
        assert set(conn.execute(select(claimed_receipt.c.state)).scalars()) == {"declined"}
    assert cut.state(claim)[0] == "open"
    assert cut.shop.balance(phone, 1) == 10
