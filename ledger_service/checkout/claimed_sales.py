"""The sale behind a member's receipt, and what it would have earned: what claims ask the checkout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from ledger_service.checkout.models import imported_sale, invoice, sale
from ledger_service.checkout.queries import DAYS_AFTER, DAYS_BEFORE
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.merchants.business_day import day_number
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.receipts.rules import bare
from ledger_service.points.rules import earn, percent_for, rule_in_force

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_MOST = 5
_AT_ONCE = 500
_ESCAPE = "!"
_WILD = "%_!"


class Shown(Protocol):
    """What a receipt says."""

    @property
    def merchant_id(self) -> int:
        """Who sold."""

    @property
    def store_gln(self) -> int:
        """Where."""

    @property
    def timezone(self) -> str:
        """The store's zone."""

    @property
    def sold_on(self) -> date:
        """The store's day."""

    @property
    def reference(self) -> str:
        """The till's own reference."""

    @property
    def code(self) -> str | None:
        """The sale's id or the invoice's number, where the receipt shows one."""


@dataclass(frozen=True, slots=True)
class SaleOfReceipt:
    """A sale that the receipt may be of; ``points`` by programme, without tiers, within a day's cap.

    ``earned`` where it has given points to its member.
    """

    sale_id: bytes
    has_member: bool
    total_minor: int
    returned: bool
    points: Mapping[int, int]
    earned: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptSales:
    """Finds sales by receipts."""

    catalogue: CatalogueCache

    def __call__(self, conn: Connection, receipt: Shown) -> Sequence[SaleOfReceipt]:
        """The sales of the store and day with that reference, however it is spelt, or what the code names.

        At most five. What stands in an archive is too old for a claim, and is not found. A sale of an old
        system that moved in with its member has earned there.

        Locks: their rows.
        """
        wanted = _coded(conn, receipt) or _numbered(conn, receipt)
        locked = conn.execute(select(sale).where(sale.c.sale_id.in_(wanted)).with_for_update()).mappings()
        records = [record_of(dict(row)) for row in locked]
        return [*(self._found(record) for record in records), *_moved_in(conn, receipt)]

    def _found(self, record: SaleRecord) -> SaleOfReceipt:
        back = bool(record.returned.refunds)
        has_member = record.member_id is not None
        earned = any(one.points for one in record.earned)
        return SaleOfReceipt(record.sale_id, has_member, record.total_minor, back, self._earn(record), earned)

    def _earn(self, record: SaleRecord) -> dict[int, int]:
        at, found = seconds_floor(record.occurred_at), {}
        for programme in self.catalogue.current().by_issuer.get(record.merchant_id, ()):
            rule = rule_in_force(programme.rules, at)
            if rule is None:
                continue
            lines = record.lines
            cash = [(percent_for(rule, one.category, at), one.amount_minor - part) for one, part in lines]
            points = earn(rule, cash, rule.daily_cap).points
            if points:
                found[programme.programme_id] = points
        return found


def _coded(conn: Connection, receipt: Shown) -> list[bytes]:
    """The sale whose id, or those of the day whose invoice's number, the receipt's code is."""
    code, mine = receipt.code, (sale.c.merchant_id == receipt.merchant_id, sale.c.receipt != "")
    if code is None:
        return []
    if _HEX_ID.fullmatch(code):
        its = select(sale.c.sale_id).where(*mine, sale.c.sale_id == bytes.fromhex(code))
        return list(conn.execute(its).scalars())
    spellings = {code, "".join(sign for sign in code if sign.isalnum()).upper()}
    numbered = select(invoice.c.sale_id).where(
        invoice.c.merchant_id == receipt.merchant_id, invoice.c.number.in_(spellings)
    )
    its = select(sale.c.sale_id).where(*mine, sale.c.sale_id.in_(numbered), *_of_day(receipt))
    return list(conn.execute(its.limit(_MOST)).scalars())


def _numbered(conn: Connection, receipt: Shown) -> list[bytes]:
    s = sale.c
    # Found in the index of references, store by store and day by day, as a search by reference is.
    days = range(day_number(receipt.sold_on) - DAYS_BEFORE, day_number(receipt.sold_on) + DAYS_AFTER + 1)
    mine = (s.merchant_id == receipt.merchant_id, s.receipt != "", s.business_day.in_(days))
    spelt = may_spell(conn, s.reference, bare(receipt.reference))
    query = select(s.sale_id, s.reference).where(*mine, *_of_day(receipt), spelt)
    return [row.sale_id for row in _same_number(conn, query, receipt)]


def _moved_in(conn: Connection, receipt: Shown) -> list[SaleOfReceipt]:
    """Old sales of the day with that reference that had a member; the old system named no store."""
    i = imported_sale.c
    begins, ends = _span(receipt)
    mine = (i.merchant_id == receipt.merchant_id, i.occurred_at >= begins, i.occurred_at < ends)
    spelt = may_spell(conn, i.reference, bare(receipt.reference))
    query = select(i.sale_id, i.reference, i.total_minor).where(*mine, i.member_id.is_not(None), spelt)
    found = _same_number(conn, query, receipt)
    return [SaleOfReceipt(row.sale_id, True, row.total_minor, False, {}, True) for row in found]


def _same_number(conn: Connection, query: Select[Any], receipt: Shown) -> list[Row[Any]]:
    """The first few whose reference is the receipt's, read a little at a time."""
    wanted = bare(receipt.reference)
    with conn.execute(query.execution_options(yield_per=_AT_ONCE)) as rows:
        return list(islice((row for row in rows if bare(row.reference) == wanted), _MOST))


def may_spell(conn: Connection, column: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
    """Whether a reference may be ``wanted`` once it is bare, so that few of a day need to be compared here.

    Of plain letters it has all signs of ``wanted`` in their order; of any other nothing is said.
    """
    signs = "".join(f"%{_ESCAPE}{sign}" if sign in _WILD else f"%{sign}" for sign in wanted)
    if conn.dialect.name == "sqlite":
        beyond: ColumnElement[bool] = column.op("GLOB")("*[^ -~]*")
    else:
        beyond = func.octet_length(column) > func.char_length(column)
    return or_(column.ilike(signs + "%", escape=_ESCAPE), beyond)


def _of_day(receipt: Shown) -> list[ColumnElement[bool]]:
    begins, ends = _span(receipt)
    return [sale.c.store_gln == receipt.store_gln, sale.c.occurred_at >= begins, sale.c.occurred_at < ends]


def _span(receipt: Shown) -> tuple[datetime, datetime]:
    zone = ZoneInfo(receipt.timezone)
    begins = datetime.combine(receipt.sold_on, time(), zone)
    return begins, datetime.combine(receipt.sold_on + timedelta(days=1), time(), zone)
