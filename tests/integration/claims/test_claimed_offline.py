"""A sale that a till made alone comes home after its receipt was claimed: it earns once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from ledger_service.claims.errors import ReceiptClaimed
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant
from ledger_service.points.models import adjustment
from ledger_service.points.receipts.models import claimed_receipt
from tests import warm
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


@pytest.mark.parametrize("who", ["same", "mate", "nobody"])
def test_goods_of_a_sale_that_came_home_take_the_claims_points_back(cut: Office, who: str) -> None:
    phone, mate = cut.shop.enrol(), cut.shop.enrol()
    claimant = mate if who == "mate" else phone
    assert isinstance(cut.shop, OfflineShop)
    till = cut.shop.till()
    named = {} if who == "nobody" else {"member": {"number": phone.number}}
    item = till.sell(cut.shop.clock.at, 1_000, reference="A17", **named)
    cut.shop.clock.forward(minutes=5)
    cut.decide(cut.grant(cut.file(claimant, "A17"), 10))
    sale = home(cut, till, item)["sale"]["sale_id"]
    assert cut.shop.balance(claimant, 1) == 10
    back = cut.other.refund(sale)
    assert back["claim_undone"] == {"programme": "GROC", "points": 10, "debt": 0}
    assert (cut.shop.balance(phone, 1), cut.shop.balance(mate, 1)) == (0, 0)


@pytest.mark.parametrize("point", ["early", "late", "committed"])
@pytest.mark.parametrize("given", ["before", "asked before", "after"])
def test_an_upload_that_is_killed_beside_a_claim_doubles_nothing(
    sqlite_database: Database, tmp_path: Path, given: str, point: str
) -> None:
    """kill -9 of the process that an upload is handed to; the till hands it in again to another one."""
    shop = OfflineShop(sqlite_database)
    shop.found()
    office, phone = Office(shop, shop), shop.enrol()
    till, item = alone(office, phone, "A17")
    claim = office.file(phone, "A17")
    asked = None if given == "after" else office.grant(claim, 10)
    if asked is not None and given == "before":
        office.decide(asked)
    url, told = sqlite_database.url.render_as_string(hide_password=False), tmp_path / "told.json"
    told.write_bytes(orjson.dumps({"items": till.items, "at": format_instant(shop.clock.at)}))
    dead = warm.run("tests.integration.checkout.dying_upload", url, str(told), point, env=os.environ)
    assert dead.returncode == -9, dead.stderr
    assert shop.count("sale") == (1 if point == "committed" else 0)
    if given == "asked before" and point != "committed":
        office.decide(asked or b"")
    if given == "after" and point == "committed":
        with pytest.raises(ReceiptClaimed):
            office.grant(claim, 10)
    elif given == "after":
        office.decide(office.grant(claim, 10))
    for _ in range(2):
        answer = home(office, till, item)
    assert (shop.count("sale"), shop.balance(phone, 1)) == (1, 10)
    # The sale earned exactly where the claim did not.
    earns = point == "committed" and given != "before"
    assert ("already_claimed" not in answer) is earns
    shop.refund(answer["sale"]["sale_id"])
    assert shop.balance(phone, 1) == 0
    shop.close()
    lots_equal_postings(shop)
