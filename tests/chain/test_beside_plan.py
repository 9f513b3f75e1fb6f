"""Which operations make a contract's next batch: in their order, whatever their slices' order does to it."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.chain.beside.planning import Around, BesidePlan, Bounds, Queued, plan_beside
from ledger_service.chain.beside.targets import (
    SentOperation,
    SentSlice,
    batch_of,
    calldata_of,
    coupons_at,
    told_by,
)
from ledger_service.kernel.beside import BesideOperation, Proven, leaf_of
from ledger_service.kernel.coupon_operations import (
    NOBODY,
    AnchorRoot,
    Consume,
    Give,
    Reverse,
    coupon_id,
)
from ledger_service.kernel.secp256k1 import keccak256

GCN, LOW, MIDDLE, HIGH = 9506000123455, 9506000000015, 9506000000022, 9506000000039
TARGET = coupons_at(b"\x11" * 20)
WIDE = Bounds(100, 10**8, 10**6)


def op_id(name: str) -> bytes:
    return keccak256(name.encode())[:16]


def use(name: str, serial: str, merchant: int, at: int = 100) -> Consume:
    coupon = coupon_id(GCN, serial)
    return Consume(op_id(name), merchant, at, coupon, NOBODY, b"\1" * 32, b"\2" * 32, (b"\3" * 32,) * 4)


def planned(*operations: BesideOperation, around: Around | None = None, bounds: Bounds = WIDE) -> BesidePlan:
    return plan_beside(TARGET, [Queued(o) for o in operations], around or Around(), bounds)


def test_slices_rise_by_merchant_and_keep_their_order() -> None:
    high, low, more = use("a", "1", HIGH), use("b", "2", LOW), use("c", "3", LOW)
    assert planned(high, low, more).ordered() == [low, more, high]


def test_what_needs_a_later_slices_work_waits_for_the_next_batch() -> None:
    root = AnchorRoot(op_id("root"), HIGH, 100, GCN, b"\1" * 32, 0, 9)
    early, same = use("a", "1", LOW), use("b", "2", HIGH)
    assert planned(root, early, same).ordered() == [root, same]
    lower = replace(root, merchant=LOW)
    assert planned(lower, early, same).ordered() == [lower, early, same]
    given = Give(op_id("give"), HIGH, 100, early.coupon, b"\5" * 20, b"\6" * 20)
    assert planned(given, early, same).ordered() == [given, same]


def test_what_waits_holds_back_whatever_needs_what_it_writes() -> None:
    first, second, other = use("a", "1", MIDDLE), use("b", "1", HIGH), use("c", "2", HIGH)
    held = Around(held=frozenset({MIDDLE}))
    assert planned(first, second, other, around=held).ordered() == [other]
    future = replace(first, accepted_at=101)
    assert planned(future, second, other, around=Around(until=100)).ordered() == [other]
    altered = plan_beside(TARGET, [Queued(first, False), Queued(second), Queued(other)], Around(), WIDE)
    assert altered.ordered() == [other]


def test_a_reversal_goes_with_its_proof_waits_without_it_and_dies_with_a_refused_original() -> None:
    used = use("a", "1", LOW)
    back = Reverse(op_id("back"), LOW, 100, used.coupon, used.op_id, leaf_of(used))
    again = use("b", "1", MIDDLE)
    assert planned(back, again).ordered() == []
    proven = Around(originals={used.op_id: Proven(used, 7, (b"\4" * 32,))})
    plan = planned(back, again, around=proven)
    assert plan.ordered() == [back, again]
    witness = plan.witnesses[back.op_id]
    assert (int.from_bytes(witness[0], "big"), witness[-1], len(witness)) == (7, b"\4" * 32, 7)
    orphaned = planned(back, again, around=Around(refused=frozenset({used.op_id})))
    assert (orphaned.orphans, orphaned.ordered()) == ([back], [again])


def test_a_batch_ends_where_a_bound_is_reached() -> None:
    many = [use(str(at), str(at), LOW) for at in range(10)]
    assert len(planned(*many, bounds=replace(WIDE, operations=3)).ordered()) == 3
    assert 0 < len(planned(*many, bounds=replace(WIDE, gas=500_000)).ordered()) < 10
    assert 0 < len(planned(*many, bounds=replace(WIDE, bytes=3_000)).ordered()) < 10


def test_the_bound_of_bytes_is_one() -> None:
    plan = planned(*(use(str(at), str(at), LOW if at % 2 else HIGH) for at in range(20)))
    slices = [
        SentSlice(m, b"\7" * 65, tuple(SentOperation(o.words(), plan.witnesses[o.op_id]) for o in parts))
        for m, parts in sorted(plan.slices.items())
    ]
    data = calldata_of(TARGET, 5, slices)
    assert len(data) <= plan.bytes
    number, operations = batch_of(TARGET, data) or (0, [])
    assert number == 5
    assert [o.leaf for o in operations] == [leaf_of(o) for o in plan.ordered()]
    assert [o.op_id for o in operations] == [o.op_id for o in plan.ordered()]
    assert batch_of(TARGET, b"\1" * 100) is None and batch_of(TARGET, data[:70]) is None
    assert told_by(TARGET, []) is None
