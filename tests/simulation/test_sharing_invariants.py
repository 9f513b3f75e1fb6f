"""What looks at rewards after each step must see broken ones (INV-14): in the books, and on the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.simulation import rewards
from tests.simulation.breaking import Played, play_until, unguarded
from tests.simulation.climate import Climate
from tests.simulation.founding import Founded
from tests.simulation.machine.stage import Stage
from tests.simulation.model.state import State
from tests.simulation.network.chain import Chain
from tests.simulation.world import World

SEEDS, STEPS = range(40), 40
# The database's own constraints refuse some of these changes; what looks must see them without.
_FREE = ("share_reward", "share_campaign", "share_bind", "share_purchase")
_ONE = "reward_id = (SELECT MIN(reward_id) FROM share_reward WHERE state = 'granted')"
_SHALLOW = (
    "campaign_id IN (SELECT campaign_id FROM share_campaign_version WHERE depth = 1) AND role = 'sharer'"
)
_A_GIFT = "kind IN ('issue', 'promise') AND body LIKE '%\"share\":%'"
_TABLE = {
    "a budget that is overdrawn": (
        "UPDATE share_campaign SET most_points = used_points - 1", "INV-14 campaign",
    ),
    "a reward beyond the budget": (
        f"UPDATE share_reward SET points = points + 100000 WHERE {_ONE}", "INV-14 campaign",
    ),
    "a second reward for one purchase": (
        f"INSERT INTO share_reward SELECT * FROM share_reward WHERE {_ONE}", "INV-14 purchase",
    ),
    "a reward of the third level": ("UPDATE share_reward SET depth = 3 WHERE role = 'second'", "is 3 deep"),
    "a second level in a campaign of one": (
        f"UPDATE share_reward SET depth = 2, role = 'second' WHERE {_SHALLOW}", "2 deep in a campaign of 1",
    ),
    "a reward without a purchase": (
        f"UPDATE share_reward SET sale_id = zeroblob(16) WHERE {_ONE}", "is for no purchase",
    ),
    "a purchase that nobody attributed": ("DELETE FROM share_purchase", "is for no purchase"),
    "a purchase of somebody who followed nothing": (
        "UPDATE share_bind SET member_id = sharer_id", "who followed no link",
    ),
    "a reward of somebody else": (
        f"UPDATE share_reward SET member_id = member_id + 100 WHERE {_ONE}", "who is no",
    ),
    "a reward that was given twice": (
        f"UPDATE entry SET body = (SELECT body FROM entry WHERE {_A_GIFT} LIMIT 1)"
        f" WHERE kind IN ('issue', 'promise') AND NOT ({_A_GIFT})", "INV-14",
    ),
    "a reward that was given and waits": (
        f"UPDATE share_reward SET state = 'promised' WHERE {_ONE}", "is promised and was given",
    ),
    "a reward that is gone and keeps its points": (
        f"UPDATE share_reward SET state = 'clawed' WHERE {_ONE}", "is clawed, and 0 were taken back",
    ),
    "points for a reward that there is not": (
        f"DELETE FROM share_reward WHERE {_ONE}", "for sharing without such a reward",
    ),
    "a promise that nobody made": ("UPDATE share_reward SET promise = 'unsaid'", "that nobody made"),
    "more promised than the chain took": (
        "UPDATE share_campaign SET open_points = stands_points - 1", "on a chain that took",
    ),
    "less promised than stands on the chain": (
        "UPDATE share_campaign SET stands_points = 0 WHERE stands_points > 0", "and on the chain",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def chain(founded: Founded, stage: Stage) -> Chain:
    """The run is over, and its database lies on the stage."""
    edits, climate = [edit for edit, _ in _TABLE.values()], Climate(sharing=True)
    return play_until((World(founded, stage, seed, climate) for seed in SEEDS), STEPS, edits, _FREE)


@pytest.fixture
def played(chain: Chain, stage: Stage) -> Iterator[Played]:
    """The books, without the guards against changes."""
    with unguarded(stage, _FREE) as conn:
        yield Played(conn, chain, {})


@pytest.mark.parametrize("name", _TABLE)
def test_rewards_that_are_changed_are_named(played: Played, name: str) -> None:
    edit, named = _TABLE[name]
    assert played.broken() == []
    assert played.conn.exec_driver_sql(edit).rowcount > 0
    told = [found for found in played.broken() if found.startswith("INV-14")]
    assert any(named in found for found in told), told


def lower_a_budget(state: State) -> None:
    campaign = next(one.campaign for one in state.rewards.values() if one.state < 3)
    state.campaigns[campaign] = replace(state.campaigns[campaign], budget=1)


def flatten(state: State) -> None:
    campaign = next(one.campaign for one in state.rewards.values() if one.role == 4)
    state.campaigns[campaign] = replace(state.campaigns[campaign], depth=1)


def return_twice(state: State) -> None:
    campaign = next(iter(state.rewards.values())).campaign
    known = state.campaigns[campaign]
    state.campaigns[campaign] = replace(known, returned=known.returned + 1)


@pytest.mark.parametrize("change", [lower_a_budget, flatten, return_twice])
def test_a_desk_that_cannot_be_is_named(chain: Chain, change: Callable[[State], None]) -> None:
    assert list(rewards.of_the_desk(chain.head)) == []
    state = chain.head.state.copy()
    change(state)
    assert any(
        found.startswith("INV-14") for found in rewards.of_the_desk(replace(chain.head, state=state))
    )
