"""Writing papers of a closed period: from the database beside a bridge, or from a chain URL alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.bootstrap.chain_parts import node_of, wall
from ledger_service.bootstrap.indexing import reading_anew
from ledger_service.bootstrap.owner_papers import owners_paper
from ledger_service.bootstrap.period_papers import Alliances, PeriodData, alliances_of, period_data
from ledger_service.chain.errors import CloseNotFinal
from ledger_service.chain.fresh_index import Tick
from ledger_service.chain.settings import Contracts
from ledger_service.chain.status import chain_status
from ledger_service.config import Settings
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import list_merchants
from ledger_service.settlement.errors import PaperDiffers
from ledger_service.settlement.papers.accounts import DEFAULT_CHART, Chart
from ledger_service.settlement.papers.figures import Stage, Statement
from ledger_service.settlement.papers.journal import journal_csv
from ledger_service.settlement.papers.lock import lock
from ledger_service.settlement.papers.pages import statement_pdf
from ledger_service.settlement.papers.table import statement_csv
from ledger_service.settlement.papers.wording import Language
from ledger_service.settlement.whole_files import write_new


class Outsider(NamedTuple):
    """What somebody without the database gives: contracts, desk, currency, and the index's file."""

    contracts: Contracts
    desk: bytes | None
    currency: str
    kept: Path


@dataclass(frozen=True, slots=True)
class Manner:
    """How papers are written: language, names of merchants, a font to embed, the chart of accounts, and
    whether the lines are split to owners of stores, too."""

    language: Language = Language.ENGLISH
    names: Mapping[int, str] = field(default_factory=dict)
    font: Path | None = None
    chart: Chart = field(default_factory=lambda: DEFAULT_CHART)
    owners: bool = False


def papers_of(statement: Statement, manner: Manner) -> dict[str, bytes]:
    """The papers of a statement by file name: statement as CSV and as PDF, and the journal.

    The names tell apart whatever may differ: merchant, period, stage, language, embedded font and chart.

    Raises:
        MalformedField: the font is none.
    """
    mark = f"{statement.period}-{gln_text(statement.merchant)}-{statement.stage.value}"
    font = "" if manner.font is None else f"-{_short(manner.font.read_bytes())}"
    own_chart = manner.chart != DEFAULT_CHART
    chart = f"-{_short(repr(sorted(manner.chart.items())).encode())}" if own_chart else ""
    return {
        f"statement-{mark}.csv": statement_csv(statement),
        f"statement-{mark}-{manner.language.value}{font}.pdf": statement_pdf(
            statement, manner.language, manner.names, manner.font
        ),
        f"journal-{mark}{chart}.csv": journal_csv(statement, manner.chart),
    }


@contextmanager
def own_period(settings: Settings, period: int, stage: Stage | None = None) -> Iterator[PeriodData]:
    """A closed period's data from the database's own mirror, and the node's desk where there is one.

    Raises:
        NotFounded: the database holds no alliance.
        PeriodStillOpen, AdminRefused: as ``period_data``.
        ChainUnavailable: the node does not answer for the desk.
    """
    with ExitStack() as stack:
        database = open_database(settings.database_url)
        stack.callback(database.close)
        # Read whole before it is handed out: papers take longer than the database lets a snapshot idle.
        with database.snapshot() as conn:
            found = the_alliance(conn)
            alliance = alliances_of(found)
            node = None
            if found.settlement_desk is not None:
                node = node_of(settings)
                stack.callback(node.transport.close)
            data = period_data(conn, node, alliance, period, stage)
        yield data


@contextmanager
def period_of_chain(
    settings: Settings, outsider: Outsider, period: int, stage: Stage | None, tick: Tick
) -> Iterator[PeriodData]:
    """As ``own_period`` from a chain URL alone: no database of the alliance is opened.

    Raises:
        HouseNeverInForce, ChainUnavailable, LyingNode: as ``indexing.fresh_index``.
        PeriodStillOpen, AdminRefused: as ``period_data``.
    """
    with reading_anew(settings, outsider.kept, tick) as reader:
        reader.read(outsider.contracts)
        alliance = Alliances(reader.node.chain_id, outsider.contracts, outsider.desk, outsider.currency)
        with reader.fresh.snapshot() as conn:
            yield period_data(conn, reader.node, alliance, period, stage)


def write_papers(
    settings: Settings | None, data: PeriodData, merchant: int | None, into: Path, manner: Manner
) -> list[Path]:
    """The papers of one merchant, or of all, are in the directory.

    Args:
        settings: the database that locks them and knows the names of merchants; None for an outsider.
        data: the period's.
        merchant: whose papers, or None for all.
        into: a directory; files that are there with the same bytes stay.
        manner: how they are written.

    Raises:
        MerchantUnknown: the chain never admitted it.
        CloseNotFinal: a reorganisation could still change what would be locked.
        PaperDiffers: a paper was written before with other bytes; nothing was written or locked.
        StatementUnbalanced: the index is not whole.
    """
    if merchant is not None and merchant not in data.merchants:
        raise MerchantUnknown
    with ExitStack() as stack:
        database = None
        if settings is not None:
            database = open_database(settings.database_url)
            stack.callback(database.close)
            manner = _with_names(database, manner)
            _must_be_final(database, data)
        wanted = data.merchants if merchant is None else [merchant]
        papers: dict[str, bytes] = {}
        for one in wanted:
            papers |= papers_of(data.statement(one), manner)
            if database is not None and manner.owners:
                papers |= _of_owners(database, data, one)
        _must_not_differ(into, papers)
        if database is not None:
            with database.begin() as conn:
                lock(conn, papers, wall())
        return _written(into, papers)


def _must_be_final(database: Database, data: PeriodData) -> None:
    place = data.facts.place
    with database.read() as conn:
        final = chain_status(conn).final_block or 0
    if final < place.block_number:
        raise CloseNotFinal(place.period, place.block_number, final)


def _with_names(database: Database, manner: Manner) -> Manner:
    with database.read() as conn:
        names = {found.merchant_id: found.name for found in list_merchants(conn)}
    return replace(manner, names=names)


def _of_owners(database: Database, data: PeriodData, merchant: int) -> dict[str, bytes]:
    period = data.facts.place.period
    with database.snapshot() as conn:
        paper = owners_paper(conn, period, merchant)
    return {} if paper is None else {f"owners-{period}-{gln_text(merchant)}.csv": paper}


def _must_not_differ(into: Path, papers: Mapping[str, bytes]) -> None:
    for name, body in papers.items():
        path = into / name
        if path.exists() and (there := path.read_bytes()) != body:
            raise PaperDiffers(name, sha256(there).hexdigest(), sha256(body).hexdigest())


def _written(into: Path, papers: Mapping[str, bytes]) -> list[Path]:
    into.mkdir(parents=True, exist_ok=True)
    for name, body in papers.items():
        # Whole or not at all: a paper that a crash cut short would differ from itself.
        try:
            write_new(into / name, body)
        except FileExistsError:
            _must_not_differ(into, {name: body})
    return [into / name for name in papers]


def _short(body: bytes) -> str:
    return sha256(body).hexdigest()[:8]
