"""A member's purchases at a merchant, for that merchant, or on the member's consent for another one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, select

from ledger_service.checkout.models import sale
from ledger_service.members.consents.rules import needs_consent
from ledger_service.members.consents.service import Said, Use, must_stand, note_read

_S = sale.c
Place = tuple[datetime, bytes]
# Who has a number that nobody has: reads nothing, and takes as long as somebody without a consent.
NOBODY = -1


class Question(NamedTuple):
    """Who asks for which purchases: at most so many of those behind ``before``.

    ``reader_id`` is None for whoever runs the alliance or audits it; ``what`` is how the reading is called.
    """

    owner_id: int
    reader_id: int | None
    purpose: str
    what: str
    before: Place | None
    most: int


def purchases(conn: Connection, member_id: int, asked: Question, said: Said) -> Sequence[RowMapping]:
    """The purchases, newest first, at most ``asked.most``; a reading on a consent is on record with them.

    Args:
        conn: the unit of work, which writes the record.
        member_id: whose, or ``NOBODY``.
        asked: which.
        said: who asks, and when.

    Raises:
        ConsentMissing: they are another merchant's and no consent stands.
    """
    if asked.reader_id is not None and needs_consent(asked.owner_id, asked.reader_id):
        consent_id = must_stand(conn, member_id, Use(asked.owner_id, asked.reader_id, asked.purpose))
        note_read(conn, member_id, consent_id, asked.what, said)
    return _purchases(conn, member_id, asked)


def _purchases(conn: Connection, member_id: int, asked: Question) -> Sequence[RowMapping]:
    its = select(
        _S.sale_id, _S.store_gln, _S.currency, _S.total_minor, _S.occurred_at
    ).where(_S.member_id == member_id, _S.merchant_id == asked.owner_id)  # fmt: skip
    if asked.before is not None:
        at, sale_id = asked.before
        its = its.where((_S.occurred_at < at) | ((_S.occurred_at == at) & (_S.sale_id > sale_id)))
    ordered = its.order_by(_S.occurred_at.desc(), _S.sale_id).limit(asked.most)
    return conn.execute(ordered).mappings().all()
