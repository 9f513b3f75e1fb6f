"""`alliance settle statement`: the papers of a closed period, one merchant's or everybody's.

Beside a bridge they come from the database's mirror and are locked; with --rpc from a chain URL alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.papering import Manner, Outsider, own_period, period_of_chain, write_papers
from ledger_service.chain.settings import Contracts
from ledger_service.cli.ticker import Ticker
from ledger_service.config import Settings
from ledger_service.kernel.errors import MalformedField
from ledger_service.settlement.papers.accounts import DEFAULT_CHART, chart_of
from ledger_service.settlement.papers.figures import Stage
from ledger_service.settlement.papers.wording import Language

_OF_OUTSIDERS = ("rpc", "registry", "clearing_house", "currency")


def add_options(command: argparse.ArgumentParser) -> None:
    """What the command takes besides period and merchant."""
    command.add_argument("--into", required=True, type=Path, metavar="DIR", help="a directory")
    languages = [one.value for one in Language]
    command.add_argument("--language", choices=languages, default="en", help="of the PDF (default: en)")
    command.add_argument("--as-of-close", action="store_true", help="also where the period is netted by now")
    command.add_argument("--accounts", type=Path, metavar="FILE", help="chart of accounts, JSON")
    command.add_argument("--font", type=Path, metavar="FILE", help="TrueType font to embed in the PDF")
    command.add_argument("--owners", action="store_true", help="also split to the owners of stores")
    command.add_argument("--rpc", metavar="URL", help="the chain, for somebody without the database")
    command.add_argument("--registry", help="with --rpc: address of the AllianceRegistry")
    command.add_argument("--clearing-house", help="with --rpc: address of the ClearingHouse")
    command.add_argument("--desk", help="with --rpc: address of the SettlementDesk, if there is one")
    command.add_argument("--currency", help="with --rpc: ISO 4217, the settlement currency")
    command.add_argument("--index", type=Path, metavar="FILE", help="with --rpc: SQLite file to keep")


def write(settings: Settings, options: argparse.Namespace) -> str:
    """The papers are in the directory."""
    stage = Stage.CLOSED if options.as_of_close else None
    chart = DEFAULT_CHART if options.accounts is None else chart_of(options.accounts.read_text("utf-8"))
    manner = Manner(Language(options.language), font=options.font, chart=chart, owners=options.owners)
    with ExitStack() as stack:
        if options.rpc is None:
            data = stack.enter_context(own_period(settings, options.period, stage))
        else:
            kept = options.index or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "index.db"
            there = replace(settings, chain_url=options.rpc)
            outsider, tick = _outsider(options, kept), Ticker("operations")
            data = stack.enter_context(period_of_chain(there, outsider, options.period, stage, tick))
        own = settings if options.rpc is None else None
        told = write_papers(own, data, options.merchant, options.into, manner)
    if missing := font_to_think_of(manner):
        print(missing, file=sys.stderr)
    return "\n".join(str(path) for path in told)


def font_to_think_of(manner: Manner) -> str | None:
    """What to know before a PDF in Chinese goes into an archive; None where nothing is to be said."""
    if manner.language is Language.ENGLISH or manner.font is not None:
        return None
    return "the PDF needs a reader with Chinese fonts of its own; --font FILE embeds one"


def _outsider(options: argparse.Namespace, index: Path) -> Outsider:
    for name in _OF_OUTSIDERS:
        if getattr(options, name) is None:
            raise MalformedField(name.replace("_", "-"), "is needed with --rpc")
    contracts = Contracts(
        parse_address(options.clearing_house, "clearing-house"), parse_address(options.registry, "registry")
    )
    desk = None if options.desk is None else parse_address(options.desk, "desk")
    return Outsider(contracts, desk, options.currency, index)
