"""The sharing model of the main run: one seed, one model; nobody comes before what it followed."""

from __future__ import annotations

from collections import Counter

from ledger_service.demo.share_desk import of_sharing
from ledger_service.demo.share_rules import BEGINS, FRIENDS, PANTRY, Model, model_of

HOUR, DAY = 3_600, 86_400
RING = [901, 902, 903]
FIRSTS = sorted(
    [(h, BEGINS - DAY + h * 7 * HOUR) for h in range(1, 401)] + [(h, BEGINS) for h in RING],
    key=lambda one: (one[1], one[0]),
)


def model(seed: str = "s") -> Model:
    return model_of(seed, FIRSTS, RING)


def test_the_model_follows_from_its_seed() -> None:
    assert model() == model()
    assert model() != model("other")


def test_whoever_comes_follows_a_link_that_its_sharer_made_before() -> None:
    found = model()
    made = {(one.campaign, one.household): one.at for one in found.shared}
    assert found.came
    for one in found.came:
        assert one.household != one.sharer
        assert made[(one.campaign, one.sharer)] < one.touched_at < one.at


def test_a_newcomer_enrols_before_its_first_basket_and_a_follower_after_it_or_after_enrolment() -> None:
    found, firsts = model(), dict(FIRSTS)
    enrolled = {one.household: one.at for one in found.came if one.newcomer}
    assert all(at < firsts[household] for household, at in enrolled.items())
    followed = [one for one in found.came if not one.newcomer]
    assert all(one.at > enrolled.get(one.household, firsts[one.household]) for one in followed)
    assert {one.campaign for one in followed} == {PANTRY}
    assert {one.campaign for one in found.came if one.newcomer} == {FRIENDS}


def test_few_are_heard_by_many() -> None:
    brought = Counter(one.sharer for one in model().came if one.newcomer).most_common()
    assert brought[0][1] >= 5 * brought[len(brought) // 2][1]


def test_the_ring_refers_itself_and_nobody_else() -> None:
    came = [one for one in model().came if one.campaign == PANTRY]
    pairs = {(one.sharer, one.household) for one in came if {one.sharer, one.household} & set(RING)}
    assert pairs == {(902, 901), (903, 902), (901, 903)}


def test_of_a_members_entries_only_rewards_and_what_went_back_of_them_count() -> None:
    reward = {"operation": "aa", "body": {"sale": "aa"}}
    vested = {"operation": "bb", "body": {"reason": "referral", "sale": "cc"}}
    bought = {"operation": "dd", "body": {"sale": "cc"}}
    claimed = {"operation": "ee", "body": {"sale": "ee", "item": "https://id.gs1.org/01/1/21/2"}}
    assert of_sharing([reward, vested, bought, claimed]) == [reward, vested]
