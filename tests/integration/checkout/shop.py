"""A small alliance for tests: three merchants, their programmes, members with phones, tills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import insert, select, text

from ledger_service.checkout import return_policies
from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.desk import CustodialLimits, Desk
from ledger_service.checkout.directory import Directory
from ledger_service.checkout.parsing import (
    parse_authorise,
    parse_capture,
    parse_extend,
    parse_quote,
    parse_refund,
    parse_revoke,
    parse_sale,
    parse_void,
)
from ledger_service.checkout.requests import Caller, Write, body_hash
from ledger_service.checkout.return_requests import parse_exchange
from ledger_service.checkout.return_rules import policy_of
from ledger_service.checkout.service import CheckoutService, Store
from ledger_service.checkout.sources import Sources
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.gs1 import gln_text, with_check_digit
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SpendPermit, nonce_of
from ledger_service.kernel.secp256k1 import SigningKey, address_of_key, keccak256
from ledger_service.ledger.models import account as account_table
from ledger_service.ledger.models import lot, posting
from ledger_service.ledger.rules import Part, ledger_base_of
from ledger_service.members.models import device, member
from ledger_service.merchants.models import merchant, store
from ledger_service.points import programmes, reconcile
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.requests import NewProgramme
from ledger_service.points.rules import Cycle, EarnRule, Terms, epoch_ends
from ledger_service.tiers.ladders import LadderCache

from .held import card_reader, held_coupons

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DOMAIN = Domain(31337, b"\x11" * 20)
GROCER, FUEL, FLORIST = (int(with_check_digit(f"4006381333{i}0")) for i in (1, 2, 3))
TILL_KEY = keccak256(b"till")
RECEIPT_KEY = keccak256(b"receipts")
# A point of the grocer is worth a cent, of the fuel station half a cent, of the florist three cents.
POINT_VALUE = {1: 10_000, 2: 5_000, 3: 30_000}


class StillPeriod:
    """A settlement period that stands."""

    def current(self) -> int | None:
        return 7


@dataclass
class StandingClock:
    """A clock that a test moves."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def forward(self, **span: int) -> None:
        self.at += timedelta(**span)


@dataclass
class Phone:
    """A member's device with its own key, lane and counter."""

    member_id: int
    number: str
    account: bytes
    key: bytes
    lane: int = 1
    counter: Any = field(default_factory=lambda: count(1))

    def permit(self, at: datetime, **changes: int) -> SpendPermit:
        return SpendPermit(
            self.account,
            changes.get("nonce", nonce_of(self.lane, next(self.counter))),
            changes.get("max_value_micros", 10**9),
            changes.get("valid_until", seconds_floor(at) + 60),
        )

    def pay_code(self, at: datetime, domain: Domain = DOMAIN, **changes: int) -> str:
        return encode_pay_code(sign_pay_code(self.key, domain, self.permit(at, **changes)))


def line(name: str, amount_minor: int, quantity: int = 1, category: str = "FOOD") -> dict[str, Any]:
    return {"line": name, "category": category, "quantity": quantity, "amount_minor": amount_minor}


