"""A desk's word added up by a stranger: what must not be is found, though the contract would refuse it."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import UTC, datetime

import pytest

from ledger_service.kernel.campaign_events import (
    TOPICS,
    CampaignEvent,
    CampaignTold,
    ReturnTold,
    RewardTold,
    event_of,
)
from ledger_service.kernel.campaign_operations import (
    DAY_SECONDS,
    RewardRole,
    attribution_of,
    purchase_of,
    reward_id_of,
)
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import IssueReason
from ledger_service.referrals.rewards.promise_proving import DeskBook, Kept, judge_promises
from ledger_service.referrals.rewards.proving import Mined, Paper

CAMPAIGN, SALE, COMMITMENT, OTHER = b"\1" * 16, b"s" * 16, b"\2" * 32, b"\3" * 16
GLN, DAY = 9501101530003, 20_000 * DAY_SECONDS
OPEN = CampaignTold(CAMPAIGN, GLN, 1, 100, 1, DAY - 5, DAY + 9 * DAY_SECONDS)


def promised(role: RewardRole = RewardRole.SHARER, points: int = 60, sale: bytes = SALE) -> RewardTold:
    words = attribution_of(COMMITMENT, role), purchase_of(COMMITMENT, sale, role)
    reward = reward_id_of(COMMITMENT, sale, role)
    return RewardTold(reward, CAMPAIGN, b"a" * 20, int(role), points, DAY, *words)


def issued(told: RewardTold, **changes: object) -> Mined:
    made = Mined(told.reward, 1, told.points, GLN, int(IssueReason.REWARD), 9, 0)
    return made._replace(**changes)


def book(*events: CampaignEvent) -> DeskBook:
    made = DeskBook()
    for block, event in enumerate(events, start=1):
        made.note(event, block)
    return made


def codes(made: DeskBook) -> list[str]:
    return [one.code for one in made.findings()]


def test_an_honest_desk_is_left_in_peace() -> None:
    one, two = promised(), promised(RewardRole.NEWCOMER, 40)
    three = promised(RewardRole.MILESTONE, 60)
    wider = OPEN._replace(budget=110, ends=OPEN.ends - 1)
    back = (ReturnTold(one.reward, 60, False), ReturnTold(three.reward, 60, True))
    made = book(OPEN, one, two, back[0], three, wider, back[1])
    made.hold(issued(two))
    made.hold(issued(three, points=59))
    made.hold(issued(promised(sale=OTHER), reason=0))
    kept = Kept(GLN, 1, 1, OPEN.begins, OPEN.ends - 1, 110, 160, 120, 99)
    made.compare(CAMPAIGN, astuple(kept))
    assert codes(made) == []
    assert made.campaigns == {CAMPAIGN: kept}
    assert made.opened == {GLN: 1}


@pytest.mark.parametrize(("code", "event"), [
    ("promise-too-deep", promised(RewardRole.SECOND)),
    ("promise-too-deep", promised()._replace(role=5)),
    ("promise-too-deep", promised()._replace(role=0)),
    ("promise-beyond-budget", promised(points=101)),
    ("promise-differs", promised()._replace(purchase=bytes(32))),
    ("promise-differs", promised()._replace(role=1)),
    ("promise-differs", promised()._replace(sold_on=DAY - 2 * DAY_SECONDS)),
    ("promise-differs", promised()._replace(sold_on=DAY + 9 * DAY_SECONDS)),
    ("promise-differs", ReturnTold(promised().reward, 60, False)),
    ("campaign-differs", OPEN._replace(budget=99)),
    ("campaign-differs", OPEN._replace(depth=2)),
    ("campaign-differs", OPEN._replace(ends=OPEN.ends + 1)),
    ("campaign-differs", OPEN._replace(merchant=GLN + 7)),
])  # fmt: skip
def test_whatever_a_desk_must_not_take_is_found(code: str, event: CampaignEvent) -> None:
    assert codes(book(OPEN, event)) == [code]


def test_what_was_never_opened_has_no_budget_and_no_level() -> None:
    assert set(codes(book(promised()))) == {"promise-too-deep", "promise-beyond-budget", "promise-differs"}


def test_a_budget_is_judged_at_each_promise_not_at_the_end() -> None:
    one, two = promised(), promised(RewardRole.NEWCOMER)
    back = ReturnTold(one.reward, 60, True)
    assert codes(book(OPEN, one, back, two)) == []
    made = book(OPEN, one, two, back)
    assert codes(made) == ["promise-beyond-budget"]
    assert "120 points stand promised of 100" in made.findings()[0].what
    assert codes(book(OPEN, one, one)) == ["promise-differs", "promise-beyond-budget"]
    assert codes(book(OPEN, one, back, back)) == ["promise-differs"]
    assert codes(book(OPEN, one, back._replace(points=61))) == ["promise-differs"]


@pytest.mark.parametrize("changes", [
    {"points": 61}, {"programme": 2}, {"merchant": GLN + 7}, {"block": 1}, {"op_id": b"\7" * 16},
])  # fmt: skip
def test_what_was_issued_otherwise_than_promised_is_found(changes: dict[str, object]) -> None:
    made = book(OPEN, promised())
    made.hold(issued(promised(), **changes))
    assert codes(made) == ["reward-unpromised"]


def test_a_reward_is_issued_once_and_never_after_it_went_back() -> None:
    made = book(OPEN, promised())
    made.hold(issued(promised()))
    assert codes(made) == []
    made.hold(issued(promised()))
    assert codes(made) == ["reward-unpromised"]
    made = book(OPEN, promised(), ReturnTold(promised().reward, 60, False))
    made.hold(issued(promised()))
    assert codes(made) == ["reward-unpromised"]


def test_what_the_contract_holds_otherwise_is_found() -> None:
    made = book(OPEN, promised())
    held = astuple(made.campaigns[CAMPAIGN])
    for at in range(len(held)):
        made.compare(CAMPAIGN, [word + (place == at) for place, word in enumerate(held)])
    assert codes(made) == ["campaign-differs"] * 9


PAPER = Paper(
    SALE, 1, COMMITMENT, bytes(32), "", {}, bytes(32), None, datetime.fromtimestamp(DAY + 60, UTC),
    {promised().reward: ("sharer", 60)}, None, frozenset(), frozenset({promised().reward}),
)  # fmt: skip


def found_of(made: DeskBook, *issues: Mined, paper: Paper = PAPER, since: int = DAY) -> list[str]:
    return [one.code for one in judge_promises(paper, issues, made, {GLN: since})]


def test_a_purchases_rewards_are_promised_as_the_paper_tells() -> None:
    told = promised()
    assert found_of(book(OPEN, told), issued(told)) == []
    assert found_of(book(OPEN), issued(told)) == ["reward-unpromised"]
    assert found_of(book(OPEN, told), issued(told, reason=0)) == ["reward-unpromised"]
    silent = replace(PAPER, rewards={}, named=frozenset())
    assert found_of(book(OPEN, told), paper=silent) == ["reward-differs"]
    assert found_of(book(OPEN, told), paper=replace(PAPER, rewards={})) == []
    less = replace(PAPER, rewards={told.reward: ("sharer", 59)})
    assert found_of(book(OPEN, told), paper=less) == ["reward-differs"]
    # Of its own campaign everything, of others nothing.
    deep = promised(RewardRole.SECOND, 1, OTHER)
    assert found_of(book(OPEN, told, deep)) == ["promise-too-deep"]
    assert found_of(book(OPEN, deep)) == []


def test_an_earn_in_a_rewards_place_is_one_of_before_the_desk() -> None:
    former = derive_id("share reward", COMMITMENT, SALE, "sharer")
    earn = issued(promised(), op_id=former, reason=0)
    assert found_of(book(OPEN), earn, since=DAY + 59) == ["reward-unpromised"]
    assert found_of(book(OPEN), earn, since=DAY + 60) == []
    assert found_of(book(), earn._replace(merchant=GLN + 7)) == []


def test_logs_of_another_form_are_no_events() -> None:
    assert event_of(["0x" + "00" * 32], b"") is None
    topics = ["0x" + "00" * 32] * 4
    for topic in TOPICS:
        with pytest.raises(ValueError, match="another length"):
            event_of([topic, *topics], bytes(160))
