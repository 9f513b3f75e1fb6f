"""A till's process that dies as ``kill -9`` does inside an exchange: url, file of the body, point."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson

from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.db import group
from ledger_service.db.engine import open_database
from tests.integration.checkout.shop import Shop


def die(*_: Any, **__: Any) -> Any:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Exchange with the key ``dying`` and die at the point."""
    url, told, point = sys.argv[1:]
    body = orjson.loads(Path(told).read_bytes())
    if point == "between":
        SaleCommand.decide = die
    if point == "flushed":
        real = group.flush

        def flushed(*arguments: Any, **named: Any) -> None:
            real(*arguments, **named)
            die()

        group.flush = flushed
    shop = Shop(open_database(url))
    shop.exchange(body, "dying")
    die()


if __name__ == "__main__":
    main()
