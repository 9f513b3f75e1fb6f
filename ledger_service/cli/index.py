"""`alliance index`: read the chain anew from its first block and tell what it says by itself.

With the database at hand the alliance's own mirror is compared row by row. A stranger gives the two addresses
instead and needs nothing but a chain URL (ALLIANCE_CHAIN_URL); of several ClearingHouses that followed one
another any will do, for the registry tells of the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.indexing import FreshIndex, fresh_index
from ledger_service.chain.settings import Contracts
from ledger_service.cli.ticker import Ticker
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError


def main(argv: Sequence[str]) -> int:
    """Exit with 0 where nothing differs, with 1 where the mirror does, with 2 where it cannot be told."""
    parser = argparse.ArgumentParser(prog="alliance index", description=__doc__)
    parser.add_argument("--into", type=Path, help="SQLite file to keep; an interrupted one is gone on with")
    parser.add_argument(
        "--clearing-house", help="address of the ClearingHouse, for a reader without database"
    )
    parser.add_argument("--registry", help="address of the AllianceRegistry, together with --clearing-house")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(argv)
    if (options.clearing_house is None) != (options.registry is None):
        parser.error("--clearing-house and --registry belong together")
    with ExitStack() as stack:
        into = options.into
        if into is None:
            into = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "index.db"
        try:
            found = fresh_index(settings_from_environment(), into, _contracts(options), Ticker("operations"))
        except (NotFounded, DomainError) as failure:
            print(f"alliance index: {why_it_ended(failure)}", file=sys.stderr)
            return 2
    print(json.dumps(found.document()) if options.json else _text(found))
    return 1 if found.differences else 0


def _contracts(options: argparse.Namespace) -> Contracts | None:
    if options.registry is None:
        return None
    house = parse_address(options.clearing_house, "clearing-house")
    return Contracts(house, parse_address(options.registry, "registry"))


def _text(found: FreshIndex) -> str:
    lines = [
        f"programme {p['programme_id']}: issued {p['issued']:,}, redeemed {p['redeemed']:,},"
        f" expired {p['expired']:,}, outstanding {p['outstanding']:,}"
        for p in found.programmes
    ]
    lines += [
        f"period {n['period']}: merchant {n['merchant']} net {n['net_micros']:,} micros" for n in found.nets
    ]
    lines += [f"{d.table} {d.key}: mirror has {d.mirrored}; chain says {d.fresh}" for d in found.differences]
    if len(found.houses) > 1:
        lines += [f"clearing house {h['address']} from block {h['block_number']:,} on" for h in found.houses]
    lines.append(
        f"block {found.block_number:,}: {found.operations:,} operations in {found.millis / 1000:.1f} s"
        f" ({found.per_second:,}/s)"
    )
    if found.compared:
        count = len(found.differences)
        lines.append("mirror = fresh index" if not count else f"{count} differences or more")
    return "\n".join(lines)
