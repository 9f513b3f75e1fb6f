"""Random groups of commands against a model; INV-1, INV-2 and INV-3 after every step, on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.group import Waiting, run_group
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.points import Leg
from ledger_service.ledger import queries
from ledger_service.ledger.reconcile import holds_against_lots, lots_against_postings, numbering, rehash
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from tests.integration.ledger.bank import (
    PROGRAMME,
    START,
    Hold,
    Move,
    OnHold,
    issue,
    op,
    open_members,
    redeem,
    side,
    transfer,
)

DEEP = os.environ.get("ALLIANCE_TEST_DEEP") == "1"
MEMBERS, EPOCHS = 3, (9, 10)
ISSUANCE = system_account(SystemKind.ISSUANCE, PROGRAMME)
_examples = count(1)

amounts = st.integers(1, 40)
members = st.integers(0, MEMBERS - 1)
epochs = st.sampled_from(EPOCHS)


class HoldModel:
    """What the model knows of a hold."""

    def __init__(self, member: int, left: list[int]) -> None:
        self.member, self.left, self.open = member, left, True
        self.until = START + timedelta(minutes=10)


class LedgerMachine(RuleBasedStateMachine):
    """Members of their own for each example, so that one database serves all of them."""

    database: Database

    @initialize()
    def begin(self) -> None:
        self.example = next(_examples)
        self.first = self.example * 10
        open_members(self.database, range(self.first, self.first + MEMBERS))
        self.model: dict[tuple[int, int, Part], int] = {}
        self.holds: dict[bytes, HoldModel] = {}
        self.queue: list[tuple[BookCommand, bool]] = []
        self.numbers, self.now, self.opened = count(1), START, set()
        self.hashed = self.last_sequence()

    def last_sequence(self) -> int:
        with self.database.read() as conn:
            return int(conn.exec_driver_sql("SELECT COALESCE(MAX(sequence), 0) FROM entry").scalar_one())

    def op(self) -> bytes:
        return op("machine", self.example, next(self.numbers))

    def have(self, member: int, epoch: int, part: Part) -> int:
        return self.model.get((member, epoch, part), 0)

    def shift(self, member: int, epoch: int, part: Part, amount: int) -> None:
        self.model[(member, epoch, part)] = self.have(member, epoch, part) + amount

    def wish(self, command: BookCommand, granted: bool) -> bool:
        self.queue.append((command, granted))
        return granted

    @rule(member=members, epoch=epochs, amount=amounts)
    def issue(self, member: int, epoch: int, amount: int) -> None:
        self.wish(issue(self.op(), self.first + member, amount, epoch), True)
        self.shift(member, epoch, Part.AVAILABLE, amount)

    @rule(member=members, epoch=epochs, amount=amounts)
    def redeem(self, member: int, epoch: int, amount: int) -> None:
        enough = self.have(member, epoch, Part.AVAILABLE) >= amount
        if self.wish(redeem(self.op(), self.first + member, amount, epoch), enough):
            self.shift(member, epoch, Part.AVAILABLE, -amount)

    @rule(giver=members, step=st.integers(1, MEMBERS - 1), epoch=epochs, amount=amounts)
    def gift(self, giver: int, step: int, epoch: int, amount: int) -> None:
        taker = (giver + step) % MEMBERS
        enough = self.have(giver, epoch, Part.AVAILABLE) >= amount
        command = transfer(self.op(), self.first + giver, self.first + taker, amount, epoch)
        if self.wish(command, enough):
            self.shift(giver, epoch, Part.AVAILABLE, -amount)
            self.shift(taker, epoch, Part.AVAILABLE, amount)

    @rule(member=members, epoch=epochs, amount=amounts, vests=st.booleans())
    def promise_or_vest(self, member: int, epoch: int, amount: int, vests: bool) -> None:
        pending, promise = (
            side(self.first + member, Part.PENDING),
            system_account(SystemKind.PROMISE, PROGRAMME),
        )
        if not vests:
            self.wish(
                Move(self.op(), "promise", [Movement(promise, pending, PROGRAMME, epoch, amount)]), True
            )
            self.shift(member, epoch, Part.PENDING, amount)
            return
        moves = [
            Movement(pending, promise, PROGRAMME, epoch, amount),
            Movement(ISSUANCE, side(self.first + member), PROGRAMME, epoch, amount),
        ]
        if self.wish(Move(self.op(), "vest", moves), self.have(member, epoch, Part.PENDING) >= amount):
            self.shift(member, epoch, Part.PENDING, -amount)
            self.shift(member, epoch, Part.AVAILABLE, amount)

    @rule(member=members, first=amounts, second=amounts)
    def hold(self, member: int, first: int, second: int) -> None:
        hold_id, wanted = self.op(), [first, second]
        legs = tuple(Leg(PROGRAMME, 1, epoch, part) for epoch, part in zip(EPOCHS, wanted, strict=True))
        enough = all(self.have(member, e, Part.AVAILABLE) >= w for e, w in zip(EPOCHS, wanted, strict=True))
        if self.wish(Hold(hold_id, self.first + member, 0, legs), enough):
            self.holds[hold_id] = HoldModel(member, wanted)
            self.move_held(self.holds[hold_id], [-w for w in wanted], Part.AVAILABLE)

    def move_held(self, model: HoldModel, freed: list[int], other: Part | None) -> None:
        for epoch, amount in zip(EPOCHS, freed, strict=True):
            self.shift(model.member, epoch, Part.HELD, -amount)
            if other is not None:
                self.shift(model.member, epoch, other, amount)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), first=st.integers(-1, 40), second=st.integers(0, 40), final=st.booleans())
    def capture(self, data: st.DataObject, first: int, second: int, final: bool) -> None:
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        model, taken = self.holds[hold_id], [first, second]
        fits = all(0 <= take <= left for take, left in zip(taken, model.left, strict=True))
        granted = model.open and self.now < model.until and fits
        act = OnHold(hold_id, "capture", (first, second), final, self.now)
        if self.wish(act, granted):
            self.move_held(model, taken, None)
            model.left = [left - take for take, left in zip(taken, model.left, strict=True)]
            self.close_if(model, final or not any(model.left))

    def close_if(self, model: HoldModel, closes: bool) -> None:
        if closes:
            self.move_held(model, model.left, Part.AVAILABLE)
            model.left, model.open = [0, 0], False

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), act=st.sampled_from(["void", "expire", "extend"]), minutes=st.integers(1, 30))
    def end_or_extend(self, data: st.DataObject, act: str, minutes: int) -> None:
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        model, to = self.holds[hold_id], self.now + timedelta(minutes=minutes)
        granted = {"void": model.open, "expire": True, "extend": model.open and self.now < model.until < to}[
            act
        ]
        self.wish(OnHold(hold_id, act, at=self.now, to=to), granted)
        if act == "extend" and granted:
            model.until = to
        else:
            self.close_if(
                model, act != "extend" and model.open and (act == "void" or self.now >= model.until)
            )

    @rule(minutes=st.integers(1, 8))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def commit(self) -> None:
        """All wishes so far are one group, or as many groups as their deferrals ask for."""
        waiting = [Waiting(command) for command, _ in self.queue]
        expected, self.queue, again = [granted for _, granted in self.queue], [], waiting
        while again:
            with self.database.begin_group() as conn:
                again = run_group(conn, again, START, self.opened)
        outcomes = [w.error for w in waiting]
        assert all(error is None or isinstance(error, DomainError) for error in outcomes), outcomes
        assert [error is None for error in outcomes] == expected

    @invariant()
    def every_invariant_holds(self) -> None:
        with self.database.snapshot() as conn:
            broken = [
                *lots_against_postings(conn),
                *numbering(conn),
                *holds_against_lots(conn),
                *rehash(conn, self.hashed),
            ]
            assert broken == []
            assert sum(total.points for total in queries.totals(conn)) == 0
            if not self.queue:
                self.balances_are_those_of_the_model(conn)

    def balances_are_those_of_the_model(self, conn: object) -> None:
        for member in range(MEMBERS):
            stored = {
                v.epoch: (v.available, v.held, v.pending) for v in queries.balance(conn, self.first + member)
            }
            parts = (Part.AVAILABLE, Part.HELD, Part.PENDING)
            model = {e: tuple(self.have(member, e, part) for part in parts) for e in EPOCHS}
            assert stored == {e: values for e, values in model.items() if any(values)}

    def teardown(self) -> None:
        if hasattr(self, "queue"):
            self.commit()
            self.every_invariant_holds()


@pytest.fixture
def machine(database: Database) -> Iterator[type[LedgerMachine]]:
    return type("Machine", (LedgerMachine,), {"database": database})


def test_random_groups_keep_every_invariant(machine: type[LedgerMachine]) -> None:
    examples = 200 if DEEP else 25
    limits = settings(max_examples=examples, stateful_step_count=25, deadline=None, print_blob=True,
                      suppress_health_check=list(HealthCheck))  # fmt: skip
    run_state_machine_as_test(machine, settings=limits)
