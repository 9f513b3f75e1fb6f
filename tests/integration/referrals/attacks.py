"""A seeded set of honest sharers and of attacks, written straight into the tables, to measure the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import derive_id
from ledger_service.ledger.rules import ledger_base_of
from ledger_service.members.models import member
from ledger_service.referrals.links.models import (
    share_bind,
    share_commitment,
    share_link,
    share_signal,
    share_tie,
    share_touch,
)
from ledger_service.risk.models import staff_link

# The rules and their limits were made on the first; what is published is of the second.
MADE_ON, PUBLISHED = 20170101, 20261128
ATTACKS = (
    "same-device", "same-payment", "same-phone", "same-address", "farm", "many-phones", "cashier", "instant",
    "ring", "rush", "puppets", "bots", "patient", "patient-phones",
)  # fmt: skip


@dataclass(frozen=True)
class Sold:
    """A purchase that the job would be told of."""

    sale_id: bytes
    member_id: int
    merchant_id: int
    amount_minor: int
    cashier: str | None
    sold_at: datetime
    recorded_at: datetime
    scanned: bool = False


class Way(NamedTuple):
    """How somebody came: enrolling or as a member, over a link of its own or one that was opened before."""

    newcomer: bool = True
    code: str | None = None
    opened_at: datetime | None = None


@dataclass
class Scene:
    """Members are numbered as they come; ``wrong`` are the buyers of attacks, by kind."""

    conn: Connection
    campaign_id: bytes
    merchant_id: int
    begins: datetime
    seed: int = PUBLISHED

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.rows: dict[Any, list[dict[str, Any]]] = {
            table: []
            for table in (
                member,
                share_link,
                share_touch,
                share_commitment,
                share_bind,
                share_tie,
                share_signal,
                staff_link,
            )
        }
        self.sales: list[Sold] = []
        self.wrong: dict[int, str] = {}
        self.honest: set[int] = set()
        self.numbers: Iterator[int] = iter(range(1, 10**9))

    def someone(self) -> int:
        number = next(self.numbers)
        account = sha256(b"member %d" % number).digest()[:20]
        self.rows[member].append({
            "member_id": number, "member_number": f"{number:018d}", "account": account, "salt": None,
            "display_name": None, "status": "active", "custody": "device",
            "ledger_base": ledger_base_of(number), "created_at": self.begins, "erased_at": None,
            "frozen_at": None, "birthday": None, "household": None, "enrolled_by": None,
        })  # fmt: skip
        return number

    def link(self, at: datetime) -> str:
        code = f"{next(self.numbers):012d}"
        self.rows[share_link].append({
            "campaign_id": self.campaign_id, "code": code, "member_id": None, "cashier": None, "place": code,
            "channel": "line", "made_at": at, "ended_at": None,
        })  # fmt: skip
        return code

    def opened(self, code: str, at: datetime) -> bytes:
        touch = derive_id("t", next(self.numbers))
        self.rows[share_touch].append({"touch_id": touch, "code": code, "machine": False, "touched_at": at})
        return touch

    def brought(self, sharer: int, buyer: int, at: datetime, way: Way = Way()) -> None:  # noqa: B008
        number = next(self.numbers)
        code, opened_at = way.code or self.link(at), way.opened_at or at
        touch, digest = self.opened(code, opened_at), sha256(b"%d" % number).digest()
        campaign = {"campaign_id": self.campaign_id}
        self.rows[share_commitment].append(
            {"number": number, "commitment": digest, "hash": digest, "committed_at": at}
        )
        self.rows[share_bind].append({
            **campaign, "number": number, "touch_id": touch, "version": 1, "code": code, "member_id": buyer,
            "sharer_id": sharer, "newcomer": way.newcomer, "customer": False, "touched_at": opened_at,
            "bound_at": at,
            "body": "{}", "salt": digest, "member_salt": None, "sharer_salt": None,
        })  # fmt: skip
        if way.newcomer:
            self.rows[share_tie].append(
                {"member_id": buyer, "sharer_id": sharer, "number": number, "tied_at": at}
            )

    def common(self, kind: str, *members: int) -> None:
        digest = sha256(b"%s %d" % (kind.encode(), next(self.numbers))).digest()
        self.rows[share_signal] += [
            {"member_id": one, "kind": kind, "digest": digest, "seen_at": self.begins} for one in members
        ]

    def sells(self, buyer: int, at: datetime, cashier: str | None = None) -> None:
        sale_id = derive_id("sale", next(self.numbers))
        self.sales.append(Sold(sale_id, buyer, self.merchant_id, 1_000, cashier, at, at))

    def works(self, who: int) -> str:
        """The cashier that a member is."""
        cashier = f"c{who}"
        self.rows[staff_link].append({
            "merchant_id": self.merchant_id, "cashier": cashier, "member_id": who, "linked_by": "ann",
            "linked_at": self.begins,
        })  # fmt: skip
        return cashier

    def write(self) -> None:
        for table, rows in self.rows.items():
            if rows:
                sql_of(table, self.conn).insert(self.conn, rows)

    def moment(self) -> datetime:
        return self.begins + timedelta(seconds=self.random.randrange(86_400 * 20))


def honest(scene: Scene, sharers: int) -> None:
    """Sharers with one to five friends. One in thirty friends has the sharer's address, one in eighty its
    card (a couple), one in forty pays at once; one sharer in fifty is so liked that six come within an hour,
    and is read by twenty-five in one minute; another gives a party after which six buy within an hour; and
    one in sixty has two friends who share a phone."""
    for place in range(sharers):
        sharer, burst, party = scene.someone(), place % 50 == 0, place % 50 == 25
        base = scene.moment()
        friends: list[int] = []
        for friend in range(6 if burst or party else scene.random.randint(1, 5)):
            buyer = scene.someone()
            scene.honest.add(buyer)
            at = base + timedelta(minutes=9 * friend) if burst else scene.moment()
            code = scene.link(at)
            scene.brought(sharer, buyer, at, Way(code=code))
            for click in range(25 if burst else 1):
                scene.opened(code, at + timedelta(seconds=2 * click))
            shared = [kind for kind, one_in in (("address", 30), ("payment", 80))
                      if scene.random.randrange(one_in) == 0]  # fmt: skip
            for kind in shared:
                scene.common(kind, sharer, buyer)
            wait = 40 if scene.random.randrange(40) == 0 else scene.random.randrange(600, 86_400 * 5)
            evening = scene.begins + timedelta(days=22, minutes=8 * friend)
            scene.sells(buyer, evening if party else at + timedelta(seconds=wait))
            friends.append(buyer)
        if place % 60 == 0:
            scene.common("phone", *friends[:2])


def attacks(scene: Scene, each: int) -> None:
    """So many of each kind; a patient thief has a clean device and waits: nothing tells it from a friend."""
    for _ in range(each):
        for kind in ("device", "payment", "phone", "address"):
            sharer, buyer, at = scene.someone(), scene.someone(), scene.moment()
            scene.brought(sharer, buyer, at)
            scene.common(kind, sharer, buyer)
            _steal(scene, f"same-{kind}", buyer, at + timedelta(hours=2))
        thief, at = scene.someone(), scene.moment()
        for place in range(8):
            buyer = scene.someone()
            scene.brought(thief, buyer, at + timedelta(minutes=place))
            _steal(scene, "farm", buyer, at + timedelta(hours=1, minutes=place))
        _phones(scene)
        _rush(scene)
        _puppets(scene)
        _bots(scene)
        sharer, buyer, at = scene.someone(), scene.someone(), scene.moment()
        scene.brought(sharer, buyer, at)
        _steal(scene, "cashier", buyer, at + timedelta(hours=2), scene.works(sharer))
        for kind, wait in (("instant", 30), ("patient", 86_400)):
            sharer, buyer, at = scene.someone(), scene.someone(), scene.moment()
            scene.brought(sharer, buyer, at)
            _steal(scene, kind, buyer, at + timedelta(seconds=wait))
        _ring(scene)


def _phones(scene: Scene) -> None:
    """One person enrols many phones by itself over its own link: three with one card, days later; three more
    with cash, each on a day of its own."""
    person, at = scene.someone(), scene.moment()
    phones = [scene.someone() for _ in range(6)]
    scene.common("payment", person, *phones[:3])
    for place, phone in enumerate(phones):
        when = at + (timedelta(minutes=5 * place) if place < 3 else timedelta(days=place))
        scene.brought(person, phone, when)
        kind = "many-phones" if place < 3 else "patient-phones"
        _steal(scene, kind, phone, when + timedelta(days=1, hours=place))


def _rush(scene: Scene) -> None:
    """Fourteen that were brought in fortnights, with nothing in common, all buy within an hour."""
    thief, at = scene.someone(), scene.moment()
    for place in range(14):
        buyer = scene.someone()
        scene.brought(thief, buyer, at + timedelta(hours=20 * place))
        _steal(scene, "rush", buyer, at + timedelta(days=13, minutes=4 * place))


def _puppets(scene: Scene) -> None:
    """Five newcomers, each on a day of its own, all paying with one card that is not the sharer's."""
    sharer, at = scene.someone(), scene.moment()
    puppets = [scene.someone() for _ in range(5)]
    scene.common("payment", *puppets)
    for place, buyer in enumerate(puppets):
        when = at + timedelta(days=place)
        scene.brought(sharer, buyer, when)
        _steal(scene, "puppets", buyer, when + timedelta(hours=3))


def _bots(scene: Scene) -> None:
    """A program that says it is a browser opens a link twice a second for a minute and a half; four of those
    visits enrol, hours apart, with nothing in common, and buy on days of their own."""
    sharer, at = scene.someone(), scene.moment()
    code = scene.link(at)
    for click in range(180):
        scene.opened(code, at + timedelta(milliseconds=500 * click))
    for place in range(4):
        buyer, way = scene.someone(), Way(True, code, at + timedelta(seconds=20 * place + 10))
        scene.brought(sharer, buyer, at + timedelta(hours=2 * place, minutes=5), way)
        _steal(scene, "bots", buyer, at + timedelta(days=1 + place))


def _ring(scene: Scene) -> None:
    three, at = [scene.someone() for _ in range(3)], scene.moment()
    for place, buyer in enumerate(three):
        when = at + timedelta(hours=place)
        scene.brought(three[place - 1], buyer, when, Way(newcomer=False))
        scene.sells(buyer, when + timedelta(minutes=20))
    scene.wrong[three[2]] = "ring"


def _steal(scene: Scene, kind: str, buyer: int, at: datetime, cashier: str | None = None) -> None:
    scene.wrong[buyer] = kind
    scene.sells(buyer, at, cashier)
