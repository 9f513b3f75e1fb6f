"""What all programmes promise, as one immutable value that is read from the database now and then.

Terms, calendars and earn rules change rarely and ahead of their time, so a checkout decides by a snapshot
that is at most a second old and reads none of it itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from ledger_service.db.engine import Database
from ledger_service.kernel.points import Leg
from ledger_service.points.conversion.reading import read_conversions, read_ends
from ledger_service.points.conversion.rules import ConversionTerms, Ending
from ledger_service.points.expiry_rules import Jurisdiction
from ledger_service.points.inactivity_rules import Activity
from ledger_service.points.models import (
    earn_rule,
    points_change,
    programme,
    programme_epoch,
    programme_terms,
)
from ledger_service.points.pairs.models import pair_terms
from ledger_service.points.pending_rules import PendingTerms, after_days
from ledger_service.points.policy_text import activities_of, notice_days_of
from ledger_service.points.reserves import IssuanceLimit, limits_in_force
from ledger_service.points.rule_text import rule_of
from ledger_service.points.rules import EarnRule, Terms, cap_in_force, terms_in_force

A = TypeVar("A")


class CatalogueBehind(LookupError):
    """Another process has published what this one's catalogue does not know yet; look again."""


def first_free(last: int, taken: Container[int]) -> int:
    """The first number behind ``last`` that is not taken."""
    return next(number for number in count(last + 1) if number not in taken)


@dataclass(frozen=True)
class Programme:
    """One programme with all its versions; ``epoch_ends[e - 1]`` is the end of epoch ``e``."""

    programme_id: int
    code: str
    merchant_id: int
    name: str
    currency: str
    timezone: str
    pending_days: int
    terms: tuple[Terms, ...]
    epoch_ends: tuple[int, ...]
    rules: tuple[EarnRule, ...]
    token: bytes | None = None
    cycle: str = "never"
    notice_days: tuple[int, ...] = ()
    jurisdiction: Jurisdiction = Jurisdiction.NONE
    activities: tuple[Activity, ...] = ()
    pairs: Mapping[int, tuple[Terms, ...]] = field(default_factory=dict)
    conversions: Mapping[int, tuple[ConversionTerms, ...]] = field(default_factory=dict)
    end: Ending | None = None
    limit: IssuanceLimit | None = None

    def terms_at(self, acceptor: int, at: int) -> Terms | None:
        """The terms for points that the acceptor accepts at ``at``: the pair's own, else the general ones.

        None before the first, and once the programme has ended.
        """
        if self.end is not None and at >= self.end.ends_at:
            return None
        if self.pairs:
            own = terms_in_force(self.pairs.get(acceptor, ()), at)
            if own is not None and own.point_value_micros:
                return own
        return terms_in_force(self.terms, at)

    def version(self, number: int) -> Terms:
        """The one set of terms, general or of a pair, that a leg cites by this number.

        Raises:
            CatalogueBehind: it was published since the catalogue was read.
        """
        found = self._by_version.get(number)
        if found is None:
            raise CatalogueBehind(self.code, number)
        return found

    @property
    def next_version(self) -> int:
        """The number of the next general terms: the first behind the last ones that no pair has.

        Not one more than all: terms that stand on chain may be missing here, their answer lost, while those
        of a pair that came after them are known.
        """
        return first_free(self.terms[-1].version, self._by_version)

    @cached_property
    def _by_version(self) -> Mapping[int, Terms]:
        return {t.version: t for some in (self.terms, *self.pairs.values()) for t in some}

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of the programme's calendar."""
        return ZoneInfo(self.timezone)

    @cached_property
    def pending(self) -> PendingTerms:
        """What an earn waits for where its rule says nothing."""
        return after_days(self.pending_days)

    def cap_at(self, second: int) -> int:
        """The most that may ever have been issued by an issue accepted then, by cap and reserve."""
        cap = cap_in_force(self.terms, second)
        return cap if self.limit is None else min(cap, self.limit.at(second))

    def pending_of(self, rule: EarnRule) -> PendingTerms:
        """What an earn by this rule waits for: as the rule says, else as the programme does."""
        return rule.pending if rule.pending is not None else self.pending

    def rule(self, version: int) -> EarnRule:
        """A version of the earn rule that some sale went by.

        Raises:
            CatalogueBehind: it was published since the catalogue was read.
        """
        if version > len(self.rules):
            raise CatalogueBehind(self.code, version)
        return self.rules[version - 1]


