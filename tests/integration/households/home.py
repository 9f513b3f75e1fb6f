"""A household over the small alliance of the checkout's tests: an owner, mates, their phones for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from ledger_service.checkout.household_sales import spent_by_keys
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.permits import GiftPermit, SignerGrant
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.ledger.queries import balance
from ledger_service.members.devices import DeviceDesk
from ledger_service.members.enrolment import Register
from ledger_service.members.households.desk import HouseholdDesk
from ledger_service.members.households.models import household_due, household_mate
from ledger_service.members.households.parting import PartingDesk
from ledger_service.members.households.requests import Acceptance, Actor, NewHousehold, OwnKey, Rights
from ledger_service.members.models import device, member
from ledger_service.members.requests import NewDevice
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.requests import GiftRequest
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, Phone, Shop, line

A = TypeVar("A")
ONE_TIME = bytes(range(32))
ALL = Rights("all", None, True)
NO_ACCOUNT = bytes(20)
GROC = [{"programme": "GROC", "points": 1}]


class CountingIds:
    """Bytes that never repeat within a process."""

    _numbers = count(1)

    def random_bytes(self, size: int) -> bytes:
        return (keccak256(b"home %d" % next(self._numbers)) * 2)[:size]


class Home:
    """The desks of households over a shop, and people with phones."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.devices = DeviceDesk(DOMAIN, ONE_TIME)
        self.desk = HouseholdDesk(DOMAIN, CountingIds(), Register("4006381", ONE_TIME), self.devices)
        self.parting = PartingDesk(spent_by_keys)
        settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(100, 150), "w1")
        self.points = PointsService(shop.writer, shop.database, shop.catalogue, settings)
        self.number = ""

    def enrol(self) -> Phone:
        """A person with a phone; its number is beyond those that the database gives by itself."""
        with self.shop.database.read() as conn:
            ids = (member.c.member_id, device.c.device_id)
            known = [conn.execute(select(func.max(column))).scalar() or 0 for column in ids]
        self.shop._members = count(max(1_000, *known) + 1)
        return self.shop.enrol()

    def write(self, action: Callable[[Connection], A]) -> A:
        return self.shop.writer.run(action)

    def by(self, phone: Phone | None, operator: str = "operator:1") -> Actor:
        """The member behind the phone acts, or an operator."""
        if phone is None:
            return Actor(None, operator, self.shop.clock.at)
        return Actor(phone.member_id, f"member:{phone.member_id}", self.shop.clock.at)

    def begin(self, owner: Phone, parting: str = "own-part", timezone: str = "UTC") -> Phone:
        """The household of this owner; the owner's phone for its account."""
        signer = keccak256(b"home of" + owner.key)
        new = NewHousehold(owner.number, "Home", timezone, parting, self.key(signer, NO_ACCOUNT, owner.lane))
        self.number = self.write(lambda conn: self.desk.begin(conn, new, self.by(owner)))
        return self.phone(owner, signer)

    def join(self, owner: Phone, mate: Phone, rights: Rights = ALL, grant: bool = True) -> Phone:
        """The mate is invited and accepts; its phone for the household's account."""
        self.write(lambda conn: self.desk.invite(conn, self.number, mate.number, rights, self.by(owner)))
        signer = keccak256(b"home of" + mate.key)
        by = keccak256(b"home of" + owner.key) if grant else None
        answer = Acceptance(True, key=self.key(signer, self.account, mate.lane, by))
        self.write(lambda conn: self.desk.answer(conn, self.number, answer, self.by(mate)))
        return self.phone(mate, signer)

    def key(self, signer: bytes, account: bytes, own_lane: int, granter: bytes | None = None) -> OwnKey:
        until = seconds_floor(self.shop.clock.at) + 3_600
        grant = DOMAIN.digest(SignerGrant(account, address_of_key(signer), 0, until).struct_hash())
        leave = sign_digest(granter, grant) if granter is not None else b""
        return OwnKey(NewDevice(address_of_key(signer), until, sign_digest(signer, grant), leave), own_lane)

    def phone(self, mate: Phone, signer: bytes) -> Phone:
        """The mate's phone as it speaks for the household."""
        with self.shop.database.read() as conn:
            mine = (device.c.member_id == self.id) & (device.c.signer == address_of_key(signer))
            lane = conn.execute(select(device.c.lane).where(mine)).scalar_one()
        changes: dict[str, Any] = {"member_id": self.id, "number": self.number, "account": self.account}
        return replace(mate, **changes, key=signer, lane=lane, counter=count(1))

    def remove(self, whose: Phone, actor: Actor) -> dict[tuple[int, int], int]:
        return self.write(lambda conn: self.parting.part(conn, self.number, whose.member_id, actor))

    def rights(self, owner: Phone | None, whose: Phone, rights: Rights) -> None:
        actor = self.by(owner)
        self.write(lambda conn: self.desk.set_rights(conn, self.number, whose.member_id, rights, actor))

    def gift(self, giver: Phone, to: bytes, points: int, epoch: int | None = None) -> bytes:
        """The giver's phone gives so many points of its soonest epoch, or of this one."""
        at = seconds_floor(self.shop.clock.at)
        epochs = [e for p, e in self.lots(giver.member_id) if p == 1]
        legs = (Leg(1, 1, epoch or min(epochs), points),)
        nonce = giver.lane << 32 | next(giver.counter)
        digest = DOMAIN.digest(GiftPermit(giver.account, to, nonce, at + 60, legs).struct_hash())
        request = GiftRequest(giver.account, to, legs, nonce, at + 60, sign_digest(giver.key, digest))
        return self.points.gift(request, self.shop.clock.at)

    def spend(self, phone: Phone, points: int, **more: Any) -> dict[str, Any]:
        """A sale of just what these points of the grocer are worth."""
        spend = [{"programme": "GROC", "points": points}]
        return self.shop.sell(phone, line("1", points), spend=spend, **more)

    def lots(self, member_id: int) -> dict[tuple[int, int], int]:
        with self.shop.database.read() as conn:
            return {(v.programme_id, v.epoch): v.available for v in balance(conn, member_id)}

    def states(self) -> dict[int, str]:
        with self.shop.database.read() as conn:
            rows = conn.execute(select(household_mate.c.member_id, household_mate.c.state))
            return {row.member_id: row.state for row in rows}

    def dues(self) -> Sequence[int]:
        with self.shop.database.read() as conn:
            points = household_due.c.points
            return list(conn.execute(select(points).where(points > 0)).scalars())

    @property
    def id(self) -> int:
        with self.shop.database.read() as conn:
            found = select(member.c.member_id).where(member.c.member_number == self.number)
            return int(conn.execute(found).scalar_one())

    @property
    def account(self) -> bytes:
        with self.shop.database.read() as conn:
            found = select(member.c.account).where(member.c.member_number == self.number)
            return bytes(conn.execute(found).scalar_one())
