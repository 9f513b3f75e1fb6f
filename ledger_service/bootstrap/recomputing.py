"""A settlement period recomputed from a chain URL and two addresses: what any rival can do by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple, TextIO

from sqlalchemy import Connection

from ledger_service.bootstrap.chain_parts import chain_settings
from ledger_service.bootstrap.indexing import Reader, reading_anew
from ledger_service.chain.basis.flows import pool_flows
from ledger_service.chain.desk_rounds import DeskRound, Span, rounds_of_desk
from ledger_service.chain.errors import PeriodNotOpen
from ledger_service.chain.fresh_index import Tick
from ledger_service.chain.node_check import ChainMoves, nets_of_contract
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.settings import Contracts
from ledger_service.chain.status import open_period
from ledger_service.config import Settings
from ledger_service.db.engine import open_database
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.settlement.lines_file import (
    LineDifference,
    differences,
    read_lines,
    write_each,
    write_lines,
)
from ledger_service.settlement.netting import Obligation, Payout, nets_of, payouts_of, rounded
from ledger_service.settlement.pool import PoolLine, pool_lines
from ledger_service.settlement.statements import payout_word, statements_of
from ledger_service.settlement.whole_files import new_text, sync_files, sync_folder

_MOST_DIFFERENCES = 100
_ATTEMPTS = 5


class Ask(NamedTuple):
    """Which periods of which contracts; a currency to pay in, a paper to check and whose it is."""

    contracts: Contracts
    periods: tuple[int, ...]
    currency: str | None = None
    paper: TextIO | None = None
    merchant: int | None = None


@dataclass(slots=True)
class Recomputed:
    """A period as its lines add up, beside the contract's own nets, the desk's word and a paper's lines."""

    period: int
    closed: bool = False
    lines: int = 0
    gross: Counter[tuple[int, int]] = field(default_factory=Counter)
    nets: dict[int, int] = field(default_factory=dict)
    contract: dict[int, int] = field(default_factory=dict)
    minors: dict[int, int] = field(default_factory=dict)
    payouts: list[Payout] = field(default_factory=list)
    differences: list[LineDifference] = field(default_factory=list)
    pools: list[PoolLine] = field(default_factory=list)
    statements: bytes = b""
    desk: DeskRound = field(default_factory=DeskRound)
    desk_differs: list[str] = field(default_factory=list)

    @property
    def due(self) -> dict[int, int]:
        """What each is to be paid (micros): its net, without what is held out and with what was decided."""
        known = sorted(self.nets.keys() | self.desk.shifts.keys())
        return {m: self.nets.get(m, 0) + self.desk.shifts.get(m, 0) for m in known}

    @property
    def apart(self) -> list[int]:
        """Merchants whose net the contract tells differently."""
        known = self.nets.keys() | self.contract.keys()
        return [m for m in sorted(known) if self.nets.get(m, 0) != self.contract.get(m, 0)]

    @property
    def agrees(self) -> bool:
        """The contract's nets, the desk and the paper are what the lines say."""
        return not (self.apart or self.differences or self.desk_differs)


def recompute(settings: Settings, into: Path, ask: Ask, tick: Tick) -> list[Recomputed]:
    """Read the chain into a file, add up each period's lines and ask contract and desk for their word.

    Args:
        settings: the chain's URL; no database of the alliance is opened.
        into: a SQLite file for the index; one that exists is gone on with.
        ask: what is asked; the chain is read once for all periods.
        tick: told the last block and the operations so far.

    Raises:
        MalformedField: an unknown currency.
        PeriodNotOpen: a period has not begun.
        LinesMalformed: the paper is none.
        ChainMoves: the node keeps leaving the index's block behind.
        HouseNeverInForce, ChainUnavailable, LyingNode: as ``indexing.fresh_index``.
    """
    # Before the long work: a currency that we do not know.
    unit = None if ask.currency is None else micros_of_minor(1, exponent_of(ask.currency))
    with reading_anew(settings, into, tick) as reader:
        found = [_period(reader, ask, period) for period in ask.periods]
        cursor = reader.read(ask.contracts)[0].cursor()
        span = Span(chain_settings(settings).first_block, -1 if cursor is None else cursor.number)
        rounds = rounds_of_desk(reader.node, ask.contracts.registry, span)
    for one in found:
        one.desk = rounds.get(one.period, one.desk)
        if unit is not None:
            one.minors = rounded(one.due, unit)
            one.payouts = payouts_of(one.minors)
        one.desk_differs = list(desk_differences(one, unit is not None))
    return found


