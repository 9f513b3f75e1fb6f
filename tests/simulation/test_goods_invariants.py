"""What looks at goods after each step must see broken ones: claims of items (INV-12) and the log (INV-15)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation import invariants
from tests.simulation.breaking import Played, play_until, unguarded
from tests.simulation.climate import Climate
from tests.simulation.founding import Founded
from tests.simulation.machine.stage import Stage
from tests.simulation.network.chain import Chain
from tests.simulation.world import World

SEEDS, STEPS = range(20), 24
_OF_AN_ITEM = (
    "SELECT op_id FROM entry WHERE kind = 'issue' AND op_id IN (SELECT op_id FROM trace_claim) LIMIT 1"
)
_TABLE = {
    "an item that earned twice": (
        f"UPDATE entry SET op_id = ({_OF_AN_ITEM}) WHERE sequence = (SELECT MAX(sequence) FROM entry"
        f" WHERE kind = 'issue' AND op_id <> ({_OF_AN_ITEM}))", "INV-12",
    ),
    "an item that earned somebody else": (
        "UPDATE trace_claim SET member_id = (SELECT MIN(member_id) FROM member"
        " WHERE member_id <> trace_claim.member_id)", "INV-12",
    ),
    "an item that earned more than its claim says": ("UPDATE trace_claim SET points = points - 1", "INV-12"),
    "a claimed item that may be claimed again": (
        "UPDATE trace_item SET state = 'generated' WHERE state = 'activated'", "INV-12",
    ),
    "an item whose claim is gone": ("DELETE FROM trace_claim", "INV-12"),
    "a checkpoint of another log": ("UPDATE log_checkpoint SET root = zeroblob(32)", "INV-15"),
    "a checkpoint that is gone": ("DELETE FROM log_checkpoint", "INV-15"),
    "a leaf that was rewritten": ("UPDATE log_tile SET hashes = zeroblob(length(hashes))", "INV-15"),
    "an event that was rewritten": ("UPDATE epcis_event SET body = CAST('{}' AS BLOB)", "INV-15"),
}  # fmt: skip


@pytest.fixture(scope="module")
def chain(founded: Founded, stage: Stage) -> Chain:
    """The run is over, and its database lies on the stage."""
    edits, climate = [edit for edit, _ in _TABLE.values()], Climate(items=True, events=True)
    return play_until((World(founded, stage, seed, climate) for seed in SEEDS), STEPS, edits)


@pytest.fixture
def played(chain: Chain, stage: Stage) -> Iterator[Played]:
    """The books, without the guards against changes."""
    with unguarded(stage) as conn:
        yield Played(conn, chain, invariants.checkpoints_of(conn))


@pytest.mark.parametrize("name", _TABLE)
def test_goods_that_are_changed_are_named_by_their_invariant(played: Played, name: str) -> None:
    edit, named = _TABLE[name]
    assert played.broken() == []
    assert played.conn.exec_driver_sql(edit).rowcount > 0
    assert any(found.startswith(named) for found in played.broken()), played.broken()