class Shop:
    """The service over one database, with helpers that speak as a till does."""

    def __init__(self, database: Database, worker: str = "w1", clock: StandingClock | None = None) -> None:
        self.database = database
        self.clock = clock or StandingClock()
        self.writer = Writer(database, self.clock)
        constants = CustodialLimits(5_000_000, 8_000_000), SigningKey(RECEIPT_KEY), StillPeriod(), worker
        self.desk = Desk(DOMAIN, "USD", *constants, cards=card_reader())
        self.catalogue = CatalogueCache(database, lambda: 0.0)
        self.directory = Directory(database, lambda: 0.0)
        self.ladders = LadderCache(database, lambda: 0.0)
        self.coupons = CouponCatalogueCache(database, lambda: 0.0)
        known = self.catalogue, self.directory, database
        sources = Sources(*known, ladders=self.ladders, coupons=self.coupons)
        self.admission = Admission(self.desk, sources)
        self.service = CheckoutService(Store(self.writer, database), self.admission, held_coupons(database))
        self._keys, self._members = count(1), count(1)

    def close(self) -> None:
        self.writer.close()

    def found(self, cap: int = 10**9, cycle: Cycle = Cycle.MONTH, **rule: Any) -> None:
        """Three merchants with a store and a programme each; 1 point per dollar."""
        with self.database.begin() as conn:
            for number, gln in enumerate((GROCER, FUEL, FLORIST), 1):
                keys = {f"{k}_key": bytes([number]) * 20 for k in ("admin", "operations", "settlement")}
                row = {"merchant_id": gln, "name": f"M{number}", "status": "active", "created_at": START}
                conn.execute(insert(merchant).values({**row, **keys}))
                place = {"gln": gln, "merchant_id": gln, "name": "S", "timezone": "UTC", "status": "active"}
                conn.execute(insert(store).values({**place, "created_at": START}))
                zone = ZoneInfo("America/New_York")
                rest = {name: value for name, value in rule.items() if name != "points"}
                new = NewProgramme(
                    number, ("GROC", "FUEL", "FLOR")[number - 1], gln, f"Programme {number}", "USD",
                    zone.key,
                    cycle,
                    tuple(epoch_ends(START - timedelta(days=90), cycle, zone, 40)),
                    Terms(1, 0, POINT_VALUE[number], 100, cap, 12),
                    EarnRule(1, 0, rule.get("points", 1), 100, **rest),
                )  # fmt: skip
                programmes.create(conn, new, START)
        self.catalogue.refresh()

    def enrol(self, custody: str = "device", flags: int = 0) -> Phone:
        """A member with one device."""
        member_id = next(self._members)
        key = keccak256(f"phone {member_id}".encode())
        account = keccak256(f"account {member_id}".encode())[-20:]
        number = with_check_digit(f"{member_id:017d}")
        phone = Phone(member_id, number, account, key)
        with self.database.begin() as conn:
            base = {"member_id": member_id, "member_number": number, "account": account}
            rest = {"status": "active", "custody": custody, "ledger_base": ledger_base_of(member_id)}
            conn.execute(insert(member).values({**base, **rest, "created_at": START}))
            base_id, parts = ledger_base_of(member_id), [(part, part.name.lower()) for part in Part]
            accounts = [{"account_id": base_id + p, "kind": k, "member_id": member_id} for p, k in parts]
            conn.execute(insert(account_table), accounts)
            row = {"device_id": member_id, "member_id": member_id, "lane": 1, "signer": address_of_key(key)}
            times = {"active_from": START - timedelta(days=1), "created_at": START}
            conn.execute(insert(device).values({**row, "flags": flags, "status": "active", **times}))
        return phone

    def caller(self, merchant_id: int = GROCER, till_key: bytes | None = None) -> Caller:
        """A till in the merchant's store, whose GLN is the merchant's."""
        till = f"t{merchant_id}"
        return Caller(f"terminal:{till}", merchant_id, till, till_key, store_gln=merchant_id)

    def publish(self, merchant_id: int, **rule: Any) -> None:
        """The merchant's rule of returns, known to every till at once."""
        with self.database.begin() as conn:
            return_policies.publish(conn, merchant_id, policy_of(rule), self.clock.at)
        self.directory.refresh()

    def write(self, operation: str, body: Any, key: str | None = None, merchant_id: int = GROCER) -> Write:
        raw = orjson.dumps(body)
        name = key or f"{self.desk.worker}-{next(self._keys)}"
        return Write(self.caller(merchant_id), name, body_hash(operation, "", raw), self.clock.at)

    def sale_body(self, *lines: dict[str, Any], at: int = GROCER, **more: Any) -> dict[str, Any]:
        body = {"store": gln_text(at), "reference": "r", "currency": "USD", "lines": list(lines)}
        return {**body, **more}

    def send_sale(self, body: dict[str, Any], key: str | None = None, merchant_id: int = GROCER) -> Answer:
        return self.service.sale(self.write("sale", body, key, merchant_id), parse_sale(body))

    def sell(
        self, phone: Phone | None, *lines: dict[str, Any], at: int = GROCER, spend: Any = None
    ) -> dict[str, Any]:
        """A sale with a fresh pay code where something is spent, else with the member's number."""
        more: dict[str, Any] = {}
        if phone is not None and spend is not None:
            more = {"member": {"pay_code": phone.pay_code(self.clock.at)}, "spend": spend}
        elif phone is not None:
            more = {"member": {"number": phone.number}}
        body = self.sale_body(*lines, at=at, **more)
        return loads(self.send_sale(body, merchant_id=at))

    def authorise(self, phone: Phone, total: int, spend: Any, **more: Any) -> dict[str, Any]:
        body = self.sale_body(
            line("1", total), member={"pay_code": phone.pay_code(self.clock.at)}, spend=spend, **more
        )
        return loads(self.service.authorise(self.write("authorise", body), parse_authorise(body)))

    def capture(
        self, hold_id: str, *lines: dict[str, Any], merchant_id: int = GROCER, **more: Any
    ) -> dict[str, Any]:
        body = {"lines": list(lines), "reference": "c", **more}
        write = self.write("capture", body, None, merchant_id)
        return loads(self.service.capture(write, parse_capture(hold_id, body)))

    def void(self, hold_id: str, merchant_id: int = GROCER) -> dict[str, Any]:
        write = self.write("void", {}, None, merchant_id)
        return loads(self.service.void(write, parse_void(hold_id, {})))

    def extend(self, hold_id: str, ttl_seconds: int) -> dict[str, Any]:
        body = {"ttl_seconds": ttl_seconds}
        return loads(self.service.extend(self.write("extend", body), parse_extend(hold_id, body)))

    def refund(
        self,
        sale_id: str,
        lines: Sequence[tuple[str, int]] | None = None,
        at: int = GROCER,
        key: str | None = None,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"reference": "back"}
        if lines is not None:
            body["lines"] = [{"line": name, "quantity": quantity} for name, quantity in lines]
        write = self.write("refund", [sale_id, body], key, at)
        return loads(self.service.refund(write, parse_refund(sale_id, body)))

    def exchange(self, body: dict[str, Any], key: str | None = None, at: int = GROCER) -> dict[str, Any]:
        write = self.write("exchange", body, key, at)
        return loads(self.service.exchange(write, parse_exchange(body)))

    def revoke(self, pay_code: str) -> dict[str, Any]:
        body = {"pay_code": pay_code}
        return loads(self.service.revoke(self.write("revoke", body), parse_revoke(body)))

    def quote(self, body: dict[str, Any], merchant_id: int = GROCER) -> dict[str, Any]:
        answer: dict[str, Any] = orjson.loads(
            self.service.quote(self.caller(merchant_id), parse_quote(body), self.clock.at)
        )
        return answer

    def stock(self, phone: Phone, programme: int, points: int) -> None:
        """So many points, earned at the issuer for money."""
        gln = (GROCER, FUEL, FLORIST)[programme - 1]
        self.sell(phone, line("1", points * 100), at=gln)

    def balance(self, phone: Phone, programme: int, column: str = "available") -> int:
        """Points over all epochs."""
        mine = (lot.c.member_id == phone.member_id) & (lot.c.programme_id == programme)
        with self.database.read() as conn:
            return sum(conn.execute(select(lot.c[column]).where(mine)).scalars())

    def count(self, table: str) -> int:
        with self.database.read() as conn:
            return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def accepted(self, at: datetime) -> dict[str, Any]:
        return {"accepted_at": format_instant(at)}


def loads(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(answer.body)
    return content


def lots_equal_postings(shop: Shop) -> None:
    """INV-1: postings sum to zero per asset. INV-2: every lot is what the postings of its account say, and so
    are debts and pending issues."""
    with shop.database.read() as conn:
        assert list(reconcile.differences(conn)) == []
        flows: dict[tuple[int, int, int], int] = {}
        for row in conn.execute(select(posting)):
            for side, sign in ((row.source_id, -1), (row.destination_id, 1)):
                key = (side, row.programme_id, row.epoch)
                flows[key] = flows.get(key, 0) + sign * row.amount
        assets = {(programme, epoch) for _, programme, epoch in flows}
        assert all(sum(n for key, n in flows.items() if key[1:] == asset) == 0 for asset in assets)
        for row in conn.execute(select(lot)).mappings():
            base = ledger_base_of(row["member_id"])
            for part in (Part.AVAILABLE, Part.HELD, Part.PENDING):
                key = (base + part, row["programme_id"], row["epoch"])
                assert row[part.name.lower()] == flows.get(key, 0)
