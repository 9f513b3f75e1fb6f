"""What a reserve allows: earning ends with a reason, spending goes on, and earning comes back."""

from __future__ import annotations

from itertools import count

from sqlalchemy import insert, select, update

from ledger_service.db.engine import Database
from ledger_service.db.models import chain_issuance_limit
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.permits import MINING_WINDOW_SECONDS
from ledger_service.points import programmes
from ledger_service.points.models import issuance_budget, issuance_reservation
from ledger_service.points.reserves import IssuanceLimit
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, Shop, line, lots_equal_postings
from tests.integration.checkout.test_races import at_once
from tests.integration.points.test_points import make_pending

NEVER = (1 << 40) - 1
_blocks = count(1)


def limit(shop: Shop, most: int, before: int = 0, since: int = 0, until: int = NEVER) -> None:
    """What the index does when the registry has told of a limit of programme 1."""
    row = {
        "programme_id": 1, "block_number": next(_blocks), "log_index": 0,
        "most": most, "before": before, "since": since, "until": until,
    }  # fmt: skip
    with shop.database.begin() as conn:
        conn.execute(insert(chain_issuance_limit).values(row))
        programmes.note_change(conn)
    shop.catalogue.refresh()


def now(shop: Shop) -> int:
    return seconds_floor(shop.clock.at)


def drawn(shop: Shop) -> int:
    with shop.database.read() as conn:
        query = select(issuance_budget.c.drawn_total).where(issuance_budget.c.programme_id == 1)
        return int(conn.execute(query).scalar_one())


def free_blocks(shop: Shop) -> None:
    """The room that workers had drawn ahead is everybody's again, so that figures of the test are exact."""
    block = issuance_reservation.c
    with shop.database.begin() as conn:
        held = conn.execute(select(block.remaining).where(block.programme_id == 1)).scalars().all()
        conn.execute(update(issuance_reservation).where(block.programme_id == 1).values(remaining=0))
        mine = issuance_budget.c.programme_id == 1
        left = issuance_budget.c.drawn_total - sum(held)
        conn.execute(update(issuance_budget).where(mine).values(drawn_total=left))


def test_a_limit_counts_by_acceptance_time() -> None:
    told = IssuanceLimit(most=10, before=90, since=100, until=200)
    assert [told.at(second) for second in (99, 100, 199, 200)] == [90, 10, 10, 0]


def test_earning_ends_with_a_reason_and_spending_goes_on_and_a_new_figure_brings_it_back(shop: Shop) -> None:
    phone = shop.enrol()
    shop.sell(phone, line("1", 5_000))
    free_blocks(shop)
    limit(shop, 70)
    earned = [shop.sell(phone, line("1", 1_000))["earned"][0] for _ in range(3)]
    assert [(e["points"], e.get("reason")) for e in earned] == [
        (10, None), (10, None), (0, "cap-exhausted"),
    ]  # fmt: skip
    assert shop.balance(phone, 1) == drawn(shop) == 70
    shop.sell(phone, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": 30}])
    assert shop.balance(phone, 1) == 40
    limit(shop, 75)
    assert shop.sell(phone, line("1", 500))["earned"][0]["points"] == 5
    assert drawn(shop) == 75


def test_a_default_freezes_what_a_block_had_drawn_ahead_from_its_instant_on(shop: Shop) -> None:
    phone = shop.enrol()
    shop.sell(phone, line("1", 100))
    limit(shop, 10**6, until=now(shop) + 3_600)
    assert shop.sell(phone, line("1", 100))["earned"][0]["points"] == 1
    shop.clock.forward(seconds=3_600)
    assert shop.sell(phone, line("1", 100))["earned"][0]["reason"] == "cap-exhausted"
    limit(shop, 10**6)
    assert shop.sell(phone, line("1", 100))["earned"][0]["points"] == 1


def test_less_counts_from_its_instant_on(shop: Shop) -> None:
    phone = shop.enrol()
    shop.sell(phone, line("1", 100))
    limit(shop, 0, before=10**6, since=now(shop) + 60)
    assert shop.sell(phone, line("1", 100))["earned"][0]["points"] == 1
    shop.clock.forward(seconds=60)
    assert shop.sell(phone, line("1", 100))["earned"][0]["reason"] == "cap-exhausted"


def test_what_is_promised_waits_through_a_freeze_and_is_issued_after_it(
    shop: Shop, points: PointsService
) -> None:
    make_pending(shop, 14)
    phone = shop.enrol()
    shop.sell(phone, line("1", 5_000))
    limit(shop, 0)
    shop.clock.forward(seconds=MINING_WINDOW_SECONDS * 3)
    assert points.vest_due(shop.clock.at) == 0
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (0, 50)
    limit(shop, 50)
    assert points.vest_due(shop.clock.at) == 1
    assert shop.balance(phone, 1) == 50


def test_another_issuers_programme_is_not_touched(shop: Shop) -> None:
    limit(shop, 0)
    phone = shop.enrol()
    assert shop.sell(phone, line("1", 1_000), at=FUEL)["earned"][0]["points"] > 0


def test_the_last_room_is_earned_once_by_two_workers_at_once(database: Database) -> None:
    one = Shop(database)
    two = Shop(database, "w2", one.clock)
    one.found()
    limit(one, 150)
    two.catalogue.refresh()
    phones = [one.enrol() for _ in range(4)]
    buyers = [((one, two)[i % 2], phones[i % 4]) for i in range(32)]
    answers = at_once(*[lambda s=s, p=p: s.sell(p, line("1", 700)) for s, p in buyers])
    earned = [e for answer in answers for e in answer["earned"]]
    assert sum(e["points"] for e in earned) == sum(one.balance(p, 1) for p in phones) == 147
    assert {e["reason"] for e in earned if not e["points"]} == {"cap-exhausted"}
    for shop in (one, two):
        shop.close()
    lots_equal_postings(one)
