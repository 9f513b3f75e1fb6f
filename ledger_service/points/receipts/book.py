"""Claimed receipts in a unit of work: what stands for a receipt, what a sale finds that comes afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.points.adjustments import ADJUSTMENT, OF_MEMBER
from ledger_service.points.models import adjustment
from ledger_service.points.receipts.following import OF_ADJUSTMENT, follow
from ledger_service.points.receipts.models import claimed_receipt
from ledger_service.points.receipts.rules import Paper, Sold, is_of, looks_like

_R = claimed_receipt.c
BY_MARK: Load = load_by(claimed_receipt, "mark")
SERVICE = "service"


def stand_for(conn: Connection, adjustment_id: bytes, paper: Paper, sale_id: bytes | None) -> None:
    """The adjustment, just asked for, stands for this receipt; ``sale_id`` where the sale is known."""
    facts = {
        "adjustment_id": adjustment_id, "store_gln": paper.store_gln, "sold_on": paper.sold_on.isoformat(),
        "amount_minor": paper.amount_minor, "state": "asked", "sale_id": sale_id,
    }  # fmt: skip
    conn.execute(insert(claimed_receipt), [{**facts, "mark": mark} for mark in paper.marks()])
    mine = adjustment.c.adjustment_id == adjustment_id
    conn.execute(update(adjustment).where(mine).values(sale_id=sale_id))


def others_without_sale(conn: Connection, paper: Paper) -> int:
    """How many adjustments stand for a receipt of this day and one of these marks and know no sale yet."""
    same = _R.mark.in_(paper.marks()) & (_R.sold_on == paper.sold_on.isoformat())
    alive = same & _R.sale_id.is_(None) & (_R.state != "declined")
    return int(conn.execute(select(func.count(_R.adjustment_id.distinct())).where(alive)).scalar_one())


@dataclass(frozen=True, slots=True)
class Look:
    """What a command looks up for a sale and the member whom it is to earn for.

    Args: ``marks`` are those of the sale; ``member_id`` None where there is nobody.
    """

    marks: tuple[bytes, ...]
    member_id: int | None

    def first(self) -> Iterable[Need]:
        """Rows by the sale's marks, and what the member has been given by hand."""
        yield from (BY_MARK.of(mark) for mark in self.marks)
        if self.member_id is not None:
            yield OF_MEMBER.of(self.member_id)

    def second(self, view: Workset) -> Iterable[Need]:
        """The adjustments behind those rows with all marks, and the receipts behind the member's own."""
        for mark in self.marks:
            for row in view.find(BY_MARK, mark):
                yield ADJUSTMENT.of(row["adjustment_id"])
                yield OF_ADJUSTMENT.of(row["adjustment_id"])
        yield from self.own(view)

    def own(self, view: Workset) -> Iterable[Need]:
        """The receipts behind the member's own adjustments."""
        for one in () if self.member_id is None else view.find(OF_MEMBER, self.member_id):
            if one["claim_id"] is not None:
                yield OF_ADJUSTMENT.of(one["adjustment_id"])

    def named(self, draft: Draft, sold: Sold) -> list[Row]:
        """Claimed receipts that are this sale's by a mark."""
        return [row for mark in self.marks for row in draft.find(BY_MARK, mark) if is_of(row, sold)]

    def alike(self, draft: Draft, sold: Sold) -> list[Row]:
        """Claimed receipts of the member itself that are likely this sale's, under whatever number."""
        if self.member_id is None:
            return []
        given = [one for one in draft.find(OF_MEMBER, self.member_id) if one["claim_id"] is not None]
        rows = [row for one in given for row in draft.find(OF_ADJUSTMENT, one["adjustment_id"])]
        return [row for row in rows if looks_like(row, sold)]


def has_earned(draft: Draft, look: Look, sold: Sold, at: datetime) -> bool:
    """Whether an approved adjustment has given what this sale would earn; it stands for no other from now on.

    Nobody earns where there is no member; the receipt is known to be this sale's. What was only asked for is
    declined: the sale has come with its member, and earns by itself.

    Locks: whoever calls holds the seller's row, as whoever asks and whoever decides does.
    """
    named = look.named(draft, sold)
    if look.member_id is None:
        for row in named[:1]:
            _stands_for(draft, row["adjustment_id"], sold.sale_id)
        return False
    approved = [row for row in named if row["state"] == "approved"]
    approved = approved or [row for row in look.alike(draft, sold) if row["state"] == "approved"]
    if approved:
        _stands_for(draft, approved[0]["adjustment_id"], sold.sale_id)
        return True
    for adjustment_id in {row["adjustment_id"] for row in named}:
        decided = {"state": "declined", "decided_by": SERVICE, "decided_at": at}
        draft.change(adjustment, adjustment_id, **decided)
        follow(draft, adjustment_id, state="declined")
    return False


def _stands_for(draft: Draft, adjustment_id: bytes, sale_id: bytes) -> None:
    """The adjustment is this sale's, and of no other: its points go back with the goods."""
    draft.change(adjustment, adjustment_id, sale_id=sale_id)
    follow(draft, adjustment_id, sale_id=sale_id)
