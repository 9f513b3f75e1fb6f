"""What issuers and pools owe each other for a period, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.settlement.pool import PoolLine, document_of


def pool_documents(lines: Iterable[PoolLine]) -> list[dict[str, Any]]:
    """One object a line; ``owed_micros`` is negative where the pool owes the issuer."""
    return [document_of(line) for line in lines]


def pool_text(lines: Iterable[PoolLine]) -> list[str]:
    """One line of text each."""
    return [
        f"programme {d['programme']} at {d['basis']}: {d['issuer']} owes pool {d['pool']}"
        f" {d['owed_micros']:,} micros (in {d['paid_in_micros']:,}, out {d['paid_out_micros']:,},"
        f" holds {d['held_micros']:,})"
        for d in pool_documents(lines)
    ]
