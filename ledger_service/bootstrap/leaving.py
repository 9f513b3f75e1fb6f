"""What is left before a merchant has left the alliance: ends of its programmes, and what it has to settle."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ledger_service.chain.unsettled import unsettled_of
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.conversion.progress import Stage, document_of, progress_of


def leaving_document(conn: Connection, every: Catalogue, merchant: int, at: datetime) -> dict[str, Any]:
    """Each programme of the merchant's with its end, and the periods that are not settled.

    Args:
        conn: a snapshot.
        every: all programmes.
        merchant: its GLN.
        at: the present instant.

    Returns:
        ``programmes``, ``unsettled``, and ``open``: whether something of either is left to be done.

    Raises:
        MerchantUnknown: there is no such merchant.
    """
    if find_merchant(conn, merchant) is None:
        raise MerchantUnknown
    mine = [one for _, one in sorted(every.programmes.items()) if one.merchant_id == merchant]
    told = [document_of(one, progress_of(conn, one, every, at), every) for one in mine]
    open_ = unsettled_of(conn, merchant)
    return {
        "open": bool(open_) or any(one["stage"] != Stage.OVER for one in told),
        "programmes": told,
        "unsettled": [{**one._asdict(), "net_micros": str(one.net_micros)} for one in open_],
    }
