"""`alliance verify share`: who brought whom, proven from a chain URL and the evidence of a purchase.

The evidence is what `GET /v1/share/campaigns/CAMPAIGN/purchases/SALE` answers; nothing in it is believed. The
commitment must have stood in the TransparencyLog before the sale, and what the ClearingHouse issued must name
it. No database and no key. With --account whoever holds the salt is shown to be the buyer or the sharer.

With --campaigns its rewards must have been promised by that CampaignDesk, within depth and budget; without
evidence every campaign of the desk is looked at, and every reward that the ClearingHouse has issued.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.chain_parts import chain_settings, node_of
from ledger_service.bootstrap.share_verifying import ShareVerdict, Trusted, verify_campaigns, verify_share
from ledger_service.chain.client import Node
from ledger_service.chain.errors import NodeRefusal
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError
from ledger_service.referrals.rewards.proving import MOST_BYTES, Standing

CANNOT_TELL = 2
EXITS = {Standing.PROVEN: 0, Standing.ALTERED: 1, Standing.MISSING: 3, Standing.LATER: 4}


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when it is proven, 1 when something was altered, 3 when something is not on the chain,
    4 when the commitment is younger than the sale, 2 when it cannot be told."""
    parser = _parser()
    options = parser.parse_args(argv[1:])
    if options.evidence is None and options.campaigns is None:
        parser.error("evidence or --campaigns is needed")
    if options.evidence is not None and options.log is None:
        parser.error("--log is needed with evidence")
    settings = settings_from_environment()
    if options.rpc is not None:
        settings = replace(settings, chain_url=options.rpc)
    try:
        trusted = _trusted(options, chain_settings(settings).first_block)
        node = node_of(settings)
        with closing(node.transport):
            verdict = _judged(node, options.evidence, trusted)
    except (DomainError, NodeRefusal, OSError) as failure:
        print(f"alliance verify: {why_it_ended(failure)}", file=sys.stderr)
        return CANNOT_TELL
    print(_json(verdict) if options.json else _text(verdict))
    return EXITS[verdict.standing]


def _trusted(options: argparse.Namespace, first_block: int) -> Trusted:
    def address(name: str) -> bytes | None:
        text = getattr(options, name)
        return None if text is None else parse_address(text, name)

    house = parse_address(options.clearing_house, "clearing-house")
    return Trusted(address("log") or b"", house, address("account"), address("campaigns"), first_block)


def _judged(node: Node, evidence: Path | None, trusted: Trusted) -> ShareVerdict:
    if evidence is None:
        return verify_campaigns(node, trusted.house, trusted.desk or b"", trusted.first_block)
    with evidence.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    return verify_share(node, raw, trusted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance verify share", description=__doc__)
    parser.add_argument("evidence", type=Path, nargs="?", help="the file with the evidence, JSON")
    parser.add_argument("--log", help="address of the TransparencyLog that you trust; with evidence")
    parser.add_argument("--campaigns", help="address of the CampaignDesk that you trust")
    parser.add_argument("--clearing-house", required=True, help="address of the ClearingHouse that you trust")
    parser.add_argument("--account", help="your own account: are you buyer or sharer of this purchase?")
    parser.add_argument("--rpc", metavar="URL", help="the chain (default: ALLIANCE_CHAIN_URL)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _json(verdict: ShareVerdict) -> str:
    findings = [one._asdict() for one in verdict.findings]
    return json.dumps({"standing": str(verdict.standing), "findings": findings, "facts": verdict.facts})


def _text(verdict: ShareVerdict) -> str:
    told = [f"{one.code}: {one.what}" for one in verdict.findings]
    return "\n".join([str(verdict.standing), *told, *verdict.facts])
