"""Rewards for front doors and jobs: follow the ledger, pay, take back, review; each step may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.points.blocks import with_blocks
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.issuance import Worker
from ledger_service.referrals.ports import Sales
from ledger_service.referrals.rewards.dispatch import follow, something_new
from ledger_service.referrals.rewards.errors import ShareRewardStepRefused
from ledger_service.referrals.rewards.paying import (
    ClawCommand,
    PayCommand,
    due_rewards,
    standing_after,
)
from ledger_service.referrals.rewards.reviewing import DEADLINE, ReviewRewardCommand, Step, overdue

_PAID_AT_ONCE = 100
_LOOKED_AT_ONCE = 1_000


def _as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    return command


@dataclass
class RewardDesk:
    """Commands on rewards; ``worker`` draws blocks of caps, ``sales`` knows what was sold and came back."""

    writer: Writer
    database: Database
    catalogue: CatalogueCache
    sales: Sales
    worker: str
    # Where the look for returned goods stands; it begins anew when a process does.
    _turn: bytes = field(default=bytes(16), init=False)

    def follow(self, at: datetime) -> bool:
        """The next entries of the ledger were followed; returns whether there is more to do at once."""
        with self.database.read() as conn:
            if not something_new(conn):
                return False
        return self.writer.run(lambda conn: follow(conn, self.sales, at))

    def pay_due(self, at: datetime) -> bool:
        """Some due rewards were issued; returns whether more may be due."""
        with self.database.read() as conn:
            due = due_rewards(conn, at, _PAID_AT_ONCE)
        if due:
            self.catalogue.refresh()
        for reward_id in due:
            self._with_blocks(reward_id, at)
        return len(due) == _PAID_AT_ONCE

    def take_back(self, at: datetime) -> bool:
        """Rewards of some sales whose goods came back are undone; returns False at the end of each turn."""
        with self.database.read() as conn:
            page = standing_after(conn, self._turn, _LOOKED_AT_ONCE)
            kept = self.sales.kept(conn, {row.sale_id for row in page})
        for row in page:
            if kept.get(row.sale_id, row.least_kept_minor) < row.least_kept_minor:
                catalogue, worker = self.catalogue.current(), Worker(self.worker)
                self.writer.submit(ClawCommand(row.reward_id, catalogue, worker, at))
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
        command = ReviewRewardCommand(step, self.catalogue.current(), Worker(self.worker))
        return self.writer.submit(keyed(command))

    def _with_blocks(self, reward_id: bytes, at: datetime) -> str:
        catalogue = self.catalogue.current()
        return with_blocks(
            self.writer, self.catalogue, self.worker,
            lambda worker: PayCommand(reward_id, catalogue, worker, at),
        )  # fmt: skip
