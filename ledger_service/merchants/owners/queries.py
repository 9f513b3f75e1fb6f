"""Reads of owners, for front doors and for statements."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.merchants.models import store
from ledger_service.merchants.owners.models import owner, store_owner
from ledger_service.merchants.owners.rules import BankAccount, Share


@dataclass(frozen=True, slots=True)
class OwnerView:
    """A legal person as its row tells."""

    owner_id: str
    merchant_id: int
    name: str
    tax_number: str
    account: BankAccount


@dataclass(frozen=True, slots=True)
class StoreOwnerView:
    """What one owner bears of a store from an instant on, and who said so when."""

    store_gln: int
    effective_from: datetime
    share: Share
    set_by: str
    set_at: datetime

    @property
    def position(self) -> str:
        """Where it stands among the rows of its store."""
        return f"{micros_of(self.effective_from)} {self.share.owner_id}"


def owners_after(conn: Connection, merchant_id: int | None, after: str | None, most: int) -> list[OwnerView]:
    """At most so many owners, of one merchant or all, by id, behind an id."""
    o = owner.c
    query = select(
        o.owner_id, o.merchant_id, o.name, o.tax_number, o.iban, o.bank_code, o.account_number
    )  # fmt: skip
    if merchant_id is not None:
        query = query.where(o.merchant_id == merchant_id)
    if after is not None:
        query = query.where(o.owner_id > after)
    rows = conn.execute(query.order_by(o.owner_id).limit(most))
    return [OwnerView(*row[:4], BankAccount(*row[4:])) for row in rows]


def store_owners_after(conn: Connection, gln: int, after: str | None, most: int) -> list[StoreOwnerView]:
    """At most so many rows of a store's owners, oldest first, behind the position of another."""
    s = store_owner.c
    query = select(store_owner).where(s.store_gln == gln)
    if after is not None:
        micros, _, owner_id = after.partition(" ")
        at = instant_of_micros(int(micros))
        query = query.where((s.effective_from > at) | ((s.effective_from == at) & (s.owner_id > owner_id)))
    rows = conn.execute(query.order_by(s.effective_from, s.owner_id).limit(most))
    return [
        StoreOwnerView(r.store_gln, r.effective_from, Share(r.owner_id, r.share_bps), r.set_by, r.set_at)
        for r in rows
    ]


@dataclass(slots=True)
class Ownership:
    """Who owned each store of a merchant when; built once, asked for every line."""

    _begins: dict[int, list[datetime]] = field(default_factory=dict)
    _shares: dict[tuple[int, datetime], list[Share]] = field(default_factory=dict)

    def add(self, gln: int, since: datetime, share: Share) -> None:
        """A row counts; rows come by store and instant, ascending."""
        begins = self._begins.setdefault(gln, [])
        if not begins or begins[-1] != since:
            begins.append(since)
        self._shares.setdefault((gln, since), []).append(share)

    def at(self, gln: int, instant: datetime) -> Sequence[Share]:
        """The store's owners at an instant; none before the first set."""
        begins = self._begins.get(gln, [])
        place = bisect_right(begins, instant)
        return self._shares[gln, begins[place - 1]] if place else []


def ownership_of(conn: Connection, merchant_id: int) -> Ownership:
    """The owners of all stores of a merchant at all times."""
    s, found = store_owner.c, Ownership()
    query = select(s.store_gln, s.effective_from, s.owner_id, s.share_bps).join_from(store_owner, store)
    query = query.where(store.c.merchant_id == merchant_id).order_by(*list(s)[:3])
    for gln, since, owner_id, share_bps in conn.execute(query):
        found.add(gln, since, Share(owner_id, share_bps))
    return found
