"""The report of a certification: for people as text, for machines as JSON with its hash and a signature."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from ledger_service.certify.running import FAILED, NOT_OFFERED, NOT_PLAYED, PASSED, Certification, Outcome
from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.secp256k1 import address_of_key, address_text, keccak256, sign_digest

FORMAT = "alliance-certification-1"
_LONGEST_SEEN = 300


def document(found: Certification, at: datetime, key: bytes | None = None) -> dict[str, Any]:
    """The report: ``hash`` is keccak256 of the canonical JSON (RFC 8785) of all but hash and signature.

    Args:
        found: what was played.
        at: when.
        key: 32 bytes of whoever certifies; signs the hash.
    """
    counted = Counter(outcome.verdict for outcome in found.outcomes)
    body: dict[str, Any] = {
        "format": FORMAT,
        "till": found.till,
        "version": found.version,
        "certified_at": format_instant(at),
        "passed": found.passed,
        "counts": {verdict: counted[verdict] for verdict in (PASSED, FAILED, NOT_OFFERED, NOT_PLAYED)},
        "cases": [_case(outcome) for outcome in found.outcomes],
    }
    if key is not None:
        body["certifier"] = address_text(address_of_key(key))
    digest = keccak256(canonical_json(body))
    body["hash"] = "0x" + digest.hex()
    if key is not None:
        body["signature"] = "0x" + sign_digest(key, digest).hex()
    return body


def hash_of(report: dict[str, Any]) -> str:
    """The hash that a report ought to have."""
    body = {name: value for name, value in report.items() if name not in ("hash", "signature")}
    return "0x" + keccak256(canonical_json(body)).hex()


def text(found: Certification) -> list[str]:
    """The closing lines: every case that failed with what it demanded and what was seen, then the count."""
    lines = []
    for outcome in found.outcomes:
        if outcome.verdict not in (FAILED, NOT_PLAYED):
            continue
        lines.append(f"\n{outcome.case.name}: {outcome.case.requirement}")
        lines += [f"  {one}" for one in _complaints(outcome)]
    counted = Counter(outcome.verdict for outcome in found.outcomes)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in (PASSED, FAILED, NOT_OFFERED, NOT_PLAYED))
    return [*lines, f"\n{found.till} {found.version}: {told}"]


def _complaints(outcome: Outcome) -> list[str]:
    found = [
        f"{check.what}: expected {_short(check.expected)}, seen {_short(check.seen)}"
        for check in outcome.checks
        if not check.good
    ]
    return [*found, outcome.trouble] if outcome.trouble else found


def _case(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.case.name,
        "requirement": outcome.case.requirement,
        "verdict": outcome.verdict,
        "trouble": outcome.trouble,
        "checks": [
            {"what": c.what, "expected": _short(c.expected), "seen": _short(c.seen), "good": c.good}
            for c in outcome.checks
        ],
    }  # fmt: skip


def _short(value: object) -> str:
    return str(value)[:_LONGEST_SEEN]
