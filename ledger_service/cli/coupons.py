"""`alliance coupons`: lists of codes, made or taken over, and given to the printer once. See docs/coupons.md.

Every step may be cut off and run again: it goes on where it was. A database without a service works as well
as one that is being served.
"""

from __future__ import annotations

import argparse
import csv
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.couponing import coupon_lists, write_clearing
from ledger_service.cli.moving_in import Progress
from ledger_service.cli.settle import period_number
from ledger_service.config import settings_from_environment
from ledger_service.coupons.codes.exporting import export, proof_for, write_csv, write_tags
from ledger_service.coupons.codes.importing import Import
from ledger_service.coupons.codes.making import ListDesk, NewList, the_list
from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.codes.rules import GENERIC, KINDS, ORIGINS, PERSONAL, UNIQUE
from ledger_service.coupons.codes.sheets import write_pdf
from ledger_service.coupons.definitions.errors import DefinitionUnknown
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.telling.anchors import anchors_of
from ledger_service.coupons.telling.types import register
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import gln_text, parse_gln

Step = Callable[[ListDesk, argparse.Namespace, datetime], int]


def main(argv: Sequence[str]) -> int:
    """Exit with 0; with 1 where rows were bad, a code is none of the list, or the step was refused."""
    options = _parser().parse_args(argv)
    steps: dict[str, Step] = {
        "lists": _lists, "generate": _generate, "import": _import, "export": _export, "tags": _tags,
        "proof": _proof, "anchor": _anchor, "clearing": _clearing,
    }  # fmt: skip
    try:
        with coupon_lists(settings_from_environment()) as (desk, clock):
            return steps[options.step](desk, options, clock.now())
    except (DomainError, NotFounded, OSError) as refusal:
        print(f"alliance coupons {options.step}: {refusal}", file=sys.stderr)
        return 1


