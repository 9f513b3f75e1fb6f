"""Coupons from the outbox to their contract through the real bridge and custody, on a replay's clock."""

from __future__ import annotations

from ledger_service.bootstrap.relaying import targets_of
from ledger_service.chain.beside.audit import check_beside
from ledger_service.kernel.beside import leaf_of
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.coupon_operations import (
    CODEC,
    NO_ROOT,
    NOBODY,
    TARGET,
    Consume,
    CouponOperation,
    RegisterType,
    Reverse,
    TransferRule,
    coupon_id,
)
from ledger_service.outbox.beside.queries import standings
from ledger_service.outbox.beside.service import enqueue_now
from tests.api.service import FUEL, GROCER
from tests.integration.care.whole import Whole

GCN, DAY = 9506000123455, 86_400
GROCER_GLN, FUEL_GLN = int(GROCER), int(FUEL)


def used(number: int, merchant: int, at: int, serial: str) -> Consume:
    where = (coupon_id(GCN, serial), NOBODY, NO_ROOT, bytes(32), ())
    return Consume(bytes([number]) * 16, merchant, at, *where)


def test_rivals_fight_for_a_coupon_and_the_loser_is_told(whole: Whole) -> None:
    instant = parse_instant(whole.shop.at, "at")
    at = seconds_floor(instant)
    kind = RegisterType(
        b"\x10" * 16, GROCER_GLN, at, GCN, 1, 100, at - DAY, at + DAY, TransferRule.NONE, 1, bytes(32)
    )
    first, second = used(3, FUEL_GLN, at, "001"), used(2, GROCER_GLN, at, "001")
    other = used(1, GROCER_GLN, at, "002")
    back = Reverse(b"\x20" * 16, GROCER_GLN, at, other.coupon, other.op_id, leaf_of(other))
    told: list[CouponOperation] = [kind, first, second, other, back]
    with whole.database.begin() as conn:
        enqueue_now(conn, TARGET, CODEC, told, instant)

    def final() -> bool:
        with whole.database.read() as conn:
            found = standings(conn, [operation.op_id for operation in told])
        return {one.state for one in found.values()} == {"final"}

    whole.until(final, "coupons on chain")
    with whole.database.read() as conn:
        found = standings(conn, [operation.op_id for operation in told])
    reasons = [found[operation.op_id].reason for operation in told]
    assert reasons == [None, None, "CouponConsumed()", None, None]
    (target,) = targets_of(whole.alliance)
    assert check_beside(whole.database, whole.node, target) == []
    status = whole.shop.get("operator", "/v1/chain/status")
    assert status.get_json()["coupons"] == {"on_chain": True, "queued": 0, "refused": 1}
    whole.settle()
