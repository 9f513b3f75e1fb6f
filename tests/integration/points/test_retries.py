"""Refused operations that are tried again: no point is lost or doubled whatever happens meanwhile (D7)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, permutations
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.operations import Clawback, Gift, Issue, Redeem, Restore
from ledger_service.kernel.points import Leg
from ledger_service.ledger.models import entry
from ledger_service.ledger.rules import SystemKind
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.retries.command import AskRetry, RetryDecision
from ledger_service.points.retries.errors import (
    NotSetAside,
    RetryAsked,
    RetryDecided,
    RetryHopeless,
    RetryUnknown,
)
from ledger_service.points.retries.queries import hopes
from ledger_service.points.retries.service import RetryDesk
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, Phone, Shop, line
from tests.integration.points.refusals import by_state, differences, frozen, on_account, refuse
from tests.integration.points.test_points import epoch_end, gift
from tests.integration.points.test_set_aside import no_lot_differs, spent

MENDED = "MerchantSuspendedAt(0, 1, 2, 3)"
_keys = count(1)


def ask(shop: Shop, op_id: bytes, by: str = "operator:ann") -> bytes:
    asked = AskRetry(op_id, "reinstated", by, f"k{next(_keys)}", shop.clock.at)
    retry: bytes = RetryDesk(shop.writer).ask(asked)
    return retry


def decide(shop: Shop, op_id: bytes, retry: bytes, *, approve: bool = True, by: str = "operator:ben") -> str:
    decision = RetryDecision(op_id, retry, by, approve, shop.clock.at)
    state: str = RetryDesk(shop.writer).decide(decision)
    return state


def retry(shop: Shop, op_id: bytes) -> None:
    assert decide(shop, op_id, ask(shop, op_id)) == "approved"


def refused(shop: Shop, op_id: bytes, at: Any = None) -> str | None:
    """Why the list says that the operation cannot be tried again."""
    with shop.database.read() as conn:
        hope = hopes(conn, [op_id], at or shop.clock.at)[op_id]
    return None if hope.hopeless is None else hope.hopeless.value


def suspensions(shop: Shop) -> list[str]:
    with shop.database.read() as conn:
        kinds = select(entry.c.kind).where(entry.c.kind.in_(("suspend", "resume")))
        return list(conn.execute(kinds.order_by(entry.c.sequence)).scalars())


def aside(shop: Shop, points: PointsService, *, reason: str = MENDED) -> tuple[Phone, dict[str, Any], bytes]:
    phone, sale = spent(shop)
    op_id = bytes.fromhex(sale["operations"][0])
    refuse(shop, [op_id], reason)
    points.apply_set_aside(shop.clock.at)
    return phone, sale, op_id


def test_a_retried_redemption_is_queued_again_as_it_was_and_its_points_are_out_of_suspense(
    shop: Shop, points: PointsService
) -> None:
    phone, _, op_id = aside(shop, points)
    assert frozen(shop, phone, 1) and on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 40
    wanted = ask(shop, op_id)
    assert frozen(shop, phone, 1), "asking changes nothing"
    assert decide(shop, op_id, wanted) == "approved"
    assert not frozen(shop, phone, 1)
    assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 0
    assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == 40
    queued = [op for op in by_state(shop, "queued") if isinstance(op, Redeem)]
    assert [op.op_id for op in queued] == [op_id]
    assert (suspensions(shop), differences(shop)) == (["suspend", "resume"], [])
    assert points.apply_set_aside(shop.clock.at) == 0


def test_what_is_refused_again_is_set_aside_again_and_may_be_tried_as_often_as_it_takes(
    shop: Shop, points: PointsService
) -> None:
    phone, sale, op_id = aside(shop, points)
    for tries in range(1, 4):
        retry(shop, op_id)
        refuse(shop, [op_id], MENDED)
        assert points.apply_set_aside(shop.clock.at) == 1
        assert points.apply_set_aside(shop.clock.at) == 0
        assert suspensions(shop) == ["suspend", "resume"] * tries + ["suspend"]
        assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 40
        assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == 0
        assert frozen(shop, phone, 1)
        assert differences(shop) == [f"operation-set-aside {sale['operations'][0]}"]
        with shop.database.read() as conn:
            assert hopes(conn, [op_id], shop.clock.at)[op_id].tries == tries
    retry(shop, op_id)
    assert (differences(shop), frozen(shop, phone, 1)) == ([], False)


def test_a_retry_before_d7_was_applied_leaves_nothing_to_apply(shop: Shop, points: PointsService) -> None:
    phone, sale = spent(shop)
    op_id = bytes.fromhex(sale["operations"][0])
    refuse(shop, [op_id], MENDED)
    retry(shop, op_id)
    assert points.apply_set_aside(shop.clock.at) == 0
    assert (suspensions(shop), frozen(shop, phone, 1)) == ([], False)
    refuse(shop, [op_id], MENDED)
    assert points.apply_set_aside(shop.clock.at) == 1
    assert suspensions(shop) == ["suspend"]


def test_one_asks_and_another_decides_once(shop: Shop, points: PointsService) -> None:
    _, _, op_id = aside(shop, points)
    wanted = ask(shop, op_id)
    with pytest.raises(RetryAsked) as twice:
        ask(shop, op_id, by="operator:ben")
    assert twice.value.retry == id_text(wanted)
    with pytest.raises(SecondPersonNeeded):
        decide(shop, op_id, wanted, by="operator:ann")
    with pytest.raises(RetryUnknown):
        decide(shop, op_id, bytes(16))
    assert decide(shop, op_id, wanted, approve=False) == "declined"
    assert suspensions(shop) == ["suspend"]
    with pytest.raises(RetryDecided):
        decide(shop, op_id, wanted)
    retry(shop, op_id)
    with pytest.raises(NotSetAside):
        ask(shop, op_id)


def test_of_two_approvals_at_once_one_counts(shop: Shop, points: PointsService) -> None:
    _, _, op_id = aside(shop, points)
    wanted, together = ask(shop, op_id), Barrier(4)
    told: list[str] = []

    def approve(number: int) -> None:
        together.wait()
        try:
            told.append(decide(shop, op_id, wanted, by=f"operator:{number}"))
        except DomainError as refusal:
            told.append(refusal.code)

    threads = [Thread(target=approve, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["approved", *["retry-decided"] * 3]
    assert suspensions(shop) == ["suspend", "resume"]


STEPS = ("refund part", "retry", "refuse", "apply")


@pytest.mark.parametrize("at", ["fuel", "grocer"])
def test_part_returns_and_retries_in_every_order_leave_books_that_say_what_the_chain_says(
    shop: Shop, points: PointsService, at: str
) -> None:
    """Of a redemption (at the fuel station) and an issue (at the grocer's) half comes back at some time."""
    for order in permutations(STEPS):
        phone, op_id, refund = _half(shop, at)
        acts: dict[str, Callable[[], Any]] = {
            "refund part": refund,
            "retry": lambda o=op_id: _retry_if_possible(shop, o),
            "refuse": lambda o=op_id: refuse(shop, [o], MENDED),
            "apply": lambda: points.apply_set_aside(shop.clock.at),
        }
        for name in order:
            acts[name]()
            no_lot_differs(shop)
        points.apply_set_aside(shop.clock.at)
        _retry_if_possible(shop, op_id)
        for left in by_state(shop, "set_aside"):  # a reversal that D7 was applied to only after the retry
            retry(shop, left.op_id)
        assert differences(shop) == [], order
        assert not frozen(shop, phone, 1), order
        assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 0, order
        assert on_account(shop, SystemKind.SUSPENSE, 1) == 0, order
        citing = [op for op in by_state(shop, "queued") if isinstance(op, (Restore, Clawback))]
        assert [op.original_op_id for op in citing].count(op_id) == 1, order


def _half(shop: Shop, at: str) -> tuple[Phone, bytes, Callable[[], Any]]:
    if at == "fuel":
        phone, sale = spent(shop)
        return phone, bytes.fromhex(sale["operations"][0]), lambda: shop.refund(
            sale["sale_id"], [("1", 1)], at=FUEL
        )
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000, 2))
    return phone, bytes.fromhex(sale["operations"][0]), lambda: shop.refund(sale["sale_id"], [("1", 1)])


