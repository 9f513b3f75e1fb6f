"""Proofs over what this room keeps beside the ledger: debts and pending issues are what was posted (R10).

Differences are named, never mended. Run them in one ``Database.snapshot``; they read and write nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ledger_service.ledger.carried import EVERY_POSTING
from ledger_service.ledger.mass import PROMISED_BY_IMPORTS
from ledger_service.ledger.reconcile import Difference
from ledger_service.points.models import NO_RULE

_DEBTS = text(
    "SELECT member_id, programme_id, SUM(posted), SUM(kept) FROM ("
    " SELECT a.member_id, p.programme_id, p.amount AS posted, 0 AS kept"
    f"  FROM {EVERY_POSTING} AS p JOIN account AS a ON a.account_id = p.source_id WHERE a.kind = 'debt'"
    " UNION ALL SELECT a.member_id, p.programme_id, -p.amount, 0"
    f"  FROM {EVERY_POSTING} AS p JOIN account AS a ON a.account_id = p.destination_id WHERE a.kind = 'debt'"
    " UNION ALL SELECT member_id, programme_id, 0, debt FROM member_programme WHERE debt <> 0"
    ") AS sides GROUP BY member_id, programme_id HAVING SUM(posted) <> SUM(kept) ORDER BY 1, 2"
)
_PENDING = text(
    "SELECT member_id, programme_id, epoch, SUM(in_lots), SUM(waiting) FROM ("
    " SELECT member_id, programme_id, epoch, pending AS in_lots, 0 AS waiting FROM lot WHERE pending <> 0"
    " UNION ALL SELECT member_id, programme_id, epoch, 0, \"left\" FROM pending_issue WHERE state = 'waiting'"
    f" UNION ALL SELECT member_id, programme_id, epoch, 0, points FROM ({PROMISED_BY_IMPORTS}) AS imported"
    ") AS sides GROUP BY member_id, programme_id, epoch HAVING SUM(in_lots) <> SUM(waiting) ORDER BY 1, 2, 3"
)
_PROMISED = text(
    "SELECT i.op_id, COALESCE(SUM(p.amount), 0), MAX(i.amount) FROM pending_issue AS i"
    " LEFT JOIN entry AS e ON e.op_id = i.op_id AND e.kind = 'promise'"
    " LEFT JOIN posting AS p ON p.sequence = e.sequence"
    f" WHERE i.rule_version <> {NO_RULE} AND i.archived IS NULL"
    " GROUP BY i.op_id HAVING COALESCE(SUM(p.amount), 0) <> MAX(i.amount)"
)


def differences(conn: Connection) -> Iterator[Difference]:
    """Every debt and every pending issue that the postings tell differently."""
    for member, programme, posted, kept in conn.execute(_DEBTS):
        yield Difference("debt", f"member {member} programme {programme}", str(int(posted)), str(int(kept)))
    for member, programme, epoch, in_lots, waiting in conn.execute(_PENDING):
        subject = f"member {member} programme {programme} epoch {epoch}"
        yield Difference("pending", subject, str(int(in_lots)), str(int(waiting)))
    for op_id, posted, kept in conn.execute(_PROMISED):
        yield Difference("promised", bytes(op_id).hex(), str(int(posted)), str(int(kept)))
