"""`alliance jobs`: run the jobs of the bridge once, to the end; safe beside a bridge that works."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ledger_service.bootstrap.foundations import lay_foundations
from ledger_service.bootstrap.jobs import open_jobs
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.config import settings_from_environment


def main(argv: Sequence[str]) -> int:
    """Run every job until it has nothing more to do."""
    argparse.ArgumentParser(prog="alliance jobs", description=__doc__).parse_args(argv)
    foundations = lay_foundations(settings_from_environment())
    jobs = open_jobs(foundations, secrets_of(foundations))
    for name, step in jobs.steps().items():
        runs = 1
        while step():
            runs += 1
        print(f"{name}: done in {runs} steps")
    jobs.close()
    foundations.close()
    return 0
