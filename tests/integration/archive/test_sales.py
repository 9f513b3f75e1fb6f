"""Sales that can no longer come back: the row stays and says where basket and receipt stand."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from ledger_service.archive.verifying import lines
from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.attach import policies as attach_policies
from ledger_service.checkout.claimed_sales import ReceiptSales
from ledger_service.checkout.days.queries import day_as_it_stands
from ledger_service.checkout.days.service import Day
from ledger_service.checkout.queries import Codes, SaleSearch, sale_for, sales_of_merchant
from ledger_service.checkout.records import points_value_of
from ledger_service.checkout.recounting import _days_of
from ledger_service.checkout.spent_at import places_of_redemptions
from ledger_service.claims import service as claims
from ledger_service.claims.ports import Receipt
from ledger_service.members.households.models import household
from tests.integration.archive.old_ledger import KEY, OldLedger
from tests.integration.checkout.shop import FLORIST, FUEL, GROCER, START


def codes_of(old: OldLedger) -> Codes:
    """Programme codes as the front door looks them up."""
    programmes = old.shop.catalogue.current().programmes
    return lambda ids: {number: programmes[number].code for number in ids}


@pytest.fixture
def over(old: OldLedger) -> OldLedger:
    """The grocer takes goods back for thirty days, the florist too; the fuel station without end."""
    for merchant in (GROCER, FLORIST):
        old.shop.publish(merchant, within_days=30)
    return old


def test_only_what_cannot_come_back_and_is_settled_moves(over: OldLedger) -> None:
    sold = over.shop.count("sale")
    done = over.archive()
    assert done.sales == sold - 2, "the fuel station's may come back, the florist's points have not vested"
    assert done.sellers_kept == 1
    with over.shop.database.read() as conn:
        whole = conn.execute(text("SELECT merchant_id FROM sale WHERE receipt <> ''")).scalars().all()
    assert sorted(whole) == sorted((FUEL, FLORIST))
    assert over.faults() == []


def test_an_archived_sale_still_tells_in_which_store_points_were_redeemed(over: OldLedger) -> None:
    query = text("SELECT merchant_id, spent FROM sale WHERE spent <> '' AND merchant_id = :grocer")
    with over.shop.database.snapshot() as conn:
        before = [row.spent for row in conn.execute(query, {"grocer": GROCER})]
        ids = {bytes.fromhex(spent[2:34]) for spent in before}
        told = places_of_redemptions(conn, GROCER, ids)
    assert len(told) == len(ids) > 0
    over.archive()
    with over.shop.database.snapshot() as conn:
        after = [row.spent for row in conn.execute(query, {"grocer": GROCER})]
        assert places_of_redemptions(conn, GROCER, ids) == told
    assert sorted(map(points_value_of, after)) == sorted(map(points_value_of, before))
    assert max(map(len, after)) < max(map(len, before))
    assert over.faults() == []


def test_an_archived_sale_is_named_to_who_asks_and_to_who_would_return_it(over: OldLedger) -> None:
    over.archive()
    sale_id = over.sales[0]
    with over.shop.database.read() as conn, pytest.raises(SaleArchived) as told:
        sale_for(conn, GROCER, bytes.fromhex(sale_id), {}, codes_of(over))
    with pytest.raises(SaleArchived):
        over.shop.refund(sale_id)
    name, _, number = told.value.archive.partition("#")
    records = [orjson.loads(line) for line in lines(over.room, name, int(number))]
    found = next(one for one in records if one["sale_id"] == sale_id)
    assert (found["total_minor"], found["merchant_id"]) == (2_500, GROCER)
    assert orjson.loads(found["lines"])[0][3] == 2_500
    assert any(one["refunds"] for one in records), "a refund goes along with its sale"


def test_a_store_day_whose_sales_are_archived_says_so_instead_of_other_totals(over: OldLedger) -> None:
    with over.shop.database.read() as conn:
        number = conn.execute(text("SELECT MIN(business_day) FROM sale WHERE store_gln = :g"), {"g": GROCER})
        day = Day(GROCER, number.scalar_one(), GROCER)
        first = "SELECT MIN(business_day) FROM refund WHERE store_gln = :g"
        returned = conn.execute(text(first), {"g": GROCER})
        back = Day(GROCER, returned.scalar_one(), GROCER)
        assert day_as_it_stands(conn, day)["ledger"]
    over.archive()
    for one in (day, back):
        with over.shop.database.read() as conn, pytest.raises(SaleArchived):
            day_as_it_stands(conn, one)


def test_a_list_of_sales_leaves_out_what_is_archived(over: OldLedger) -> None:
    search = SaleSearch(reference="r", since=START - timedelta(days=1), until=over.shop.clock.at)
    with over.shop.database.read() as conn:
        before = sales_of_merchant(conn, GROCER, search, codes_of(over))
    over.archive()
    with over.shop.database.read() as conn:
        assert sales_of_merchant(conn, GROCER, search, codes_of(over)) == []
    assert before


def test_a_sale_with_a_younger_refund_or_an_open_operation_stays(over: OldLedger) -> None:
    with over.shop.database.begin() as conn:
        conn.execute(text("UPDATE refund SET occurred_at = occurred_at + 86400000000 * 60"))
        conn.execute(text("UPDATE intent SET state = 'set_aside', reason = 'x' WHERE intent_id = 1"))
    assert over.archive().sales == over.shop.count("sale") - 4


def test_sales_that_tiers_are_counted_from_stay(over: OldLedger) -> None:
    with over.shop.database.begin() as conn:
        for programme in (1, 3):
            conn.execute(text("INSERT INTO tier_ladder VALUES (:p, 1, 0, '{}', 0)"), {"p": programme})
    done = over.archive()
    assert (done.sales, done.sellers_kept) == (0, 3)


def test_a_recount_of_tiers_reads_past_what_is_archived(over: OldLedger) -> None:
    over.archive()
    programme = over.shop.catalogue.current().programme(1)
    with over.shop.database.read() as conn:
        assert list(_days_of(conn, programme, (0, 99))) == []


def test_an_archived_sale_is_never_made_a_second_time(over: OldLedger) -> None:
    over.archive()
    with over.shop.database.begin() as conn:  # as if the table of answers had been lost
        conn.execute(text("DELETE FROM idempotency"))
    sold = over.shop.count("sale")
    with pytest.raises(IntegrityError):
        over.sell(KEY)
    assert over.shop.count("sale") == sold


def test_a_sale_that_may_still_be_claimed_or_joined_stays(over: OldLedger) -> None:
    with over.shop.database.begin() as conn:
        claims.set_policy(conn, GROCER, claims.ClaimPolicy(claim_days=200))
    assert over.archive().sales == 0
    with over.shop.database.begin() as conn:
        claims.set_policy(conn, GROCER, claims.ClaimPolicy(claim_days=1, answer_days=1))
        attach_policies.publish(conn, GROCER, 200, over.shop.clock.at)
    assert over.archive().sales == 0


def test_a_households_sales_stay_since_who_parts_is_given_its_share_by_them(over: OldLedger) -> None:
    row = {"household_id": over.phones[0].member_id, "state": "open", "parting": "stays", "timezone": "UTC"}
    with over.shop.database.begin() as conn:
        conn.execute(insert(household).values(**row, created_at=START))
    assert over.archive().sales == 0


def test_a_claim_of_an_archived_sale_finds_nothing(over: OldLedger) -> None:
    sales = ReceiptSales(over.shop.catalogue)
    shown = Receipt(GROCER, GROCER, "UTC", START.date(), "r", 2_500, over.sales[0])
    with over.shop.database.begin() as conn:
        assert [one.total_minor for one in sales(conn, shown)] == [2_500]
    over.archive()
    with over.shop.database.begin() as conn:
        assert list(sales(conn, shown)) == []