@dataclass(frozen=True)
class Catalogue:
    """Every programme of the alliance as of a version of the tables."""

    version: int
    programmes: Mapping[int, Programme]
    # Whether operations were adopted from the chain, whose requests may be repeated.
    adopted: bool = False

    def programme(self, programme_id: int) -> Programme:
        """A programme of which points exist.

        Raises:
            CatalogueBehind: it was created since the catalogue was read.
        """
        found = self.programmes.get(programme_id)
        if found is None:
            raise CatalogueBehind(programme_id)
        return found

    def worth_micros(self, legs: Iterable[Leg]) -> int:
        """What the legs are worth under the terms that each names."""
        return sum(leg.amount * self._terms_of(leg).point_value_micros for leg in legs)

    def _terms_of(self, leg: Leg) -> Terms:
        return self.programme(leg.programme).version(leg.terms_version)

    @cached_property
    def by_code(self) -> Mapping[str, Programme]:
        """Programmes by their code."""
        return {p.code: p for p in self.programmes.values()}

    @cached_property
    def by_issuer(self) -> Mapping[int, tuple[Programme, ...]]:
        """The programmes of each merchant, ascending by id."""
        found: dict[int, list[Programme]] = {}
        for programme_id in sorted(self.programmes):
            one = self.programmes[programme_id]
            found.setdefault(one.merchant_id, []).append(one)
        return {merchant: tuple(some) for merchant, some in found.items()}

    @cached_property
    def codes(self) -> Mapping[int, str]:
        """Programme codes by id."""
        return {programme_id: one.code for programme_id, one in self.programmes.items()}


def change_version(conn: Connection) -> int:
    """How many changes of programmes were committed so far; 0 before the first."""
    return conn.execute(select(points_change.c.version)).scalar_one_or_none() or 0


def read_catalogue(conn: Connection) -> Catalogue:
    """The catalogue as a db transaction sees it."""
    version = change_version(conn)
    terms = _grouped(
        conn.execute(select(programme_terms).order_by("programme_id", "version")).all(),
        lambda r: Terms(
            r.version, r.effective_from, r.point_value_micros, r.fee_bps, r.issuance_cap, r.validity_epochs
        ),
    )
    ends = _grouped(
        conn.execute(select(programme_epoch).order_by("programme_id", "epoch")).all(), lambda r: r.ends_at
    )
    rules = _grouped(
        conn.execute(select(earn_rule).order_by("programme_id", "version")).all(),
        lambda r: rule_of(r.version, r.effective_from, r.body),
    )
    rows, pairs, limits = conn.execute(select(programme)).all(), _pairs(conn), limits_in_force(conn)
    found = {r.programme_id: _programme(r, terms, ends, rules) for r in rows}
    agreed, closing = read_conversions(conn), read_ends(conn)
    for key, p in found.items():
        known = replace(p, pairs=pairs.get(key, {}), conversions=agreed.get(key, {}), limit=limits.get(key))
        end = closing.get(key)
        ended = known if end is None else replace(known, end=end, terms=(*p.terms, end.closing))
        found[key] = ended
    adopted = conn.execute(select(points_change.c.adopted)).scalar_one_or_none()
    return Catalogue(version, found, bool(adopted))


def _pairs(conn: Connection) -> dict[int, dict[int, tuple[Terms, ...]]]:
    found: dict[int, dict[int, tuple[Terms, ...]]] = {}
    for r in conn.execute(select(pair_terms).order_by("programme_id", "version")):
        own = found.setdefault(r.programme_id, {})
        terms = Terms(r.version, r.effective_from, r.point_value_micros, r.fee_bps, 0, 0)
        own[r.acceptor] = (*own.get(r.acceptor, ()), terms)
    return found


def _programme(row: Any, terms: dict[int, Any], ends: dict[int, Any], rules: dict[int, Any]) -> Programme:
    key = row.programme_id
    return Programme(
        key,
        row.code,
        row.merchant_id,
        row.name,
        row.currency,
        row.timezone,
        row.pending_days,
        tuple(terms.get(key, ())),
        tuple(ends.get(key, ())),
        tuple(rules.get(key, ())),
        row.token,
        row.cycle,
        notice_days_of(row.notice_days),
        Jurisdiction(row.jurisdiction),
        activities_of(row.inactivity),
    )


def _grouped(rows: Iterable[Any], make: Callable[[Any], Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.programme_id, []).append(make(row))
    return found


class CatalogueCache:
    """The catalogue of a process; looks for a newer one at most once in ``life_seconds``."""

    def __init__(self, database: Database, monotonic: Callable[[], float], life_seconds: int = 1) -> None:
        self._database = database
        self._monotonic = monotonic
        self._life_seconds = life_seconds
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._catalogue = Catalogue(-1, {})

    def current(self) -> Catalogue:
        """The catalogue, at most ``life_seconds`` behind the database."""
        looked = self._looked_at
        if looked is not None and self._monotonic() - looked < self._life_seconds:
            return self._catalogue
        with self._lock:
            return self._refreshed()

    def newest(self, use: Callable[[Catalogue], A]) -> A:
        """What ``use`` makes of the catalogue, with a fresh one where the first lacked something."""
        try:
            return use(self.current())
        except CatalogueBehind:
            return use(self.refresh())

    def refresh(self) -> Catalogue:
        """The catalogue as it stands in the database now."""
        with self._lock:
            self._looked_at = None
            return self._refreshed()

    def _refreshed(self) -> Catalogue:
        now = self._monotonic()
        if self._looked_at is None or now - self._looked_at >= self._life_seconds:
            with self._database.snapshot() as conn:
                if change_version(conn) != self._catalogue.version:
                    self._catalogue = read_catalogue(conn)
            self._looked_at = now
        return self._catalogue
