"""The liability report of a programme, from ledger, sales and the chain's mirror in one snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from ledger_service.chain.status import programme_totals
from ledger_service.checkout.turnover import member_sales_minor
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.outbox.queries import newest_intent, waiting_up_to
from ledger_service.points.catalogue import Programme, read_catalogue
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.points.rules import terms_in_force
from ledger_service.settlement.liability.calendar import Calendar
from ledger_service.settlement.liability.flows import Flow, flows_of, in_lots
from ledger_service.settlement.liability.report import (
    Report,
    Subject,
    Tie,
    cohorts_until,
    document_of,
    issuer_document,
    report_of,
)
from ledger_service.settlement.liability.revenue import Sales, alone_minor


def liability_of(conn: Connection, code: str, as_of: date) -> Report:
    """What the programme's issuer owed in points at the end of a day of its zone, and what follows.

    Reads only: a handful of statements, whose answers grow with epochs and months, not with members.

    Args:
        conn: a snapshot.
        code: the programme's.
        as_of: a day; one that is not over tells what there is so far.

    Raises:
        ProgrammeUnknown: there is none of this code.
        HistoryArchived: the day lies before the last entry of an archive.
    """
    programme = read_catalogue(conn).by_code.get(code)
    if programme is None:
        raise ProgrammeUnknown(code)
    reports = liabilities_of(conn, programme.merchant_id, as_of)
    return next(one for one in reports if one.subject.programme == code)


def liabilities_of(conn: Connection, merchant_id: int, as_of: date) -> list[Report]:
    """``liability_of`` each of an issuer's programmes, by id.

    What members paid the issuer is one price for goods and the points of all of them, so no part of it is
    deferred twice.

    Raises:
        HistoryArchived: the day lies before the last entry of an archive.
    """
    every = read_catalogue(conn).programmes
    books = [_book(conn, one, as_of) for _, one in sorted(every.items()) if one.merchant_id == merchant_id]
    chain = {total.programme_id: total.outstanding for total in programme_totals(conn)}
    waiting = waiting_up_to(conn, newest_intent(conn))
    reports = []
    for book in books:
        number = book.programme.programme_id
        tie = Tie(
            sum(flow.points for flow in book.flows), in_lots(conn, number), chain.get(number, 0), waiting
        )
        sales = replace(book.sales, beside_minor=_beside(book, books))
        reports.append(report_of(_subject(book), book.flows, tie, sales))
    return reports


def liability_document(conn: Connection, code: str, as_of: date) -> dict[str, Any]:
    """``liability_of`` as JSON; fulfils ``api.paper_ports.LiabilityReport``."""
    return document_of(liability_of(conn, code, as_of))


def issuer_liability_document(conn: Connection, merchant_id: int, as_of: date) -> dict[str, Any]:
    """``liabilities_of`` as JSON, with their sums; fulfils ``api.paper_ports.IssuerLiabilityReport``."""
    return issuer_document(liabilities_of(conn, merchant_id, as_of))


@dataclass(frozen=True, slots=True)
class _Book:
    programme: Programme
    calendar: Calendar
    flows: list[Flow]
    sales: Sales


def _book(conn: Connection, programme: Programme, as_of: date) -> _Book:
    calendar = Calendar(as_of, programme.zone)
    flows = flows_of(conn, programme.programme_id, calendar)
    return _Book(programme, calendar, flows, _sales(conn, programme, calendar))


def _subject(book: _Book) -> Subject:
    known = book.programme
    return Subject(known.code, known.currency, known.epoch_ends, NEVER_SECONDS, book.calendar)


def _beside(book: _Book, books: Sequence[_Book]) -> dict[int, int]:
    """What the points of the other programmes cost alone; months have the same numbers in all of them."""
    found: Counter[int] = Counter()
    for other in books:
        if other is not book and other.programme.currency == book.programme.currency:
            cohorts = cohorts_until(other.flows, other.calendar)
            found.update(alone_minor(cohorts, other.sales, other.calendar.last_whole))
    return dict(found)


def _sales(conn: Connection, programme: Programme, calendar: Calendar) -> Sales:
    prices = member_sales_minor(conn, programme.merchant_id, calendar.case("s.occurred_at"))
    worth = {}
    for month in range(calendar.last + 1):
        terms = terms_in_force(programme.terms, calendar.ends_seconds(month))
        worth[month] = terms.point_value_micros if terms else 0
    return Sales(prices, worth, micros_of_minor(1, exponent_of(programme.currency)))
