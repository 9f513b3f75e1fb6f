"""Sharing's bad days, and its proof, over HTTP against the running product: see docs/sharing.md."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.secp256k1 import address_text
from ledger_service.referrals.links.models import share_touch
from tests import warm
from tests.api.service import basket
from tests.integration.webhooks.receiver import Receiver, serving, signed_by
from tests.operations.installation import GROCER, STORE, wait_until
from tests.operations.sharing import BASE, Member, Town

BEGUN = "2017-03-01T12:00:00Z"
EVIDENCE = "0x" + "e1" * 32
ALTERED = 1
# How many clicks the deep run sends; a million take an hour.
FLOOD = int(os.environ.get("FLOOD_CLICKS", "20000"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    # One address clicks for all the world here.
    settings = {"ALLIANCE_REPLAY": "1", "ALLIANCE_WEBHOOK_LOOPBACK": "1", "ALLIANCE_PUBLIC_BURST": "1000000",
                "ALLIANCE_PUBLIC_RATE_PER_SECOND": "100000"}  # fmt: skip
    made = Town(tmp_path_factory.mktemp("sharing"), settings)
    try:
        made.found("--at", BEGUN)
        yield made
    finally:
        made.close()


def shelved(town: Town, sale: str) -> None:
    """All goods of the sale come back."""
    lines = [{"line": "1", "quantity": 4}]
    town.must(town.till, f"/v1/sales/{sale}/refunds", {"reference": "back", "lines": lines})


def stranger(town: Town, evidence: dict[str, Any], folder: Path) -> tuple[int, list[str]]:
    """What somebody is told who has the file, a chain URL and two addresses: exit code and findings."""
    path = folder / "evidence.json"
    path.write_text(json.dumps(evidence), encoding="utf-8")
    with town.database() as database, database.read() as conn:
        at = the_alliance(conn)
    assert at.transparency_log is not None
    ended = warm.run(
        "ledger_service", "verify", "share", str(path), "--json", "--rpc",
        town.environment["ALLIANCE_CHAIN_URL"], "--log", address_text(at.transparency_log),
        "--clearing-house", address_text(at.clearing_house),
        env={"PATH": "/usr/bin:/bin", "ALLIANCE_STATE_DIR": str(folder / "stranger")},
    )  # fmt: skip
    return ended.returncode, [one["code"] for one in json.loads(ended.stdout)["findings"]]


def test_a_stranger_proves_a_purchase_of_the_running_service_and_finds_a_changed_row(
    town: Town, tmp_path: Path
) -> None:
    spring, ann = town.campaign("PROVEN"), Member(town)
    later, first = (town.brings(ann, spring, visit) for visit in (1, 2))
    early = first.buys()
    assert town.outcome(spring, early) == "rewarded"
    wait_until(lambda: (town.evidence(spring, early)["log"] or {}).get("checkpoint") is not None,
               "no checkpoint is on the chain")  # fmt: skip
    # The checkpoint over the first one's commitment is over that of whoever enrolled before it, too. Blocks
    # that follow each other quickly are dated a second apart, ahead of the clock: the sale is later than all.
    town.later("--seconds", "600")
    sale = later.buys()
    assert town.outcome(spring, sale) == "rewarded"
    wait_until(lambda: later.rewards() == [("newcomer", "granted")], "the reward was not issued")
    wait_until(town.drained, "the points are not on the chain")
    good = town.evidence(spring, sale)
    assert good["log"]["before_sale"] is True
    assert stranger(town, good, tmp_path) == (0, [])
    with pytest.raises(DBAPIError, match="append-only"):
        in_sql(town, "UPDATE share_purchase SET sold_at = sold_at + 3600000000")
    in_sql(town, "DROP TRIGGER share_purchase_refuse_update")
    for change, back, code in (
        ("UPDATE share_bind SET body = replace(body, '\"version\":1', '\"version\":2')",
         "UPDATE share_bind SET body = replace(body, '\"version\":2', '\"version\":1')",
         "commitment-differs"),
        ("UPDATE share_reward SET points = points - 40", "UPDATE share_reward SET points = points + 40",
         "reward-differs"),
        ("UPDATE share_purchase SET sold_at = sold_at + 3600000000",
         "UPDATE share_purchase SET sold_at = sold_at - 3600000000", "sale-differs"),
    ):  # fmt: skip
        in_sql(town, change)
        exit_code, told = stranger(town, town.evidence(spring, sale), tmp_path)
        in_sql(town, back)
        assert (exit_code, code in told) == (ALTERED, True), (change, told)
    assert stranger(town, town.evidence(spring, sale), tmp_path) == (0, [])


def in_sql(town: Town, statement: str) -> None:
    with town.database() as database, database.begin() as conn:
        conn.exec_driver_sql(statement)


def test_forged_ended_foreign_and_own_links_bring_nobody(town: Town) -> None:
    spring, ann, ben = town.campaign("LINKS", window_days=2), Member(town), Member(town)
    link = ann.link(spring)
    forged = link[:-1] + ("0" if link[-1] != "0" else "1")
    assert (town.touch(forged)[0], town.touch(forged)[1]["code"]) == (404, "share-link-unknown")
    own = town.touched(link)
    assert town.refused(ann.key, "/v1/share/follows", {"touch": own}) == (422, "share-own-link")
    foreign = {"touch": "0" * 32}
    assert town.refused(ben.key, "/v1/share/follows", foreign) == (404, "share-touch-unknown")
    assert town.refused(ben.key, f"/v1/share/links/{link}/end", {}) == (404, "share-link-unknown")
    # A program that fetches a preview has seen nothing, and what it touched brings nobody.
    machine = town.touch(link, 2, "WhatsApp/2.23 preview")[1]
    assert machine["counted"] is False
    town.must(ben.key, "/v1/share/follows", {"touch": town.touched(link, 3)})
    town.later("--days", "3")
    late = ben.buys()
    other = town.looked_round(Member(town, town.touched(link, 4))).buys()
    assert town.outcome(spring, other) == "rewarded"
    status, _ = town.ask("GET", f"{BASE}/{spring}/purchases/{late}", Authorization=f"Bearer {town.operator}")
    assert status == 404, "the window of a touch was over, and the purchase is nobody's doing"
    town.must(ann.key, f"/v1/share/links/{link}/end", {})
    assert (town.touch(link, 5)[0], town.touch(link, 5)[1]["code"]) == (410, "share-link-ended")
    town.must(town.operator, f"{BASE}/{spring}/state", {"state": "ended"})
    assert town.refused(ben.key, "/v1/share/links", {"campaign": spring, "channel": "line"})[0] == 410


def test_a_refers_b_refers_a_pays_one_way_alone(town: Town) -> None:
    spring, ann = town.campaign("CIRCLE"), Member(town)
    ben = town.brings(ann, spring)
    town.must(ann.key, "/v1/share/follows", {"touch": town.touched(ben.link(spring))})
    town.looked_round(ann)
    assert town.outcome(spring, ben.buys()) == "rewarded"
    assert town.outcome(spring, ann.buys()) == "circle"
    assert town.used(spring) == (150, 2)


def test_a_budget_that_ends_between_touch_and_purchase_pays_whole_or_nothing(town: Town) -> None:
    spring, ann = town.campaign("BUDGET", budget=200), Member(town)
    first, second = (town.brings(ann, spring, visit) for visit in (1, 2))
    assert town.outcome(spring, first.buys()) == "rewarded"
    assert town.outcome(spring, second.buys()) == "budget-exhausted"
    assert (town.used(spring), second.rewards()) == ((150, 2), [])
    wait_until(lambda: ann.points() == (100, 0), "the sharer was not paid")


def test_goods_that_come_back_take_vested_spent_and_erased_rewards_along_once(town: Town) -> None:
    spring = town.campaign("RETURNS", vest_days=1)
    kept, spender, leaver = Member(town), Member(town), Member(town)
    sales = []
    for sharer in (kept, spender, leaver):
        sales.append(town.brings(sharer, spring).buys())
        assert town.outcome(spring, sales[-1]) == "rewarded"
    wait_until(lambda: all(one.points() == (0, 100) for one in (kept, spender, leaver)), "not promised")
    town.later("--days", "2")
    wait_until(lambda: all(one.points() == (100, 0) for one in (kept, spender, leaver)), "not vested")
    spent = spender.buys(10_000, spend_minor=60)
    assert spender.points()[0] < 140, "some of it was spent"
    town.must(town.operator, f"/v1/members/{leaver.number}/erase", {})
    before = spender.points()
    for sale in sales:
        shelved(town, sale)
    wait_until(lambda: kept.rewards() == [("sharer", "clawed")], "the reward did not go back")
    wait_until(lambda: spender.rewards() == [("sharer", "clawed")], "the spent reward did not go back")
    assert (kept.points(), sum(spender.points()) <= sum(before)) == ((0, 0), True)
    wait_until(lambda: town.used(spring) == (0, 0), "the budget was not given back")
    assert spent
    town.assert_sound()


def test_a_till_may_be_two_minutes_behind_the_touch_and_no_more(town: Town) -> None:
    spring, ann = town.campaign("SKEW"), Member(town)
    # What a slow till tells is no older than the campaign.
    town.later("--seconds", "300")
    for behind, counts in ((90, True), (150, False)):
        at = town.now()
        friend = Member(town, town.touched(ann.link(spring), behind))
        body = basket(STORE, 1_000, member={"number": friend.number})
        headers = {"Authorization": f"Bearer {town.till}", "Idempotency-Key": f"skew-{behind}",
                   "Alliance-Time": format_instant(at - timedelta(seconds=behind))}  # fmt: skip
        status, sold = town.ask("POST", "/v1/sales", body, **headers)
        assert status < 300, sold
        # Whoever buys after it is attributed after it: what is not told by then never is.
        witness = town.brings(ann, spring, 1_000 + behind).buys()
        assert town.outcome(spring, witness) == "rewarded"
        path = f"{BASE}/{spring}/purchases/{sold['sale_id']}"
        answer, _ = town.ask("GET", path, Authorization=f"Bearer {town.operator}")
        assert (answer == 200) is counts, f"{behind} seconds behind"


@pytest.mark.parametrize("clicks", [4_000, pytest.param(FLOOD, marks=pytest.mark.deep)])
def test_a_flood_of_clicks_leaves_few_rows_and_everybody_else_is_served(town: Town, clicks: int) -> None:
    spring, ann = town.campaign(f"FLOOD-{clicks}"), Member(town)
    link, quiet = ann.link(spring), Member(town).link(spring)
    friend = town.looked_round(Member(town, town.touched(quiet)))
    memory, begun, waits = town.resident_mib("serve"), time.monotonic(), []
    with ThreadPoolExecutor(4) as pool:
        floods = [pool.submit(town.flooded, link, range(n, clicks, 4)) for n in range(4)]
        while not all(flood.done() for flood in floods):
            asked = time.monotonic()
            friend.points()
            assert town.touch(quiet, int(asked * 1_000))[0] == 200
            waits.append(time.monotonic() - asked)
            time.sleep(0.05)
        counted = [flood.result() for flood in floods]
    seconds, slowest, grown = time.monotonic() - begun, max(waits), town.resident_mib("serve") - memory
    answered = {status: sum(one.get(status, 0) for one in counted) for status in (200, 429)}
    assert sum(answered.values()) == clicks
    with town.database() as database, database.read() as conn:
        its = select(func.count()).select_from(share_touch).where(share_touch.c.code == link)
        rows = int(conn.execute(its).scalar_one())
    usual = sorted(waits)[len(waits) // 2]
    print(f"{clicks} clicks in {seconds:.1f} s: {answered}, {rows} rows; of {len(waits)} others half waited "
          f"{usual:.3f} s, the longest {slowest:.3f} s; {memory} MiB and {grown} more")
    assert rows == answered[200] <= 600 + 100 * (seconds + 1)
    assert slowest < 5
    assert grown < 64
    assert town.outcome(spring, friend.buys()) == "rewarded"


def test_a_receiver_that_is_down_for_a_day_is_told_everything_in_its_order(town: Town) -> None:
    receiver = Receiver()
    receiver.status = 503
    with serving(receiver) as url:
        body = {"merchant": GROCER, "url": url, "kinds": ["sale.recorded"]}
        made = town.must(town.operator, "/v1/webhooks", body)
        spring, ann = town.campaign("HOOKS"), Member(town)
        friend = town.brings(ann, spring)
        sales = [friend.buys()]
        wait_until(lambda: receiver.tries > 0, "nothing was sent")
        for _ in range(4):
            town.later("--seconds", str(6 * 3_600))
            sales.append(friend.buys())
        assert town.outcome(spring, sales[0]) == "rewarded"
        assert receiver.taken == []
        receiver.status = 204
        town.later("--days", "1")
        wait_until(lambda: len(mine(receiver, sales)) == len(sales), "not everything was told")
        assert mine(receiver, sales) == sales
        assert len(set(receiver.ids)) == len(receiver.ids)
        assert all(map(lambda h, b: signed_by(made["secret"], h, b), receiver.headers, receiver.raw))
        town.must(town.operator, f"/v1/webhooks/{made['endpoint']['webhook']}/state", {"state": "ended"})


def mine(receiver: Receiver, sales: list[str]) -> list[str]:
    return [one["data"]["sale"] for one in receiver.taken if one["data"]["sale"] in sales]


def test_two_members_of_one_tree_that_become_one_are_not_paid_for_each_other(town: Town) -> None:
    spring, ann = town.campaign("MERGED", vest_days=30), Member(town)
    ben = town.brings(ann, spring)
    cleo = town.brings(ben, spring)
    asked = {"member": ben.number, "into": ann.number, "evidence": EVIDENCE}
    case = str(town.must(town.operator, "/v1/merges", asked)["case"])
    town.must(town.second, f"/v1/cases/{case}/approval", {})

    def shown() -> dict[str, Any]:
        return town.get(town.operator, f"/v1/cases/{case}")

    wait_until(lambda: shown()["state"] == "notice", "the merge was not announced")
    ends = parse_instant(shown()["notice_ends"], "notice")
    town.later("--to", format_instant(ends + timedelta(minutes=3)))
    wait_until(lambda: shown()["state"] == "executed", "the merge was not done")
    assert town.outcome(spring, cleo.buys()) == "rewarded"
    wait_until(lambda: ann.rewards() == [("sharer", "granted")], "who stays has what the other brought")
    ann.buys()
    witness = town.brings(cleo, spring).buys()
    assert town.outcome(spring, witness) == "rewarded"
    assert [one for one in ann.rewards() if one[0] == "newcomer"] == [], "nobody has brought itself"
