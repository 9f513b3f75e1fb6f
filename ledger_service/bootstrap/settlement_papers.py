"""Papers and bank files of settlement periods for the front door: from kept figures and the last reading."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import settlement_papers, settlement_pools
from ledger_service.api.endpoints.settlement_papers import SettlementPapersDoor
from ledger_service.api.endpoints.settlement_pools import SettlementPoolsDoor
from ledger_service.api.paging import Cursors
from ledger_service.api.paper_ports import Accounts, OrderWish, PaperWish
from ledger_service.api.ports import Governance
from ledger_service.api.routes import Served
from ledger_service.bootstrap.agreeing import Standing
from ledger_service.bootstrap.banking import (
    Wish,
    marked_document,
    order_payouts,
    ordered_document,
    pay_by_statement,
)
from ledger_service.bootstrap.kept_figures import kept_data, netted_data
from ledger_service.bootstrap.off_desk import payments_off_desk
from ledger_service.bootstrap.owner_papers import owner_dues, owners_paper
from ledger_service.bootstrap.papering import Manner, papers_of
from ledger_service.bootstrap.period_papers import Alliances, PeriodData, alliances_of
from ledger_service.bootstrap.serving import Serving
from ledger_service.chain import standings
from ledger_service.chain.period_figures import place_of
from ledger_service.chain.reserves.coverage import in_default
from ledger_service.chain.settlement_office import Round
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import Clock, parse_instant, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import list_merchants
from ledger_service.settlement.bank.accounts import AccountsGiven, BankAccount
from ledger_service.settlement.bank.off_desk import OffDesk, mark_off_desk
from ledger_service.settlement.bank.receipts import Due
from ledger_service.settlement.bank.references import tag_of
from ledger_service.settlement.errors import (
    FiguresNotReady,
    NoOwners,
    OwnersPaperTooLong,
    PeriodNotPublished,
    SettlementNotOffered,
)
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.papers.lock import lock
from ledger_service.settlement.papers.wording import Language
from ledger_service.settlement.pool import PoolLine

Json = dict[str, Any]
MOST_OWNED_LINES = 100_000
_OWNERS = "owners.csv"
_NAMES = {"statement.csv": ("statement-", ".csv"), "statement.pdf": ("statement-", ".pdf"),
          "journal.csv": ("journal-", ".csv")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptPapers:
    """Fulfils ``api.paper_ports.PeriodPapers``."""

    database: Database
    writer: Writer
    clock: Clock
    alliance: Alliances

    def paper(self, period: int, merchant: int, wish: PaperWish) -> tuple[str, bytes]:
        """See the port."""
        with self.database.snapshot() as conn:
            data = self._data(conn, period, wish.as_of_close)
            names = {one.merchant_id: one.name for one in list_merchants(conn)}
            if merchant not in data.merchants:
                raise MerchantUnknown
            owned = _owned(conn, data, merchant) if wish.paper == _OWNERS else None
        if owned is None:
            papers = papers_of(data.statement(merchant), Manner(Language(wish.language), names))
            begin, end = _NAMES[wish.paper]
            name = next(name for name in papers if name.startswith(begin) and name.endswith(end))
            body = papers[name]
        else:
            name, body = f"owners-{period}-{gln_text(merchant)}.csv", owned
        self.writer.run(lambda conn: lock(conn, {name: body}, self.clock.now()))
        return name, body

    def pools(self, conn: Connection, period: int) -> list[PoolLine]:
        """Fulfils ``api.paper_ports.PoolLines``."""
        return self._data(conn, period, True).pools

    def beside(self, conn: Connection, period: int) -> OffDesk:
        """Fulfils ``api.paper_ports.PaidBeside``."""
        return payments_off_desk(conn, self.alliance, period, anew=False)

    def _data(self, conn: Connection, period: int, as_of_close: bool) -> PeriodData:
        place_of(conn, period)
        data = kept_data(conn, self.alliance, period)
        if data is None:
            raise FiguresNotReady(period)
        standing = None if as_of_close else standings.find(conn, period)
        return data if standing is None or standing["root"] is None else netted_data(data, standing)


def _owned(conn: Connection, data: PeriodData, merchant: int) -> bytes:
    """A request reads the period's lines and the merchant's sales with points, which bounds how many."""
    lines = sum(leg.lines for leg in data.legs)
    if lines > MOST_OWNED_LINES:
        raise OwnersPaperTooLong(lines, MOST_OWNED_LINES)
    paper = owners_paper(conn, data.facts.place.period, merchant)
    if paper is None:
        raise NoOwners
    return paper


@dataclass(frozen=True, slots=True)
class ReadDesk:
    """Fulfils ``banking.Settled`` from what the bridge read of the desk last; it marks through the bridge."""

    database: Database
    governance: Governance
    alliance: Alliances
    clock: Clock
    writer: Writer

    @property
    def tag(self) -> str:
        """See the port."""
        return tag_of(self.alliance.chain_id, self._offered())

    @property
    def currency(self) -> str:
        """See the port."""
        return self.alliance.currency

    def standing(self, period: int) -> Standing:
        """See the port."""
        self._offered()
        with self.database.read() as conn:
            told = standings.find(conn, period)
            defaults = in_default(conn, seconds_floor(self.clock.now()))
        if told is None:
            raise PeriodNotPublished(period)
        return replace(standing_of(told), in_default=defaults)

    def dues(self, period: int, own: BankAccount) -> list[Due]:
        """See the port."""
        with self.database.snapshot() as conn:
            return owner_dues(conn, period, own)

    def off_desk(self, period: int) -> OffDesk:
        """See the port."""
        with self.database.snapshot() as conn:
            return payments_off_desk(conn, self.alliance, period, anew=False)

    def mark_paid_off_desk(self, period: int, payouts: Mapping[int, Payout], evidence: bytes) -> None:
        """See the port."""
        if payouts:
            now = self.clock.now()
            self.writer.run(lambda conn: mark_off_desk(conn, period, payouts, evidence, now))

    def mark_paid_by(self, period: int, payouts: list[int], evidence: bytes) -> Standing:
        """See the port."""
        self.governance.mark_paid(period, payouts, evidence)
        standing = self.standing(period)
        # The reading may be older than the mark, where another bridge leads by now.
        paid = standing.round.paid | sum(1 << index for index in payouts)
        return replace(standing, round=replace(standing.round, paid=paid))

    def _offered(self) -> bytes:
        if self.alliance.desk is None:
            raise SettlementNotOffered()
        return self.alliance.desk


@dataclass(frozen=True, slots=True)
class BankDesk:
    """Fulfils ``api.paper_ports.Banking``."""

    desk: ReadDesk

    def order(self, period: int, accounts: Accounts, wish: OrderWish) -> tuple[bytes, Json]:
        """See the port."""
        told = Wish(wish.execution, wish.attempt, wish.latin)
        document, lines = order_payouts(self.desk, period, AccountsGiven(accounts), told)
        return document, ordered_document(lines)

    def read_statement(self, period: int, accounts: Accounts, statement: bytes) -> Json:
        """See the port."""
        marked = pay_by_statement(self.desk, period, io.BytesIO(statement), AccountsGiven(accounts))
        return marked_document(period, marked)


def served_papers(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """Papers, pools and bank files of settlement with their endpoints over the services."""
    database, whose = serving.foundations.database, alliances_of(serving.foundations.alliance)
    papers = KeptPapers(database, serving.writer, serving.clock, whose)
    bank = BankDesk(ReadDesk(database, serving.governance, whose, serving.clock, serving.writer))
    return [
        *settlement_papers.served(SettlementPapersDoor(administration, papers, bank)),
        *settlement_pools.served(SettlementPoolsDoor(administration, cursors, papers.pools, papers.beside)),
    ]


def standing_of(told: Json) -> Standing:
    """A standing as ``standings.document_of`` wrote it down; places are those of its merchants."""
    merchants, payouts = told["merchants"], told["payouts"]
    confirmed = sum(1 << place for place, one in enumerate(merchants) if one["confirmed"])
    paid = sum(1 << index for index, one in enumerate(payouts) if one["paid"])
    root = bytes(32) if told["root"] is None else bytes.fromhex(told["root"][2:])
    until = seconds_floor(parse_instant(told["until"], "until"))
    statements = bytes.fromhex(told["statements"][2:])
    round_ = Round(
        statements, until, len(merchants), len(payouts), root, bytes(32), confirmed, 0, paid
    )  # fmt: skip
    return Standing(
        told["period"], round_, [int(one["merchant"]) for one in merchants],
        {int(one["merchant"]): one["net_micros"] for one in merchants},
        {int(one["merchant"]): one["net_minor"] for one in merchants},
        [Payout(int(one["payer"]), int(one["payee"]), one["minor"]) for one in payouts], {},
    )  # fmt: skip
