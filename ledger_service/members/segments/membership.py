"""Whether a member is in segments as of an instant, read with the rows of a decision at the till."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.members.segments.models import segment_member
from ledger_service.members.segments.rules import segment_id_of

STAYS: Load = load_by(segment_member, "segment_id", "member_id")
# A merchant and its own code for a segment.
Named = tuple[int, str]


def needs(member_id: int, named: Collection[Named]) -> list[Need]:
    """What ``inside`` reads."""
    return [STAYS.of(segment_id_of(*one), member_id) for one in named]


def inside(draft: Draft, member_id: int, named: Collection[Named], at: datetime) -> frozenset[Named]:
    """Those of the named segments that the member is in at ``at``; none that there is not.

    Stays are kept as intervals, so the answer for an instant is the same at every till and in every hold.
    """
    return frozenset(
        one
        for one in named
        if any(
            row["since"] <= at and (row["until"] is None or at < row["until"])
            for row in draft.find(STAYS, segment_id_of(*one), member_id)
        )
    )
