"""A period's general-ledger journal of one merchant, pure: each entry balances, to the micro and rounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.gs1 import gln_text
from ledger_service.settlement.netting import rounded
from ledger_service.settlement.papers.accounts import Chart, Role
from ledger_service.settlement.papers.figures import LegSum, Netting, ProgrammeStatement, Statement
from ledger_service.settlement.papers.table import csv_of
from ledger_service.settlement.pool import PoolLine

COLUMNS = (
    "period", "date", "merchant", "entry", "line", "text", "account", "account_name", "role", "counterparty",
    "programme", "debit_micros", "credit_micros", "debit_minor", "credit_minor", "currency",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One side of an entry: micros are positive for a debit, negative for a credit."""

    role: Role
    micros: int
    counterparty: int | None = None
    programme: int | None = None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Lines that sum to zero, and what happened."""

    text: str
    lines: tuple[JournalLine, ...]


def entries_of(statement: Statement) -> list[JournalEntry]:
    """The period's entries; breakage is an estimate and never among them.

    The liability moves from its opening to its closing: the points that members hold, at what a point is
    worth at the close. What a leg settled at another version's value differs from that: a revaluation.
    """
    entries = [entry for programme in statement.programmes for entry in _of_programme(programme)]
    values = {p.figures.programme: p.figures.value_after.micros for p in statement.programmes}
    entries += [_elsewhere(leg, values[leg.programme]) for leg in statement.owed_by_us()]
    entries += [_taken_here(leg) for leg in statement.owed_to_us()]
    if statement.netting is not None:
        entries.append(_settled(statement, statement.netting))
    entries += [_pooled(statement.merchant, line) for line in statement.pools]
    told = (JournalEntry(e.text, tuple(line for line in e.lines if line.micros)) for e in entries)
    return [entry for entry in told if entry.lines]


def journal_csv(statement: Statement, chart: Chart) -> bytes:
    """The journal as CSV.

    Micros are exact. Minor units of an entry are rounded by largest remainder, so it balances in them, too.
    """
    return csv_of(COLUMNS, _rows(statement, chart))


def _rows(statement: Statement, chart: Chart) -> Iterator[tuple[object, ...]]:
    merchant = gln_text(statement.merchant)
    date = format_instant(instant_of_seconds(statement.facts.place.closed_at))[:10]
    for number, entry in enumerate(entries_of(statement), 1):
        signed = {at: line.micros for at, line in enumerate(entry.lines)}
        minors = rounded(signed, statement.micros_of_one_minor)
        for at, line in enumerate(entry.lines):
            account = chart[line.role]
            yield (
                statement.period, date, merchant, number, at + 1, entry.text, account.number, account.name,
                line.role.value, "" if line.counterparty is None else gln_text(line.counterparty),
                "" if line.programme is None else line.programme, *_sides(line.micros),
                *_sides(minors[at]), statement.currency,
            )  # fmt: skip


def _sides(amount: int) -> tuple[int, int]:
    return (amount, 0) if amount > 0 else (0, -amount)


_AGAINST = {
    "earned": Role.POINTS_ISSUED,
    "adjusted": Role.POINTS_ISSUED,
    "converted": Role.POINTS_CONVERTED,
    "redeemed_here": Role.POINTS_REDEEMED,
    "restored_here": Role.POINTS_REDEEMED,
    "clawed_back": Role.POINTS_ISSUED,
    "expired": Role.EXPIRY_INCOME,
}


def _of_programme(programme: ProgrammeStatement) -> Iterator[JournalEntry]:
    """What changes the liability without another merchant."""
    number, value = programme.figures.programme, programme.figures.value_after.micros
    movements = {name: points * value for name, points in programme.movements.items() if name in _AGAINST}
    sides = [("revaluation", programme.revaluation_micros, Role.REVALUATION)]
    sides += [(name, micros, _AGAINST[name]) for name, micros in movements.items()]
    for name, micros, against in sides:
        pair = (JournalLine(against, micros, programme=number),
                JournalLine(Role.POINTS_LIABILITY, -micros, programme=number))  # fmt: skip
        yield JournalEntry(f"programme {number}: {name}", pair)


def _elsewhere(leg: LegSum, value: int) -> JournalEntry:
    """Own points that another merchant took, or gave back: the liability is now owed to it, less the fee."""
    released = leg.points * value
    what = "came back" if leg.came_back else "redeemed"
    return JournalEntry(
        f"programme {leg.programme}, terms {leg.terms_version}: {what} at {gln_text(leg.creditor)}",
        (
            JournalLine(Role.POINTS_LIABILITY, released, programme=leg.programme),
            JournalLine(Role.REVALUATION, leg.value_micros - released, programme=leg.programme),
            JournalLine(Role.SETTLEMENT_PAYABLE, -leg.owed_micros, leg.creditor, leg.programme),
            JournalLine(Role.FEE_INCOME, -leg.fee_micros, leg.creditor, leg.programme),
        ),
    )


def _taken_here(leg: LegSum) -> JournalEntry:
    """Points of another merchant that paid here, or went back: a claim on their issuer, less the fee."""
    what = "came back" if leg.came_back else "redeemed"
    return JournalEntry(
        f"programme {leg.programme} of {gln_text(leg.debtor)}, terms {leg.terms_version}: {what} here",
        (
            JournalLine(Role.SETTLEMENT_RECEIVABLE, leg.owed_micros, leg.debtor, leg.programme),
            JournalLine(Role.FEE_EXPENSE, leg.fee_micros, leg.debtor, leg.programme),
            JournalLine(Role.POINTS_TAKEN, -leg.value_micros, leg.debtor, leg.programme),
        ),
    )


def _settled(statement: Statement, netting: Netting) -> JournalEntry:
    """Receivables and payables of the period become one payable or receivable in minor units."""
    disputed = statement.gross_net_micros - netting.net_micros
    settled = netting.minor * statement.micros_of_one_minor
    legs = [JournalLine(Role.SETTLEMENT_PAYABLE, g.owed_micros, g.creditor, g.programme)
            for g in statement.owed_by_us()]  # fmt: skip
    legs += [JournalLine(Role.SETTLEMENT_RECEIVABLE, -g.owed_micros, g.debtor, g.programme)
             for g in statement.owed_to_us()]  # fmt: skip
    rest = (
        JournalLine(Role.DISPUTED, disputed),
        JournalLine(Role.PAYOUTS, settled),
        JournalLine(Role.ROUNDING, netting.net_micros - settled),
    )
    return JournalEntry(f"settlement of period {statement.period}", (*legs, *rest))


def _pooled(merchant: int, line: PoolLine) -> JournalEntry:
    """What went into a pool stands there for the issuer's points; it is paid beside the settlement."""
    number, issuer, pool = line.flow.programme, line.flow.issuer, line.flow.basis.pool
    ours = merchant == issuer
    signed, other = (line.owed_micros, pool) if ours else (-line.owed_micros, issuer)
    return JournalEntry(
        f"programme {number}: pool of {gln_text(pool)}, by {line.flow.basis.kind.name.lower()}",
        (
            JournalLine(Role.POOL_DEPOSIT if ours else Role.POOL_HELD, signed, other, number),
            JournalLine(Role.POOL_SETTLEMENT, -signed, other, number),
        ),
    )
