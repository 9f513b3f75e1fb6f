"""The segments that earn rules name must be there when the rule is written."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger_service.kernel.errors import MalformedField
from ledger_service.members.segments.models import segment
from ledger_service.points.models import programme
from ledger_service.points.rules import EarnRule


def check_audiences(conn: Connection, programme_id: int, rule: EarnRule) -> None:
    """Every segment that a multiplier names is the programme's merchant's own.

    Raises:
        MalformedField: naming the first multiplier with one that is not.
    """
    named = {
        place: bonus.audience.segments
        for place, bonus in enumerate(rule.multipliers)
        if bonus.audience is not None and bonus.audience.segments
    }
    if not named:
        return
    joined = segment.join(programme, programme.c.merchant_id == segment.c.merchant_id)
    mine = select(segment.c.code).select_from(joined).where(programme.c.programme_id == programme_id)
    own = set(conn.execute(mine).scalars())
    for place, codes in named.items():
        for code in sorted(codes - own):
            raise MalformedField(
                f"earn.multipliers[{place}].segments", f"{code} is no segment of the programme's merchant"
            )
