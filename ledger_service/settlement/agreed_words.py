"""What merchants say of held amounts, kept until both say the same; the chain hears only what both said."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.settlement_words import Decided
from ledger_service.settlement.models import settlement_word


def note(conn: Connection, said: Decided, merchant: int, signature: bytes, at: datetime) -> None:
    """The merchant says so of the pair's held amount; what it said of it before counts no more.

    Idempotency: by period, pair and merchant.
    """
    row = {"period": said.period, "debtor": said.debtor, "creditor": said.creditor, "merchant": merchant,
           "pay_micros": str(said.pay_micros), "signature": signature, "said_at": at}  # fmt: skip
    sql = sql_of(settlement_word, conn)
    sql.insert(conn, [row], or_ignore=True)
    sql.update(conn, ("pay_micros", "signature", "said_at"), [row])


def both_words(conn: Connection, said: Decided) -> tuple[bytes, bytes] | None:
    """The signatures of debtor and creditor, in this order; None until both have said exactly this."""
    w = settlement_word.c
    of_pair = (w.period == said.period) & (w.debtor == said.debtor) & (w.creditor == said.creditor)
    query = select(w.merchant, w.signature).where(of_pair & (w.pay_micros == str(said.pay_micros)))
    by = {row.merchant: row.signature for row in conn.execute(query)}
    if said.debtor in by and said.creditor in by:
        return by[said.debtor], by[said.creditor]
    return None
