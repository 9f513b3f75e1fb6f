"""Rewards for sharing on chain (INV-14): within a campaign's depth, time and budget, issued once as promised."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.campaign_operations import (
    CODEC,
    OPEN_END,
    RewardRole,
    attribution_of,
    day_of,
    purchase_of,
    reward_id_of,
)
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.campaigning import BUDGET, CAMPAIGN, Campaigning, sale
from tests.contracts.parties import CAMPAIGNS, DAY, GUARDIAN, RELAYER, STRANGER, Member
from tests.contracts.refusals import refused
from tests.contracts.test_gas import SNAPSHOT, TOLERANCE

DOCUMENT = SNAPSHOT.parents[1] / "docs" / "sharing.md"
PROMISED, ISSUED, WITHDRAWN, RETURNED = 1, 2, 3, 4


@pytest.fixture
def campaigns(alliance: Alliance) -> Campaigning:
    made = Campaigning(alliance)
    made.applied(made.open())
    return made


def test_a_reward_is_promised_issued_and_goes_back_each_once(campaigns: Campaigning, ann: Member) -> None:
    one = campaigns.promise(ann, 1)
    assert campaigns.apply(one, replace(one, op_id=campaigns.op_id())) == [None, "RewardKnown"]
    assert (campaigns.sums(), campaigns.state(one)) == ((100, 0, 0), PROMISED)
    campaigns.alliance.apply(campaigns.issue(ann, one))
    assert campaigns.alliance.balance(ann.account, 1, 5) == 100
    assert (campaigns.sums(), campaigns.state(one)) == ((100, 0, 100), ISSUED)
    with refused("RewardNotPromised", 0, one.reward):
        campaigns.alliance.apply(campaigns.issue(ann, one))
    campaigns.applied(campaigns.back(one))
    assert (campaigns.sums(), campaigns.state(one)) == ((100, 100, 100), RETURNED)
    campaigns.refused("RewardWentBack", campaigns.back(one))
    campaigns.refused("RewardKnown", campaigns.promise(ann, 1))
    with refused("RewardNotPromised", 0, one.reward):
        campaigns.alliance.apply(campaigns.issue(ann, one))


def test_what_went_back_before_it_was_issued_never_is(campaigns: Campaigning, ann: Member) -> None:
    one = campaigns.promise(ann, 1)
    campaigns.applied(one, campaigns.back(one))
    assert (campaigns.sums(), campaigns.state(one)) == ((100, 100, 0), WITHDRAWN)
    with refused("RewardNotPromised", 0, one.reward):
        campaigns.alliance.apply(campaigns.issue(ann, one))
    campaigns.refused("RewardWentBack", campaigns.back(one))
    unknown = campaigns.promise(ann, 2)
    nothing = replace(one, reward=bytes(16))
    campaigns.refused("RewardUnknown", campaigns.back(unknown), campaigns.back(nothing))


def test_what_stands_promised_never_exceeds_the_budget(campaigns: Campaigning, ann: Member) -> None:
    most, more = campaigns.promise(ann, 1, points=BUDGET), campaigns.promise(ann, 2, points=1)
    assert campaigns.apply(most, more) == [None, "RewardBeyondBudget"]
    campaigns.applied(campaigns.back(most), campaigns.promise(ann, 3, points=BUDGET))
    campaigns.refused("RewardBeyondBudget", more)
    campaigns.applied(campaigns.open(budget=BUDGET + 1, begins=campaigns.ask("campaign", CAMPAIGN)[3]), more)
    campaigns.refused("RewardBeyondBudget", campaigns.promise(ann, 4, points=2**64 - 1))


def test_a_campaign_of_one_level_pays_nobody_on_the_second(campaigns: Campaigning, ann: Member) -> None:
    shallow = campaigns.op_id()
    campaigns.applied(campaigns.open(campaign=shallow, depth=1))
    roles = list(RewardRole)
    told = [campaigns.promise(ann, 1, role, campaign=shallow) for role in roles]
    assert campaigns.apply(*told) == [
        "RewardTooDeep" if role is RewardRole.SECOND else None for role in roles
    ]
    campaigns.refused("RewardTooDeep", campaigns.promise(ann, 9, RewardRole.SECOND, campaign=shallow))
    campaigns.applied(campaigns.promise(ann, 2, RewardRole.SECOND))


def test_the_id_follows_from_attribution_purchase_and_role(campaigns: Campaigning, ann: Member) -> None:
    commitment = keccak256(b"commitment 1")
    for role in RewardRole:
        asked = (attribution_of(commitment, role), purchase_of(commitment, sale(1), role), int(role))
        assert campaigns.ask("rewardId", *asked)[:16] == reward_id_of(commitment, sale(1), role)
    assert campaigns.ask("rewardId", commitment, commitment, 0) == bytes(16)
    assert campaigns.ask("rewardId", commitment, commitment, 5) == bytes(16)
    one = campaigns.promise(ann, 1)
    campaigns.refused(
        "RewardIdDiffers", replace(one, role=RewardRole.NEWCOMER), replace(one, attribution=commitment),
        replace(one, purchase=commitment), replace(one, reward=sale(1)),
    )  # fmt: skip
    campaigns.refused("RewardWithoutPurchase", replace(one, purchase=bytes(32)))


def test_hashes_of_one_purchase_have_nothing_in_common(campaigns: Campaigning) -> None:
    commitment = keccak256(b"commitment 1")
    told = [attribution_of(commitment, role) for role in RewardRole]
    told += [purchase_of(commitment, sale(1), role) for role in RewardRole]
    assert len({*told, commitment, *(reward_id_of(commitment, sale(1), role) for role in RewardRole)}) == 13


@pytest.mark.parametrize("changes", [{"points": 0}, {"role": 0}, {"role": 5}, {"account": bytes(20)},
                                     {"points": 2**64}, {"account": b"\1" * 32}])  # fmt: skip
def test_what_is_no_reward_is_not_promised(
    campaigns: Campaigning, ann: Member, changes: dict[str, Any]
) -> None:
    campaigns.refused("RewardInvalid", replace(campaigns.promise(ann, 1), **changes))


@pytest.mark.parametrize("changes", [{"campaign": bytes(16)}, {"programme": 2}, {"programme": 9},
                                     {"budget": 0}, {"programme": 2**32 + 1}, {"budget": 2**64}, {"depth": 0}, {"depth": 3},
                                     {"ends": 5, "begins": 5}, {"ends": 2**40}])  # fmt: skip
def test_what_is_no_campaign_is_not_opened(campaigns: Campaigning, changes: dict[str, Any]) -> None:
    campaigns.refused("CampaignInvalid", campaigns.open(**{"campaign": b"\7" * 16, **changes}))
    assert campaigns.ask("campaign", b"\7" * 16)[0] == 0


def test_a_campaign_only_gets_a_greater_budget_or_an_earlier_end(campaigns: Campaigning, ann: Member) -> None:
    begins = campaigns.ask("campaign", CAMPAIGN)[3]
    again = campaigns.open(begins=begins)
    kept = campaigns.ask("campaign", CAMPAIGN)
    narrower = ({"budget": BUDGET - 1}, {"depth": 1}, {"programme": 2}, {"begins": begins - 1})
    campaigns.refused("CampaignTakesBack", *(replace(again, **changes) for changes in narrower))
    campaigns.refused("CampaignNotYours", replace(again, merchant=campaigns.alliance.merchants[1].gln))
    assert campaigns.ask("campaign", CAMPAIGN) == kept
    campaigns.applied(replace(again, budget=BUDGET + 5, ends=campaigns.now + 1))
    campaigns.refused("CampaignTakesBack", replace(again, budget=BUDGET + 4))
    shallow = campaigns.op_id()
    campaigns.applied(campaigns.open(campaign=shallow, depth=1))
    campaigns.refused("CampaignTakesBack", campaigns.open(campaign=shallow, depth=2, begins=begins))
    assert campaigns.ask("campaignByNumber", 2) == campaigns.ask("campaign", shallow)
    assert campaigns.ask("campaignByNumber", 0)[0] == 0


def test_whoever_forgot_its_time_says_it_again_and_changes_none_of_it(campaigns: Campaigning) -> None:
    """As after a restore: the campaign goes live once more, or its end is forgotten."""
    began, ends = campaigns.ask("campaign", CAMPAIGN)[3], campaigns.now + DAY
    again = campaigns.open(begins=began, ends=ends, budget=BUDGET + 1)
    campaigns.applied(again)
    for number, time in enumerate(((began + 7, OPEN_END), (began, ends + 1), (ends - 1, ends)), 2):
        told = replace(again, op_id=campaigns.op_id(), begins=time[0], ends=time[1], budget=BUDGET + number)
        campaigns.applied(told)
        assert campaigns.ask("campaign", CAMPAIGN)[3:6] == (began, ends, BUDGET + number)
        # Whoever reads the events alone knows what stands.
        assert campaigns.opened()[2:] == (1, BUDGET + number, told.depth, began, ends)
    campaigns.applied(replace(again, budget=BUDGET + 9, begins=began + 7, ends=ends - 60))
    for late in (ends - 60, ends + DAY):
        campaigns.refused("CampaignTakesBack", replace(again, budget=BUDGET + 9, begins=late, ends=OPEN_END))
    assert campaigns.ask("campaign", CAMPAIGN)[3:6] == (began, ends - 60, BUDGET + 9)


def test_sales_outside_the_campaign_are_not_rewarded(campaigns: Campaigning, ann: Member) -> None:
    begins = campaigns.ask("campaign", CAMPAIGN)[3]
    campaigns.applied(campaigns.open(begins=begins, ends=day_of(campaigns.now) + 1))
    campaigns.alliance.evm.now += 3 * DAY
    days = (day_of(begins) - DAY, day_of(campaigns.now) - 2 * DAY, day_of(campaigns.now) + DAY)
    odd = day_of(campaigns.now) - 3 * DAY + 1
    campaigns.refused(
        "CampaignNotInTime", *(campaigns.promise(ann, 1, sold_on=day) for day in (*days, odd, 2**255))
    )
    # The day in which it began, and that of its last second, reviewed and promised days later.
    for at, day in enumerate((day_of(begins), day_of(campaigns.now) - 3 * DAY)):
        campaigns.applied(campaigns.promise(ann, at, sold_on=day))


def test_a_rival_promises_and_takes_back_nothing(campaigns: Campaigning, ann: Member) -> None:
    one = campaigns.promise(ann, 1)
    campaigns.applied(one)
    rival = campaigns.alliance.merchants[1].gln
    strange = (campaigns.promise(ann, 2, merchant=rival), campaigns.back(one, merchant=rival))
    campaigns.refused("CampaignNotYours", *strange)
    campaigns.refused("CampaignUnknown", campaigns.promise(ann, 2, campaign=b"\7" * 16))


def test_words_of_no_kind_are_refused(campaigns: Campaigning, ann: Member) -> None:
    one = campaigns.promise(ann, 1)
    short, other = one.words()[:-32], (9).to_bytes(32, "big") + one.words()[32:]
    assert campaigns.apply(one, words=[short, other]) == ["OperationKindUnknown"] * 2
    ragged = bytearray(one.words())
    ragged[128 + 31] = 1
    assert campaigns.apply(one, words=[bytes(ragged)]) == ["CampaignUnknown"]
    ragged = bytearray(campaigns.back(one).words())
    ragged[128 + 31] = 1
    campaigns.applied(one)
    assert campaigns.apply(one, words=[bytes(ragged)]) == ["RewardUnknown"]


def test_the_house_issues_only_what_is_promised_so(campaigns: Campaigning, ann: Member, bob: Member) -> None:
    one, alliance = campaigns.promise(ann, 1), campaigns.alliance
    campaigns.applied(one)
    unknown = campaigns.promise(ann, 2)
    for odd in (
        campaigns.issue(bob, one), campaigns.issue(ann, unknown),
        campaigns.issue(ann, one, leg=Leg(1, 1, 5, 101)), campaigns.issue(ann, one, leg=Leg(2, 1, 5, 100)),
    ):  # fmt: skip
        with refused("RewardNotPromised", 0, odd.op_id):
            alliance.apply(odd)
    with refused("ReasonUnknown", 0, 4):
        alliance.apply(campaigns.issue(ann, one, reason=4))
    twice = (campaigns.issue(ann, one, leg=Leg(1, 1, 5, 30)), campaigns.issue(ann, one, leg=Leg(1, 1, 5, 70)))
    with refused("RewardNotPromised", 1, one.reward):
        alliance.apply(*twice)
    # Some of it paid a debt: less is issued, and nothing more.
    alliance.apply(twice[0])
    assert campaigns.sums() == (100, 0, 30)
    # A plain earn under the same id asks nobody, as ever.
    alliance.apply(campaigns.issue(ann, unknown, reason=0))
    assert campaigns.sums() == (100, 0, 30)


def test_a_promise_follows_its_account(campaigns: Campaigning, ann: Member, bob: Member) -> None:
    one, two, alliance = campaigns.promise(ann, 1), campaigns.promise(ann, 2), campaigns.alliance
    campaigns.applied(one, two)
    new = Member.numbered(71)
    alliance.apply(alliance.enrol(new))
    alliance.move(alliance.rotation(ann, new, ()))
    with refused("RewardNotPromised", 0, one.reward):
        alliance.apply(campaigns.issue(bob, one))
    alliance.apply(campaigns.issue(new, one), campaigns.issue(ann, two))
    assert alliance.balance(new.account, 1, 5) == alliance.balance(ann.account, 1, 5) == 100


def test_nobody_but_the_house_in_force_takes_a_reward(campaigns: Campaigning, ann: Member) -> None:
    one = campaigns.promise(ann, 1)
    campaigns.applied(one)
    data = CAMPAIGNS.call_data("take", one.reward, one.merchant, ann.account, 1 << 112 | 100)
    alliance = campaigns.alliance
    for caller in (RELAYER, GUARDIAN, STRANGER):
        with refused("CampaignDeskUnauthorized", caller):
            alliance.evm.send(caller, alliance.campaigns, data)
    former = alliance.house
    successor = alliance.new_house(former)
    alliance.as_admin("setClearingHouse", successor)
    with refused("CampaignDeskUnauthorized", former):
        alliance.evm.send(former, alliance.campaigns, data)
    alliance.house = successor
    later = campaigns.issue(ann, one)
    alliance.apply(later)
    assert campaigns.state(one) == ISSUED


def test_operations_come_back_from_their_payloads(campaigns: Campaigning, ann: Member) -> None:
    one = campaigns.promise(ann, 1)
    for operation in (campaigns.open(ends=OPEN_END), one, campaigns.back(one)):
        assert CODEC.read(CODEC.payload_of(operation)) == operation
        assert operation.writes >= operation.needs
    with pytest.raises(ValueError, match="16 bytes"):
        campaigns.promise(ann, 1, reward=bytes(15)).words()


def test_gas_of_campaigns_is_as_committed(alliance: Alliance) -> None:
    """Set ALLIANCE_UPDATE_SNAPSHOT=1 to write the figures anew, and commit what changed with its reason."""
    campaigns, figures = Campaigning(alliance), dict[str, int]()
    campaigns.applied(campaigns.open(budget=10**6))
    figures["campaign"] = campaigns.receipt.gas
    members = [Member.numbered(1 + at % 8) for at in range(50)]
    made = [campaigns.promise(member, at) for at, member in enumerate(members)]
    campaigns.applied(*made)
    figures["reward promised"] = -(-campaigns.receipt.gas // 50)
    alliance.apply(*(alliance.issue(member, Leg(1, 1, 5, 1)) for member in members))
    plain = alliance.apply(*(alliance.issue(member, Leg(1, 1, 5, 100)) for member in members)).receipt.gas
    issued = alliance.apply(*map(campaigns.issue, members, made)).receipt.gas
    figures["reward issued, beyond an earn"] = -(-(issued - plain) // 50)
    campaigns.applied(*map(campaigns.back, made))
    figures["reward gone back"] = -(-campaigns.receipt.gas // 50)
    committed = json.loads(SNAPSHOT.read_text())
    if os.environ.get("ALLIANCE_UPDATE_SNAPSHOT"):
        committed["campaigns"] = figures
        SNAPSHOT.write_text(json.dumps(committed, indent=1) + "\n")
    told = committed["campaigns"]
    assert told.keys() == figures.keys()
    assert all(abs(told[case] - gas) <= TOLERANCE for case, gas in figures.items()), figures


def test_the_documented_figures_are_the_snapshots() -> None:
    text = DOCUMENT.read_text()
    for case, gas in json.loads(SNAPSHOT.read_text())["campaigns"].items():
        assert f"| {case} | {gas:,} |" in text
