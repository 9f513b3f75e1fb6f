"""`alliance webhooks`: what waits for each endpoint (`status`); read the books on and send (`run`)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ledger_service.bootstrap.foundations import Foundations, background_clock, lay_foundations
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.bootstrap.webhooks import webhook_jobs
from ledger_service.config import settings_from_environment
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.webhooks.queries import endpoints, standing_counts

_MOST = 10_000


def main(argv: Sequence[str]) -> int:
    """Do one of the two; 1 where facts were given up."""
    parser = argparse.ArgumentParser(prog="alliance webhooks", description=__doc__)
    parser.add_argument("act", choices=("status", "run"))
    act = parser.parse_args(argv).act
    foundations = lay_foundations(settings_from_environment())
    try:
        if act == "run":
            _run(foundations)
        return _status(foundations)
    finally:
        foundations.close()


def _run(foundations: Foundations) -> None:
    clock = background_clock(foundations.settings, foundations.database)
    jobs = webhook_jobs(foundations, secrets_of(foundations), clock)
    while jobs.follow():
        pass
    while jobs.send():
        jobs.courier.finish()
    while jobs.report():
        jobs.reports.finish()
    jobs.close()


def _status(foundations: Foundations) -> int:
    dead = 0
    with foundations.database.snapshot() as conn:
        for row in endpoints(conn, None, None, _MOST):
            counts = standing_counts(conn, row["endpoint_id"])
            dead += counts["dead"]
            told = ", ".join(f"{count} {state}" for state, count in counts.items())
            trouble = f"; away since {row['failing_since']}: {row['last_error']}" if row["failures"] else ""
            whose = f"{gln_text(row['merchant_id'])} {id_text(row['endpoint_id'])}"
            print(f"{whose} {row['state']}: {told}{trouble}")
    return 1 if dead else 0
