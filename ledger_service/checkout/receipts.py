"""Signed receipts: the service's promise that these operations will stand on the chain (D13).

A receipt carries the leaves of its operations and a number that is gapless within the worker that wrote it,
so a merchant who keeps receipts can tell which one the chain lacks and which one was never handed out. The
ledger's own sequence number is known only under the head lock at the end of a group; signing there would
hold up every other writer, so a receipt does not carry it: the operation id leads to the entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.models import receipt_series
from ledger_service.db.workset import Draft, Load, load_by
from ledger_service.kernel.canonical import Canonical, canonical_json
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.secp256k1 import keccak256

SERIES: Load = load_by(receipt_series, "worker")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a receipt is about: a capture or a refund, its merchant and the leaves of its operations.

    ``custodial`` is what let custody sign the spend; a receipt of one that the member signed has no such
    member.
    """

    subject_id: bytes
    kind: str
    merchant_id: int
    amount_minor: int
    leaves: Sequence[bytes]
    at: datetime
    custodial: str | None = None


def write_receipt(draft: Draft, promise: Promise, desk: Desk) -> dict[str, Any]:
    """The signed receipt, numbered next in this worker's series.

    The signature is over keccak256 of the canonical JSON (RFC 8785) of all members but ``signature``.
    """
    body: dict[str, Canonical] = {
        "kind": promise.kind,
        "id": id_text(promise.subject_id),
        "merchant": gln_text(promise.merchant_id),
        "amount_minor": promise.amount_minor,
        "currency": desk.currency,
        "operations": [leaf.hex() for leaf in promise.leaves],
        "occurred_at": format_instant(promise.at),
        "period": desk.period.current(),
        "series": desk.worker,
        "number": _next_number(draft, desk.worker),
    }
    if promise.custodial is not None:
        body["custodial"] = promise.custodial
    signature = desk.receipts.sign(receipt_digest(body))
    return {**body, "signature": "0x" + signature.hex()}


def receipt_digest(body: dict[str, Canonical]) -> bytes:
    """The 32 bytes that are signed for a receipt without its signature."""
    return keccak256(canonical_json(body))


def _next_number(draft: Draft, worker: str) -> int:
    row = draft.get(receipt_series, worker)
    if row is None:
        draft.add(receipt_series, {"worker": worker, "last": 1})
        return 1
    number = int(row["last"]) + 1
    draft.change(receipt_series, worker, last=number)
    return number
