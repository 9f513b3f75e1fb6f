"""Whatever tills that are cut off are shown: no doubled point, no loss beyond their allowances (INV-9)."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ledger_service.checkout.offline.models import offline_sale, offline_window
from ledger_service.db.engine import open_database
from ledger_service.ledger.models import posting
from ledger_service.ledger.rules import SystemKind, system_account
from tests.integration.checkout.alone import OfflineShop, Till
from tests.integration.checkout.shop import FUEL, GROCER, Phone, lots_equal_postings

TILLS, MEMBERS, POINTS, ALLOWANCE = 4, 2, 300, 400


@dataclass(frozen=True)
class Act:
    """A member shows a code at a till at a second; ``again`` shows a code that it has shown before."""

    till: int
    member: int
    second: int
    value: int
    again: bool


ACTS = st.lists(
    st.builds(
        Act, st.integers(0, TILLS - 1), st.integers(0, MEMBERS - 1), st.integers(0, 40),
        st.integers(1, 250), st.booleans(),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(
    max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(ACTS, st.randoms(use_true_random=False), st.booleans())
def test_the_losses_of_a_partition_are_within_the_allowances(
    sqlite_template: Path, acts: list[Act], random: Any, greedy: bool
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="partition-"))
    shutil.copy(sqlite_template, folder / "alliance.db")
    database = open_database(f"sqlite:///{folder}/alliance.db")
    shop = OfflineShop(database)
    try:
        shop.found()
        phones = [shop.enrol() for _ in range(MEMBERS)]
        for phone in phones:
            shop.stock(phone, 1, POINTS)
        tills = [shop.till((GROCER, FUEL)[n % 2], ALLOWANCE) for n in range(TILLS)]
        _cut_off(shop, (phones, tills), acts, greedy=greedy)
        shop.clock.forward(hours=6)
        items = [(till, item) for till in tills for item in till.items] * 2
        random.shuffle(items)
        for till, item in items:
            assert shop.one(till, item).state == "certain"
        _bounded(shop, tills, greedy=greedy)
        _nothing_doubled(shop, phones)
    finally:
        shop.close()
        database.close()
        shutil.rmtree(folder)


def _cut_off(
    shop: OfflineShop, who: tuple[list[Phone], list[Till]], acts: list[Act], *, greedy: bool
) -> None:
    """The tills take what they are shown; one that is not greedy stops at its allowance, as ours does."""
    phones, tills = who
    begin, shown = shop.clock.at, {}
    taken = dict.fromkeys(range(TILLS), 0)
    for act in acts:
        if not greedy and taken[act.till] + act.value > ALLOWANCE:
            continue
        taken[act.till] += act.value
        at = begin + timedelta(seconds=act.second)
        code = shown.get(act.member) if act.again else None
        code = code or phones[act.member].pay_code(begin + timedelta(seconds=40))
        shown[act.member] = code
        # All of it in points, so that nothing is earned and every point was there before.
        tills[act.till].spend(at, code, act.value, act.value)


def _bounded(shop: OfflineShop, tills: list[Till], *, greedy: bool) -> None:
    within, beyond = shop.losses()
    assert within <= len(tills) * ALLOWANCE
    assert greedy or beyond == 0
    o, w = offline_sale.c, offline_window.c
    with shop.database.read() as conn:
        for till in tills:
            mine = conn.execute(select(offline_sale).where(o.terminal_id == till.terminal_id)).all()
            used = conn.execute(select(w.used_micros).where(w.terminal_id == till.terminal_id)).scalar() or 0
            assert sum(r.loss_minor for r in mine) <= ALLOWANCE
            assert used <= ALLOWANCE * 10_000
            assert used == 10_000 * sum(r.paid_minor + r.loss_minor for r in mine)


def _nothing_doubled(shop: OfflineShop, phones: list[Phone]) -> None:
    """Points that were redeemed are what the sales say was paid, a permit paid once, nobody is below zero."""
    lots_equal_postings(shop)
    sinks = {system_account(SystemKind.REDEMPTION, 1, gln).account_id for gln in (GROCER, FUEL)}
    with shop.database.read() as conn:
        moved = sum(r.amount for r in conn.execute(select(posting)) if r.destination_id in sinks)
        paid = sum(conn.execute(select(offline_sale.c.paid_minor)).scalars())
    assert moved == paid <= MEMBERS * POINTS
    assert shop.count("permit_use") >= (1 if paid else 0)
    assert all(shop.balance(phone, 1) >= 0 for phone in phones)
