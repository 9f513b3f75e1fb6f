"""The SQL ledger as the chain's reconciler wants it: points on chain are what is available or held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, TextClause, text

from ledger_service.ledger.carried import EVERY_POSTING

Row = tuple[bytes, int, int, int]
_ROWS_AT_ONCE = 2_000

_LOTS = text(
    "SELECT m.account, l.programme_id, l.epoch, l.available + l.held FROM lot AS l"
    " JOIN member AS m ON m.member_id = l.member_id WHERE l.available + l.held > 0"
    " ORDER BY m.account, l.programme_id, l.epoch"
)
# Parts 0 and 1 of a member's four ledger accounts are available and held; pending is not issued yet.
_POSTINGS = text(
    "SELECT m.account, x.programme_id, x.epoch, CAST(SUM(x.amount) AS BIGINT) FROM ("
    f" SELECT destination_id AS account_id, programme_id, epoch, amount FROM {EVERY_POSTING} AS p"
    f" UNION ALL SELECT source_id, programme_id, epoch, -amount FROM {EVERY_POSTING} AS p"
    ") AS x JOIN account AS a ON a.account_id = x.account_id"
    " JOIN member AS m ON m.member_id = a.member_id"
    " WHERE a.kind IN ('available', 'held')"
    " GROUP BY m.account, x.programme_id, x.epoch HAVING SUM(x.amount) <> 0"
    " ORDER BY m.account, x.programme_id, x.epoch"
)


class SqlLedgerView:
    """Fulfils ``chain.ports.LedgerView``."""

    def lots(self, conn: Connection) -> Iterable[Row]:
        """What the cached balances say."""
        return _rows(conn, _LOTS)

    def postings(self, conn: Connection) -> Iterable[Row]:
        """The same, added up from the postings."""
        return _rows(conn, _POSTINGS)


def _rows(conn: Connection, query: TextClause) -> Iterator[Row]:
    read = conn.execute(query.execution_options(yield_per=_ROWS_AT_ONCE))
    return ((bytes(r[0]), r[1], r[2], int(r[3])) for r in read)
