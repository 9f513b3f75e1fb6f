"""In which periods a merchant still owes or is owed something, as the desk was read last."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from ledger_service.chain import standings
from ledger_service.chain.models import chain_net
from ledger_service.kernel.gs1 import gln_text

# Some years of months; a merchant that leaves has settled what is older.
MOST_PERIODS = 120


class Unsettled(NamedTuple):
    """A period in which the merchant is not done; ``waits_for`` says for what."""

    period: int
    net_micros: int
    waits_for: str


def unsettled_of(conn: Connection, merchant: int) -> list[Unsettled]:
    """The last periods with a net of the merchant's that is not paid, or with an open dispute of its own.

    ``waits_for`` is publication, netting, payment or dispute.
    """
    mine = (chain_net.c.merchant == merchant) & (chain_net.c.net_micros != 0)
    query = select(chain_net.c.period, chain_net.c.net_micros).where(mine)
    newest = query.order_by(chain_net.c.period.desc()).limit(MOST_PERIODS)
    found = []
    for period, net in conn.execute(newest):
        waits_for = _waits_for(standings.find(conn, period), gln_text(merchant))
        if waits_for:
            found.append(Unsettled(period, net, waits_for))
    return found[::-1]


def _waits_for(standing: dict[str, Any] | None, gln: str) -> str:
    if standing is None:
        return "publication"
    if standing["root"] is None:
        return "netting"
    if any(not one["paid"] for one in standing["payouts"] if gln in (one["payer"], one["payee"])):
        return "payment"
    disputed = any(one["open"] for one in standing["disputes"] if gln in (one["debtor"], one["creditor"]))
    return "dispute" if disputed else ""
