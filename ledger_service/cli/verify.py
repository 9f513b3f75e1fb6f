"""`alliance verify settlement`: a period recomputed from a chain URL and two addresses, and nothing else.

Every line is rebuilt from the chain's own events, added up, and held against the nets that the contract
keeps; with --statement also against the lines that the operator handed out (`alliance settle lines`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.recomputing import Ask, Recomputed, recompute
from ledger_service.chain.client import Node
from ledger_service.chain.node_check import ChainMoves
from ledger_service.chain.settings import Contracts
from ledger_service.chain.transport import Transport
from ledger_service.chain.witness.quorum import Verdict
from ledger_service.cli import verify_item, verify_receipt, verify_share
from ledger_service.cli.pools import pool_documents, pool_text
from ledger_service.cli.settle import period_number
from ledger_service.cli.ticker import Ticker
from ledger_service.cli.witnessed import add_quorum, chain_of, document_of, judged, require_whole, text_of
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import gln_text, parse_gln


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when all agrees, 1 when something differs, 2 when it cannot be told; of an item more."""
    if argv and argv[0] in ("item", "log", "prizes"):
        return verify_item.main(argv)
    if argv and argv[0] == "receipt":
        return verify_receipt.main(argv)
    if argv and argv[0] == "share":
        return verify_share.main(argv)
    parser = _parser()
    options = parser.parse_args(argv)
    require_whole(parser, options)
    if options.statement is not None and len(options.period) > 1:
        parser.error("--statement takes one --period")
    settings = settings_from_environment()
    if options.rpc is not None:
        settings = replace(settings, chain_url=options.rpc)
    with ExitStack() as stack:
        into = options.into or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "index.db"
        try:
            paper = options.statement and stack.enter_context(
                options.statement.open(encoding="utf-8", newline="")
            )
            found = recompute(settings, into, _ask(options, paper), Ticker("operations"))
            verdict = _witnessed(options, settings.chain_url)
        except (DomainError, ChainMoves, OSError) as failure:
            print(f"alliance verify: {why_it_ended(failure)}", file=sys.stderr)
            return 2
    if options.json:
        documents = [_document(one) for one in found]
        document = documents[0] if len(documents) == 1 else {"periods": documents}
        print(json.dumps(document if verdict is None else document | {"witnessed": document_of(verdict)}))
    else:
        texts = [_text(one, options.statement is not None) for one in found]
        print("\n\n".join(texts if verdict is None else [*texts, text_of(verdict)]))
    return 0 if all(one.agrees for one in found) and (verdict is None or verdict.reached) else 1


