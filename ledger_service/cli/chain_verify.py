"""`alliance chain verify`: execute the journal of signed transactions once more, on an empty chain.

Every block must get the hash it had, which covers transactions, receipts, logs and state; then balances,
net positions and batch roots are held against the mirror. The running chain is not asked. With --witnessed,
enough witnesses must have signed what was recorded.
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
from ledger_service.bootstrap.reexecuting import NotReplayable, recorded_chain, reexecute_journal
from ledger_service.chain.node.chain import DEFAULT_GAS_LIMIT
from ledger_service.chain.node_check import ChainMoves
from ledger_service.chain.reexecution import Reexecution
from ledger_service.chain.witness.quorum import Verdict
from ledger_service.cli.ticker import Ticker
from ledger_service.cli.witnessed import add_quorum, document_of, judged, require_whole, text_of
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
    add_quorum(parser, required=False)
    options = parser.parse_args(argv)
    require_whole(parser, options)
    with tempfile.TemporaryDirectory(prefix="alliance-verify-", dir=options.work) as folder:
        try:
            done = reexecute_journal(
                settings_from_environment(), Path(folder) / "chain.db", Ticker("transactions"),
                options.block_gas_limit,
            )  # fmt: skip
            verdict = _witnessed(options)
        except (NotFounded, NotReplayable, ChainMoves, DomainError, OSError) as failure:
            print(f"alliance chain verify: {failure}", file=sys.stderr)
            return 2
    told = {} if verdict is None else {"witnessed": document_of(verdict)}
    document = {"verified": done.verified, **asdict(done), **told}
    text = [_text(done), *([] if verdict is None else [text_of(verdict)])]
    print(json.dumps(document) if options.json else "\n".join(text))
    return 0 if done.verified and (verdict is None or verdict.reached) else 1


def _witnessed(options: argparse.Namespace) -> Verdict | None:
    """What witnesses say of the recorded chain; None where nobody was asked for."""
    if options.witnessed is None:
        return None
    with recorded_chain(settings_from_environment()) as chain:
        return judged(options, options.witnessed, chain)


def _text(done: Reexecution) -> str:
    lines = [f"{d.check}: {d.subject}: recorded {d.expected}, comes out {d.actual}" for d in done.differences]
    word = "the chain comes out as recorded" if done.verified else f"{len(lines)} differences"
    return "\n".join([*lines, f"{word} (block {done.block_number:,}, {done.transactions:,} transactions)"])
