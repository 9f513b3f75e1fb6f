"""INV-4, 5, 7, 9, 10, 11 over random sequences of batches, checked after every batch against a plain book."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.kernel.operations import Issue, Operation, Redeem
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance
from tests.contracts.evm import Reverted
from tests.contracts.parties import DAY, EPOCH_ENDS, FEE_BPS, POINT_VALUES, T0, Member
from tests.contracts.refusals import told
from tests.contracts.writing import legs_of

MEMBERS = [Member.numbered(n) for n in range(1, 5)]
STEP = st.tuples(
    st.sampled_from(["issue", "issue", "redeem", "redeem", "restore", "claw", "gift", "expire",
                     "forge", "again", "wait"]),
    st.integers(0, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 400), st.integers(0, 7),
)  # fmt: skip


def owed(points: int, programme: int) -> int:
    value = points * POINT_VALUES[programme - 1]
    return value - value * FEE_BPS // 10_000


class Book:
    """What balances, counters and nets must be, kept by plain additions."""

    def __init__(self) -> None:
        self.balances: Counter[tuple[bytes, int, int]] = Counter()
        self.counters: Counter[tuple[int, int, str]] = Counter()
        self.nets: Counter[int] = Counter()
        self.restored: Counter[tuple[bytes, int]] = Counter()

    def move(self, account: bytes, leg: Leg, sign: int, kind: str) -> None:
        self.balances[account, leg.programme, leg.epoch] += sign * leg.amount
        for epoch in (leg.epoch, 0):
            self.counters[leg.programme, epoch, kind] += leg.amount

    def owe(self, issuer: int, acceptor: int, micros: int) -> None:
        self.nets[issuer] -= micros
        self.nets[acceptor] += micros


class Run:
    """One random history."""

    def __init__(self, alliance: Alliance) -> None:
        self.alliance, self.book = alliance, Book()
        self.done: list[Operation] = []

    def build(self, step: tuple[str, int, int, int, int, int]) -> Operation | None:
        what, who, programme, epoch, amount, pick = step
        member, leg = MEMBERS[who], Leg(programme, 1, epoch, amount)
        acceptor = self.alliance.merchants[pick % 3]
        past: list[Any] = [o for o in self.done if isinstance(o, Redeem if what == "restore" else Issue)]
        match what:
            case "issue":
                return self.alliance.issue(member, leg)
            case "redeem":
                second = Leg(pick % 3 + 1, 1, epoch, amount // 2 + 1)
                return self.alliance.redeem(member, acceptor, [leg, second] if pick % 2 else [leg])
            case "restore" if past:
                original = past[pick % len(past)]
                return self.alliance.restore(original, 0, amount % original.legs[0].amount + 1)
            case "claw" if past:
                original = past[pick % len(past)]
                return self.alliance.claw_back(original, [replace(original.leg, amount=amount)])
            case "gift":
                return self.alliance.gift(member, MEMBERS[(who + 1) % 4].account, [leg])
            case "expire":
                return self.alliance.expire(member, leg)
            case "forge":
                return self.alliance.redeem(member, acceptor, [leg], signing_key=MEMBERS[(who + 1) % 4].key)
            case "again" if self.done:
                repeated = self.done[pick % len(self.done)]
                return repeated if isinstance(repeated, Redeem) else None
        return None

    def take(self, step: tuple[str, int, int, int, int, int]) -> bool:
        """Whether an operation took effect."""
        if step[0] == "wait":
            self.alliance.evm.now += step[5] * 3 * DAY
        operation = self.build(step)
        if operation is None:
            return False
        try:
            self.alliance.apply(operation)
        except Reverted as error:
            name, values = told(error.data)
            if values[0] != 0:
                pytest.fail(name)
            return False
        assert step[0] not in ("forge", "again"), "INV-7, INV-9"
        self.note(operation)
        self.done.append(operation)
        return True

    def note(self, operation: Operation) -> None:
        book, kind = self.book, operation.kind.name
        for leg in legs_of(operation):
            issuer = self.alliance.merchant_of(leg.programme).gln
            account = getattr(operation, "account", b"")
            match kind:
                case "ISSUE":
                    book.move(account, leg, 1, "issued")
                case "REDEEM":
                    book.move(account, leg, -1, "redeemed")
                    book.owe(issuer, operation.merchant, owed(leg.amount, leg.programme))
                case "RESTORE":
                    book.move(account, leg, 1, "restored")
                    self.note_restored(operation, leg, issuer)
                case "CLAWBACK":
                    book.move(account, leg, -1, "clawed")
                case "EXPIRE":
                    assert operation.accepted_at >= EPOCH_ENDS[leg.epoch - 1], "INV-11"
                    book.move(account, leg, -1, "expired")
                case "GIFT":
                    book.balances[account, leg.programme, leg.epoch] -= leg.amount
                    book.balances[operation.recipient, leg.programme, leg.epoch] += leg.amount

    def note_restored(self, operation: Any, leg: Leg, issuer: int) -> None:
        original = self.alliance.placed[operation.original_leaf].operation
        key, whole = (operation.original_leaf, operation.leg_index), original.legs[operation.leg_index].amount
        left = whole - self.book.restored[key]
        self.book.restored[key] += leg.amount
        change = owed(left - leg.amount, leg.programme) - owed(left, leg.programme)
        self.book.owe(issuer, operation.merchant, change)

    def check(self) -> None:
        alliance, book = self.alliance, self.book
        for programme in (1, 2, 3):
            for epoch in range(1, 7):
                held = {m.account: alliance.balance(m.account, programme, epoch) for m in MEMBERS}
                assert held == {m.account: book.balances[m.account, programme, epoch] for m in MEMBERS}, (
                    "INV-9"
                )
                assert sum(held.values()) == alliance.token(programme, "outstanding", epoch), "INV-4"
            told_totals = alliance.token(programme, "counters", 0)
            names = ("issued", "clawed", "expired", "redeemed", "restored")
            assert told_totals == tuple(book.counters[programme, 0, n] for n in names), "INV-4"
        nets = {m.gln: alliance.net(m) for m in alliance.merchants}
        assert nets == {m.gln: book.nets[m.gln] for m in alliance.merchants}
        assert sum(nets.values()) == 0, "INV-5"


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(steps=st.lists(STEP, min_size=5, max_size=18))
def test_invariants_hold_after_every_random_history(prepared: Any, steps: list[Any]) -> None:
    alliance, mark = prepared
    alliance.back_to(mark)
    run = Run(alliance)
    for step in steps:
        if run.take(step):
            run.check()
    assert alliance.evm.now >= T0


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(amounts=st.lists(st.integers(1, 4 * 10**11), min_size=1, max_size=6))
def test_issuance_never_passes_the_cap(prepared: Any, amounts: list[int]) -> None:
    from tests.contracts.parties import CAP

    alliance, mark = prepared
    alliance.back_to(mark)
    issued = 0
    for amount in amounts:
        try:
            alliance.apply(alliance.issue(MEMBERS[0], Leg(1, 1, 5, amount)))
            issued += amount
        except Reverted as error:
            refusal = told(error.data)[0]
            if refusal != "IssuanceCapExceeded" or issued + amount <= CAP:
                pytest.fail(refusal)
    assert alliance.token(1, "issuedTotal") == issued <= CAP
