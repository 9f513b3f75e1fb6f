"""The figures of closed periods, made once by the leading bridge, so that papers are drawn without any line.

A final period's lines change no more. They are read some thousands at a time, so that a bridge which adds up
a million of them goes on with everything else meanwhile.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from ledger_service.bootstrap.period_papers import Agreed, Alliances, PeriodData, closed_data
from ledger_service.bootstrap.period_sums import PeriodSums
from ledger_service.chain import models as m
from ledger_service.chain.desk import Desk
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.kernel.period_figures import PeriodPlace, ProgrammePeriod, ValueInForce
from ledger_service.kernel.pools import Basis, BasisKind, PoolFlow
from ledger_service.kernel.settlement_words import PairLine, Statements
from ledger_service.settlement.models import settlement_figures
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.papers.figures import ChainFacts, Held, LegSum, Stage
from ledger_service.settlement.pool import PoolLine

Json = dict[str, Any]
LINES_AT_ONCE = 20_000


class _Close(NamedTuple):
    """A period, and the block that closed it: on another chain the same period is another one."""

    period: int
    block_hash: bytes


@dataclass
class FiguresKeeper:
    """The bridge's job: final periods get their figures, the oldest first."""

    database: Database
    desk: Desk
    alliance: Alliances
    lines_at_once: int = LINES_AT_ONCE
    _reading: tuple[_Close, PeriodSums] | None = None

    def run(self) -> bool:
        """A step of it; whether there was something to do."""
        # A step that fails may have added a part of what it read: the next one begins anew.
        reading, self._reading = self._reading, None
        with self.database.snapshot() as conn:
            close = _unkept(conn)
            if close is None:
                return False
            if reading is None or reading[0] != close:
                reading = close, PeriodSums(close.period)
            sums = reading[1]
            if not sums.read(conn, self.lines_at_once):
                self._reading = reading
                return True
            told = document_of(self._data(conn, sums), sums.statements())
        with self.desk.write() as conn:
            _keep(conn, close, told)
        return True

    def _data(self, conn: Connection, sums: PeriodSums) -> PeriodData:
        """What was outstanding at a close is what was at the one before, and what moved since."""
        held = Counter[int]()
        before = kept_data(conn, self.alliance, sums.period - 1)
        if before is not None:
            held.update({one.programme: one.closing for one in before.programmes})
        held.update(sums.moved().outstanding)
        return closed_data(conn, self.alliance, sums, held, before.pools if before is not None else ())


def kept_data(conn: Connection, alliance: Alliances, period: int) -> PeriodData | None:
    """A closed period's figures as of its close; None until a bridge has made them."""
    told = _kept(conn, period)
    return None if told is None else data_of(alliance, told)


def kept_statements(conn: Connection, period: int) -> Statements | None:
    """A closed period's statements; None until a bridge has made its figures."""
    told = _kept(conn, period)
    if told is None:
        return None
    pairs = told["pairs"]
    return Statements(tuple(
        PairLine(period, debtor, creditor, micros, bytes.fromhex(detail))
        for debtor, creditor, micros, detail in pairs
    ))  # fmt: skip


def netted_data(data: PeriodData, standing: Json) -> PeriodData:
    """The figures with what disputes, netting and payouts made of them.

    Args:
        data: as of the close.
        standing: where the period stands on the desk, netted.
    """
    facts = replace(
        data.facts, published_root=bytes.fromhex(standing["statements"][2:]),
        period_root=bytes.fromhex(standing["root"][2:]),
    )  # fmt: skip
    agreed = Agreed(
        {int(one["merchant"]): one["net_micros"] for one in standing["merchants"]},
        {int(one["merchant"]): one["net_minor"] for one in standing["merchants"]},
        [Held(int(d["debtor"]), int(d["creditor"]), d["held_micros"]) for d in standing["disputes"]],
        [Payout(int(p["payer"]), int(p["payee"]), p["minor"]) for p in standing["payouts"]],
    )
    return replace(data, stage=Stage.NETTED, facts=facts, agreed=agreed)


def document_of(data: PeriodData, statements: Statements) -> Json:
    """Figures and statements as of the close, as JSON."""
    place = data.facts.place
    return {
        "place": {**asdict(place), "block_hash": place.block_hash.hex()},
        "root": data.facts.statements_root.hex(),
        "merchants": data.merchants,
        "programmes": [asdict(one) for one in data.programmes],
        "legs": [astuple(leg) for leg in data.legs],
        "pools": [asdict(line) for line in data.pools],
        "pairs": [[x.debtor, x.creditor, x.owed_micros, x.detail.hex()] for x in statements.lines],
    }


def data_of(alliance: Alliances, told: Json) -> PeriodData:
    """The figures of such a document."""
    place = PeriodPlace(**{**told["place"], "block_hash": bytes.fromhex(told["place"]["block_hash"])})
    values = ("value_before", "value_after")
    programmes = [
        ProgrammePeriod(**{**one, **{name: ValueInForce(**one[name]) for name in values}})
        for one in told["programmes"]
    ]
    legs = [LegSum(*leg) for leg in told["legs"]]
    facts = ChainFacts(
        alliance.chain_id, alliance.contracts.registry, alliance.contracts.clearing_house, place,
        bytes.fromhex(told["root"]), settlement_desk=alliance.desk,
    )  # fmt: skip
    data = PeriodData.as_closed(alliance, facts, told["merchants"], programmes, legs)
    return replace(data, pools=[_pool_line(one) for one in told["pools"]])


def _pool_line(told: Json) -> PoolLine:
    flow = dict(told["flow"])
    kind, reserve_bps, pool = (flow["basis"][name] for name in ("kind", "reserve_bps", "pool"))
    basis = Basis(BasisKind(kind), reserve_bps, pool)
    return PoolLine(**{**told, "flow": PoolFlow(**{**flow, "basis": basis})})


def _closes() -> Select[Any]:
    """Every period's close with the figures that were made of that very close, oldest first."""
    p, b, f = m.chain_period, m.chain_block, settlement_figures
    of_close = (f.c.period == p.c.period) & (f.c.block_hash == b.c.hash)
    joined = p.join(b, b.c.number == p.c.block_number).outerjoin(f, of_close)
    return select(p.c.period, b.c.hash, f.c.body).select_from(joined).order_by(p.c.period)


def _kept(conn: Connection, period: int) -> Json | None:
    row = conn.execute(_closes().where(m.chain_period.c.period == period)).one_or_none()
    return None if row is None or row.body is None else dict(json.loads(row.body))


def _unkept(conn: Connection) -> _Close | None:
    final = select(m.chain_cursor.c.final_number).scalar_subquery()
    without = (m.chain_period.c.block_number <= final) & settlement_figures.c.period.is_(None)
    row = conn.execute(_closes().where(without).limit(1)).one_or_none()
    return None if row is None else _Close(row.period, row.hash)


def _keep(conn: Connection, close: _Close, told: Json) -> None:
    row = {"period": close.period, "block_hash": close.block_hash, "body": json.dumps(told)}
    sql = sql_of(settlement_figures, conn)
    sql.insert(conn, [row], or_ignore=True)
    sql.update(conn, ("block_hash", "body"), [row])
