"""Intents that a cut-over left go behind everything else, but before what their own members need them for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ledger_service.chain.plan import Limits, Situation, plan_batch
from ledger_service.chain.queue import Queue
from ledger_service.db.engine import Database
from ledger_service.kernel.operations import Issue
from ledger_service.kernel.points import Leg
from ledger_service.outbox import queries
from ledger_service.outbox.service import NewIntent, enqueue_now

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LIMITS = Limits(4, 10**9, 10**9, 100)


def an_issue(number: int, member_id: int) -> Issue:
    account = member_id.to_bytes(20, "big")
    return Issue(number.to_bytes(16, "big"), 7, account, 1_700_000_000, 0, Leg(1, 1, 1, number))


def put(database: Database, new: Sequence[tuple[int, int, bool]]) -> None:
    """Intents as (number, member, later); the number is their place in the outbox too."""
    with database.begin() as conn:
        enqueue_now(conn, [NewIntent(an_issue(n, m), m, later=later) for n, m, later in new], NOW)


def order(database: Database, most: int, queue: Queue | None = None) -> list[int]:
    with database.read() as conn:
        return [item.intent_id for item in (queue or Queue()).waiting(conn, most)]


def test_what_is_later_waits_for_everything_that_is_not(database: Database) -> None:
    put(database, [(1, 11, True), (2, 12, True), (3, 21, False), (4, 22, False)])
    assert order(database, 10) == [3, 4, 1, 2]
    assert order(database, 3) == [3, 4, 1]
    assert order(database, 2) == [3, 4]


def test_a_members_own_later_issues_come_before_what_spends_them(database: Database) -> None:
    put(database, [(n, 10 + n % 5, True) for n in range(1, 21)] + [(21, 12, False), (22, 99, False)])
    own = [n for n in range(1, 21) if 10 + n % 5 == 12]
    assert order(database, 2) == [*own, 21, 22]
    assert order(database, 8)[:6] == [*own, 21, 22]
    assert sorted(order(database, 22)) == list(range(1, 23)), "each of them once"


def test_a_batch_that_the_needed_issues_fill_leaves_the_spending_to_the_next(database: Database) -> None:
    put(database, [*((n, 12, True) for n in range(1, 6)), (6, 12, False)])
    with database.read() as conn:
        plan = plan_batch(Queue().waiting(conn, 8), Situation(), LIMITS)
    assert [item.intent_id for item in plan.taken] == [1, 2, 3, 4]


def test_a_needed_issue_that_cannot_go_holds_the_spending_back_and_nobody_else(database: Database) -> None:
    put(database, [(1, 12, True), (2, 12, False), (3, 13, False)])
    held = Situation(held=frozenset([an_issue(1, 12).op_id]))
    with database.read() as conn:
        plan = plan_batch(Queue().waiting(conn, 8), held, LIMITS)
    assert [item.intent_id for item in plan.taken] == [3]


def test_the_lag_does_not_grow_old_by_what_may_take_hours(database: Database) -> None:
    put(database, [(1, 12, True), (2, 13, True)])
    with database.read() as conn:
        assert queries.lag(conn) == queries.Lag(0, 0, 0, None, 2)
    put(database, [(3, 14, False)])
    with database.read() as conn:
        assert queries.lag(conn) == queries.Lag(1, 0, 0, NOW, 2)
