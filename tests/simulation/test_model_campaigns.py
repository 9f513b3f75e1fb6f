"""The desk of campaigns in Python against the compiled contract: the same answer to every batch and issue."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.contracts import alliance as building
from tests.contracts.alliance import Alliance
from tests.contracts.parties import CAMPAIGNS, STRANGER
from tests.contracts.refusals import refused
from tests.simulation.model.abi import raw
from tests.simulation.model.contracts import view
from tests.simulation.model.state import State
from tests.simulation.model_campaigns import CampaignHistory
from tests.simulation.test_model import Twin, assert_same_books

SEEDS, STEPS = range(5), 30
_REFUSALS = frozenset({
    "OperationTooLate", "OperationMerchantSuspended", "OperationKindUnknown", "CampaignInvalid",
    "CampaignTakesBack", "CampaignUnknown", "CampaignNotYours", "CampaignNotInTime", "RewardInvalid",
    "RewardTooDeep", "RewardWithoutPurchase", "RewardIdDiffers", "RewardKnown", "RewardBeyondBudget",
    "RewardUnknown", "RewardWentBack",
})  # fmt: skip


@pytest.fixture(scope="module")
def founded() -> tuple[Alliance, tuple[Any, ...], State]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "Evm", Twin)
        made = Alliance()
    assert isinstance(made.evm, Twin)
    return made, made.fork_mark(), made.evm.state


def history(founded: tuple[Alliance, tuple[Any, ...], State], seed: int) -> CampaignHistory:
    alliance, mark, state = founded
    alliance.back_to(mark)
    alliance.evm.state = state.copy()  # type: ignore[attr-defined]  # a Twin
    return CampaignHistory(alliance, Random(seed))


def assert_same_desk(alliance: Alliance) -> None:
    """Campaigns, rewards and roots, asked of the compiled contract and of the model."""
    state: State = alliance.evm.state  # type: ignore[attr-defined]  # a Twin
    asked = [("lastBatch",), *(("rootOf", number) for number in state.campaign_roots)]
    asked += [("campaign", campaign) for campaign in (*state.campaigns, b"\6" * 16)]
    asked += [("rewardOf", reward) for reward in (*state.rewards, b"\6" * 16)]
    for function, *arguments in asked:
        mine = view(state, state.site.campaigns, CAMPAIGNS.call_data(function, *arguments))
        assert raw(CAMPAIGNS.answer_of(function, mine)) == alliance.ask(CAMPAIGNS, function, *arguments)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_campaigns_have_the_same_outcome_logs_and_books(
    founded: tuple[Alliance, tuple[Any, ...], State], seed: int
) -> None:
    run = history(founded, seed)
    for _ in range(STEPS):
        run.step()
    assert_same_desk(run.alliance)
    assert_same_books(run.alliance)
    assert {"None", "issued"} <= run.met


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100, 250))
def test_a_hundred_and_fifty_more(founded: tuple[Alliance, tuple[Any, ...], State], seed: int) -> None:
    run = history(founded, seed)
    for _ in range(80):
        run.step()
    assert_same_desk(run.alliance)


def test_random_campaigns_meet_every_refusal(founded: tuple[Alliance, tuple[Any, ...], State]) -> None:
    """A difference that no history reaches would not be seen."""
    met: set[str] = set()
    for seed in range(20, 24):
        run = history(founded, seed)
        for _ in range(40):
            run.step()
        met |= run.met
    assert set(_REFUSALS) - met == set()


def test_nobody_but_the_relayer_hands_campaigns_over(
    founded: tuple[Alliance, tuple[Any, ...], State],
) -> None:
    run = history(founded, 1)
    with refused("AccessManagedUnauthorized", STRANGER):
        run.by_a_stranger(run.promise())
