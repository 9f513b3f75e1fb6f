"""`alliance verify item`, `prizes` and `log`: an item or a prize draw by chain and bundle, events by the log.

`item` needs a chain and a file, and no database; a bundle is what `GET /v1/items/GTIN/SERIAL/proof` answers.
Name the contracts with --items and --log as the alliance publishes them (`GET /v1/alliance`): on the word of
the bundle alone nothing is genuine. `prizes` recomputes a batch's whole draw from what
`GET /v1/batches/N/prizes/proof` answers once it has ended. `log` is for who has the database: it names every
stored event that is not what was logged.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.chain_parts import node_of
from ledger_service.bootstrap.item_verifying import ItemAsk, ItemVerdict, verify_item, verify_log
from ledger_service.bootstrap.prize_verifying import verify_prizes
from ledger_service.chain.errors import NodeRefusal
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import Settings, settings_from_environment
from ledger_service.kernel.errors import DomainError
from ledger_service.traceability.log.auditing import LogAudit
from ledger_service.traceability.proofs.bundle import MOST_BYTES
from ledger_service.traceability.proofs.rules import Standing

CANNOT_TELL = 2
EXITS = {Standing.GENUINE: 0, Standing.ALTERED: 1, Standing.MISSING: 3, Standing.VOID: 4}


def main(argv: Sequence[str]) -> int:
    """Exit with 0 for genuine (or a sound log), 1 for altered, 3 for missing, 4 for void, 2 if it cannot be
    told."""
    options = _parser().parse_args(argv)
    try:
        return int(options.act(options))
    except (DomainError, NodeRefusal, OSError) as failure:
        print(f"alliance verify: {why_it_ended(failure)}", file=sys.stderr)
        return CANNOT_TELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance verify", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    item = what.add_parser("item", help="one item by its code")
    item.set_defaults(act=_item)
    item.add_argument("code", help="the code as it is scanned (a Digital Link), or GTIN/SERIAL")
    item.add_argument("--bundle", type=Path, metavar="FILE", help="the item's proof bundle")
    item.add_argument("--items", metavar="ADDRESS", help="the ItemRegistry that you trust")
    item.add_argument("--log", metavar="ADDRESS", help="the TransparencyLog that you trust")
    item.add_argument(
        "--clearing-house", metavar="ADDRESS", help="hold its claim's points against this contract's events"
    )
    prizes = what.add_parser("prizes", help="the prize draw of a batch")
    prizes.set_defaults(act=_prizes)
    prizes.add_argument("--bundle", type=Path, metavar="FILE", required=True, help="the pool's bundle")
    prizes.add_argument("--items", metavar="ADDRESS", help="the ItemRegistry that you trust")
    prizes.add_argument(
        "--clearing-house", metavar="ADDRESS", help="hold the points of prizes against this contract's events"
    )
    log = what.add_parser("log", help="every stored event, against the log and its checkpoints")
    log.set_defaults(act=_log)
    log.add_argument("--without-node", action="store_true", help="hold the database against itself alone")
    for one in (item, prizes, log):
        one.add_argument("--rpc", metavar="URL", help="the chain (default: ALLIANCE_CHAIN_URL)")
        one.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    settings = settings_from_environment()
    return settings if options.rpc is None else replace(settings, chain_url=options.rpc)


def _prizes(options: argparse.Namespace) -> int:
    items, house = (
        None if text is None else parse_address(text, name)
        for text, name in ((options.items, "--items"), (options.clearing_house, "--clearing-house"))
    )
    with options.bundle.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    node = node_of(_settings(options))
    with closing(node.transport):
        verdict = verify_prizes(node, raw, items, house)
    if options.json:
        print(json.dumps({"standing": str(verdict.standing), **asdict(verdict)}, ensure_ascii=False))
    else:
        told = [f"{finding.code}: {finding.what}" for finding in verdict.findings]
        print("\n".join([str(verdict.standing), *told, *verdict.facts]))
    return EXITS[verdict.standing]


def _item(options: argparse.Namespace) -> int:
    settings = _settings(options)
    named = (options.items, "--items"), (options.log, "--log"), (options.clearing_house, "--clearing-house")
    items, log, house = (None if text is None else parse_address(text, name) for text, name in named)
    raw = None
    if options.bundle is not None:
        with options.bundle.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    node = node_of(settings)
    with closing(node.transport):
        verdict = verify_item(node, ItemAsk(options.code, raw, items, log, house))
    print(json.dumps(_document(verdict), ensure_ascii=False) if options.json else _text(verdict))
    return EXITS[verdict.standing]


def _document(verdict: ItemVerdict) -> dict[str, Any]:
    return {"standing": str(verdict.standing), **asdict(verdict)}


def _text(verdict: ItemVerdict) -> str:
    lines = [f"{finding.code}: {finding.what}" for finding in verdict.findings]
    return "\n".join([f"{verdict.standing}: {verdict.gtin} {verdict.serial}", *lines, *verdict.facts])


def _log(options: argparse.Namespace) -> int:
    found = verify_log(_settings(options), ask_node=not options.without_node)
    if options.json:
        print(json.dumps({"sound": not found.findings, **asdict(found)}))
    else:
        print(_log_text(found))
    return 1 if found.findings else 0


def _log_text(found: LogAudit) -> str:
    lines = [
        f"event {one.event} ({one.event_id}): {', '.join(one.parts)}: {one.what}"
        if one.event is not None
        else one.what
        for one in found.findings
    ]
    word = f"{len(found.findings)} differences" if found.findings else "events = log"
    return "\n".join([*lines, f"{word} ({found.events:,} events, {found.checkpoints:,} checkpoints)"])
