"""`alliance items`: products, batches and their items' codes; lines for a printer.

A run that was ended goes on with `alliance items make --batch N`, and ends with the same codes.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ledger_service.bootstrap.clocks import NotedClock, SystemClock
from ledger_service.bootstrap.foundations import (
    Foundations,
    SystemRandom,
    background_clock,
    lay_foundations,
)
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.checkout.items.pools import NO_DRAWS, PoolTerms, open_pool, read_terms
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.traceability.goods.labels import write_pdf
from ledger_service.traceability.goods.printing import COLUMNS, Part, printer_lines
from ledger_service.traceability.goods.service import Goods, NewBatch, NewProduct
from ledger_service.traceability.prefixes.queries import conflicts_after, prefixes_after
from ledger_service.traceability.prefixes.service import COMMAND, allot, withdraw
from ledger_service.traceability.proofs.commitments import Commitments, anchored, require_anchored

_MOST_PREFIXES = 10_000
_TAGS = "put the keyed tag behind each code: a made-up one shows at once, and QR codes are larger"


def main(argv: Sequence[str]) -> int:
    """Do one action; progress goes to standard error."""
    options = _parser().parse_args(argv)
    foundations = lay_foundations(settings_from_environment())
    try:
        goods = Goods(secrets_of(foundations).one_time, SystemRandom())
        options.act(foundations, goods, options)
    finally:
        foundations.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance items", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    product = actions.add_parser("product", help="a product of a merchant")
    product.set_defaults(act=_product)
    for name in ("gtin", "merchant", "name-en", "name-zh-hans", "name-zh-hant", "brand"):
        product.add_argument(f"--{name}", required=True)
    product.add_argument("--markets", default="", help="countries, by comma; none for all")
    opened = actions.add_parser("open", help="a batch, whose items `make` makes")
    opened.set_defaults(act=_open)
    for name in ("gtin", "merchant", "lot"):
        opened.add_argument(f"--{name}", required=True)
    opened.add_argument("--size", type=int, required=True)
    opened.add_argument("--expiry", help="YYMMDD")
    opened.add_argument("--prizes", type=Path, metavar="FILE", help="JSON: what its items can win, for ever")
    for name, act, about in (
        ("make", _make, "make what a batch lacks"),
        ("anchor", _anchor, "make a batch's root, which the bridge brings onto the chain"),
        ("print", _print, "CSV for the printer, PINs and all; of an anchored batch"),
    ):
        action = actions.add_parser(name, help=about)
        action.set_defaults(act=act)
        action.add_argument("--batch", type=int, required=True)
        if name == "print":
            action.add_argument("--tags", action="store_true", help=_TAGS)
    _add_prefixes(actions)
    sheets = actions.add_parser("labels", help="label sheets as PDF, PINs and all; of an anchored batch")
    sheets.set_defaults(act=_labels)
    sheets.add_argument("--batch", type=int, required=True)
    sheets.add_argument("--out", type=Path, required=True, help="the PDF to write")
    sheets.add_argument("--first", type=int, default=0, help="index of the first item")
    sheets.add_argument("--count", type=int, default=10_000, help="how many labels at most")
    sheets.add_argument("--tags", action="store_true", help=_TAGS)
    return parser


def _add_prefixes(actions: Any) -> None:
    allotted = actions.add_parser("allot", help="allot a GS1 company prefix to a merchant")
    allotted.set_defaults(act=_allot)
    allotted.add_argument("--merchant", required=True, help="its GLN")
    withdrawn = actions.add_parser("withdraw", help="take the allotment of a prefix back; products stay")
    withdrawn.set_defaults(act=_withdraw)
    for action in (allotted, withdrawn):
        action.add_argument("--prefix", required=True, help="4 to 12 digits")
    actions.add_parser("prefixes", help="prefixes with their merchants, and conflicts").set_defaults(
        act=_prefixes
    )


def _now(foundations: Foundations) -> NotedClock | SystemClock:
    return background_clock(foundations.settings, foundations.database)


def _product(foundations: Foundations, goods: Goods, options: argparse.Namespace) -> None:
    names = (options.name_en, options.name_zh_hans, options.name_zh_hant)
    markets = tuple(filter(None, options.markets.split(",")))
    owner = parse_gln(options.merchant, "merchant")
    new = NewProduct(options.gtin, owner, names, options.brand, markets)
    at = _now(foundations).now()
    with foundations.database.begin() as conn:
        goods.add_product(conn, new, at)


def _allot(foundations: Foundations, _goods: Goods, options: argparse.Namespace) -> None:
    owner, at = parse_gln(options.merchant, "merchant"), _now(foundations).now()
    with foundations.database.begin() as conn:
        if find_merchant(conn, owner) is None:
            raise MerchantUnknown
        allot(conn, options.prefix, owner, COMMAND, at)


def _withdraw(foundations: Foundations, _goods: Goods, options: argparse.Namespace) -> None:
    at = _now(foundations).now()
    with foundations.database.begin() as conn:
        withdraw(conn, options.prefix, COMMAND, at)


def _prefixes(foundations: Foundations, _goods: Goods, _options: argparse.Namespace) -> None:
    with foundations.database.snapshot() as conn:
        for row in prefixes_after(conn, None, None, _MOST_PREFIXES):
            print(f"{row['prefix']} {gln_text(row['merchant_id'])}")
        for row in conflicts_after(conn, None, _MOST_PREFIXES):
            whose = f"{gln_text(row['merchant_id'])}'s, under {row['prefix']} of {gln_text(row['prefix_of'])}"
            print(f"conflict: {row['gtin']} is {whose}")


def _open(foundations: Foundations, goods: Goods, options: argparse.Namespace) -> None:
    owner = parse_gln(options.merchant, "merchant")
    new = NewBatch(options.gtin, owner, options.lot, options.size, options.expiry)
    at = _now(foundations).now()
    terms = None if options.prizes is None else _terms_in(options.prizes)
    if terms is not None and not foundations.alliance.draws:
        raise MalformedField("prizes", NO_DRAWS)
    with foundations.database.begin() as conn:
        number = goods.open_batch(conn, new, at)
        if terms is not None:
            open_pool(conn, (number, owner), terms, at)
    print(number)


def _terms_in(path: Path) -> PoolTerms:
    try:
        return read_terms(json.loads(path.read_bytes()))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise MalformedField("prizes", "is no JSON document") from None


def _make(foundations: Foundations, goods: Goods, options: argparse.Namespace) -> None:
    made, size = -1, 0
    while made < size:
        with foundations.database.begin() as conn:
            made, size = goods.make_items(conn, options.batch)
        print(f"{made:,} of {size:,}", file=sys.stderr)


def _anchor(foundations: Foundations, goods: Goods, options: argparse.Namespace) -> None:
    commitments, at, more = Commitments(goods.master), _now(foundations).now(), True
    while more:
        with foundations.database.begin() as conn:
            more = commitments.step(conn, options.batch, at)
    with foundations.database.read() as conn:
        found = anchored(conn, options.batch)
    if found is not None:
        print(f"0x{found.root.hex()} {found.state}")


def _check_anchored(foundations: Foundations, conn: Connection, batch_no: int) -> None:
    # An alliance that is older than items on chain prints without.
    if foundations.alliance.item_registry is not None:
        require_anchored(conn, batch_no)


def _print(foundations: Foundations, goods: Goods, options: argparse.Namespace) -> None:
    out = csv.writer(sys.stdout)
    host = foundations.settings.public_url
    with foundations.database.read() as conn:
        _check_anchored(foundations, conn, options.batch)
        out.writerow(COLUMNS)
        part = Part(tagged=options.tags)
        out.writerows(printer_lines(conn, goods.master, options.batch, host, part))


def _labels(foundations: Foundations, goods: Goods, options: argparse.Namespace) -> None:
    host, part = foundations.settings.public_url, Part(options.first, options.count, options.tags)
    with foundations.database.read() as conn:
        _check_anchored(foundations, conn, options.batch)
        lines = printer_lines(conn, goods.master, options.batch, host, part)
        with options.out.open("wb") as file:
            print(f"{write_pdf(file, lines, f'batch {options.batch}'):,} labels", file=sys.stderr)
