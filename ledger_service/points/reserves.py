"""What issuers' reserves allow to be issued, by acceptance time, as the index has read it (INV-10, D7)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from ledger_service.db.models import chain_issuance_limit


@dataclass(frozen=True, slots=True)
class IssuanceLimit:
    """What an issuer's reserve allows to be issued in all, as the registry last said: ``before`` until
    ``since``, then ``most``, nothing from ``until`` on (seconds)."""

    most: int
    before: int
    since: int
    until: int

    def at(self, second: int) -> int:
        """The most that may ever have been issued by an issue accepted then.

        The contract takes it however late it is mined: what comes after raises it at once, or lowers it only
        for what is accepted an hour later at the earliest (D7).
        """
        if second >= self.until:
            return 0
        return self.before if second < self.since else self.most


def limits_in_force(conn: Connection) -> dict[int, IssuanceLimit]:
    """The limits by programme; none of a programme whose issuer was never required to hold a reserve."""
    limit, newer = chain_issuance_limit.c, chain_issuance_limit.alias()
    last = (
        select(func.max(newer.c.block_number))
        .where(newer.c.programme_id == limit.programme_id)
        .scalar_subquery()
    )
    told = select(chain_issuance_limit).where(limit.block_number == last).order_by(limit.log_index)
    return {r.programme_id: IssuanceLimit(r.most, r.before, r.since, r.until) for r in conn.execute(told)}
