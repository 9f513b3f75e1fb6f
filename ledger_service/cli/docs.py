"""`alliance docs`: the documents that are generated, printed or written in place."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ledger_service.cli import catalogue

WRITERS = {"errors": catalogue.errors_page, "configuration": catalogue.configuration_page}


def main(argv: Sequence[str]) -> int:
    """Print the document, or write it under the folder given."""
    parser = argparse.ArgumentParser(prog="alliance docs", description=__doc__)
    parser.add_argument("document", choices=WRITERS)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write FOLDER/<document>.md instead")
    options = parser.parse_args(argv)
    text = WRITERS[options.document]()
    if options.write is None:
        print(text, end="")
    else:
        (options.write / f"{options.document}.md").write_text(text, encoding="utf-8")
    return 0
