"""Reviews for front doors and jobs: one step at a time, and deadlines that are carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.care.reviews import ReviewCommand, Step
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.issuance import Worker
from ledger_service.risk.errors import ReviewStepRefused
from ledger_service.risk.queries import due_reviews

_AT_ONCE = 200
BY_DEADLINE = "deadline"


def _as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    return command


@dataclass(frozen=True)
class ReviewDesk:
    """Commands on reviews; ``worker`` gets back the cap of what is reversed."""

    writer: Writer
    database: Database
    catalogue: CatalogueCache
    worker: str

    def do(self, step: Step, keyed: Callable[[BookCommand[Any]], BookCommand[Any]] = _as_it_is) -> Any:
        """The step is done; returns the state that follows, or what ``keyed`` makes of it.

        Raises:
            ReviewUnknown, ReviewStepRefused, SecondPersonNeeded.
        """
        return self.writer.submit(keyed(ReviewCommand(step, self.catalogue.current(), Worker(self.worker))))

    def end_due(self, at: datetime) -> int:
        """Some reviews whose deadline has passed have ended as it says; returns how many, 0 for none left.

        Idempotency: repeat until it answers 0; each ends once.
        """
        with self.database.read() as conn:
            due = due_reviews(conn, at, _AT_ONCE)
        for review_id in due:
            self._end(Step(review_id, "expire", BY_DEADLINE, "", at))
        return len(due)

    def _end(self, step: Step) -> None:
        try:
            self.do(step)
        except ReviewStepRefused:
            # Somebody decided it, or has moved its deadline, since it was looked for.
            return
