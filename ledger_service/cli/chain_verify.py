"""`alliance chain verify`: execute the journal of signed transactions once more, on an empty chain.

Every block must get the hash it had, which covers transactions, receipts, logs and state; then balances,
net positions and batch roots are held against the mirror. The running chain is not asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.reexecuting import NotReplayable, reexecute_journal
from ledger_service.chain.node.chain import DEFAULT_GAS_LIMIT
from ledger_service.chain.node_check import ChainMoves
from ledger_service.chain.reexecution import Reexecution
from ledger_service.cli.ticker import Ticker
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError


def main(argv: Sequence[str]) -> int:
    """Exit with 0 where all comes out as recorded, 1 where something does not, 2 where it cannot be told."""
    parser = argparse.ArgumentParser(prog="alliance chain verify", description=__doc__)
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="where the new chain may grow (default: the system's)"
    )
    parser.add_argument(
        "--block-gas-limit", type=int, default=DEFAULT_GAS_LIMIT, help="of the chain (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON document")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="alliance-verify-", dir=options.work) as folder:
        try:
            done = reexecute_journal(
                settings_from_environment(), Path(folder) / "chain.db", Ticker("transactions"),
                options.block_gas_limit,
            )  # fmt: skip
        except (NotFounded, NotReplayable, ChainMoves, DomainError) as failure:
            print(f"alliance chain verify: {failure}", file=sys.stderr)
            return 2
    print(json.dumps({"verified": done.verified, **asdict(done)}) if options.json else _text(done))
    return 0 if done.verified else 1


def _text(done: Reexecution) -> str:
    lines = [f"{d.check}: {d.subject}: recorded {d.expected}, comes out {d.actual}" for d in done.differences]
    word = "the chain comes out as recorded" if done.verified else f"{len(lines)} differences"
    return "\n".join([*lines, f"{word} (block {done.block_number:,}, {done.transactions:,} transactions)"])
