"""The rules wired: one book for tills and gifts, and gifts judged by the alliance's rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.checkout.sources import Watch
from ledger_service.db.engine import Database
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.money import minor_of_micros_floor
from ledger_service.points.gift import GiftAct, GiftWatch
from ledger_service.points.permits import DEVICES_OF_MEMBER
from ledger_service.risk.guard import Guard
from ledger_service.risk.rulebook import RuleBookCache
from ledger_service.risk.rules import ALLIANCE, Act, Observation, Outcome, Who


@dataclass(frozen=True, slots=True)
class RuledGifts:
    """Fulfils ``points.gift.GiftWatch`` by the alliance's rules; no merchant has a say in a gift."""

    guard: Guard
    exponent: int

    def needs(self, member_id: int, lane: int) -> Iterable[Need]:
        """The giver's tallies."""
        return self.guard.needs(Who(ALLIANCE, member_id, device=lane))

    def judge(self, draft: Draft, act: GiftAct) -> None:
        """The gift is counted.

        Raises:
            HeldForReview, RefusedByRules: it may not be booked. Its giver has signed it leg by leg, so there
                is nothing to ask again.
        """
        member_id = act.giver["member_id"]
        lanes = draft.find(DEVICES_OF_MEMBER, member_id)
        seen = Observation(
            seconds_floor(act.at),
            Who(ALLIANCE, member_id, device=act.lane),
            frozenset({Act.GIFT}),
            spend_minor=minor_of_micros_floor(act.value_micros, self.exponent),
            device_since=next((seconds_floor(d["created_at"]) for d in lanes if d["lane"] == act.lane), None),
            member_since=seconds_floor(act.giver["created_at"]),
            must_spend=True,
        )
        judged = self.guard.judge(draft, seen)
        if judged.outcome is not Outcome.ALLOW:
            raise self.guard.refusal(judged)
        self.guard.book_it(draft, judged)


def open_watch(database: Database) -> Watch:
    """The rule book of a process."""
    return Watch(RuleBookCache(database, time.monotonic), SystemRandom())


def gift_watch(watch: Watch, worker: str, exponent: int) -> Callable[[datetime], GiftWatch | None]:
    """Who may stop a gift of an instant: nobody while the alliance has no rules."""

    def of(at: datetime) -> GiftWatch | None:
        book = watch.rules.current()
        sets = book.in_force(ALLIANCE, seconds_floor(at))
        return RuledGifts(Guard(sets, book, worker, watch.ids), exponent) if sets else None

    return of
