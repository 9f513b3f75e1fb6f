"""Tills that are cut off: each has its terminal, key and allowance, and writes down what it sells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from ledger_service.checkout.couponing.wishing import Wishing
from ledger_service.checkout.offline.allowances import set_allowance
from ledger_service.checkout.offline.models import offline_sale, offline_window
from ledger_service.checkout.offline.requests import SetAllowance
from ledger_service.checkout.offline.service import Merged, OfflineService
from ledger_service.checkout.requests import Caller
from ledger_service.checkout.service import Store
from ledger_service.coupons.codes.seeds import tagger_of
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.paycode import decode_pay_code
from ledger_service.kernel.permits import acceptance_struct_hash
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.members.models import member
from ledger_service.merchants.changes import note_change
from ledger_service.merchants.models import merchant, terminal

from .shop import DOMAIN, GROCER, START, Phone, Shop, StandingClock, line

DAY = 86_400


@dataclass
class Till:
    """One terminal, offline: what it sold lies in ``items`` until it is uploaded."""

    number: int
    merchant_id: int
    version: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def terminal_id(self) -> str:
        return f"t{self.number:016x}"

    @property
    def key(self) -> bytes:
        return keccak256(f"till {self.number}".encode())

    @property
    def caller(self) -> Caller:
        subject = f"terminal:{self.terminal_id}"
        return Caller(subject, self.merchant_id, self.terminal_id, address_of_key(self.key))

    def sell(self, at: datetime, total: int, **more: Any) -> dict[str, Any]:
        """A basket of one line; ``member`` and ``spend`` as online."""
        body = {"store": gln_text(self.merchant_id), "reference": "r", "currency": "USD"}
        item = {
            "key": f"s{len(self.items)}", "sold_at": format_instant(at),
            "sale": {**body, "lines": [line("1", total)], **more},
        }  # fmt: skip
        self.items.append(item)
        return item

    def earn(self, at: datetime, phone: Phone, total: int) -> dict[str, Any]:
        return self.sell(at, total, member={"number": phone.number})

    def spend(self, at: datetime, code: str, total: int, value_minor: int) -> dict[str, Any]:
        """Points should pay so much; the till signs when it took the code."""
        digest = DOMAIN.digest(decode_pay_code(code).permit.struct_hash())
        taken = DOMAIN.digest(acceptance_struct_hash(digest, seconds_floor(at)))
        signature = "0x" + sign_digest(self.key, taken).hex()
        more = {
            "member": {"pay_code": code},
            "spend": {"max_value_minor": value_minor},
            "acceptance": {"accepted_at": format_instant(at), "signature": signature},
        }
        item = self.sell(at, total, **more)
        item["allowance_version"] = self.version
        return item


class OfflineShop(Shop):
    """The shop with tills that may be cut off."""

    def __init__(self, database: Database, worker: str = "w1", clock: StandingClock | None = None) -> None:
        super().__init__(database, worker, clock)
        store = Store(self.writer, database)
        wishing = Wishing(store, CouponCatalogueCache(database, lambda: 0.0), tagger_of(bytes(32)))
        self.offline = OfflineService(store, self.admission, self.desk, wishing)
        self.tills: list[Till] = []

    def till(self, merchant_id: int = GROCER, allowance_minor: int | None = 100_000, **more: int) -> Till:
        """A further terminal; ``allowance_minor`` a day was set a moment ago."""
        till = Till(len(self.tills) + 1, merchant_id)
        self.tills.append(till)
        with self.database.begin() as conn:
            row = {"terminal_id": till.terminal_id, "merchant_id": merchant_id, "store_gln": merchant_id}
            rest = {"label": "till", "till_key": address_of_key(till.key), "status": "active"}
            conn.execute(insert(terminal).values({**row, **rest, "created_at": START}))
        if allowance_minor is not None:
            self.allow(till, allowance_minor, **more)
        return till

    def allow(self, till: Till, minor: int, window_seconds: int = DAY, *, told: bool = True) -> None:
        """The merchant's new word; ``told`` where the till was online to hear it."""
        wish = SetAllowance(till.terminal_id, minor * 10_000, window_seconds)
        with self.database.begin() as conn:
            version = set_allowance(conn, wish, "merchant:x", self.clock.at)["version"]
        if told:
            till.version = version

    def upload(self, till: Till, items: list[dict[str, Any]] | None = None) -> list[Merged]:
        return self.offline.merge(till.caller, till.items if items is None else items, self.clock.at)

    def one(self, till: Till, item: dict[str, Any]) -> Merged:
        return self.upload(till, [item])[0]

    def losses(self) -> tuple[int, int]:
        """Minor units that merchants bear within and beyond their allowances."""
        o = offline_sale.c
        with self.database.read() as conn:
            found = conn.execute(
                select(func.coalesce(func.sum(o.loss_minor), 0), func.coalesce(func.sum(o.beyond_minor), 0))
            )
            within, beyond = found.one()
        return int(within), int(beyond)

    def used(self, till: Till) -> int:
        """Minor units counted in all windows of a till."""
        mine = offline_window.c.terminal_id == till.terminal_id
        with self.database.read() as conn:
            return sum(conn.execute(select(offline_window.c.used_micros).where(mine)).scalars()) // 10_000

    def freeze(self, phone: Phone, status: str = "frozen") -> None:
        with self.database.begin() as conn:
            conn.execute(update(member).where(member.c.member_id == phone.member_id).values(status=status))

    def suspend(self, merchant_id: int, status: str = "suspended") -> None:
        with self.database.begin() as conn:
            mine = merchant.c.merchant_id == merchant_id
            conn.execute(update(merchant).where(mine).values(status=status))
            note_change(conn)
        self.admission._sources.directory.knowing(0)