def desk_differences(found: Recomputed, paid_out: bool) -> Iterator[str]:
    """What the desk holds that does not follow from the lines, in words."""
    desk, due = found.desk, found.due
    if desk.statements and desk.statements != found.statements:
        yield f"the published statements are 0x{desk.statements.hex()}, the lines give another root"
    for merchant, micros in sorted(desk.confirmed.items()):
        if micros != due.get(merchant, 0):
            yield f"merchant {gln_text(merchant)} confirmed a net of {micros:,} micros"
    if desk.root and paid_out:
        words = b"".join(payout_word(p, desk.places).to_bytes(32, "big") for p in found.payouts)
        root = keccak256(found.period.to_bytes(32, "big") + desk.statements + keccak256(words))
        if root != desk.root:
            yield f"the {desk.payouts} payouts on the desk are other ones"


def write_period(settings: Settings, period: int, merchant: int | None, into: Path) -> int:
    """Write a period's lines, as our mirror has them, into a new CSV file.

    Args:
        settings: the database.
        period: its number; an open period's lines so far.
        merchant: only lines that it owes or is owed, or None for all.
        into: a file that does not exist yet.

    Returns:
        how many lines.

    Raises:
        PeriodNotOpen: the period has not begun.
        FileExistsError: somebody may be reading it.
    """
    with ExitStack() as stack:
        database = open_database(settings.database_url)
        stack.callback(database.close)
        conn = stack.enter_context(database.snapshot())
        _must_have_begun(conn, period)
        lines = period_lines(conn, period)
        mine = (line for line in lines if merchant in (None, line.debtor, line.creditor))
        return write_lines(stack.enter_context(new_text(into)), mine)


def pools_of(settings: Settings, period: int) -> list[PoolLine]:
    """What issuers and pools owe each other for a period, as our mirror has it; of an open period so far.

    Raises:
        PeriodNotOpen: the period has not begun.
    """
    with ExitStack() as stack:
        database = open_database(settings.database_url)
        stack.callback(database.close)
        conn = stack.enter_context(database.snapshot())
        _must_have_begun(conn, period)
        return pool_lines(pool_flows(conn, period))[-1]


def write_statements(settings: Settings, period: int, into: Path) -> dict[str, int]:
    """Write each merchant's lines of a period into a file of its own, in one pass over the lines.

    Args:
        settings: the database.
        period: its number; it must be closed.
        into: a folder that does not exist yet; it appears once all files are whole.

    Returns:
        how many lines each merchant's file holds, by GLN.

    Raises:
        PeriodNotOpen: the period is not closed.
        FileExistsError: somebody may be reading it.
    """
    if into.exists():
        raise FileExistsError(f"{into} exists")
    part = into.with_name(into.name + ".part")
    rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with ExitStack() as stack:
        database = open_database(settings.database_url)
        stack.callback(database.close)
        conn = stack.enter_context(database.snapshot())
        now = open_period(conn) or 1
        if period >= now:
            raise PeriodNotOpen(period, now)
        counts = write_each(period_lines(conn, period), stack, part)
    sync_files(part)
    part.rename(into)
    sync_folder(into.parent)
    return counts


def _must_have_begun(conn: Connection, period: int) -> int:
    now = open_period(conn) or 1
    if period > now:
        raise PeriodNotOpen(period, now)
    return now


def _period(reader: Reader, ask: Ask, period: int) -> Recomputed:
    contract = _contract_nets(reader, ask, period)
    with reader.fresh.snapshot() as conn:
        found = _added_up(conn, ask, period)
        found.pools = pool_lines(pool_flows(conn, period))[-1]
    found.contract = contract
    return found


def _added_up(conn: Connection, ask: Ask, period: int) -> Recomputed:
    found = Recomputed(period, closed=period < _must_have_begun(conn, period))
    statements = statements_of(period, _counted(found, period_lines(conn, period)))
    found.statements = statements.root
    found.gross.update({(line.debtor, line.creditor): line.owed_micros for line in statements.lines})
    found.nets = nets_of(Obligation(*pair, micros) for pair, micros in found.gross.items())
    if ask.paper is not None:
        lines = period_lines(conn, period)
        mine = (line for line in lines if ask.merchant in (None, line.debtor, line.creditor))
        found.differences = list(islice(differences(read_lines(ask.paper), mine), _MOST_DIFFERENCES))
    return found


def _counted(found: Recomputed, lines: Iterable[ObligationLine]) -> Iterator[ObligationLine]:
    for line in lines:
        found.lines += 1
        yield line


def _contract_nets(reader: Reader, ask: Ask, period: int) -> dict[int, int]:
    """The contract's own nets as of the index's last block; read on where the node has left that state."""
    for attempt in range(_ATTEMPTS):
        cursor = reader.read(ask.contracts)[0].cursor()
        if cursor is None:
            return {}
        try:
            with reader.fresh.snapshot() as conn:
                nets = nets_of_contract(conn, reader.node, (ask.contracts, period), cursor.number)
            return {merchant: micros for merchant, micros in nets if micros}
        except ChainMoves:
            if attempt == _ATTEMPTS - 1:
                raise
    return {}
