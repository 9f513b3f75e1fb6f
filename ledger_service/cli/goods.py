"""`alliance goods`: fill a merchant's goods list, or say brand and manufacturer of articles, from a file.

The first line names the columns: `gtin` or `sku` for a list, `sku,brand,manufacturer` for products. Bad rows
are written to standard error as `line,reason` and left out; the status is 1 where there were any. A file that
was cut off is given again: rows that are there already change nothing. See docs/coupons.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import BinaryIO

from ledger_service.config import settings_from_environment
from ledger_service.coupons.definitions.uploading import Tally, Upload
from ledger_service.db.engine import open_database
from ledger_service.kernel.gs1 import parse_gln


def main(argv: Sequence[str]) -> int:
    """Read the file; 1 where a row was bad."""
    options = _parser().parse_args(argv)
    merchant_id = parse_gln(options.merchant, "--merchant")
    database = open_database(settings_from_environment().database_url)
    try:
        upload = Upload(database, lambda line, reason: print(f"{line},{reason}", file=sys.stderr))
        if options.file == "-":
            tally = _read(options, upload, merchant_id, sys.stdin.buffer)
        else:
            with open(options.file, "rb") as file:
                tally = _read(options, upload, merchant_id, file)
    finally:
        database.close()
    print(f"{tally.added:,} new or changed, {tally.known:,} known, {tally.bad:,} bad, {tally.line:,} lines")
    return 1 if tally.bad else 0


def _read(options: argparse.Namespace, upload: Upload, merchant_id: int, file: BinaryIO) -> Tally:
    if options.act == "list":
        return upload.goods(file, merchant_id, options.code)
    return upload.products(file, merchant_id)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance goods", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    acts = parser.add_subparsers(dest="act", required=True)
    of_list = acts.add_parser("list", help="put goods into a list that stands already")
    of_list.add_argument("--code", required=True, help="the list's code")
    for one in (of_list, acts.add_parser("products", help="brand and manufacturer by SKU")):
        one.add_argument("--merchant", required=True, metavar="GLN", help="whose goods they are")
        one.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    return parser
