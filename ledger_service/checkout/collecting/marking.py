"""A sale or a return leaves a mark, in its own unit of work, where its receipt may count for a reward."""

from __future__ import annotations

from datetime import datetime

from ledger_service.checkout.collecting.models import spend_mark
from ledger_service.db.workset import Draft


def mark(draft: Draft, cause_id: bytes, sale_id: bytes, member_id: int, at: datetime) -> None:
    """The member's receipts are added up again at the job's next turn; ``cause_id`` is what made that due."""
    row = {"cause_id": cause_id, "sale_id": sale_id, "member_id": member_id, "due_at": at}
    draft.add(spend_mark, row)
