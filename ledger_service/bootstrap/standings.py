"""The standing of periods as a document, and the job of the leading bridge that keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from ledger_service.bootstrap.agreeing import Agreement, Standing
from ledger_service.chain import standings
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.models import chain_cursor
from ledger_service.chain.settlement_office import Round
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.gs1 import gln_text


def document_of(standing: Standing) -> dict[str, Any]:
    """Where a period's settlement stands, as JSON."""
    round_ = standing.round
    return {
        "period": standing.period,
        "statements": "0x" + round_.statements.hex(),
        "until": format_instant(instant_of_seconds(round_.until)),
        "root": None if round_.root == bytes(32) else "0x" + round_.root.hex(),
        "merchants": [
            {"merchant": gln_text(m), "net_micros": standing.nets[m], "net_minor": standing.minors[m],
             "confirmed": standing.confirmed(m)}
            for m in standing.members
        ],
        "disputes": [
            {"debtor": gln_text(debtor), "creditor": gln_text(creditor), "held_micros": held.micros,
             "open": held.open, "deadline": format_instant(instant_of_seconds(held.deadline))}
            for (debtor, creditor), held in standing.held.items()
        ],
        "payouts": [
            {"payer": gln_text(p.payer), "payee": gln_text(p.payee), "minor": p.minor,
             "paid": standing.paid(i), "from_reserve": p.payer in standing.in_default}
            for i, p in enumerate(standing.payouts)
        ],
    }  # fmt: skip


@dataclass
class StandingReader:
    """Reads the desk where the chain went on; a period that is settled and paid is not read again."""

    agreement: Agreement
    desk: Desk
    _read_at: int = -1
    _rounds: dict[int, Round] = field(default_factory=dict)
    _finished: set[int] = field(default_factory=set)
    _in_default: frozenset[int] = frozenset()

    def run(self) -> bool:
        """What changed since the last reading is written; there is never more to do at once.

        Raises:
            ChainUnavailable: the node does not answer.
        """
        with self.desk.read() as conn:
            block = conn.execute(select(chain_cursor.c.number)).scalar_one_or_none()
            known = standings.last_known(conn)
        if block is None or block == self._read_at:
            return False
        try:
            self._look_at_all(block, known)
        except AdminRefused:
            # The chain was emptied, and the desk is not made again yet: a later block has it.
            return False
        self._read_at = block
        return False

    def look_again(self, period: int) -> None:
        """The period stands in the database as a transaction of our own has left it; raises as ``run``."""
        with self.desk.read() as conn:
            block = conn.execute(select(chain_cursor.c.number)).scalar_one_or_none()
        if block is not None:
            # A decided dispute changes what is held, and nothing of the period's own round.
            self._rounds.pop(period, None)
            self._look(period, block)

    def _look_at_all(self, block: int, known: int) -> None:
        last = self.agreement.last_published()
        if known > last:
            # The chain is another one: whatever was read before may be wrong.
            self._rounds.clear()
            self._finished.clear()
            with self.desk.write() as conn:
                standings.forget_behind(conn, last)
        defaults = self.agreement.in_default()
        if defaults != self._in_default:
            # Who pays is another one now, and the period's own round does not tell.
            self._rounds.clear()
            self._in_default = defaults
        for period in range(1, last + 1):
            if period not in self._finished:
                self._look(period, block)

    def _look(self, period: int, block: int) -> None:
        round_ = self.agreement.round(period)
        if self._rounds.get(period) == round_:
            return
        standing = self.agreement.standing(period)
        with self.desk.write() as conn:
            standings.note(conn, period, block, document_of(standing))
        self._rounds[period] = round_
        if standing.netted and all(standing.paid(i) for i in range(len(standing.payouts))):
            self._finished.add(period)
