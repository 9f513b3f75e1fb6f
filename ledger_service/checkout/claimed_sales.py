"""The sale behind a member's receipt, and what it would have earned: what claims ask the checkout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select

from ledger_service.checkout.models import invoice, sale
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.catalogue import CatalogueCache
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
        """The sales of the store and day with that reference, at most five, or the one of the code.

        What stands in an archive is too old for a claim, and is not found.

        Locks: their rows.
        """
        whole = sale.c.receipt != ""
        chosen = select(sale).where(sale.c.merchant_id == receipt.merchant_id, whole, *_which(receipt))
        locked = conn.execute(chosen.limit(_MOST).with_for_update()).mappings()
        records = [record_of(dict(row)) for row in locked]
        return [self._found(record) for record in records]

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


def _which(receipt: Shown) -> list[ColumnElement[bool]]:
    code = receipt.code
    if code is not None and _HEX_ID.fullmatch(code):
        return [sale.c.sale_id == bytes.fromhex(code)]
    if code is not None:
        numbered = select(invoice.c.sale_id).where(
            invoice.c.merchant_id == receipt.merchant_id, invoice.c.number == code
        )
        return [sale.c.sale_id.in_(numbered), *_of_day(receipt)]
    return [*_of_day(receipt), func.lower(sale.c.reference) == receipt.reference.lower()]


def _of_day(receipt: Shown) -> list[ColumnElement[bool]]:
    zone = ZoneInfo(receipt.timezone)
    begins = datetime.combine(receipt.sold_on, time(), zone)
    ends = datetime.combine(receipt.sold_on + timedelta(days=1), time(), zone)
    return [sale.c.store_gln == receipt.store_gln, sale.c.occurred_at >= begins, sale.c.occurred_at < ends]
