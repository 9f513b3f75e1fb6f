"""The committed storage layout, read slot by slot from running contracts, says what their functions say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.campaigning import CAMPAIGN, Campaigning
from tests.contracts.iteming import GTIN, LOT, Iteming, Items
from tests.contracts.parties import (
    CAMPAIGNS, COUPONS, DAY, DESK, GUARDIAN, HOUSE, ITEMS, LOG, MOVER, OPERATOR, POINTS, REGISTRY, RESERVE,
    SETTLEMENT, STRANGER, Member,
)  # fmt: skip
from tests.contracts.test_bases import state
from tests.contracts.test_pairs import agree

LAYOUT = json.loads((Path(__file__).parents[2] / "contracts" / "storage-layout.json").read_text())
LEG = Leg(1, 1, 5, 100)


def place_of(contract: str, name: str) -> dict[str, Any]:
    return next(v for v in LAYOUT[contract]["variables"] if v["name"] == name)


def slot_of(contract: str, name: str, *keys: int | bytes) -> int:
    """Where a mapping keeps the value of these keys, outermost first."""
    slot = place_of(contract, name)["slot"]
    for key in keys:
        word = key if isinstance(key, bytes) else key.to_bytes(32, "big")
        slot = int.from_bytes(keccak256(word.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")
    return int(slot)


class Reader:
    """Reads one contract at its documented places."""

    def __init__(self, alliance: Alliance, contract: str, address: bytes) -> None:
        self.evm, self.contract, self.address = alliance.evm, contract, address

    def word(self, name: str, *keys: int | bytes) -> int:
        return self.evm.stored(self.address, slot_of(self.contract, name, *keys))

    def variable(self, name: str) -> int:
        place = place_of(self.contract, name)
        return self._cut(self.evm.stored(self.address, place["slot"]), place)

    def struct(self, kind: str, name: str, *keys: int | bytes) -> tuple[int, ...]:
        first = slot_of(self.contract, name, *keys)
        members = LAYOUT[self.contract]["structs"][kind]
        return tuple(self._cut(self.evm.stored(self.address, first + m["slot"]), m) for m in members)

    @staticmethod
    def _cut(word: int, place: dict[str, Any]) -> int:
        return word >> 8 * place["offset"] & (1 << 8 * place["bytes"]) - 1


def whole(answer: Any) -> tuple[int, ...]:
    """An answered struct with addresses as numbers."""
    return tuple(int.from_bytes(v, "big") if isinstance(v, bytes) else int(v) for v in answer)


@pytest.fixture
def spent(rich: Alliance, ann: Member) -> Alliance:
    """Ann's series at merchant 2 is begun; an issue is partly clawed back."""
    first = rich.issue(ann, LEG)
    rich.apply(first)
    rich.apply(rich.redeem(ann, rich.merchants[1], [LEG], flags=1, max_value_micros=10**8))
    rich.apply(rich.claw_back(first, [Leg(1, 1, 5, 30)]))
    return rich


def test_a_tokens_lots_and_counters_stand_where_the_layout_says(spent: Alliance, ann: Member) -> None:
    token = Reader(spent, "AlliancePoints", spent.tokens[0])
    account = int.from_bytes(ann.account, "big")
    for epoch in (1, 5, 12):
        word = token.word("_lots", account << 96 | epoch >> 2)
        assert word >> 64 * (epoch & 3) & 2**64 - 1 == spent.balance(ann.account, 1, epoch) > 0
        assert token.struct("Counters", "_counters", epoch) == spent.token(1, "counters", epoch)
    assert token.struct("Counters", "_counters", 0) == spent.token(1, "counters", 0)
    assert token.variable("_registry") == int.from_bytes(spent.registry, "big")
    assert token.variable("_programme") == 1


