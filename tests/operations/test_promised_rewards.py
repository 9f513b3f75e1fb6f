"""Rewards promised on a chain by the product: told before the issue, returned once, whoever is killed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import select, update

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.chain.artifacts import load
from ledger_service.chain.models import chain_alarm
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.secp256k1 import address_text
from ledger_service.referrals.campaigns.models import share_campaign
from tests.operations.installation import wait_until
from tests.operations.sharing import Member, Town
from tests.operations.test_sharing import BEGUN, shelved


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("promised"), {"ALLIANCE_REPLAY": "1"})
    try:
        made.found("--at", BEGUN)
        yield made
    finally:
        made.close()


def alarms(town: Town) -> set[tuple[str, str]]:
    a = chain_alarm.c
    with town.database() as database, database.read() as conn:
        return {tuple(row) for row in conn.execute(select(a.code, a.subject))}


def stands(town: Town, campaign: str) -> tuple[int, ...]:
    """Budget, promised, returned and issued of a campaign, by the contract's own word."""
    with town.database() as database, database.read() as conn:
        desk = the_alliance(conn).campaign_desk
    assert desk is not None
    data = load("CampaignDesk").call_data("campaign", derive_id("share campaign", campaign))
    asked = {"to": address_text(desk), "data": "0x" + data.hex()}
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [asked, "latest"]}
    with closing(http.client.HTTPConnection("127.0.0.1", town.chain_port, timeout=60)) as connection:
        connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    words = bytes.fromhex(answer["result"][2:])
    return tuple(int.from_bytes(words[at : at + 32], "big") for at in range(5 * 32, 9 * 32, 32))


def test_a_reward_is_promised_on_the_chain_before_it_is_issued_and_returned_once(town: Town) -> None:
    spring, ann = town.campaign("CHAINED", budget=200), Member(town)
    friend = town.brings(ann, spring)
    sale = friend.buys()
    assert town.outcome(spring, sale) == "rewarded"
    wait_until(lambda: ann.points() == (100, 0), "the sharer was not paid")
    wait_until(town.drained, "the points are not on the chain")
    assert stands(town, spring) == (200, 150, 0, 150)
    (mine,) = town.get(ann.key, "/v1/share/rewards")["rewards"]
    shown = town.get(ann.key, f"/v1/share/rewards/{mine['reward']}")
    assert [event["kind"] for event in shown["events"]] == ["due", "promised", "granted"]
    shelved(town, sale)
    wait_until(lambda: stands(town, spring) == (200, 150, 150, 150), "the chain was not told")
    # What went back is free for another, here and there.
    second = town.brings(ann, spring, 2).buys()
    assert town.outcome(spring, second) == "rewarded"
    wait_until(lambda: stands(town, spring) == (200, 300, 150, 300), "the second was not issued")
    assert (ann.points(), ann.rewards()) == ((100, 0), [("sharer", "clawed"), ("sharer", "granted")])
    town.assert_sound()


def test_a_bridge_that_is_killed_between_promise_and_issue_loses_and_doubles_nothing(town: Town) -> None:
    spring, ann = town.campaign("KILLED", budget=1_000), Member(town)
    friends = [town.brings(ann, spring, visit) for visit in (1, 2, 3)]
    sales = [friends[0].buys()]
    assert town.outcome(spring, sales[0]) == "rewarded"
    for friend in friends[1:]:
        # Whatever it was doing: promises are said, mined, or just being given.
        town.kill("bridge")
        sales.append(friend.buys())
        town.start_bridge("bridge")
        assert town.outcome(spring, sales[-1]) == "rewarded"
    wait_until(lambda: ann.points() == (300, 0), "the sharer was not paid for each")
    wait_until(town.drained, "the points are not on the chain")
    assert stands(town, spring) == (1_000, 450, 0, 450)
    town.assert_sound()


def test_somebody_hears_of_a_campaign_that_the_chain_knows_better(town: Town) -> None:
    spring = town.campaign("FORGOT", budget=300)
    c = share_campaign.c

    def is_open() -> bool:
        with town.database() as database, database.read() as conn:
            return conn.execute(select(c.open_points).where(c.code == spring)).scalar_one() == 300

    wait_until(is_open, "the campaign was not opened")
    with town.database() as database, database.begin() as conn:
        forgotten = update(share_campaign).where(c.code == spring)
        conn.execute(forgotten.values(most_points=200, told_points=100))
    wait_until(lambda: ("campaign-refused", spring) in alarms(town), "nobody was told")
    assert stands(town, spring)[0] == 300
    with town.database() as database, database.begin() as conn:
        conn.execute(update(share_campaign).where(c.code == spring).values(most_points=300))
    wait_until(lambda: ("campaign-refused", spring) not in alarms(town), "the alarm stands")
