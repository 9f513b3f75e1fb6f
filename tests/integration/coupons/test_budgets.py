"""Budgets and limits with real connections: the last unit goes to one; what comes back may be used again."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ledger_service.coupons.definitions import budgets
from ledger_service.coupons.definitions.budgets import Place
from ledger_service.coupons.definitions.models import coupon_use
from ledger_service.coupons.terms import values as v
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.db.writer import Writer

OWNER = 9506000000013
# Sunday evening in Taipei, a day before the week turns there; already Monday nowhere.
AT = datetime(2026, 3, 8, 15, 59, 59, tzinfo=UTC)
CLIENTS = 24


def terms(**limits: int) -> v.Terms:
    return v.Terms(
        7, 1, OWNER, "USD", v.AmountOff(300), (v.Share(OWNER, 10_000),),
        window=v.Window(zone="Asia/Taipei"), limits=v.Limits(**limits),
    )  # fmt: skip


class StandingClock:
    def now(self) -> datetime:
        return AT


@dataclass
class Wish(BookCommand[bool]):
    """Wants coupons of the definition if there is room; ``back`` takes them back instead."""

    terms: v.Terms
    place: Place
    used: tuple[int, int] = (1, 300)
    back: bool = False

    def locks(self, view: Workset) -> Iterable[Need]:
        return budgets.needs(self.terms, self.place)

    def apply(self, draft: Draft) -> bool:
        if self.back:
            budgets.give_back(draft, self.terms, self.place, self.used)
            return True
        room = budgets.left(draft, self.terms, self.place)
        count, minor = self.used
        if (room.coupons is not None and room.coupons < count) or (
            room.value_minor is not None and room.value_minor < minor
        ):
            return False
        budgets.take(draft, self.terms, self.place, self.used)
        return True


def race(database: Database, wishes: list[Wish]) -> int:
    """How many of the wishes came true; two processes' writers, all wishes at once."""
    writers = [Writer(database, StandingClock()) for _ in range(2)]
    won: list[bool] = []
    gate = threading.Barrier(len(wishes))

    def ask(number: int) -> None:
        gate.wait()
        won.append(writers[number % 2].submit(wishes[number]))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(wishes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.close()
    assert len(won) == len(wishes)
    return sum(won)


def counted(database: Database) -> dict[str, tuple[int, int]]:
    with database.read() as conn:
        return {row.use_key: (row.count, row.value_minor) for row in conn.execute(select(coupon_use))}


@pytest.mark.parametrize(
    ("limits", "winners"),
    [({"budget_count": 5}, 5), ({"budget_value_minor": 1_000}, 3), ({"per_store_day": 1}, 1)],
)
def test_no_limit_is_passed_by_one_unit(database: Database, limits: dict[str, int], winners: int) -> None:
    bounded = terms(**limits)
    wishes = [Wish(bounded, Place(member, 1, AT)) for member in range(CLIENTS)]
    assert race(database, wishes) == winners
    assert list(counted(database).values()) == [(winners, winners * 300)]
    assert race(database, wishes[:2]) == 0
    assert race(database, [replace(wishes[0], back=True)]) == 1
    assert race(database, wishes[:4]) == 1


def test_days_weeks_and_months_are_those_of_the_terms_zone(sqlite_database: Database) -> None:
    bounded = terms(per_member_day=1, per_member_week=2, per_member_month=4)

    def again(days: int, seconds: int = 1, member: int = 1) -> int:
        at = AT + timedelta(days=days, seconds=seconds)
        return race(sqlite_database, [Wish(bounded, Place(member, 1, at))])

    assert (again(0, 0), again(0, 0)) == (1, 0)
    # One second later it is Monday in Taipei: another day, another week, the same month.
    assert (again(0), again(0)) == (1, 0)
    assert (again(1), again(2)) == (1, 0)
    assert (again(7), again(8)) == (1, 0)
    assert again(24) == 1
    assert again(0, member=2) == 1


def test_what_no_limit_bounds_has_no_counter() -> None:
    assert budgets.needs(terms(), Place(1, 1, AT)) == []
    assert budgets.needs(terms(per_member=1), Place(None, 1, AT)) == []
