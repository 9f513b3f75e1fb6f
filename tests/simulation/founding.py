"""A founded alliance from which every run starts: three merchants, their tills and programmes, four members.

Founded once a session through the real deployment and the real front doors, on the model's chain.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.bootstrap.chain_parts import steps_of
from ledger_service.bootstrap.foundations import Foundations
from ledger_service.chain.client import Node
from ledger_service.chain.deploy import deploy
from ledger_service.chain.desk import Desk
from ledger_service.chain.settings import ChainSettings
from ledger_service.checkout.items.terms import NewTerms, set_terms
from ledger_service.coupons.terms.values import GiftRule, Limits, OnReturn
from ledger_service.custody.requests import BindDomain
from ledger_service.db.schema import create_everything
from ledger_service.kernel.gs1 import gln_text, with_check_digit
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import trace_batch
from ledger_service.traceability.goods.service import Goods, NewBatch, NewProduct, items_of
from tests.api.test_coupons import campaign, define
from tests.simulation.machine.bridging import Bridging
from tests.simulation.machine.clock import START, SimClock
from tests.simulation.machine.front import WORKERS, Asked, Front, SeededIds, Told
from tests.simulation.machine.process import Process
from tests.simulation.machine.stage import LIMITS, open_custody, open_unsynced, sim_settings
from tests.simulation.network.chain import Block, Chain, genesis
from tests.simulation.network.clients import OWN
from tests.simulation.network.rpc import Rpc
from tests.simulation.network.wire import Wire, honest

GLNS = tuple(int(with_check_digit(f"4006381333{i}0")) for i in (1, 2, 3))
CODES = ("GROC", "FUEL", "FLOR")
VALUES = (10_000, 5_000, 30_000)
PENDING_DAYS = (0, 0, 2)
CAP = 60_000
MEMBERS, MOST_COUPONS, ITEMS = 4, 6, 8
ALLOWANCE, FOUNDED_SECONDS = 20_000_000, 62
ROOM = ChainSettings(fee_floor_wei=2_000_000_000)
# One campaign of one level, of points that stand at once, and one of two, whose budget is soon used up.
FRIENDS, BROWSER = 2, "Mozilla/5.0 (iPhone) MicroMessenger/8.0"
_DEEP = {"sharer_points": 50, "newcomer_points": 20, "second_points": 10, "vest_days": 1}
_BASKET = {"trigger": "basket", "most_a_day": 1_000, "burst_hour": 1_000}
CAMPAIGNS: tuple[dict[str, Any], ...] = (
    {"code": "WIDE", "merchant": gln_text(GLNS[0]), "programme": CODES[0], "name": "One level",
     "terms": {**_BASKET, "least_minor": 500, "sharer_points": 60, "newcomer_points": 25, "vest_days": 0},
     "budget": {"points": 3_000, "rewards": 1_000}},
    {"code": "DEEP", "merchant": gln_text(GLNS[2]), "programme": CODES[2], "name": "Two levels",
     "terms": {**_BASKET, **_DEEP, "least_minor": 1}, "budget": {"points": 170, "rewards": 1_000}},
)  # fmt: skip


@dataclass
class Person:
    """A member as the founding knows it: number, account and the key of the first phone."""

    number: str
    account: bytes
    key: bytes
    token: str
    lane: int


@dataclass(frozen=True)
class Till:
    """A till with a key of its own, which may sell while it is cut off."""

    gln: int
    token: str
    key: bytes


@dataclass(frozen=True)
class Item:
    """A coded item: the place of the merchant that gives points for it, its code, the PIN under its cover."""

    place: int
    code: str
    pin: str


@dataclass
class Founded:
    """Everything that a run is copied from."""

    folder: Path
    alliance: Alliance
    blocks: list[Block]
    operator: str
    second_operator: str = ""
    tills: dict[int, list[str]] = field(default_factory=dict)
    cut_off: list[Till] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    coupons: int = 0
    items: list[Item] = field(default_factory=list)
    # Who came by a friend's link, where runs have members who share, and the contract that promises rewards.
    friends: list[Person] = field(default_factory=list)
    campaign_desk: bytes = b""
    at: Any = START

    def sharing(self) -> Founded:
        """The same where rewards for sharing are promised on the chain, with those who came by a link."""
        alliance = replace(self.alliance, campaign_desk=self.campaign_desk)
        return replace(self, alliance=alliance, people=[*self.people, *self.friends])


class Founder:
    """Founds one alliance."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, SimClock()
        empty = open_unsynced(folder)
        create_everything(empty)
        empty.close()  # the last connection folds the write-ahead log into the file
        shutil.copy(folder / "alliance.db", folder / "empty.db")
        self.database = open_unsynced(folder)
        self.chain = Chain(OWN, self.clock.node_now, [genesis(self.clock.node_now() - 100)])
        self.carry = honest(Rpc(self.chain))
        self.process, self.random = Process("founder"), Random(1)
        self.custody = open_custody(folder)
        self._keys = 0

    def found(self) -> Founded:
        with self.clock.installed():
            made = Founded(self.folder, self._alliance(), [], self._operator("founder"))
            made.second_operator = self._operator("other")
            foundations = Foundations(sim_settings(self.folder), self.database, self.custody, made.alliance)
            bridging = Bridging(self.process, foundations, self.clock, ROOM, self.carry)
            self.clock.while_sleeping = lambda seconds: self._work(bridging, seconds)
            self.front = Front(self.process, foundations, self.clock.of_host(), self.random, WORKERS[0])
            for place in range(3):
                self._merchant(made, place)
            for number in range(MEMBERS):
                self._member(made, number)
            made.coupons = self._coupons()
            # Points of the first merchant's items stand at once, those of the third's wait for two days.
            made.items = [item for place in (0, 2) for item in self._items(place)]
            made.campaign_desk = self.campaign_desk
            self._share(made)
            # So that runs begin at the same second whatever was asked for.
            while self.clock.at < START + timedelta(seconds=FOUNDED_SECONDS):
                self._work(bridging, 1.0)
            bridging.desk.resign()
        made.blocks, made.at = self.chain.blocks, self.clock.at
        self.database.close()
        self.custody.close()
        return made

    def _work(self, bridging: Bridging, seconds: float) -> None:
        self.clock.forward(seconds)
        bridging.bridge.step()

    def _alliance(self) -> Alliance:
        node = Node(Wire(self.process, self.carry))
        desk = Desk(self.database, "founder", self.clock.now, ROOM.lease_seconds)
        desk.lead()
        steps = steps_of(desk, node, self.custody, ROOM)
        deployed = deploy(steps, LIMITS)
        contracts, self.campaign_desk = deployed.contracts, deployed.campaign_desk
        self.custody.bind(BindDomain(node.chain_id, contracts.clearing_house, contracts.registry))
        made = Alliance(
            "Simulated", "USD", "400638", node.chain_id, contracts.clearing_house, contracts.registry,
            deployed.manager, deployed.points_implementation, LIMITS.per_permit_micros, LIMITS.per_day_micros,
            self.clock.at,
        )  # fmt: skip
        with self.database.begin() as conn:
            store_alliance(conn, made)
        return made

    def _operator(self, name: str) -> str:
        with self.database.begin() as conn:
            issued = ApiKeys(SeededIds(self.random)).issue(
                conn, None, IssueKey("operator", name), self.clock.at
            )
        return issued.token

    def _ask(
        self, made: Founded, route: str, body: dict[str, Any], *path: tuple[str, str], by: str | None = None
    ) -> Told:
        self._keys += 1
        self.clock.forward(1.0)
        token = made.operator if by is None else by
        return self.front.ask(Asked(token, route, body, f"founding-{self._keys}", path))

    def _merchant(self, made: Founded, place: int) -> None:
        gln = gln_text(GLNS[place])
        self._ask(made, "admit-merchant", {"merchant": gln, "name": f"Merchant {place + 1}"})
        self._ask(made, "create-programme", {
            "code": CODES[place], "merchant": gln, "name": f"Points {place + 1}", "currency": "USD",
            "timezone": "America/New_York", "cycle": "week", "pending_days": PENDING_DAYS[place],
            "earn": {"points": 100, "per_minor": 100}, "point_value_micros": VALUES[place], "fee_bps": 150,
            "issuance_cap": CAP, "validity_epochs": 2,
        })  # fmt: skip
        where = {"store": gln, "merchant": gln, "name": "Store", "timezone": "America/New_York"}
        self._ask(made, "open-store", where)
        for till in range(2):
            key = keccak256(f"simulated till {place} {till}".encode())
            of_its_own = {"till_key": "0x" + address_of_key(key).hex()} if till else {}
            new = {"store": gln, "label": f"till {till}", **of_its_own}
            terminal = self._ask(made, "add-terminal", new).body["terminal"]
            asked = self._ask(made, "issue-key", {"role": "cashier", "subject": terminal})
            token = asked.body["token"]
            made.tills.setdefault(GLNS[place], []).append(token)
            if till:
                given = {"allowance_micros": ALLOWANCE, "window_seconds": 86_400}
                self._ask(made, "set-offline-allowance", given, ("terminal", terminal))
                made.cut_off.append(Till(GLNS[place], token, key))

    def _coupons(self) -> int:
        """What members may claim by a link of the first merchant; the definition."""
        with self.database.begin() as conn:
            limits, back = Limits(per_member=MOST_COUPONS), {"on_return": OnReturn.GIVE_BACK}
            number = define(conn, GLNS[0], self.clock.at, limits, GiftRule.ONCE, **back)
            campaign(conn, GLNS[0], number, self.clock.at)
        return number

    def _items(self, place: int) -> list[Item]:
        """A product of the merchant's with a small batch of coded items, which earn points."""
        master, ids = self.front.serving.secrets.one_time, SeededIds(Random(f"items {place}"))
        gtin, owner, at = with_check_digit(f"0950600013{place}35"), GLNS[place], self.clock.at
        goods = Goods(master, ids)
        with self.database.begin() as conn:
            goods.add_product(conn, NewProduct(gtin, owner, ("Tea", "茶", "茶"), "Leaf"), at)
            set_terms(conn, owner, NewTerms(gtin, CODES[place], 40, {}), "founder", at)
            batch_no = goods.open_batch(conn, NewBatch(gtin, owner, "L1", ITEMS), at)
            goods.make_items(conn, batch_no)
            found = list(items_of(conn, batch_no))
            mine = trace_batch.c.batch_no == batch_no
            seed = conn.execute(select(trace_batch.c.seed).where(mine)).scalar_one()
        key = codes.batch_key(master, bytes(seed))
        return [
            Item(place, f"https://id.gs1.org/01/{gtin}/21/{serial}", codes.pin_of(key, index))
            for index, gtin, serial in found
        ]

    def _share(self, made: Founded) -> None:
        """Campaigns are live, and a friend came by a member's link, and one by that friend's."""
        for asked in CAMPAIGNS:
            path = ("campaign", asked["code"])
            self._ask(made, "ask-share-campaign", asked)
            self._ask(made, "decide-share-campaign", {"approve": True}, path, by=made.second_operator)
            self._ask(made, "move-share-campaign", {"state": "live"}, path)
        sharer = made.people[0]
        for number in range(FRIENDS):
            wanted = {"campaign": CAMPAIGNS[-1]["code"], "channel": "wechat-group"}
            link = self._ask(made, "make-share-link", wanted, by=sharer.token).body["code"]
            visit = {"link": link, "visit": f"{number:032x}", "agent": BROWSER}
            touch = self._ask(made, "touch-share-link", visit, by="").body["touch"]
            sharer = self._enrolled(made, MEMBERS + number, {"touch": touch})
            made.friends.append(sharer)
        self._follow(made, made.people[1], made.friends[0])

    def _follow(self, made: Founded, sharer: Person, friend: Person) -> None:
        """A friend who is a member follows a link of the campaign of one level."""
        wanted = {"campaign": CAMPAIGNS[0]["code"], "channel": "line"}
        link = self._ask(made, "make-share-link", wanted, by=sharer.token).body["code"]
        visit = {"link": link, "visit": f"{FRIENDS:032x}", "agent": BROWSER}
        touch = self._ask(made, "touch-share-link", visit, by="").body["touch"]
        self._ask(made, "follow-share-link", {"touch": touch}, by=friend.token)

    def _member(self, made: Founded, number: int) -> None:
        made.people.append(self._enrolled(made, number, {}))

    def _enrolled(self, made: Founded, number: int, touched: dict[str, str]) -> Person:
        key = keccak256(f"simulated phone {number}".encode())
        until = int((self.clock.at + timedelta(hours=1)).timestamp())
        grant = SignerGrant(bytes(20), address_of_key(key), 0, until)
        proof = sign_digest(key, made.alliance.domain.digest(grant.struct_hash()))
        new = {"signer": "0x" + address_of_key(key).hex(), "valid_until": until, "proof": "0x" + proof.hex()}
        told = self._ask(made, "enrol-member", {"device": new, **touched}).body
        token = self._ask(made, "issue-key", {"role": "member", "subject": told["number"]}).body["token"]
        lane = told["devices"][0]["lane"]
        return Person(told["number"], bytes.fromhex(told["account"][2:]), key, token, lane)


def found(folder: Path) -> Founded:
    """An alliance whose first blocks and rows every run shares; the folder holds them."""
    return Founder(folder).found()
