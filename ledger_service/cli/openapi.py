"""`alliance openapi`: the OpenAPI document, printed or written in place."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import orjson

from ledger_service.bootstrap.doors import openapi_document


def main(argv: Sequence[str]) -> int:
    """Print the document, or write it to a file."""
    parser = argparse.ArgumentParser(prog="alliance openapi", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the document there instead")
    options = parser.parse_args(argv)
    text = document_text()
    if options.write is None:
        print(text, end="")
    else:
        options.write.write_text(text, encoding="utf-8")
    return 0


def document_text() -> str:
    """The document as it is committed."""
    return orjson.dumps(openapi_document(), option=orjson.OPT_INDENT_2).decode() + "\n"
