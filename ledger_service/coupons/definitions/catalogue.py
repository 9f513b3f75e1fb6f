"""What all coupons promise, as one immutable value that is read from the database now and then.

Checkouts decide by a picture that is at most a second old. What was claimed, held or sold under a version
keeps it: ``terms`` finds any version, ``live`` the ones in force.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import orjson
from sqlalchemy import Connection, select

from ledger_service.coupons.definitions.changes import change_version
from ledger_service.coupons.definitions.models import coupon_definition, coupon_goods_list, coupon_version
from ledger_service.coupons.definitions.offering import Offerings, read_offerings
from ledger_service.coupons.terms.text import terms_of
from ledger_service.coupons.terms.values import Reward, Terms
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import micros_of


class CouponsBehind(LookupError):
    """Another process has published what this one's catalogue does not know yet; look again."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with its approved versions, ascending: first instant in microseconds, and the terms."""

    definition_id: int
    merchant_id: int
    code: str
    gcn_type: int | None
    withdrawn_micros: int | None
    versions: tuple[tuple[int, Terms], ...]

    def in_force(self, at_micros: int) -> Terms | None:
        """The terms in force then: the last that have begun, until the definition is withdrawn."""
        if self.withdrawn_micros is not None and self.withdrawn_micros <= at_micros:
            return None
        begun = [terms for since, terms in self.versions if since <= at_micros]
        return begun[-1] if begun else None


@dataclass(frozen=True)
class CouponCatalogue:
    """Every definition with an approved version; ``lists`` are each merchant's own goods lists.

    ``offerings`` says what members are offered at which source.
    """

    version: int
    definitions: Mapping[int, Definition]
    lists: Mapping[int, frozenset[int]] = field(default_factory=dict)
    offerings: Offerings = field(default_factory=Offerings)

    def terms(self, definition: int, version: int) -> Terms:
        """The terms that a coupon, hold or sale names.

        Raises:
            CouponsBehind: they were approved since the catalogue was read.
        """
        found = self.by_version.get((definition, version))
        if found is None:
            raise CouponsBehind(definition, version)
        return found

    def live(self, merchant: int, at_micros: int) -> list[Terms]:
        """Every definition's terms in force that this merchant's tills take, by definition."""
        offered = (one.in_force(at_micros) for one in self._taken_by.get(merchant, ()))
        return [terms for terms in offered if terms is not None and terms.taken_by(merchant)]

    @cached_property
    def by_version(self) -> Mapping[tuple[int, int], Terms]:
        """Every version's terms by definition and number."""
        every = self.definitions.values()
        return {(t.definition, t.version): t for one in every for _, t in one.versions}

    @cached_property
    def by_name(self) -> Mapping[tuple[int, str], Definition]:
        """Every definition by its merchant and code."""
        return {(one.merchant_id, one.code): one for one in self.definitions.values()}

    @cached_property
    def rewarding(self) -> Mapping[int, Sequence[Definition]]:
        """By merchant, the definitions of which it takes or took a version that rewards spend over time."""
        found: dict[int, list[Definition]] = {}
        for merchant, some in self._taken_by.items():
            own = [one for one in some if _rewards(one, merchant)]
            if own:
                found[merchant] = own
        return found

    @cached_property
    def _taken_by(self) -> Mapping[int, list[Definition]]:
        found: dict[int, list[Definition]] = {}
        for key in sorted(self.definitions):
            one = self.definitions[key]
            takers = {m for _, t in one.versions for m in (t.scope.merchants or {t.merchant})}
            for merchant in takers:
                found.setdefault(merchant, []).append(one)
        return found


def _rewards(definition: Definition, merchant: int) -> bool:
    return any(isinstance(t.benefit, Reward) and t.taken_by(merchant) for _, t in definition.versions)


NOTHING_OFFERED = CouponCatalogue(0, {})


def read_catalogue(conn: Connection, before: CouponCatalogue = NOTHING_OFFERED) -> CouponCatalogue:
    """The catalogue as a db transaction sees it; versions that ``before`` knows are not read again."""
    version = change_version(conn)
    v = coupon_version.c
    approved = select(v.definition_id, v.version, v.live_from, v.body).where(v.live_from.is_not(None))
    versions: dict[int, list[tuple[int, Terms]]] = {}
    for row in conn.execute(approved.order_by(v.definition_id, v.version)):
        begins = micros_of(row.live_from)
        known = before.by_version.get((row.definition_id, row.version))
        terms = terms_of(orjson.loads(row.body)) if known is None else known
        versions.setdefault(row.definition_id, []).append((begins, terms))
    d = coupon_definition.c
    rows = conn.execute(select(d.definition_id, d.merchant_id, d.code, d.gcn_type, d.withdrawn_at)).all()
    found = {
        r[0]: Definition(*r[:4], None if r[4] is None else micros_of(r[4]), tuple(versions[r[0]]))
        for r in rows
        if r[0] in versions
    }
    lists: dict[int, set[int]] = {}
    owners = select(coupon_goods_list.c.merchant_id, coupon_goods_list.c.list_id)
    for merchant, list_id in conn.execute(owners):
        lists.setdefault(merchant, set()).add(list_id)
    own_lists = {m: frozenset(some) for m, some in lists.items()}
    return CouponCatalogue(version, found, own_lists, read_offerings(conn))


class CouponCatalogueCache:
    """The catalogue of a process; looks for a newer one at most once in ``life_seconds``."""

    def __init__(self, database: Database, monotonic: Callable[[], float], life_seconds: int = 1) -> None:
        self._database, self._monotonic, self._life_seconds = database, monotonic, life_seconds
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._catalogue = CouponCatalogue(-1, {})

    def current(self) -> CouponCatalogue:
        """The catalogue, at most ``life_seconds`` behind the database."""
        looked = self._looked_at
        if looked is not None and self._monotonic() - looked < self._life_seconds:
            return self._catalogue
        return self.refresh()

    def refresh(self) -> CouponCatalogue:
        """The catalogue as it stands in the database now."""
        with self._lock, self._database.snapshot() as conn:
            if change_version(conn) != self._catalogue.version:
                self._catalogue = read_catalogue(conn, self._catalogue)
            self._looked_at = self._monotonic()
            return self._catalogue
