"""Random sales, holds, refunds, ladders and time: what the till keeps is what counting all sales gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from ledger_service.checkout.recounting import recounts
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.errors import DomainError
from ledger_service.tiers.models import tier_change
from ledger_service.tiers.rules import Downgrade, Window, place_at
from tests.conftest import Cluster
from tests.integration.checkout.shop import FUEL, GROCER, Shop, line
from tests.integration.tiers.people import amounts_by_member, cached, publish

NEW_YORK = ZoneInfo("America/New_York")
ISSUERS = {1: GROCER, 2: FUEL}
_numbers = count(1)
MINOR = st.sampled_from([0, 100, 20_000, 50_000, 70_001])
LATER = st.sampled_from([0, 0, 1, 24, 24 * 40, 24 * 200, 24 * 366])  # hours
Opener = Callable[[], tuple[Database, Callable[[], None]]]


class TierMachine(RuleBasedStateMachine):
    """Two programmes with ladders, three members, and whatever tills and calendars may do to them."""

    def __init__(self, opener: Opener) -> None:
        super().__init__()
        self.database, self.forget = opener()
        self.shop = Shop(self.database)
        self.sales: list[tuple[str, int]] = []

    @initialize(excluded=st.booleans())
    def open(self, excluded: bool) -> None:
        self.shop.found(points=2, excluded=frozenset({"FUEL"} if excluded else ()))
        self.phones = [self.shop.enrol() for _ in range(3)]
        self.shop.stock(self.phones[0], 3, 1_000)
        publish(self.shop, 1)

    def teardown(self) -> None:
        if hasattr(self, "phones"):
            self.what_was_kept_is_what_all_sales_say()
        self.shop.close()
        self.forget()

    @rule(later=LATER, member=st.integers(0, 2), at=st.sampled_from([GROCER, FUEL]), minor=MINOR,
          pay=st.booleans())  # fmt: skip
    def sell(self, later: int, member: int, at: int, minor: int, pay: bool) -> None:
        self.shop.clock.forward(hours=later)
        lines = [line("1", minor, 3), line("2", 999, category="FUEL")]
        spend = {"max_value_minor": 700} if pay else None
        answer = self.shop.sell(self.phones[member], *lines, at=at, spend=spend)
        self.sales.append((answer["sale_id"], at))

    @rule(later=LATER, data=st.data(), pieces=st.integers(1, 3))
    def refund(self, later: int, data: st.DataObject, pieces: int) -> None:
        self.shop.clock.forward(hours=later)
        if self.sales:
            sale, at = data.draw(st.sampled_from(self.sales))
            self.trying(lambda: self.shop.refund(sale, [("1", pieces)], at=at))

    @rule(later=st.sampled_from([0, 1, 60]), minor=MINOR)
    def hold_and_capture(self, later: int, minor: int) -> None:
        spend = {"max_value_minor": 90}
        held = self.trying(lambda: self.shop.authorise(self.phones[0], minor, spend, ttl_seconds=3 * 86_400))
        self.shop.clock.forward(hours=later)
        if held is not None:
            sold = self.trying(lambda: self.shop.capture(held["hold_id"], line("1", minor, 3)))
            self.sales += [(sold["sale_id"], GROCER)] if sold is not None else []

    @rule(programme=st.sampled_from([1, 2]), window=st.sampled_from(Window), grace=st.sampled_from([0, 40]),
          downgrade=st.sampled_from(Downgrade), days=st.sampled_from([31, 365]))  # fmt: skip
    def publish_ladder(
        self, programme: int, window: Window, grace: int, downgrade: Downgrade, days: int
    ) -> None:
        known = self.shop.ladders.refresh().of(programme)
        self.shop.clock.forward(seconds=1)
        publish(self.shop, programme, window=window, grace_days=grace, downgrade=downgrade, window_days=days)
        if not known:
            self.count_anew()  # what was sold before the first ladder counts once it has been counted

    def trying(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except DomainError:
            return None

    @rule()
    def what_was_kept_is_what_all_sales_say(self) -> None:
        kept = {programme: (amounts_by_member(self.shop, programme), cached(self.shop, programme))
                for programme in ISSUERS}  # fmt: skip
        self.count_anew()
        for programme, (amounts, rows) in kept.items():
            assert amounts_by_member(self.shop, programme) == amounts
            self.same_rows(programme, rows, cached(self.shop, programme))
            self.last_changes_say_the_same(programme)

    def last_changes_say_the_same(self, programme: int) -> None:
        """The last change of each member is where it stands, each begins where the one before ended, and
        counting once more finds none."""
        found = self.changes(programme)
        stands = {member: row[0] for member, row in cached(self.shop, programme).items() if row[0]}
        assert stands == {member: rows[-1][1] for member, rows in found.items() if rows[-1][1]}
        for rows in found.values():
            same = (one[3] == other[3] for one, other in pairwise(rows))
            assert all(b[0] == a[1] for (a, b), version in zip(pairwise(rows), same, strict=True) if version)
        self.count_anew()
        assert self.changes(programme) == found

    def changes(self, programme: int) -> dict[int, list[tuple[int, int, str, int]]]:
        """(level before, level now, change, ladder version) by member."""
        c, found = tier_change.c, dict[int, list[tuple[int, int, str, int]]]()
        its = select(tier_change).where(c.programme_id == programme).order_by(c.change_id)
        with self.database.read() as conn:
            for row in conn.execute(its):
                one = (row.was, row.level, row.change, row.ladder_version)
                found.setdefault(row.member_id, []).append(one)
        return found

    def same_rows(self, programme: int, kept: dict[int, Any], anew: dict[int, Any]) -> None:
        """Equal, but where time alone has ended a tier since the till wrote its row."""
        ladders = self.shop.ladders.current().of(programme)
        today = self.shop.clock.at.astimezone(NEW_YORK).toordinal()
        amounts = amounts_by_member(self.shop, programme)
        assert kept.keys() == anew.keys()
        for member, (level, until, total, version) in anew.items():
            place = place_at(ladders[version - 1], amounts[member], today)
            assert (level, until, total) == (place.level, place.until_day, sum(amounts[member].values()))
            was = kept[member]
            if was[3] == version and (was[1] is None or was[1] >= today):
                assert was == anew[member]

    def count_anew(self) -> None:
        for from_sales in (True, False):
            for one in recounts(
                self.shop.catalogue.current(),
                self.shop.ladders.refresh(),
                self.shop.clock.at,
                from_sales=from_sales,
            ):
                self.finish(one)

    def finish(self, one: Any) -> None:
        with self.database.begin() as conn:
            conn.exec_driver_sql("DELETE FROM tier_run")
        while True:
            with self.database.begin() as conn:
                if one.step(conn, self.shop.clock.at + timedelta(seconds=1)).ended:
                    return


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def opener(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Opener:
    """What opens a fresh database with every table, and forgets it."""
    cluster: Cluster | None = request.getfixturevalue("cluster") if request.param != "sqlite" else None

    def open_fresh() -> tuple[Database, Callable[[], None]]:
        name = f"tiers_{next(_numbers)}"
        if cluster is None:
            shutil.copy(sqlite_template, tmp_path / name)
            database = open_database(f"sqlite:///{tmp_path}/{name}")
            return database, database.close
        cluster.admin(f"CREATE DATABASE {name} TEMPLATE alliance_template")
        database = open_database(cluster.url(name))

        def forget() -> None:
            database.close()
            cluster.admin(f"DROP DATABASE {name} WITH (FORCE)")

        return database, forget

    return open_fresh


@pytest.mark.filterwarnings("default")
def test_tills_and_recounts_agree_after_every_step(opener: Opener) -> None:
    few = settings(
        max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lambda: TierMachine(opener), settings=few)
