"""INV-6 over random histories: whatever rivals try, a coupon is used at most once at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.kernel.coupon_operations import (
    NOBODY,
    Consume,
    CouponOperation,
    Give,
    Reverse,
    TransferRule,
)
from tests.contracts.alliance import Alliance
from tests.contracts.couponing import Codes, Couponing
from tests.contracts.parties import DAY, Member

CODES = 5
HOLDERS = [Member.numbered(n).account for n in (1, 2, 3)]
STEP = st.tuples(
    st.sampled_from(["consume", "consume", "consume", "reverse", "give", "forge", "late", "wait"]),
    st.integers(0, CODES - 1), st.integers(0, 2), st.integers(0, 5),
)  # fmt: skip


class Book:
    """What must be so of each coupon: who used it, who holds it, how often it was given."""

    def __init__(self) -> None:
        self.used: dict[int, Consume] = {}
        self.holder: dict[int, bytes] = {}

    def expects(self, operation: CouponOperation, codes: Codes) -> bool:
        """Whether the operation must be applied; then it is."""
        if isinstance(operation, Consume):
            holder = self.holder.get(operation.coupon, operation.account)
            own = codes.openings[codes.ids.index(operation.coupon)]
            sound = operation.opening == own and operation.coupon not in self.used
            fine = sound and operation.account == holder
            if fine:
                self.used[operation.coupon] = operation
            return fine
        if isinstance(operation, Give):
            fine = operation.coupon not in self.used and operation.coupon not in self.holder
            if fine:
                self.holder[operation.coupon] = operation.recipient
            return fine
        return isinstance(operation, Reverse) and self._takes_back(operation)

    def _takes_back(self, operation: Reverse) -> bool:
        used = self.used.get(operation.coupon)
        fine = used is not None and used.op_id == operation.original_op_id
        if fine:
            del self.used[operation.coupon]
        return fine


def build(
    coupons: Couponing, codes: Codes, book: Book, past: Sequence[Consume], step: Any
) -> CouponOperation | None:
    what, at, who, pick = step
    merchant = coupons.alliance.merchants[who]
    used = coupons.consume(codes, at, merchant)
    if what == "consume":
        holders = [book.holder.get(used.coupon, NOBODY), NOBODY, HOLDERS[who]]
        return replace(used, account=holders[pick % 3])
    if what == "forge":
        return replace(used, opening=bytes(31) + bytes((pick,)))
    if what == "late":
        return replace(used, opening=codes.openings[(at + 1) % CODES])
    if what == "reverse" and past:
        return coupons.reverse(past[pick % len(past)])
    if what == "give":
        return coupons.give(used.coupon, HOLDERS[who], HOLDERS[(who + 1) % 3])
    coupons.alliance.evm.now += DAY
    return None


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=1, max_size=24), size=st.integers(1, 4))
def test_inv6_a_coupon_is_consumed_once_until_its_acceptor_takes_it_back(
    prepared: tuple[Alliance, tuple[Any, ...]], steps: list[Any], size: int
) -> None:
    alliance, mark = prepared
    alliance.back_to(mark)
    coupons, codes, book = Couponing(alliance), Codes(CODES), Book()
    coupons.applied(coupons.type(rule=TransferRule.ONCE, cap=CODES), coupons.root(codes))
    past: list[Consume] = []
    for start in range(0, len(steps), size):
        made = (build(coupons, codes, book, past, step) for step in steps[start : start + size])
        batch = sorted((o for o in made if o is not None), key=lambda o: o.merchant)
        if not batch:
            continue
        expected = [book.expects(operation, codes) for operation in batch]
        assert [reason is None for reason in coupons.apply(*batch)] == expected
        past += [o for o, fine in zip(batch, expected, strict=True) if fine and isinstance(o, Consume)]
        assert {c for c in codes.ids if coupons.is_consumed(c)} == set(book.used)
        for coupon, holder in book.holder.items():
            assert coupons.balance(holder, coupon) == (coupon not in book.used)
