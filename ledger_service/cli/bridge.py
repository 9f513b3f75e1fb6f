"""`alliance bridge`: carries operations to the chain and reads it back; one of several leads."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.bridging import open_bridging
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError


def main(argv: Sequence[str]) -> int:
    """Work until SIGTERM or SIGINT."""
    argparse.ArgumentParser(prog="alliance bridge", description=__doc__).parse_args(argv)
    settings = settings_from_environment()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        bridging = open_bridging(settings)
    except (NotFounded, DomainError) as error:
        print(f"alliance bridge: {why_it_ended(error)}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    print("bridge works", flush=True)
    bridging.bridge.run(stop)
    bridging.close()
    return 0