def test_the_clearing_houses_facts_stand_where_the_layout_says(spent: Alliance, ann: Member) -> None:
    house = Reader(spent, "ClearingHouse", spent.house)
    number = spent.last_batch
    assert house.variable("_lastBatch") == spent.ask(HOUSE, "lastBatch")[0] == number
    assert house.word("_roots", number).to_bytes(32, "big") == spent.ask(HOUSE, "rootOf", number)[0]
    for merchant in spent.merchants[:2]:
        net = house.word("_nets", 1, merchant.gln)
        assert int.from_bytes(net.to_bytes(32, "big"), "big", signed=True) == spent.net(merchant) != 0
    answers = spent.ask(HOUSE, "signerOf", ann.account, ann.signer)[0]
    assert house.struct("SignerRecord", "_signers", ann.account, ann.signer) == whole(answers)
    assert house.struct("AccountUse", "_uses", ann.account) == whole(
        spent.ask(HOUSE, "accountUse", ann.account)[0]
    )
    clawed = next(leaf for leaf, p in spent.placed.items() if p.batch == number - 2)
    assert house.word("_reversed", clawed) == spent.ask(HOUSE, "reversedOf", clawed)[0] == 30


def test_nonces_series_and_the_pause_stand_where_the_layout_says(spent: Alliance, ann: Member) -> None:
    house = Reader(spent, "ClearingHouse", spent.house)
    redeemed = next(p.operation for p in spent.placed.values() if p.batch == spent.last_batch - 1)
    nonce = redeemed.nonce
    assert house.word("_nonces", ann.account, nonce >> 8) >> (nonce & 255) & 1
    series = house.struct("Series", "_series", redeemed.permit_digest)
    assert series == whole(spent.ask(HOUSE, "seriesOf", redeemed.permit_digest))
    spent.transact(GUARDIAN, HOUSE, "pause")
    assert house.variable("pausedUntil") == spent.ask(HOUSE, "pausedUntil")[0] > 0
    assert house.variable("pauseAllowedFrom") == spent.ask(HOUSE, "pauseAllowedFrom")[0] > 0


def test_the_registrys_facts_stand_where_the_layout_says(alliance: Alliance) -> None:
    registry = Reader(alliance, "AllianceRegistry", alliance.registry)
    gln = alliance.merchants[0].gln
    operations, suspended_from, _, admin, settlement = registry.struct("Merchant", "_merchants", gln)
    assert (operations, suspended_from) == whole(alliance.ask(REGISTRY, "sliceKey", gln))
    assert (admin, operations, settlement) == whole(alliance.ask(REGISTRY, "merchantKeys", gln)[0])
    told = alliance.ask(REGISTRY, "programme", 1)[0]
    assert registry.struct("Book", "_programmes", 1) == (*whole(told), 0, 0)
    told = alliance.ask(REGISTRY, "terms", 1, 1)[0]
    assert registry.struct("Version", "_versions", 1, 1) == (*whole(told), 0)
    start, pair = agree(alliance), alliance.merchants[1].gln
    agree(alliance, value=0, fee=0, notice=9 * DAY)
    assert registry.struct("Book", "_programmes", 1)[2:] == (3, told_epochs(alliance), 1, 0)
    assert registry.struct("Version", "_versions", 1, 2) == (start, 8_000, 40, 0, 0, pair)
    assert registry.struct("Link", "_links", 1, 2) == (start + DAY, 0)
    assert registry.struct("Link", "_links", 1, 3) == (0, 2)
    assert registry.word("_last", 1, pair) == 3
    state(alliance)
    assert registry.word("_bases", 1) == 1
    assert registry.variable("clearingHouse") == int.from_bytes(alliance.house, "big")
    assert registry.word("_epochEnds", 1) == told_epochs(alliance)


def told_epochs(alliance: Alliance) -> int:
    """An array's own slot holds its length."""
    return int(alliance.ask(REGISTRY, "programme", 1)[0][3])


def test_the_layout_is_that_of_every_contract_with_storage() -> None:
    known = (HOUSE, MOVER, DESK, SETTLEMENT, RESERVE, POINTS, REGISTRY, COUPONS, ITEMS, CAMPAIGNS, LOG)
    assert set(LAYOUT) == {a.contract for a in known}


