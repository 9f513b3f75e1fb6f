"""What issuers and pools owe each other for a period, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.kernel.gs1 import gln_text
from ledger_service.settlement.pool import PoolLine


def pool_documents(lines: Iterable[PoolLine]) -> list[dict[str, Any]]:
    """One object a line; ``owed_micros`` is negative where the pool owes the issuer."""
    return [
        {
            "programme": line.flow.programme,
            "basis": line.flow.basis.kind.name.lower(),
            "issuer": gln_text(line.flow.issuer),
            "pool": gln_text(line.flow.basis.pool),
            "reserve_bps": line.flow.basis.reserve_bps,
            "issued_micros": line.flow.issued_micros,
            "redeemed_micros": line.flow.owed_micros,
            "outstanding": line.flow.outstanding,
            "paid_in_micros": line.paid_in_micros,
            "paid_out_micros": line.paid_out_micros,
            "owed_micros": line.owed_micros,
            "held_micros": line.held_micros,
        }
        for line in lines
    ]


def pool_text(lines: Iterable[PoolLine]) -> list[str]:
    """One line of text each."""
    return [
        f"programme {d['programme']} at {d['basis']}: {d['issuer']} owes pool {d['pool']}"
        f" {d['owed_micros']:,} micros (in {d['paid_in_micros']:,}, out {d['paid_out_micros']:,},"
        f" holds {d['held_micros']:,})"
        for d in pool_documents(lines)
    ]
