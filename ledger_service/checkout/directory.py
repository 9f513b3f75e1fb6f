"""Which stores there are and who runs them, kept in memory and at most a second old."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.attach import policies as attach_policies
from ledger_service.checkout.errors import StoreOfAnotherMerchant
from ledger_service.checkout.models import return_policy
from ledger_service.checkout.requests import Caller
from ledger_service.checkout.return_rules import ReturnPolicy, policy_of
from ledger_service.checkout.shifts import business_day_at
from ledger_service.checkout.taking import policies as taking_policies
from ledger_service.checkout.taking.rules import Version
from ledger_service.db.engine import Database
from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.business_day import StoreClock
from ledger_service.merchants.changes import change_version
from ledger_service.merchants.errors import MerchantSuspended, StoreUnknown
from ledger_service.merchants.models import merchant, store


@dataclass(frozen=True)
class Places:
    """Open stores by GLN with their merchants, which merchants are suspended, how they take goods back,
    for how many days their receipts may join a member, and which points they take.

    That a terminal is registered and active, its API key has proven before.
    """

    version: int
    merchant_of_store: Mapping[int, int]
    suspended: frozenset[int]
    zones: Mapping[int, str] = field(default_factory=dict)
    policies: Mapping[int, ReturnPolicy] = field(default_factory=dict)
    clocks: Mapping[int, StoreClock] = field(default_factory=dict)

    def day_at(self, store_gln: int | None, at: int, said: int | None) -> int:
        """The business day of an instant (seconds) in a store, closed ones included; see ``shifts``.

        Raises:
            BusinessDateOutOfRange: the till says another one.
        """
        return business_day_at(self.clocks.get(store_gln or 0), at, said)

    attach_days: Mapping[int, int] = field(default_factory=dict)
    taking: Mapping[int, tuple[Version, ...]] = field(default_factory=dict)

    def zone_of(self, store_gln: int) -> ZoneInfo | None:
        """The zone of a store's clock; None where the store is not open."""
        name = self.zones.get(store_gln)
        return None if name is None else ZoneInfo(name)

    def check(self, caller: Caller, store_gln: int) -> None:
        """The caller may sell at the store.

        Raises:
            MerchantSuspended: the merchant of the terminal may not do business now.
            StoreUnknown: no open store has the GLN.
            StoreOfAnotherMerchant: somebody else runs the store.
        """
        if caller.suspended or caller.merchant_id in self.suspended:
            raise MerchantSuspended
        owner = self.merchant_of_store.get(store_gln)
        if owner is None:
            raise StoreUnknown
        if owner != caller.merchant_id:
            raise StoreOfAnotherMerchant(gln_text(store_gln))


def read_places(conn: Connection) -> Places:
    """The places as a db transaction sees them."""
    version = change_version(conn)
    columns = (store.c.gln, store.c.merchant_id, store.c.timezone, store.c.status, store.c.day_start_hour)
    every = conn.execute(select(*columns)).all()
    stores = [row for row in every if row.status == "active"]
    away = conn.execute(select(merchant.c.merchant_id).where(merchant.c.status == "suspended")).all()
    policies = conn.execute(select(return_policy.c.merchant_id, return_policy.c.body)).all()
    return Places(
        version,
        {row.gln: row.merchant_id for row in stores},
        frozenset(row.merchant_id for row in away),
        {row.gln: row.timezone for row in stores},
        {row.merchant_id: policy_of(orjson.loads(row.body)) for row in policies},
        {row.gln: StoreClock(ZoneInfo(row.timezone), row.day_start_hour or 0) for row in every},
        attach_policies.published(conn),
        taking_policies.published(conn),
    )


class Directory:
    """The places of a process; looks for newer ones at most once in ``life_seconds``."""

    def __init__(self, database: Database, monotonic: Callable[[], float], life_seconds: int = 1) -> None:
        self._database = database
        self._monotonic = monotonic
        self._life_seconds = life_seconds
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._places = Places(-1, {}, frozenset())

    def current(self) -> Places:
        """The places, at most ``life_seconds`` behind the database."""
        looked = self._looked_at
        if looked is not None and self._monotonic() - looked < self._life_seconds:
            return self._places
        with self._lock:
            now = self._monotonic()
            if self._looked_at is None or now - self._looked_at >= self._life_seconds:
                self._look()
                self._looked_at = now
            return self._places

    def refresh(self) -> None:
        """The places are as they stand in the database now."""
        with self._lock:
            self._look()

    def knowing(self, store_gln: int) -> Places:
        """The places, looked up afresh where they do not hold the store: it may have opened just now."""
        places = self.current()
        if store_gln in places.merchant_of_store:
            return places
        with self._lock:
            self._look()
            return self._places

    def _look(self) -> None:
        with self._database.snapshot() as conn:
            if change_version(conn) != self._places.version:
                self._places = read_places(conn)
