"""`alliance tiers recompute`: after a first ladder all earlier sales count; interrupted it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from ledger_service.checkout.recounting import next_due, recounts
from ledger_service.cli import main
from ledger_service.db.engine import Database
from ledger_service.tiers.models import member_tier, qualifying_day
from ledger_service.tiers.rules import Window
from tests.integration.checkout.shop import START, Shop, line

from .people import amounts_by_member, cached, earned, publish

TODAY = START.toordinal()


@pytest.fixture
def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    shop = Shop(database)
    shop.found()
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", database.url.render_as_string(hide_password=False))
    yield shop
    shop.close()


def test_what_was_sold_before_the_first_ladder_counts_once_it_is_counted(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    phone, other = shop.enrol(), shop.enrol()
    sold = shop.sell(phone, line("1", 80_000, 4), line("2", 500, category="FOOD"))
    shop.sell(other, line("1", 9_900))
    shop.refund(sold["sale_id"], [("1", 1)])
    publish(shop)
    shop.sell(other, line("1", 100))
    assert earned(shop.sell(phone, line("1", 1_000))) == (10, "BASE")
    assert main(["tiers", "recompute", "--from-sales"]) == 0
    assert "GROC: activity of 2 members" in capsys.readouterr().out
    assert amounts_by_member(shop, 1) == {phone.member_id: {TODAY: 61_500}, other.member_id: {TODAY: 10_000}}
    assert earned(shop.sell(phone, line("1", 1_000))) == (12, "SILVER")


def test_a_second_recount_of_a_day_is_done_again(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    phone = shop.enrol()
    publish(shop)
    shop.sell(phone, line("1", 60_000))
    assert main(["tiers", "recompute", "--programme", "GROC"]) == 0
    kept = cached(shop, 1)
    with shop.database.begin() as conn:
        conn.execute(update(member_tier).values(level=2))
    assert main(["tiers", "recompute", "--programme", "GROC"]) == 0
    # The command's clock is the machine's: by it the year of the purchase may be over.
    assert {row[:1] for row in cached(shop, 1).values()} <= {(0,), (1,)}
    assert [row[2:] for row in cached(shop, 1).values()] == [row[2:] for row in kept.values()]
    assert main(["tiers", "recompute", "--programme", "FUEL"]) == 1
    assert "FUEL: no ladder" in capsys.readouterr().out


def test_a_recount_from_sales_that_was_cut_off_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_service.checkout.recounting._WITH_SALES", 2)
    phones = [shop.enrol() for _ in range(5)]
    publish(shop)
    for phone in phones:
        shop.sell(phone, line("1", 60_000))
    kept = cached(shop, 1)
    with shop.database.begin() as conn:
        conn.execute(delete(member_tier))
        conn.execute(delete(qualifying_day))
    (one,) = recounts(shop.catalogue.current(), shop.ladders.current(), shop.clock.at, from_sales=True)
    with shop.database.begin() as conn:
        assert one.step(conn, shop.clock.at).last_member_id == phones[1].member_id
    assert set(cached(shop, 1)) == {phone.member_id for phone in phones[:2]}
    # The next day, another process: what was done is not done again.
    later = shop.clock.at + timedelta(days=1)
    (again,) = recounts(shop.catalogue.current(), shop.ladders.current(), later, from_sales=True)
    steps = 0
    ended = False
    while not ended:
        with shop.database.begin() as conn:
            ended = again.step(conn, later).ended
        steps += 1
    assert steps == 3
    assert cached(shop, 1) == kept


def test_jobs_count_sales_once_and_tiers_daily_when_every_process_knows_the_ladder(shop: Shop) -> None:
    phone = shop.enrol()
    shop.sell(phone, line("1", 60_000))
    assert work_off(shop) == []
    publish(shop)
    assert work_off(shop) == [], "a till that does not know of the ladder yet would count nothing"
    shop.clock.forward(seconds=5)
    assert work_off(shop) == ["activity", "tiers"]
    assert cached(shop, 1)[phone.member_id][0] == 1
    assert work_off(shop) == []
    shop.clock.forward(days=1)
    assert work_off(shop) == ["tiers"]
    shop.clock.forward(days=365)
    assert cached(shop, 1)[phone.member_id][0] == 1
    assert work_off(shop) == ["tiers"]
    assert cached(shop, 1)[phone.member_id][0] == 0, "lapsed without having bought anything since"
    publish(shop, window=Window.SINCE_JOIN)
    assert work_off(shop) == ["tiers"]
    assert cached(shop, 1)[phone.member_id][0] == 1


def work_off(shop: Shop) -> list[str]:
    """The kinds of recount that were due, each run to its end."""
    kinds = []
    catalogue, ladders, at = shop.catalogue.current(), shop.ladders.refresh(), shop.clock.at
    while True:
        with shop.database.read() as conn:
            due = next_due(conn, catalogue, ladders, at)
        if due is None:
            return kinds
        ended = shop.writer.run(lambda conn, due=due: due.step(conn, at, 1)).ended
        kinds += [due.run.kind] if ended else []
