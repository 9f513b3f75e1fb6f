"""A claimed receipt follows the decision about its adjustment."""

from __future__ import annotations

from ledger_service.db.workset import Draft, Load, load_by
from ledger_service.points.receipts.models import claimed_receipt

OF_ADJUSTMENT: Load = load_by(claimed_receipt, "adjustment_id")


def follow(draft: Draft, adjustment_id: bytes, **values: str | bytes) -> None:
    """Every mark of the adjustment's receipt has these values.

    Reads: ``OF_ADJUSTMENT``.
    """
    for row in draft.find(OF_ADJUSTMENT, adjustment_id):
        draft.change(claimed_receipt, (adjustment_id, row["mark"]), **values)