def _lists(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    with desk.database.read() as conn:
        for row in conn.execute(select(coupon_code_list).order_by(coupon_code_list.c.list_id)):
            root = "-" if row.root is None else f"0x{row.root.hex()}"
            out = "exported" if row.exported_at is not None else row.state
            (anchor,) = anchors_of(conn, [row._mapping])
            how = f"{row.name}  {row.kind}  {row.origin}  {row.made:,} of {row.size:,}"
            print(f"{how}  {out}  {root}  {anchor.reason or anchor.state}")
    return 0


def _generate(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    size = 1 if options.kind == GENERIC else options.count
    desk.begin(_new(desk, options, size, options.pattern), at)
    listed = desk.generate(options.name, at, Progress())
    print(f"{options.name}: {listed['made']:,} codes, root 0x{listed['root'].hex()}")
    return 0


def _import(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    desk.begin(_new(desk, options, 0, None), at)
    into = options.rejects or options.file.with_name(options.file.name + ".rejects.csv")
    with options.file.open("rb") as file, into.open("w", newline="", encoding="ascii") as bad:
        rejects = csv.writer(bad)
        rejects.writerow(("line", "reason"))
        reading = Import(desk, options.name, lambda line, reason: rejects.writerow((line, reason)))
        tally = reading.run(file, at)
    print(f"{options.name}: {tally.added:,} added, {tally.known:,} there already, {tally.bad:,} bad")
    if tally.bad:
        print(f"bad rows by line: {into}")
    else:
        into.unlink()
    return 1 if tally.bad else 0


def _export(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    write = write_pdf if options.into.suffix == ".pdf" else write_csv
    listed = export(desk, options.name, options.into, write, (f"machine:{getpass.getuser()}", at))
    print(f"{options.name}: {listed['made']:,} codes in {options.into}; they are in no other place")
    return 0


def _tags(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    with options.into.open("xb") as file:
        count = write_tags(desk, options.name, file)
    print(f"{options.name}: {count:,} tags of 16 bytes in {options.into}")
    return 0


def _proof(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    with desk.database.read() as conn:
        closed = the_list(conn, options.name)["closed"]
    told = proof_for(desk, options.name, desk.tagger.both(options.code)[1 if closed else 0])
    print("no code of this list" if told is None else json.dumps(told, indent=2))
    return 1 if told is None else 0


def _anchor(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    """Where the seal could not, as no version was live, or as the list is older than anchoring."""
    with desk.database.begin() as conn:
        listed = the_list(conn, options.name)
        register(conn, listed["definition_id"], at)
        (anchor,) = anchors_of(conn, [listed])
    print(f"{options.name}: {anchor.state}{f' ({anchor.reason})' if anchor.reason else ''}")
    return 1 if anchor.reason else 0


def _clearing(desk: ListDesk, options: argparse.Namespace, at: datetime) -> int:
    with options.into.open("x", encoding="utf-8", newline="") as file:
        told = write_clearing(desk.database, options.period, options.merchant, file)
    print(f"{told.rows:,} rows of period {options.period} in {options.into}")
    for (funder, acceptor), minor in told.clearing.debts.items():
        print(f"{gln_text(funder)} owes {gln_text(acceptor)} {minor:,} minor units")
    return 0


def _new(desk: ListDesk, options: argparse.Namespace, size: int, pattern: str | None) -> NewList:
    d, merchant_id = coupon_definition.c, parse_gln(options.merchant, "merchant")
    wanted = select(d.definition_id, d.gcn_type).where(
        d.merchant_id == merchant_id, d.code == options.definition
    )
    with desk.database.read() as conn:
        row = conn.execute(wanted).one_or_none()
    if row is None or row.gcn_type is None:
        raise DefinitionUnknown(options.definition)
    return NewList(
        options.name, merchant_id, row.definition_id, row.gcn_type, options.kind, size, pattern,
        options.source, getattr(options, "most", None),
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance coupons", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("lists", help="every list, how far it is, and its root")
    for step, about, kinds in (
        (ORIGINS[0], "make the codes of a list from a fresh secret", (UNIQUE, GENERIC)),
        (ORIGINS[1], "take codes over from a file, one a line", (UNIQUE, PERSONAL)),
    ):
        one = steps.add_parser({"generated": "generate", "imported": "import"}[step], help=about)
        one.add_argument("name", metavar="NAME", help="of the list")
        one.add_argument("--merchant", required=True, metavar="GLN", help="whose definition it is")
        one.add_argument("--definition", required=True, metavar="CODE", help="which, with a GCN type")
        one.add_argument("--source", help="where its codes will be got: poster, channel")
        one.add_argument("--kind", choices=[k for k in KINDS if k in kinds], default=UNIQUE)
        if step == "generated":
            one.add_argument("--count", type=int, default=1, help="how many codes")
            one.add_argument(
                "--pattern", default="####-####-####-####-*",
                help="# random, * check character (default: %(default)s); of a generic code the code itself",
            )  # fmt: skip
            one.add_argument("--most", type=int, help="of a generic code: how often it is claimed at most")
        else:
            one.add_argument("file", type=Path, metavar="FILE", help="code, or code,member number")
            one.add_argument("--rejects", type=Path, metavar="FILE", help="default: beside the file")
    _outward(steps)
    return parser


def _outward(steps: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    out = steps.add_parser("export", help="the codes for the printer, once; then their secret is gone")
    tags = steps.add_parser("tags", help="what a till needs to check any code of the list offline")
    for one in (out, tags):
        one.add_argument("name", metavar="NAME", help="of the list")
        one.add_argument("--into", type=Path, required=True, metavar="FILE", help="a new file")
    anchor = steps.add_parser("anchor", help="tell the chain of the list's root, and where that stands")
    anchor.add_argument("name", metavar="NAME", help="of the list")
    clearing = steps.add_parser("clearing", help="what funders owe for a period, use by use, as CSV")
    clearing.add_argument("--period", type=period_number, required=True, metavar="N", help="its number")
    clearing.add_argument("--merchant", type=_gln, metavar="GLN", help="only what concerns it")
    clearing.add_argument("--into", type=Path, required=True, metavar="FILE", help="a new file")
    proof = steps.add_parser("proof", help="that one code was issued before it was handed out")
    proof.add_argument("name", metavar="NAME", help="of the list")
    proof.add_argument("code", metavar="CODE", help="as it is printed")


def _gln(text: str) -> int:
    try:
        return parse_gln(text, "merchant")
    except DomainError as refusal:
        raise argparse.ArgumentTypeError(str(refusal)) from None
