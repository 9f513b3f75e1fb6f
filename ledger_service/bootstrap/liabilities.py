"""The liability report of a programme, from ledger, sales and the chain's mirror in one snapshot."""

from __future__ import annotations

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
from ledger_service.settlement.liability.flows import flows_of, in_lots
from ledger_service.settlement.liability.report import Report, Subject, Tie, document_of, report_of
from ledger_service.settlement.liability.revenue import Sales


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
    calendar = Calendar(as_of, programme.zone)
    flows = flows_of(conn, programme.programme_id, calendar)
    chain = {total.programme_id: total.outstanding for total in programme_totals(conn)}
    tie = Tie(
        sum(flow.points for flow in flows), in_lots(conn, programme.programme_id),
        chain.get(programme.programme_id, 0), waiting_up_to(conn, newest_intent(conn)),
    )  # fmt: skip
    subject = Subject(code, programme.currency, programme.epoch_ends, NEVER_SECONDS, calendar)
    return report_of(subject, flows, tie, _sales(conn, programme, calendar))


def liability_document(conn: Connection, code: str, as_of: date) -> dict[str, Any]:
    """``liability_of`` as JSON; fulfils ``api.paper_ports.LiabilityReport``."""
    return document_of(liability_of(conn, code, as_of))


def _sales(conn: Connection, programme: Programme, calendar: Calendar) -> Sales:
    prices = member_sales_minor(conn, programme.merchant_id, calendar.case("s.occurred_at"))
    worth = {}
    for month in range(calendar.last + 1):
        terms = terms_in_force(programme.terms, calendar.ends_seconds(month))
        worth[month] = terms.point_value_micros if terms else 0
    return Sales(prices, worth, micros_of_minor(1, exponent_of(programme.currency)))
