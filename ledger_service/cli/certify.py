"""`alliance certify`: play the cases of docs/certification.md against a till and report what it got wrong."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ledger_service.certify.catalogue import CASES
from ledger_service.certify.failures import CertificationFailed, DriverGone
from ledger_service.certify.report import document, hash_of, text
from ledger_service.certify.running import LIMIT_SECONDS, Outcome, certify
from ledger_service.certify.sandbox import Sandbox, founded, standing
from ledger_service.kernel.secp256k1 import address_text, recover_address


def main(argv: Sequence[str]) -> int:
    """Run one command; 0 where the till passed, 1 where it did not, 3 where it could not be certified."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(_COMMANDS[options.command](options))
    except (CertificationFailed, DriverGone) as failure:
        print(f"alliance certify: {failure}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def _interrupt(_number: int, _frame: object) -> None:
    """Stop like Ctrl-C, so that the sandbox and the till's driver do not outlive us."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance certify", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pos = commands.add_parser("pos", help="certify a till", description="Certify a till.")
    add = pos.add_argument
    add("--driver", required=True, metavar="COMMAND", help="the till's driver: JSON lines in and out")
    add("--url", default="", help="of a sandbox that runs (default: one is founded for this certification)")
    add("--operator-key", type=Path, metavar="FILE", help="API key of that sandbox's operator")
    add("--case", action="append", choices=sorted(CASES), metavar="NAME", help="only this one; repeatable")
    add("--report", type=Path, metavar="FILE", help="write the report as JSON")
    add("--sign-with", type=Path, metavar="FILE", help="32 bytes in hex: the certifier's key")
    add("--limit-seconds", type=float, default=LIMIT_SECONDS, help="default: %(default)s")
    listed = commands.add_parser("list", help="the cases", description="List the cases.")
    listed.add_argument("--json", action="store_true", help="as JSON")
    check = commands.add_parser("check", help="prove a report's hash and signature")
    check.add_argument("report", type=Path)
    return parser


def _pos(options: argparse.Namespace) -> int:
    if bool(options.url) != bool(options.operator_key):
        raise CertificationFailed("--url and --operator-key belong together")
    key = bytes.fromhex(options.sign_with.read_text().strip()) if options.sign_with else None
    cases = [CASES[name] for name in options.case or CASES]
    with _sandbox(options) as sandbox:
        found = certify(sandbox, options.driver, cases, _tell, options.limit_seconds)
    if options.report is not None:
        report = document(found, datetime.now(UTC), key)
        options.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(text(found)), flush=True)
    return 0 if found.passed else 1


@contextmanager
def _sandbox(options: argparse.Namespace) -> Iterator[Sandbox]:
    if options.url:
        yield standing(options.url, options.operator_key.read_text(encoding="ascii").strip())
        return
    with tempfile.TemporaryDirectory(prefix="certification-") as folder, founded(Path(folder)) as sandbox:
        yield sandbox


def _tell(outcome: Outcome) -> None:
    print(f"{outcome.verdict:<12}{outcome.case.name:<44}{outcome.millis:>7,} ms", flush=True)


def _list(options: argparse.Namespace) -> int:
    if options.json:
        told = [{"case": c.name, "requirement": c.requirement, "needs": c.needs} for c in CASES.values()]
        print(json.dumps(told, indent=1))
        return 0
    for case in CASES.values():
        print(f"{case.name:<44}{case.requirement}")
    return 0


def _check(options: argparse.Namespace) -> int:
    report = json.loads(options.report.read_text(encoding="utf-8"))
    wanted = hash_of(report)
    if report.get("hash") != wanted:
        print(f"the report was altered: its hash is {report.get('hash')}, not {wanted}")
        return 1
    if "signature" in report:
        by = recover_address(bytes.fromhex(wanted[2:]), bytes.fromhex(report["signature"][2:]))
        if by is None or address_text(by) != report.get("certifier"):
            print("the signature is not the certifier's")
            return 1
    print(
        f"unaltered; {'passed' if report['passed'] else 'not passed'}; by {report.get('certifier', 'nobody')}"
    )
    return 0


_COMMANDS = {"pos": _pos, "list": _list, "check": _check}
