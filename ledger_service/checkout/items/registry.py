"""The registry on chain as claims and returns see it: operations signed by the batch's owner.

Only what belongs to an anchored batch is told: the contract proves an item by its batch's root. What is
claimed before its batch is anchored stands in the ledger alone, and `alliance verify item` says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger_service.checkout.items.ports import Said
from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.item_operations import CODEC, TARGET, ClaimItem, VoidItem
from ledger_service.outbox.beside.service import enqueue
from ledger_service.traceability.proofs.models import trace_root

ROOT: Load = load_by(trace_root, "batch_no")


class OutboxRegistry:
    """Enqueues what happened to items of anchored batches; fulfils ``ports.ItemRegistry``."""

    def needs(self, batch_no: int) -> Iterable[Need]:
        """The batch's root."""
        return (ROOT.of(batch_no),)

    def claimed(self, draft: Draft, said: Said, account: bytes) -> None:
        """The claim is queued where its batch is anchored."""
        root = draft.one(ROOT, said.batch_no)
        if root is not None:
            when = (said.op_id, said.merchant_id, seconds_floor(said.at))
            operation = ClaimItem(*when, root["root"], said.index, account)
            enqueue(draft, TARGET, CODEC, operation, said.at)

    def voided(self, draft: Draft, said: Said) -> None:
        """The item's end is queued where its batch is anchored."""
        root = draft.one(ROOT, said.batch_no)
        if root is not None:
            when = (said.op_id, said.merchant_id, seconds_floor(said.at))
            enqueue(draft, TARGET, CODEC, VoidItem(*when, root["root"], said.index), said.at)
