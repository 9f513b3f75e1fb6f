"""An upload's process that dies as ``kill -9`` does: url, file of what tills sold alone, point."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from ledger_service.checkout.offline.command import OfflineSaleCommand
from ledger_service.db import group
from ledger_service.db.engine import open_database
from ledger_service.kernel.clock import parse_instant
from tests.integration.checkout.alone import OfflineShop, Till
from tests.integration.checkout.dying_exchange import die
from tests.integration.checkout.shop import GROCER


def main() -> None:
    """Hand in what the first till sold while it was cut off, and die at the point.

    ``late`` dies with the group's rows written and not committed, ``early`` before the sale is decided on,
    ``committed`` before anybody hears the answer.
    """
    url, told, point = sys.argv[1:]
    said = orjson.loads(Path(told).read_bytes())
    if point == "early":
        OfflineSaleCommand.decide = die
    if point == "late":
        real = group.flush

        def flushed(*arguments: Any, **named: Any) -> None:
            real(*arguments, **named)
            die()

        group.flush = flushed
    shop = OfflineShop(open_database(url))
    shop.clock.at = parse_instant(said["at"], "at")
    shop.offline.merge(Till(1, GROCER).caller, said["items"], shop.clock.at)
    die()


if __name__ == "__main__":
    main()
