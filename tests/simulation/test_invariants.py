"""What looks at every book after each step must see a broken one: a run's books, one changed at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.simulation import invariants
from tests.simulation.breaking import Played, play_until, unguarded
from tests.simulation.climate import Climate
from tests.simulation.founding import CAP, Founded
from tests.simulation.machine.stage import Stage
from tests.simulation.model.state import State
from tests.simulation.network.chain import Block, Chain
from tests.simulation.world import World

# The first run of these in which enough happened: refunds, coupons used, points taken back, nets between
# merchants. Which that is changes with whatever people may do.
SEEDS, STEPS = range(25, 75), 40


@pytest.fixture(scope="module")
def chain(founded: Founded, stage: Stage) -> Chain:
    """The run is over, and its database lies on the stage."""
    edits = [edit for edit, _ in _TABLE.values()]
    return play_until((World(founded, stage, seed, Climate(coupons=True)) for seed in SEEDS), STEPS, edits)


@pytest.fixture
def played(chain: Chain, stage: Stage) -> Iterator[Played]:
    """The books, without the guards against changes."""
    with unguarded(stage) as conn:
        yield Played(conn, chain, invariants.checkpoints_of(conn))


_A_SALE = "sale_id = (SELECT sale_id FROM sale WHERE returned <> '' LIMIT 1)"
_TABLE = {
    "a part that no posting explains": (
        "UPDATE lot SET available = available + 1", "INV-1, 2, 3",
    ),
    "points that go in a way without a name": (
        "UPDATE entry SET kind = 'whim' WHERE kind = 'clawback'", "INV-9 entry",
    ),
    "a permit that was not written down": ("DELETE FROM permit_use", "INV-9 intent"),
    "an expiry before its time": ("UPDATE account SET kind = 'expired' WHERE kind = 'clawback'", "INV-11"),
    "more money back than was paid": (
        "UPDATE sale SET returned = json_set(returned, '$.cash_minor', total_minor + 1)"
        f" WHERE {_A_SALE}", "INV-13",
    ),
    "more goods back than were sold": (
        f"UPDATE sale SET returned = json_set(returned, '$.pieces', json('{{\"1\":1000}}')) WHERE {_A_SALE}",
        "INV-13",
    ),
    "more drawn than the cap": (f"UPDATE issuance_budget SET drawn_total = {CAP + 1}", "INV-10"),
    "more issued than the cap": (
        f"UPDATE posting SET amount = {CAP + 1} WHERE sequence ="
        " (SELECT MAX(sequence) FROM entry WHERE kind = 'issue')", "INV-10 programme",
    ),
    "a mirrored balance": ("UPDATE chain_balance SET amount = amount + 1", "INV-8 balances"),
    "a mirrored counter": ("UPDATE chain_counter SET issued = issued + 1", "INV-8 counters"),
    "a mirrored net": ("UPDATE chain_net SET net_micros = net_micros + 1", "INV-8 nets"),
    "a mirrored root": ("UPDATE chain_applied SET root = zeroblob(32)", "INV-8 roots"),
    "a batch that the mirror lacks": ("DELETE FROM chain_applied", "INV-8 roots"),
    "a coupon that was used twice": (
        "INSERT INTO coupon_event (coupon_id, position, kind, by_whom, at) SELECT coupon_id, 99, 'consumed',"
        " 'thief', 0 FROM coupon WHERE state = 'consumed'", "INV-6",
    ),
    "a used coupon that may be used again": (
        "UPDATE coupon SET state = 'available', used_by = NULL WHERE state = 'consumed'", "INV-6",
    ),
    "a coupon that was used for no sale": (
        "UPDATE coupon SET used_by = zeroblob(16) WHERE state = 'consumed'", "INV-6",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_a_book_that_is_changed_is_named_by_its_invariant(played: Played, name: str) -> None:
    edit, named = _TABLE[name]
    assert played.broken() == []
    assert played.conn.exec_driver_sql(edit).rowcount > 0
    assert any(found.startswith(named) for found in played.broken()), played.broken()


def give_a_point(state: State) -> None:
    state.lots[next(iter(state.lots))] += 1


def owe_a_little(state: State) -> None:
    state.nets[state.period, next(iter(state.merchants))] += 1


def issue_without_end(state: State) -> None:
    state.counters[next(iter(state.programmes)), 0, "issued"] = CAP + 1


def overdraw(state: State) -> None:
    state.lots[next(iter(state.lots))] = -1


@pytest.mark.parametrize(
    ("change", "named"),
    [(give_a_point, "INV-4"), (owe_a_little, "INV-5"), (issue_without_end, "INV-10"), (overdraw, "INV-2")],
)
def test_a_state_of_the_chain_that_cannot_be_is_named(
    chain: Chain, change: Callable[[State], None], named: str
) -> None:
    head: Block = chain.head
    assert list(invariants.of_the_chain(head)) == []
    state = head.state.copy()
    change(state)
    assert any(found.startswith(named) for found in invariants.of_the_chain(replace(head, state=state)))
