"""A statement as rows, and as CSV: one table of uniform columns, the same bytes for the same figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.csv_cells import text_row
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.secp256k1 import address_text
from ledger_service.settlement.papers.figures import (
    ChainFacts,
    LegSum,
    Netting,
    ProgrammeStatement,
    Statement,
)

COLUMNS = (
    "section", "item", "programme", "terms_version", "debtor", "creditor", "lines", "points",
    "value_micros", "fee_micros", "owed_micros", "minor", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One figure or fact of a statement; None where a column says nothing of it. Merchants are GLNs."""

    section: str
    item: str
    programme: int | None = None
    terms_version: int | None = None
    debtor: int | None = None
    creditor: int | None = None
    lines: int | None = None
    points: int | None = None
    value_micros: int | None = None
    fee_micros: int | None = None
    owed_micros: int | None = None
    minor: int | None = None
    text: str | None = None


def statement_csv(statement: Statement) -> bytes:
    """The statement as CSV (RFC 4180, UTF-8)."""
    return csv_of(COLUMNS, (_cells(row) for row in rows_of(statement)))


def csv_of(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    """A table as CSV; the same bytes on every machine, and nothing that a spreadsheet computes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(text_row(row) for row in rows)
    return text.getvalue().encode()


def rows_of(statement: Statement) -> Iterator[Row]:
    """The statement from top to bottom."""
    yield from _heading(statement)
    for programme in statement.programmes:
        yield from programme_rows(programme)
    for section, legs in (
        ("own points taken here", statement.own()),
        ("owed by the merchant", statement.owed_by_us()),
        ("owed to the merchant", statement.owed_to_us()),
    ):
        yield from (_leg_row(section, leg) for leg in legs)
    yield from settlement_rows(statement)
    yield from pool_rows(statement)
    yield from (Row("chain", name, text=text) for name, text in chain_facts(statement.facts))
    yield Row("chain", "recompute", text=recompute_command(statement))


def programme_rows(programme: ProgrammeStatement) -> Iterator[Row]:
    """A programme from opening to closing; micros at the value in force at the close."""
    figures, section = programme.figures, "programme"
    before, after = figures.value_before, figures.value_after

    def row(item: str, version: int, points: int | None, micros: int) -> Row:
        return Row(section, item, figures.programme, version, points=points, value_micros=micros)

    yield row("opening", before.version, figures.opening, programme.opening_micros)
    yield row("revaluation", after.version, None, programme.revaluation_micros)
    for name, points in programme.movements.items():
        yield row(name, after.version, points, points * after.micros)
    yield row("closing", after.version, figures.closing, programme.closing_micros)
    yield row("extended, still outstanding", after.version, figures.extended,
              figures.extended * after.micros)  # fmt: skip


def settlement_rows(statement: Statement) -> Iterator[Row]:
    """From the net of the legs to the payouts; only the net where the period is not netted yet."""
    yield Row("settlement", "net of the legs", owed_micros=statement.gross_net_micros)
    if statement.netting is not None:
        yield from _netting_rows(statement.netting, statement.micros_of_one_minor)


def pool_rows(statement: Statement) -> Iterator[Row]:
    """What issuer and pool owe each other, paid beside the settlement: gross, and what is held then."""
    for line in statement.pools:
        number, issuer, pool = line.flow.programme, line.flow.issuer, line.flow.basis.pool
        basis = line.flow.basis.kind.name.lower()
        yield Row("pool", "into the pool", number, debtor=issuer, creditor=pool,
                  owed_micros=line.paid_in_micros, text=basis)  # fmt: skip
        yield Row("pool", "out of the pool", number, debtor=pool, creditor=issuer,
                  owed_micros=line.paid_out_micros, text=basis)  # fmt: skip
        yield Row("pool", "held by the pool", number, debtor=pool, creditor=issuer,
                  points=line.flow.outstanding, value_micros=line.held_micros, text=basis)  # fmt: skip


def chain_facts(facts: ChainFacts) -> list[tuple[str, str]]:
    """Name and value of what binds the statement to the chain."""
    place = facts.place
    told = [
        ("chain id", str(facts.chain_id)),
        ("registry", address_text(facts.registry)),
        ("clearing house", address_text(facts.clearing_house)),
        ("block of the close", str(place.block_number)),
        ("hash of that block", "0x" + place.block_hash.hex()),
        ("time of that block", format_instant(instant_of_seconds(place.closed_at))),
        ("batches", f"{place.batches}: {place.first_batch} to {place.last_batch}" if place.batches else "0"),
        ("root of all statements", "0x" + facts.statements_root.hex()),
    ]
    more = (("published root", facts.published_root), ("root of the period", facts.period_root))
    desk = facts.settlement_desk
    told += [] if desk is None else [("settlement desk", address_text(desk))]
    return told + [(name, "0x" + root.hex()) for name, root in more if root is not None]


def recompute_command(statement: Statement) -> str:
    """What anybody runs who has a chain URL, to get these bytes."""
    facts = statement.facts
    desk = "" if facts.settlement_desk is None else f" --desk {address_text(facts.settlement_desk)}"
    return (
        f"alliance settle statement --period {statement.period} --merchant {gln_text(statement.merchant)}"
        f" --rpc URL --registry {address_text(facts.registry)}"
        f" --clearing-house {address_text(facts.clearing_house)}{desk} --currency {statement.currency}"
        f" --into DIRECTORY"
    )


def _heading(statement: Statement) -> Iterator[Row]:
    told = (
        ("merchant", gln_text(statement.merchant)),
        ("period", str(statement.period)),
        ("stage", statement.stage.value),
        ("currency", statement.currency),
    )
    yield from (Row("statement", item, text=text) for item, text in told)


def _leg_row(section: str, leg: LegSum) -> Row:
    item = "came back" if leg.came_back else "redeemed"
    # The issuer is the debtor also of what it took itself; nothing is owed then, and no fee is kept.
    own = leg.debtor == leg.creditor
    return Row(
        section, item, leg.programme, leg.terms_version, leg.debtor, leg.creditor, leg.lines, leg.points,
        leg.value_micros, None if own else leg.fee_micros, None if own else leg.owed_micros,
    )  # fmt: skip


def _netting_rows(netting: Netting, unit: int) -> Iterator[Row]:
    for held in netting.held:
        yield Row("settlement", "held out by a dispute", debtor=held.debtor, creditor=held.creditor,
                  owed_micros=held.micros)  # fmt: skip
    yield Row("settlement", "decided of earlier disputes", owed_micros=netting.brought_in_micros)
    yield Row("settlement", "net", owed_micros=netting.net_micros)
    yield Row("settlement", "rounding", owed_micros=netting.minor * unit - netting.net_micros)
    yield Row("settlement", "net in minor units", owed_micros=netting.minor * unit, minor=netting.minor)
    for payout in netting.payouts:
        yield Row("settlement", "payout", debtor=payout.payer, creditor=payout.payee, minor=payout.minor)


def _cells(row: Row) -> tuple[object, ...]:
    glns = ("" if gln is None else gln_text(gln) for gln in (row.debtor, row.creditor))
    others = (getattr(row, name) for name in COLUMNS[6:])
    first = (row.section, row.item, row.programme, row.terms_version)
    return tuple("" if cell is None else cell for cell in (*first, *glns, *others))