def _witnessed(options: argparse.Namespace, url: str) -> Verdict | None:
    """What witnesses say of the chain that was read; None where nobody was asked for."""
    if options.witnessed is None:
        return None
    with closing(Transport(url)) as transport:
        return judged(options, options.witnessed, chain_of(Node(transport)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance verify", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    settlement = what.add_parser("settlement", help="recompute every merchant's net of a period")
    settlement.add_argument("--rpc", metavar="URL", help="the chain (default: ALLIANCE_CHAIN_URL)")
    settlement.add_argument("--registry", required=True, help="address of the AllianceRegistry")
    settlement.add_argument(
        "--clearing-house", required=True, help="address of any ClearingHouse of its line"
    )
    settlement.add_argument(
        "--period", required=True, type=period_number, action="append", metavar="N",
        help="its number; may be given several times: the chain is read once",
    )  # fmt: skip
    settlement.add_argument("--currency", help="ISO 4217: round the nets and list the fewest payments")
    settlement.add_argument(
        "--statement", type=Path, metavar="FILE", help="lines to hold against the chain's"
    )
    settlement.add_argument("--merchant", metavar="GLN", help="whose statement that file is (default: all)")
    settlement.add_argument(
        "--into", type=Path, help="SQLite file to keep; an interrupted one is gone on with"
    )
    add_quorum(settlement, required=False)
    settlement.add_argument("--json", action="store_true", help="print one JSON document")
    for name, about in (
        ("receipt", "one receipt by chain and proofs"), ("item", "one item by chain and bundle"),
        ("prizes", "a batch's prize draw by chain and bundle"), ("log", "every event by the log"),
        ("share", "who brought whom, by chain and evidence"),
    ):  # fmt: skip
        what.add_parser(name, help=about)
    return parser


def _ask(options: argparse.Namespace, paper: Any) -> Ask:
    contracts = Contracts(
        parse_address(options.clearing_house, "clearing-house"), parse_address(options.registry, "registry")
    )
    merchant = None if options.merchant is None else parse_gln(options.merchant, "merchant")
    return Ask(contracts, tuple(options.period), options.currency, paper, merchant)


def _document(found: Recomputed) -> dict[str, Any]:
    return {
        "period": found.period,
        "closed": found.closed,
        "agrees": found.agrees,
        "lines": found.lines,
        "obligations": [
            {"debtor": gln_text(debtor), "creditor": gln_text(creditor), "owed_micros": micros}
            for (debtor, creditor), micros in sorted(found.gross.items())
        ],
        "nets": [
            {
                "merchant": gln_text(merchant),
                "net_micros": found.nets.get(merchant, 0),
                "contract_micros": found.contract.get(merchant, 0),
                "due_micros": found.due.get(merchant, 0),
                "net_minor": found.minors.get(merchant),
            }
            for merchant in sorted(found.nets.keys() | found.contract.keys())
        ],
        "payouts": [
            {"payer": gln_text(p.payer), "payee": gln_text(p.payee), "minor": p.minor} for p in found.payouts
        ],
        "pools": pool_documents(found.pools),
        "desk": {
            "published": bool(found.desk.statements),
            "netted": bool(found.desk.root),
            "confirmed": [gln_text(merchant) for merchant in sorted(found.desk.confirmed)],
            "paid": found.desk.paid.bit_count(),
            "differs": found.desk_differs,
        },
        "differences": [
            {"batch": d.place[0], "position": d.place[1], "leg": d.place[2], "what": d.what}
            for d in found.differences
        ],
    }


def _text(found: Recomputed, with_statement: bool) -> str:
    document = _document(found)
    lines = [
        f"period {found.period}, {'closed' if found.closed else 'open, so far'}: {found.lines:,} lines,"
        f" {len(found.gross)} pairs of merchants"
    ]
    lines += [
        f"merchant {n['merchant']}: net {n['net_micros']:,} micros"
        + ("" if n["due_micros"] == n["net_micros"] else f", {n['due_micros']:,} after disputes")
        + ("" if n["net_minor"] is None else f", settled as {n['net_minor']:,} minor units")
        + ("" if n["net_micros"] == n["contract_micros"] else f"; THE CONTRACT SAYS {n['contract_micros']:,}")
        for n in document["nets"]
    ]
    lines += pool_text(found.pools)
    lines += [f"{p['payer']} pays {p['payee']} {p['minor']:,} minor units" for p in document["payouts"]]
    lines += [
        f"batch {d['batch']} position {d['position']} leg {d['leg']}: {d['what']} in the statement"
        for d in document["differences"]
    ]
    if with_statement and not found.differences:
        lines.append("statement = chain, line by line")
    lines += _of_desk(found)
    lines.append("recomputed = contract" if not found.apart else f"{len(found.apart)} nets differ")
    return "\n".join(lines)


def _of_desk(found: Recomputed) -> list[str]:
    desk = found.desk
    if not desk.statements:
        return []
    stands = f"netted, {desk.paid.bit_count()} of {desk.payouts} payouts paid" if desk.root else "published"
    told = [f"desk: {stands}; {len(desk.confirmed)} confirmed"]
    told += [f"THE DESK SAYS: {difference}" for difference in found.desk_differs]
    return told if found.desk_differs else [*told, "recomputed = desk"]
