"""`alliance network`: measure the networks of referral campaigns, draw one; safe beside a service that sells.

Measuring loads a compiled library (the extra `network`) and may take minutes over millions of ties, so it is
a command for a timer and never a request; `GET /v1/share/campaigns/{campaign}/network` answers what it found.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import select

from ledger_service.bootstrap.alliance import find_alliance
from ledger_service.bootstrap.foundations import background_clock
from ledger_service.bootstrap.memory import collect_seldom
from ledger_service.checkout.shared_sales import SharedSales
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import Database, open_database
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.campaigns.queries import campaign_of_code
from ledger_service.referrals.network.pictures import picture
from ledger_service.referrals.network.queries import spread_of
from ledger_service.referrals.rewards.dispatch import follow


def main(argv: Sequence[str]) -> int:
    """Do the act; 1 where the library that measures is not installed."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    try:
        at = background_clock(settings, database).now()
        if options.act == "picture":
            return _picture(database, options, at)
        if options.act == "follow":
            return _follow(database, at)
        if find_spec("networkit") is None:
            print("alliance network measure: install the extra `network` first", file=sys.stderr)
            return 1
        return _measure(database, options, at)
    finally:
        database.close()


def _measure(database: Database, options: argparse.Namespace, at: datetime) -> int:
    from ledger_service.referrals.network import service
    from ledger_service.referrals.network.influence import weights_of
    from ledger_service.referrals.network.report import WEIGHTS

    try:
        weights = WEIGHTS if options.weights is None else weights_of(json.loads(options.weights.read_text()))
    except ValueError as error:
        print(f"alliance network measure: {error}", file=sys.stderr)
        return 2
    with database.read() as conn:
        its = select(share_campaign.c.code).order_by(share_campaign.c.code)
        codes = [options.campaign] if options.campaign else list(conn.execute(its).scalars())
    for code in codes:
        begun = time.monotonic()
        with database.snapshot() as conn:
            report = service.measured(conn, code, at, weights)
        with database.begin() as conn:
            service.keep(conn, code, at, report)
        if options.json:
            print(json.dumps({"campaign": code, **report}))
        else:
            took = time.monotonic() - begun
            print(f"{code}: {report['members']:,} members, {report['ties']:,} ties, {took:.1f} s")
    return 0


def _follow(database: Database, at: datetime) -> int:
    collect_seldom()
    with database.read() as conn:
        alliance = find_alliance(conn)
    promises, more = alliance is not None and alliance.campaign_desk is not None, True
    while more:
        with database.begin() as conn:
            more = follow(conn, SharedSales(), at, promises=promises)
    return 0


def _picture(database: Database, options: argparse.Namespace, at: datetime) -> int:
    if not options.campaign or options.into is None:
        print("alliance network picture: --campaign and --into say which and where", file=sys.stderr)
        return 2
    with database.read() as conn:
        row = campaign_of_code(conn, options.campaign)
        ties = spread_of(conn, row["campaign_id"], at)
    options.into.write_text(picture(ties, row["name"]), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance network", description=__doc__)
    parser.add_argument("act", choices=["measure", "follow", "picture"],
                        help="measure all campaigns; catch up with the ledger's sales; draw one")  # fmt: skip
    parser.add_argument("--campaign", metavar="CODE", help="of this campaign alone")
    parser.add_argument("--into", type=Path, metavar="FILE", help="picture: the SVG file to write")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="measure: what influence is counted by")
    parser.add_argument("--json", action="store_true", help="measure: one report a line")
    return parser
