"""Changes of tiers are told to whose programme it is: once, in the member's order, and of nobody erased."""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete, select, update

from ledger_service.checkout.recounting import recounts
from ledger_service.members.models import member
from ledger_service.webhooks.models import webhook_delivery, webhook_event, webhook_fresh
from ledger_service.webhooks.service import Range
from tests.integration.checkout.shop import FUEL, GROCER, line
from tests.integration.tiers.people import publish
from tests.integration.webhooks.test_webhooks import Hooks, hooks

__all__ = ["hooks"]
TIER = "tier.changed"


def count(hooks: Hooks) -> None:
    """The job counts tiers by the present day."""
    shop = hooks.shop
    for one in recounts(shop.catalogue.current(), shop.ladders.refresh(), shop.clock.at, from_sales=False):
        with shop.database.begin() as conn:
            conn.exec_driver_sql("DELETE FROM tier_run")
            while not one.step(conn, shop.clock.at).ended:
                pass


def to_new_year(hooks: Hooks) -> None:
    """It is the third of January."""
    at = hooks.shop.clock.at
    hooks.shop.clock.forward(days=date(at.year + 1, 1, 3).toordinal() - at.toordinal())


def said(hooks: Hooks) -> list[tuple[str, str, str, str]]:
    """(change, tier, tier before, because of) as they came."""
    names = ("change", "tier", "before", "because_of")
    return [tuple(one["data"][n] for n in names) for one in hooks.receiver.taken if one["type"] == TIER]


def test_that_a_member_reached_and_lost_a_tier_is_told_once_to_whose_programme_it_is(hooks: Hooks) -> None:
    shop, phone = hooks.shop, hooks.shop.enrol()
    publish(shop)
    hooks.make(GROCER, TIER)
    hooks.make(FUEL, TIER)
    shop.sell(phone, line("1", 60_000))
    hooks.job()
    to_new_year(hooks)
    for _ in range(3):
        count(hooks)
        hooks.job()
    assert said(hooks) == [("reached", "SILVER", "BASE", "purchase"), ("fell", "BASE", "SILVER", "time")]
    reached, fell = hooks.receiver.taken
    year = shop.clock.at.year
    who = {"number": phone.number, "account": "0x" + phone.account.hex()}
    assert reached["data"] == {
        "programme": "GROC", "ladder": 1, "change": "reached", "tier": "SILVER", "before": "BASE",
        "because_of": "purchase", "until": f"{year - 1}-12-31", "member": who,
    }  # fmt: skip
    assert reached["merchant"] == f"{GROCER:013d}"
    # It fell as the year began by the clock of the programme, not when the job came by.
    assert (fell["timestamp"], fell["data"]["until"]) == (f"{year}-01-01T05:00:00Z", None)


def test_a_killed_job_tells_a_change_under_the_same_id_and_the_same_again_within_a_second_under_another(
    hooks: Hooks,
) -> None:
    shop, phone = hooks.shop, hooks.shop.enrol()
    publish(shop)
    hooks.make(GROCER, TIER)
    for _ in range(2):
        sold = shop.sell(phone, line("1", 60_000))
        shop.refund(sold["sale_id"], [("1", 1)])

    def ids() -> list[bytes]:
        hooks.follow()
        with shop.database.read() as conn:
            its = select(webhook_event.c.event_id).where(webhook_event.c.kind == TIER).order_by("number")
            return list(conn.execute(its).scalars())

    with shop.database.read() as conn:
        its = select(webhook_fresh).where(webhook_fresh.c.source == "tier")
        notes = [dict(row) for row in conn.execute(its).mappings()]
    first = ids()
    assert (len(first), len(set(first))) == (4, 4)
    with shop.database.begin() as conn:
        conn.execute(webhook_fresh.insert(), notes)
    assert ids() == first, "a note that is read again tells nothing under another id"


def test_of_a_member_that_was_erased_meanwhile_no_tier_is_told(hooks: Hooks) -> None:
    shop, phone = hooks.shop, hooks.shop.enrol()
    publish(shop)
    hooks.make(GROCER, TIER)
    shop.sell(phone, line("1", 60_000))
    with shop.database.begin() as conn:
        conn.execute(update(member).where(member.c.member_id == phone.member_id).values(status="erased"))
    to_new_year(hooks)
    count(hooks)
    hooks.job()
    assert said(hooks) == []


def test_what_happened_in_a_day_without_a_receiver_comes_in_order_and_again_when_asked(hooks: Hooks) -> None:
    shop, phone = hooks.shop, hooks.shop.enrol()
    publish(shop)
    endpoint, _ = hooks.make(GROCER, TIER)
    hooks.receiver.status = 503
    sold = shop.sell(phone, line("1", 60_000))
    hooks.job()
    shop.clock.forward(hours=20)
    shop.refund(sold["sale_id"], [("1", 1)])
    shop.sell(phone, line("1", 120_000))
    hooks.job()
    hooks.receiver.status = 204
    expected = [
        ("reached", "SILVER", "BASE", "purchase"), ("fell", "BASE", "SILVER", "refund"),
        ("reached", "GOLD", "BASE", "purchase"),
    ]  # fmt: skip
    for _ in range(3):
        shop.clock.forward(hours=2)
        hooks.job()
    assert said(hooks) == expected
    with shop.database.begin() as conn:
        hooks.desk.replay(conn, endpoint, GROCER, Range(1, None), shop.clock.at)
    hooks.job()
    assert said(hooks) == expected * 2


def test_changes_that_nobody_hears_of_are_written_down_but_not_noted(hooks: Hooks) -> None:
    shop, phone = hooks.shop, hooks.shop.enrol()
    publish(shop)
    with shop.database.begin() as conn:
        conn.execute(delete(webhook_fresh))
    shop.sell(phone, line("1", 60_000))
    with shop.database.read() as conn:
        assert "tier" not in conn.execute(select(webhook_fresh.c.source)).scalars().all()
        assert conn.execute(select(webhook_delivery)).first() is None
    assert shop.count("tier_change") == 1
