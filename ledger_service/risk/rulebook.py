"""The published rules and the staff lists as one value in memory, at most a second old."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection, select

from ledger_service.db.engine import Database
from ledger_service.risk.documents import rules_of
from ledger_service.risk.models import risk_change, risk_rule_set, staff_link
from ledger_service.risk.rules import ALLIANCE, RuleSet


@dataclass(frozen=True)
class RuleBook:
    """Published sets by merchant (0 is the alliance), versions ascending, and which members cashiers are."""

    version: int = 0
    sets: Mapping[int, tuple[RuleSet, ...]] = field(default_factory=dict)
    staff: Mapping[tuple[int, str], int] = field(default_factory=dict)

    def in_force(self, merchant_id: int, at: int) -> tuple[RuleSet, ...]:
        """The sets that judge an act at a merchant: the alliance's and its own, where they have rules."""
        if not self.sets:
            return ()
        found = []
        for scope in {ALLIANCE, merchant_id} & self.sets.keys():
            now = [one for one in self.sets[scope] if one.effective_from <= at]
            found += [now[-1]] if now and now[-1].rules else []
        return tuple(sorted(found, key=lambda one: one.merchant_id))


NO_RULES = RuleBook()


def read_book(conn: Connection) -> RuleBook:
    """The book as a db transaction sees it."""
    sets: dict[int, tuple[RuleSet, ...]] = {}
    published = risk_rule_set.c.state == "published"
    query = select(risk_rule_set).where(published).order_by("merchant_id", "version")
    for row in conn.execute(query):
        before = sets.get(row.merchant_id, ())
        since = before[0].effective_from if before else row.effective_from
        rules = rules_of(orjson.loads(row.body))
        one = RuleSet(row.merchant_id, row.version, row.effective_from, rules, since)
        sets[row.merchant_id] = (*before, one)
    staff = conn.execute(select(staff_link.c.merchant_id, staff_link.c.cashier, staff_link.c.member_id))
    return RuleBook(change_of(conn), sets, {(row.merchant_id, row.cashier): row.member_id for row in staff})


def change_of(conn: Connection) -> int:
    """How often rules or staff have changed."""
    return conn.execute(select(risk_change.c.version)).scalar() or 0


class RuleBookCache:
    """The book of a process; looks for a newer one at most once in ``life_seconds``."""

    def __init__(self, database: Database, monotonic: Callable[[], float], life_seconds: int = 1) -> None:
        self._database = database
        self._monotonic = monotonic
        self._life_seconds = life_seconds
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._book = NO_RULES

    def current(self) -> RuleBook:
        """The book, at most ``life_seconds`` behind the database."""
        looked = self._looked_at
        if looked is not None and self._monotonic() - looked < self._life_seconds:
            return self._book
        with self._lock:
            now = self._monotonic()
            if self._looked_at is None or now - self._looked_at >= self._life_seconds:
                self._look()
                self._looked_at = now
            return self._book

    def refresh(self) -> RuleBook:
        """The book as it stands in the database now."""
        with self._lock:
            self._look()
            self._looked_at = self._monotonic()
            return self._book

    def _look(self) -> None:
        with self._database.snapshot() as conn:
            if change_of(conn) != self._book.version:
                self._book = read_book(conn)
