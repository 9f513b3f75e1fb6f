"""The sale behind a member's receipt, and what it would have earned: what claims ask the checkout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, select

from ledger_service.checkout.models import imported_sale, invoice, sale
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.receipts.rules import bare
from ledger_service.points.rules import earn, percent_for, rule_in_force

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_MOST = 5


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
    """A sale that the receipt may be of; ``points`` by programme, without tiers, within a day's cap."""

    sale_id: bytes
    has_member: bool
    total_minor: int
    returned: bool
    points: Mapping[int, int]


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
        return SaleOfReceipt(record.sale_id, has_member, record.total_minor, back, self._earn(record))

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
    mine = (sale.c.merchant_id == receipt.merchant_id, sale.c.receipt != "")
    of_day = conn.execute(select(sale.c.sale_id, sale.c.reference).where(*mine, *_of_day(receipt)))
    wanted = bare(receipt.reference)
    return [row.sale_id for row in of_day if bare(row.reference) == wanted][:_MOST]


def _moved_in(conn: Connection, receipt: Shown) -> list[SaleOfReceipt]:
    """Old sales of the day with that reference that had a member; the old system named no store."""
    i = imported_sale.c
    begins, ends = _span(receipt)
    mine = (i.merchant_id == receipt.merchant_id, i.occurred_at >= begins, i.occurred_at < ends)
    rows = conn.execute(select(imported_sale).where(*mine, i.member_id.is_not(None)))
    wanted = bare(receipt.reference)
    found = [row for row in rows if bare(row.reference) == wanted]
    return [SaleOfReceipt(row.sale_id, True, row.total_minor, False, {}) for row in found[:_MOST]]


def _of_day(receipt: Shown) -> list[ColumnElement[bool]]:
    begins, ends = _span(receipt)
    return [sale.c.store_gln == receipt.store_gln, sale.c.occurred_at >= begins, sale.c.occurred_at < ends]


def _span(receipt: Shown) -> tuple[datetime, datetime]:
    zone = ZoneInfo(receipt.timezone)
    begins = datetime.combine(receipt.sold_on, time(), zone)
    return begins, datetime.combine(receipt.sold_on + timedelta(days=1), time(), zone)
