"""Rewards for front doors and jobs: follow the ledger, pay, take back, review; each step may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.coupons.wallet.requests import Offers
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.points.blocks import with_blocks
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.issuance import Worker
from ledger_service.referrals.ports import Sales
from ledger_service.referrals.rewards.couponing import GiveCouponCommand, TakeCouponCommand
from ledger_service.referrals.rewards.dispatch import follow, something_new
from ledger_service.referrals.rewards.errors import ShareRewardStepRefused
from ledger_service.referrals.rewards.opening import OPENED_AT_ONCE, tell_campaigns, to_open
from ledger_service.referrals.rewards.paying import ClawCommand, PayCommand
from ledger_service.referrals.rewards.returning import ReturnCommand
from ledger_service.referrals.rewards.reviewing import DEADLINE, ReviewRewardCommand, Step
from ledger_service.referrals.rewards.rules import COUPON
from ledger_service.referrals.rewards.worklists import (
    Standing,
    answered_promises,
    due_rewards,
    leaving,
    overdue,
    standing_after,
    undone,
)

_PAID_AT_ONCE = 100
_LOOKED_AT_ONCE = 1_000


def _as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    return command


@dataclass
class RewardDesk:
    """Commands on rewards.

    ``sales`` knows what was sold and came back, ``offers`` what coupons are like that are given now;
    ``worker`` draws blocks of caps.
    """

    writer: Writer
    database: Database
    catalogue: CatalogueCache
    sales: Sales
    offers: Offers
    worker: str
    # Whether the alliance has the contract that promises rewards of points before they are issued.
    promises: bool = False
    # Where the look for returned goods stands; it begins anew when a process does.
    _turn: bytes = field(default=bytes(16), init=False)

    def follow(self, at: datetime) -> bool:
        """The next entries of the ledger were followed; returns whether there is more to do at once."""
        with self.database.read() as conn:
            if not something_new(conn):
                return False
        return self.writer.run(lambda conn: follow(conn, self.sales, at, promises=self.promises))

    def pay_due(self, at: datetime) -> bool:
        """Some due rewards were promised on the chain or given; returns whether more may be due.

        What came back is looked for once more: the turn of ``take_back`` may not have come by, and a coupon
        that was given could be used before it does.
        """
        with self.database.read() as conn:
            answered = answered_promises(conn, at, _PAID_AT_ONCE) if self.promises else []
            first = due_rewards(conn, at, _PAID_AT_ONCE)
            due = [*answered, *first]
            gone = undone(conn, self.sales, due)
        if due:
            self.catalogue.refresh()
        for one in due:
            if one.reward_id in gone:
                self.writer.submit(self._taking(one, at))
            else:
                self._give(one.reward_id, one.pays, at)
        return _PAID_AT_ONCE in (len(answered), len(first))

    def tell_chain(self, at: datetime) -> bool:
        """The chain was told of campaigns and of what went back; returns whether there may be more to tell.

        Nothing is told where the alliance has no such contract. Idempotency: by what was told before.
        """
        if not self.promises:
            return False
        with self.database.read() as conn:
            campaigns, gone = to_open(conn), leaving(conn, at, _PAID_AT_ONCE)
        told = self.writer.run(lambda conn: tell_campaigns(conn, campaigns, at)) if campaigns else 0
        for reward_id in gone:
            self.writer.submit(ReturnCommand(reward_id, at))
        return told == OPENED_AT_ONCE or len(gone) == _PAID_AT_ONCE

    def take_back(self, at: datetime) -> bool:
        """Rewards of some sales whose goods came back are undone; returns False at the end of each turn."""
        with self.database.read() as conn:
            page = standing_after(conn, self._turn, _LOOKED_AT_ONCE)
            gone = undone(conn, self.sales, page)
        for row in page:
            if row.reward_id in gone:
                self.writer.submit(self._taking(row, at))
        full = len(page) == _LOOKED_AT_ONCE
        self._turn = page[-1].reward_id if full else bytes(16)
        return full

    def end_reviews(self, at: datetime) -> bool:
        """Rewards whose review nobody decided in time are due; returns whether there may be more."""
        with self.database.read() as conn:
            late = overdue(conn, at, _PAID_AT_ONCE)
        for reward_id in late:
            try:
                self.step(Step(reward_id, "expire", DEADLINE, DEADLINE, at))
            except ShareRewardStepRefused:
                continue  # somebody decided it since it was looked for
        return len(late) == _PAID_AT_ONCE

    def step(self, step: Step, keyed: Callable[[BookCommand[Any]], BookCommand[Any]] = _as_it_is) -> Any:
        """The step of a review is done; returns the state that follows, or what ``keyed`` makes of it.

        Raises:
            ShareRewardUnknown, ShareRewardStepRefused, SecondPersonNeeded.
        """
        return self.writer.submit(keyed(ReviewRewardCommand(step)))

    def _taking(self, row: Standing, at: datetime) -> BookCommand[str]:
        if row.pays == COUPON:
            return TakeCouponCommand(row.reward_id, at)
        return ClawCommand(row.reward_id, self.catalogue.current(), Worker(self.worker), at)

    def _give(self, reward_id: bytes, pays: str, at: datetime) -> str:
        if pays == COUPON:
            return self.writer.submit(GiveCouponCommand(reward_id, self.offers, at))
        catalogue = self.catalogue.current()
        return with_blocks(
            self.writer, self.catalogue, self.worker,
            lambda worker: PayCommand(reward_id, catalogue, worker, at),
        )  # fmt: skip
