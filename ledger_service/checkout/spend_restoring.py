"""Points that a sale took come back, as one refund of it asks (D10, INV-13)."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.checkout.earn_reversal import Undoing
from ledger_service.checkout.errors import CalendarExhausted
from ledger_service.checkout.records import ReturnedRecord, SaleRecord
from ledger_service.checkout.refund_pieces import end_text
from ledger_service.checkout.reversal_rules import restored_at
from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.reversal import RedeemedLeg, epoch_to_restore, restore


def restore_spend(
    draft: Draft, before: SaleRecord, state: ReturnedRecord, undoing: Undoing
) -> ReturnedRecord:
    """What the returned pieces were paid with in points is available again; returns the new state.

    Raises:
        CalendarExhausted: no epoch is left for them to come back to.
    """
    spent, scene, outcome = before.spent, undoing.scene, undoing.outcome
    if spent is None:
        return state
    done = before.returned.restored or [0] * len(spent.legs)
    now = restored_at([leg.amount for leg in spent.legs], state.points_minor, spent.value_minor)
    at = seconds_floor(undoing.reversal.at)
    for index, leg in enumerate(spent.legs):
        points = now[index] - done[index]
        if not points:
            continue
        programme = scene.catalogue.programme(leg.programme)
        redeemed = RedeemedLeg(before.merchant_id, spent.op_id, spent.leaf, index, leg)
        epoch = epoch_to_restore(draft, redeemed, programme, at)
        if epoch is None:
            raise CalendarExhausted(programme.code)
        leaf = restore(draft, undoing.reversal, redeemed, epoch, points)
        outcome.leaves += [leaf] if leaf is not None else []
        view = {"programme": programme.code, "points": points, "epoch": epoch}
        outcome.restored.append({**view, "expires_at": end_text(programme.epoch_ends[epoch - 1])})
    return replace(state, restored=now)
