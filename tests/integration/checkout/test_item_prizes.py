"""Prize pools: a claim wins once what its item drew, a return takes it back, and the chain hears of early
claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger_service.checkout.items.early import MOST, next_untold, tell_early
from ledger_service.checkout.items.pools import PoolTerms, PrizeWish, open_pool, read_terms
from ledger_service.checkout.items.requests import TakenBack
from ledger_service.coupons.wallet.models import coupon
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.item_operations import CODEC, ClaimItem, VoidItem
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.points.models import issuance_budget, issuance_reservation
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import trace_batch
from ledger_service.traceability.prizes.errors import PrizePoolUnknown, PrizeShareRefused
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.queries import find_pool, undrawn
from ledger_service.traceability.prizes.rules import (
    Beacon,
    is_share,
    secret_of,
    winners,
)
from ledger_service.traceability.prizes.service import open_share, set_block
from ledger_service.traceability.proofs.bundle import Place
from ledger_service.traceability.proofs.commitments import Commitments
from ledger_service.traceability.proofs.pool_service import PoolProver
from tests.integration.checkout.shop import FUEL, GROCER, Shop
from tests.integration.checkout.test_items import Brand
from tests.integration.checkout.test_races import at_once
from tests.integration.traceability.stock import MASTER

BLOCK = Beacon(7, b"\x22" * 32)
SHARE = b"\x33" * 32


class Lottery(Brand):
    """The brand's ten items with three prizes among them, opened in the test's order."""

    def open(self, *prizes: PrizeWish, **more: object) -> None:
        terms = PoolTerms("GROC", prizes or (PrizeWish("first", 1, 100), PrizeWish("second", 2, 20)),
                          self.shop.clock.at + timedelta(days=9))  # fmt: skip
        with self.shop.database.begin() as conn:
            number = self.stock.batch_no
            open_pool(conn, (number, GROCER), replace(terms, **more), self.shop.clock.at)  # type: ignore[arg-type]

    def anchor(self) -> None:
        with self.shop.database.begin() as conn:
            assert not Commitments(MASTER).step(conn, self.stock.batch_no, self.shop.clock.at)
            conn.execute(update(beside_intent).values(state="final"))

    def draw(self, block: Beacon = BLOCK) -> None:
        with self.shop.database.begin() as conn:
            set_block(conn, self.stock.batch_no, block, self.shop.clock.at)

    def won(self) -> Mapping[int, int]:
        """Which prize each index has, by the published function."""
        with self.shop.database.read() as conn:
            found = find_pool(conn, self.stock.batch_no)
            seed = conn.execute(select(trace_batch.c.seed)).scalar_one()
        assert found is not None
        assert found.beacon is not None
        return winners(found.pool, secret_of(codes.batch_key(MASTER, seed)), found.beacon)

    def states(self) -> list[str]:
        with self.shop.database.read() as conn:
            return list(conn.execute(select(trace_prize.c.state).order_by(trace_prize.c.item_id)).scalars())

    def coupons(self) -> list[Mapping[str, Any]]:
        with self.shop.database.read() as conn:
            return [dict(row) for row in conn.execute(select(coupon)).mappings()]

    def give(self) -> None:
        assert not self.rooms[0].give_prizes(self.shop.clock.at)


@pytest.fixture
def lottery(shop: Shop) -> Lottery:
    made = Lottery(shop)
    made.offer(5)
    return made


def test_a_claim_waits_for_the_draw_and_then_has_what_its_item_won_once(lottery: Lottery) -> None:
    lottery.open()
    lottery.anchor()
    ann = lottery.shop.enrol()
    assert [lottery.claim(ann, index).in_draw for index in range(10)] == [True] * 10
    lottery.give()
    assert lottery.states() == ["waiting"] * 10
    lottery.draw()
    lottery.draw(replace(BLOCK, number=8, hash=b"\x23" * 32))
    for _ in range(2):
        lottery.give()
        assert lottery.shop.balance(ann, 1) == 10 * 5 + 140
    won = lottery.won()
    assert sorted(won.values()) == [1, 2, 2]
    assert [state == "given" for state in lottery.states()] == [index in won for index in range(10)]


def test_a_return_takes_back_the_prize_too_and_one_that_waits_is_never_given(lottery: Lottery) -> None:
    lottery.open(PrizeWish("each", 10, 40))
    ann = lottery.shop.enrol()
    lottery.anchor()
    lottery.claim(ann)
    lottery.claim(ann, 1)
    assert lottery.take_back(1).prize is None
    lottery.draw()
    lottery.give()
    assert (lottery.states(), lottery.shop.balance(ann, 1)) == (["given", "void"], 45)
    taken = lottery.take_back()
    assert taken == TakenBack("GROC", 0, 5, 0, TakenBack("GROC", 0, 40, 0))
    assert (lottery.states(), lottery.shop.balance(ann, 1)) == (["void", "void"], 0)


def test_a_prize_waits_for_the_cap_and_a_late_claim_wins_nothing(lottery: Lottery) -> None:
    lottery.open(PrizeWish("each", 10, 40))
    lottery.anchor()
    ann = lottery.shop.enrol()
    lottery.claim(ann)
    lottery.draw()
    with lottery.shop.database.begin() as conn:
        conn.execute(update(issuance_budget).values(drawn_total=10**15))
        conn.execute(update(issuance_reservation).values(remaining=0))
    lottery.give()
    assert lottery.states() == ["waiting"]
    lottery.shop.clock.forward(days=9, seconds=1)
    with lottery.shop.database.begin() as conn:
        conn.execute(update(issuance_budget).values(drawn_total=0))
    lottery.give()
    assert (lottery.states(), lottery.shop.balance(ann, 1)) == (["given"], 45)
    assert not lottery.claim(ann, 1).in_draw
    prover = PoolProver(Commitments(MASTER), Place(1, bytes(20), bytes(20)))
    with lottery.shop.database.read() as conn:
        told = prover.bundle(conn, lottery.stock.batch_no, lottery.shop.clock.at + timedelta(hours=1))
    assert [one.state for one in told.winners or ()] == ["given", "late", *["unclaimed"] * 8]


def test_a_pool_draws_only_behind_its_final_root_and_with_the_brands_share(lottery: Lottery) -> None:
    shop, number = lottery.shop, lottery.stock.batch_no
    lottery.open(share=sha256(SHARE).digest())
    refused = []

    def open_it(share: bytes, own: int | None = GROCER) -> None:
        with shop.database.begin() as conn:
            open_share(conn, (number, own), share, shop.clock.at)

    with shop.database.begin() as conn:
        assert undrawn(conn, 0, 9) == []
    lottery.anchor()
    for share in (SHARE, b"\x34" * 32, SHARE, SHARE):
        try:
            open_it(share)
            refused.append("none")
        except PrizeShareRefused as refusal:
            refused.append(refusal.reason)
            lottery.draw()
    assert refused == ["too-early", "differs", "none", "none"]
    with shop.database.read() as conn:
        found = find_pool(conn, number)
        assert undrawn(conn, 0, 9) == []
    assert found is not None
    assert found.beacon == replace(BLOCK, share=SHARE)
    assert is_share(found.pool, SHARE)


def test_a_pool_without_a_share_asks_for_none(lottery: Lottery) -> None:
    with pytest.raises(PrizePoolUnknown), lottery.shop.database.begin() as conn:
        open_share(conn, (lottery.stock.batch_no, GROCER), SHARE, lottery.shop.clock.at)
    lottery.open()
    with pytest.raises(PrizeShareRefused), lottery.shop.database.begin() as conn:
        open_share(conn, (lottery.stock.batch_no, GROCER), SHARE, lottery.shop.clock.at)


def test_prizes_that_no_draw_can_be_made_of_are_refused(lottery: Lottery) -> None:
    now = lottery.shop.clock.at
    soon = now + timedelta(1)
    bad = [((), soon), ((PrizeWish("a", 11, 1),), soon), ((PrizeWish("a", 1, 1),), now),
           ((PrizeWish("a", 1, 0),), soon)]  # fmt: skip
    for prizes, ends_at in bad:
        with pytest.raises(MalformedField), lottery.shop.database.begin() as conn:
            open_pool(conn, (lottery.stock.batch_no, GROCER), PoolTerms("GROC", prizes, ends_at), now)
    fine = PoolTerms("GROC", (PrizeWish("a", 1, 1),), now + timedelta(1))
    with pytest.raises(MalformedField), lottery.shop.database.begin() as conn:
        open_pool(conn, (lottery.stock.batch_no, FUEL), fine, now)
    with pytest.raises(MalformedField):
        read_terms({"programme": "GROC", "prizes": [{"name": "a"}]})


def test_jobs_and_a_return_at_once_give_a_prize_once_or_take_it_all_back(database: Database) -> None:
    shop, other = Shop(database), Shop(database, "w2")
    shop.found()
    other.catalogue.refresh()
    lottery = Lottery(shop, other)
    lottery.offer(5)
    lottery.open(PrizeWish("each", 10, 40))
    lottery.anchor()
    ann, at = shop.enrol(), shop.clock.at
    for index in range(3):
        lottery.claim(ann, index)
    lottery.draw()
    at_once(*[partial(room.give_prizes, at) for room in lottery.rooms * 2], partial(lottery.take_back, 1))
    lottery.give()
    assert lottery.states() == ["given", "void", "given"]
    assert shop.balance(ann, 1) == 2 * 45
    shop.close()
    other.close()


def test_what_was_claimed_before_the_root_is_told_once_it_stands(lottery: Lottery) -> None:
    shop, number = lottery.shop, lottery.stock.batch_no
    ann, bob = shop.enrol(), shop.enrol()
    lottery.claim(ann, 3)
    lottery.claim(bob, 4)
    lottery.take_back(4)
    lottery.anchor()
    lottery.claim(ann, 5)
    at = shop.clock.at
    with shop.database.begin() as conn:
        assert next_untold(conn, at) is None
        assert next_untold(conn, at + timedelta(hours=1)) == number
        assert [tell_early(conn, number, at), tell_early(conn, number, at)] == [False, False]
        assert next_untold(conn, at + timedelta(hours=1)) is None
        rows = conn.execute(select(beside_intent).order_by(beside_intent.c.created_at)).mappings().all()
    told = [CODEC.read(row["payload"]) for row in rows]
    assert len(told) < MOST
    claims = [(one.index, one.account) for one in told if isinstance(one, ClaimItem)]
    assert sorted(claims) == [(3, ann.account), (4, bob.account), (5, ann.account)]
    assert [one.index for one in told if isinstance(one, VoidItem)] == [4]