def test_a_batch_of_items_and_its_claims_stand_where_the_layout_says(alliance: Alliance) -> None:
    items, batch = Iteming(alliance), Items(200)
    items.applied(items.root(batch))
    items.applied(items.claim(batch, 130))
    registry = Reader(alliance, "ItemRegistry", alliance.items)
    assert registry.struct("ItemBatch", "_batches", batch.root) == whole(items.ask("itemBatch", batch.root))
    owner = items.owner.gln
    assert registry.word("_rootOfLot", owner, GTIN, LOT) == int.from_bytes(batch.root, "big")
    assert registry.word("_marks", batch.root, 1) == items.ask("marksOf", batch.root, 1) != 0
    assert registry.variable("lastBatch") == 2


def test_a_campaign_and_its_rewards_stand_where_the_layout_says(alliance: Alliance, ann: Member) -> None:
    campaigns = Campaigning(alliance)
    one = campaigns.promise(ann, 1)
    campaigns.applied(campaigns.open(), one)
    desk = Reader(alliance, "CampaignDesk", alliance.campaigns)
    # An id of 16 bytes stands left in its word.
    assert desk.word("_numbers", CAMPAIGN.ljust(32, b"\0")) == desk.variable("_count") == 1
    assert desk.struct("Campaign", "_campaigns", 1) == whole(campaigns.ask("campaign", CAMPAIGN))
    kept = desk.struct("PromisedReward", "_rewards", one.reward.ljust(32, b"\0"))
    assert kept == whole(campaigns.ask("rewardOf", one.reward))


def test_checkpoints_of_the_log_stand_where_the_layout_says(alliance: Alliance) -> None:
    for size in (5, 900):
        alliance.transact(OPERATOR, LOG, "append", size, keccak256(b"%d" % size), alliance.evm.now)
    start, last = place_of("TransparencyLog", "_checkpoints")["slot"], whole(alliance.ask(LOG, "latest")[0])
    assert alliance.evm.stored(alliance.log, start) == 2
    place = int.from_bytes(keccak256(start.to_bytes(32, "big")), "big") + 2
    members = LAYOUT["TransparencyLog"]["structs"]["Checkpoint"]
    words = [alliance.evm.stored(alliance.log, place + m["slot"]) for m in members]
    cut = [w >> 8 * m["offset"] & (1 << 8 * m["bytes"]) - 1 for w, m in zip(words, members, strict=True)]
    assert tuple(cut) == last


def test_the_mover_finds_everything_where_the_house_keeps_it() -> None:
    """It works on the house's storage: what both have must stand at the same places."""
    house, mover = LAYOUT["ClearingHouse"]["variables"], LAYOUT["AccountMover"]["variables"]
    assert mover == house[: len(mover)]
    assert {"_successors", "_signers", "_roots"} <= {row["name"] for row in mover}


def test_rounds_of_settlement_stand_where_the_layout_says(spent: Alliance) -> None:
    for merchant in spent.merchants:
        spent.transact(STRANGER, SETTLEMENT, "enlist", merchant.gln)
    spent.transact(OPERATOR, HOUSE, "closePeriod", 1)
    root = keccak256(b"statements")
    spent.transact(OPERATOR, SETTLEMENT, "publish", 1, root, spent.evm.now + 3 * DAY)
    desk = Reader(spent, "SettlementDesk", spent.settlement_desk)
    assert desk.struct("Round", "_rounds", 1) == whole(spent.ask(SETTLEMENT, "roundOf", 1)[0])
    assert desk.variable("lastPublished") == 1
    assert desk.word("_afterPlace", spent.merchants[2].gln) == 3


def test_successions_and_announcements_stand_where_the_layout_says(spent: Alliance, ann: Member) -> None:
    new = Member.numbered(71)
    spent.apply(spent.enrol(new))
    spent.move(spent.rotation(ann, new, ()))
    house = Reader(spent, "ClearingHouse", spent.house)
    told = whole(spent.ask(HOUSE, "successorOf", ann.account)[0])
    assert house.struct("Successor", "_successors", ann.account) == told
    spent.transact(OPERATOR, DESK, "announce", new.account, ann.signer, 2, bytes(31) + b"\x01")
    desk = Reader(spent, "RecoveryDesk", spent.desk)
    told = whole(spent.ask(DESK, "announcementOf", new.account)[0])
    assert desk.struct("Announcement", "_announcements", new.account) == told
