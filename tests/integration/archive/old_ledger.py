"""A ledger with a spring behind it: sales, a refund, a hold, all of it final, and a summer since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from ledger_service.archive.room import Room
from ledger_service.archive.service import Outcome, archive
from ledger_service.archive.verifying import differences, files
from ledger_service.db.engine import Database
from ledger_service.ledger import reconcile as ledger
from ledger_service.ledger.reconcile import Difference
from ledger_service.moving_in import reconcile as imports
from ledger_service.points import reconcile as points
from tests.integration.checkout.shop import START, Phone, Shop, line, loads

SALES = 6
BEFORE = START + timedelta(days=30)
KEY = "spring-0"


class OldLedger:
    """The shop, two members, and what an archive works with; seven records a step, so that there are many."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.shop = Shop(database)
        self.shop.found()
        with database.begin() as conn:  # what the florist gives vests later
            conn.execute(text("UPDATE programme SET pending_days = 400 WHERE programme_id = 3"))
            conn.execute(text("UPDATE points_change SET version = version + 1"))
        self.shop.catalogue.refresh()
        self.phones: list[Phone] = [self.shop.enrol(), self.shop.enrol()]
        self.room = Room(database, self.shop.clock, folder, every_period_is_closed, records=4)
        self.sales: list[str] = []

    def spring(self) -> None:
        """Sales under known keys, points spent and given back, a hold that is let go."""
        shop, (first, second) = self.shop, self.phones
        for number in range(SALES):
            self.sales.append(str(self.sell(f"spring-{number}")["sale_id"]))
        shop.stock(second, 2, 50)
        shop.stock(second, 3, 20)
        paid = shop.sell(first, line("1", 5_000), spend=[{"programme": "GROC", "points": 9}])
        shop.refund(str(paid["sale_id"]))
        shop.void(shop.authorise(first, 3_000, [{"programme": "GROC", "points": 5}])["hold_id"])
        self.settle()

    def sell(self, key: str) -> dict[str, object]:
        """A sale of the first member under this key; sent again it is the same."""
        body = self.shop.sale_body(line("1", 2_500), member={"number": self.phones[0].number})
        return loads(self.shop.send_sale(body, key))

    def settle(self) -> None:
        """Everything so far is final."""
        with self.shop.database.begin() as conn:
            conn.execute(text(
                "UPDATE intent SET state = 'final', batch_number = 1, batch_index = intent_id"
                " WHERE state = 'queued'"
            ))  # fmt: skip

    def summer(self) -> None:
        """Four months later: a claim of a receipt may take three, and its answer two weeks."""
        self.shop.clock.forward(days=120)

    def archive(self) -> Outcome:
        """What `alliance archive run --before` does."""
        return archive(self.room, BEFORE, lambda _what, _done: None)

    def faults(self, with_files: bool = True) -> list[Difference]:
        """What any of the proofs names."""
        with self.shop.database.snapshot() as conn:
            found = [*ledger.differences(conn), *points.differences(conn), *imports.differences(conn)]
            found += differences(conn)
        return found + (list(files(self.room)) if with_files else [])


def every_period_is_closed(_conn: Connection, batches: Sequence[int]) -> frozenset[int]:
    return frozenset(batches)