def _retry_if_possible(shop: Shop, op_id: bytes) -> None:
    try:
        retry(shop, op_id)
    except NotSetAside:
        return


def test_what_was_returned_whole_needs_no_retry(shop: Shop, points: PointsService) -> None:
    phone, sale, op_id = aside(shop, points)
    shop.refund(sale["sale_id"], at=FUEL)
    points.apply_set_aside(shop.clock.at)
    assert refused(shop, op_id) == "undone"
    with pytest.raises(RetryHopeless) as hopeless:
        ask(shop, op_id)
    assert hopeless.value.reason == "undone"
    assert not frozen(shop, phone, 1)


def test_a_reversal_follows_its_original_and_is_not_tried_alone(shop: Shop, points: PointsService) -> None:
    _, sale, op_id = aside(shop, points)
    shop.refund(sale["sale_id"], [("1", 1)], at=FUEL)
    (restore,) = [op for op in by_state(shop, "set_aside") if isinstance(op, Restore)]
    assert (refused(shop, restore.op_id), refused(shop, op_id)) == ("original", None)
    with pytest.raises(RetryHopeless):
        ask(shop, restore.op_id)
    retry(shop, op_id)
    queued = [op.op_id for op in by_state(shop, "queued") if isinstance(op, (Redeem, Restore))]
    assert queued == [op_id, restore.op_id]
    refuse(shop, [op_id], MENDED)  # and with it what cites it
    assert points.apply_set_aside(shop.clock.at) == 2
    assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 20
    assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == 0
    retry(shop, op_id)
    assert differences(shop) == []


def test_gifts_free_giver_and_recipient(shop: Shop, points: PointsService) -> None:
    giver, recipient = shop.enrol(), shop.enrol()
    shop.stock(giver, 1, 40)
    given = points.gift(gift(shop, giver, recipient, Leg(1, 1, epoch_end(shop)[0], 15)), shop.clock.at)
    refuse(shop, [given], MENDED)
    points.apply_set_aside(shop.clock.at)
    retry(shop, given)
    assert not frozen(shop, giver, 1) and not frozen(shop, recipient, 1)
    assert [op.op_id for op in by_state(shop, "queued") if isinstance(op, Gift)] == [given]
    refuse(shop, [given], MENDED)
    points.apply_set_aside(shop.clock.at)
    assert frozen(shop, giver, 1) and frozen(shop, recipient, 1)
    assert shop.count("set_aside") == 2


def test_issues_come_back_out_of_the_operators_suspense(shop: Shop, points: PointsService) -> None:
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    op_id = bytes.fromhex(sale["operations"][0])
    refuse(shop, [op_id], "IssuanceCapExceeded(0, 1, 2, 3)")
    points.apply_set_aside(shop.clock.at)
    assert on_account(shop, SystemKind.SUSPENSE, 1) == -50
    retry(shop, op_id)
    assert on_account(shop, SystemKind.SUSPENSE, 1) == 0
    assert on_account(shop, SystemKind.ISSUANCE, 1) == -50
    assert [op.op_id for op in by_state(shop, "queued") if isinstance(op, Issue)] == [op_id]
