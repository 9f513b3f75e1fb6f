"""A capture as its row keeps it, and as the till and a later refund see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.basket import Tender, detail_of, detail_values, tender_values
from ledger_service.checkout.requests import Line
from ledger_service.checkout.reversal_rules import SoldLine
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.points import Leg


@dataclass(frozen=True, slots=True)
class SpentRecord:
    """The redemption of a capture: its operation, legs, and (programme, points, value) per programme.

    ``custodial`` is what let custody sign for the member (``Presence.custodial_by``); None where it signed
    itself.
    """

    op_id: bytes
    leaf: bytes
    legs: tuple[Leg, ...]
    paid: tuple[tuple[int, int, int], ...]
    custodial: str | None = None

    @property
    def value_minor(self) -> int:
        """What the points paid."""
        return sum(value for _, _, value in self.paid)


@dataclass(frozen=True, slots=True)
class EarnedRecord:
    """What a capture earned of one programme and by which rule; ``points`` before an old debt was collected.

    ``state`` is available, pending or none (with ``refused`` saying why); ``leaf`` is the issue's, hex,
    empty where no issue was sent. ``value_micros`` is a point's worth at the time. Pending points wait for
    ``vests_at`` (seconds), or until then for the event that ``awaits`` names. ``tier`` is what
    ``tiering.Applied`` keeps of the tier and its rate, None where the programme had no ladder in force.
    ``met`` are the places of those multipliers that are for some members alone and meant this one.
    """

    programme: int
    points: int
    collected: int
    rule_version: int
    epoch: int
    expires_at: int
    state: str
    base_minor: int
    op_id: str
    leaf: str
    value_micros: int
    refused: str | None = None
    vests_at: int = 0
    awaits: str | None = None
    tier: list[Any] | None = None
    met: list[int] | None = None


@dataclass(frozen=True, slots=True)
class ReturnedRecord:
    """The cumulative refunded state of a capture and everything that was given back or recovered for it.

    ``recovered`` per earned programme: earn undone, then points from pending, from available, and debt.
    ``settled`` holds, by programme, the pieces that had come back when its return window was found ended, and
    what was withheld for it by then (``reversal_rules.Settled``): its earn is undone for these and no more.
    ``claim`` is what is undone of a granted claim's points: its adjustment, the pieces that were back before,
    and points undone, taken and owed. ``points_first`` is the order that the seller's rule had when the first
    of it came back.
    """

    pieces: dict[str, int] = field(default_factory=dict)
    cash_minor: int = 0
    points_minor: int = 0
    withheld_minor: int = 0
    restored: list[int] = field(default_factory=list)
    recovered: list[list[int]] = field(default_factory=list)
    settled: dict[str, tuple[dict[str, int], str]] = field(default_factory=dict)
    refunds: list[str] = field(default_factory=list)
    points_first: bool = False
    claim: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SaleRecord:
    """One capture."""

    sale_id: bytes
    kind: str
    merchant_id: int
    store_gln: int
    terminal_id: str
    member_id: int | None
    hold_id: bytes | None
    reference: str
    currency: str
    lines: tuple[tuple[Line, int], ...]
    spent: SpentRecord | None
    earned: tuple[EarnedRecord, ...]
    receipt: dict[str, Any]
    occurred_at: datetime
    returned: ReturnedRecord = ReturnedRecord()
    tenders: tuple[Tender, ...] = ()
    business_day: int | None = None
    cashier: str | None = None

    @property
    def total_minor(self) -> int:
        """The basket."""
        return sum([line.amount_minor for line, _ in self.lines])

    @property
    def points_value_minor(self) -> int:
        """The part that points paid."""
        return self.spent.value_minor if self.spent is not None else 0

    def sold_lines(self) -> list[SoldLine]:
        """The lines as the rules of reversal see them."""
        return [
            SoldLine(line.line, line.quantity, line.amount_minor - part, part) for line, part in self.lines
        ]

    def programmes(self) -> set[int]:
        """The ids of the programmes that it spent or earned points of."""
        spent = () if self.spent is None else self.spent.legs
        return {leg.programme for leg in spent} | {e.programme for e in self.earned}

    def row(self) -> dict[str, Any]:
        """The row of ``sale``."""
        return {
            "sale_id": self.sale_id,
            "kind": self.kind,
            "merchant_id": self.merchant_id,
            "store_gln": self.store_gln,
            "terminal_id": self.terminal_id,
            "member_id": self.member_id,
            "hold_id": self.hold_id,
            "reference": self.reference,
            "currency": self.currency,
            "total_minor": self.total_minor,
            "lines": _text([_line_values(line, part) for line, part in self.lines]),
            "spent": _spent_text(self.spent),
            "earned": earned_text(self.earned),
            "returned": returned_text(self.returned),
            "receipt": _text(self.receipt),
            "occurred_at": self.occurred_at,
            "tenders": _text([tender_values(t) for t in self.tenders]) if self.tenders else None,
            "business_day": self.business_day,
            "cashier": self.cashier,
        }


def record_of(row: Mapping[str, Any]) -> SaleRecord:
    """The capture of a row of ``sale``.

    Raises:
        SaleArchived: the row says only where it stands.
    """
    stored = orjson.loads(row["lines"])
    if isinstance(stored, str):
        raise SaleArchived(id_text(row["sale_id"]), stored)
    lines = [line_of(values) for values in stored]
    earned = tuple(EarnedRecord(*values) for values in orjson.loads(row["earned"]))
    returned = ReturnedRecord(**orjson.loads(row["returned"])) if row["returned"] else ReturnedRecord()
    plain = ("sale_id", "kind", "merchant_id", "store_gln", "terminal_id", "member_id", "hold_id")
    return SaleRecord(
        **{name: row[name] for name in (*plain, "reference", "currency", "occurred_at", *_SHIFT)},
        lines=tuple(lines),
        spent=_spent_of(row["spent"]),
        earned=earned,
        receipt=orjson.loads(row["receipt"]),
        returned=returned,
        tenders=tenders_of(row["tenders"]) if row["tenders"] else (),
    )


def operations_of(row: Mapping[str, Any]) -> list[bytes]:
    """The ids of what the sale of a row redeemed and issued; reads no line, as ``record_of`` has to."""
    spent = [bytes.fromhex(orjson.loads(row["spent"])[0])] if row["spent"] else []
    earned = [EarnedRecord(*values) for values in orjson.loads(row["earned"])]
    return spent + [bytes.fromhex(e.op_id) for e in earned if e.points]


def tenders_of(text: str) -> tuple[Tender, ...]:
    """The tenders that ``sale.tenders`` keeps."""
    return tuple(Tender(*values) for values in orjson.loads(text))


def points_value_of(spent: str) -> int:
    """What points paid, in minor units, of what ``sale.spent`` keeps."""
    return sum(value for _, _, value in orjson.loads(spent)[3]) if spent else 0


def spent_afterwards(spent: str) -> str:
    """What stays of ``sale.spent`` once an archive has the sale: which redemption it was and what it paid, by
    which the owners of its store are found (``spent_at``)."""
    if not spent:
        return ""
    op_id, leaf, _, paid = orjson.loads(spent)[:4]
    return _text([op_id, leaf, [], paid])


def earned_text(earned: tuple[EarnedRecord, ...]) -> str:
    """The text that ``sale.earned`` keeps."""
    return _text([_values(e) for e in earned])


def returned_text(returned: ReturnedRecord) -> str:
    """The text that ``sale.returned`` keeps; empty while nothing came back."""
    return _text(returned) if returned.refunds else ""


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _line_values(line: Line, part: int) -> list[Any]:
    values = [line.line, line.category, line.quantity, line.amount_minor, line.sku, line.gtin, part]
    return values if line.detail is None else [*values, detail_values(line.detail)]


def line_of(values: list[Any]) -> tuple[Line, int]:
    """A line of what ``sale.lines`` keeps, and what points paid of it, in minor units."""
    name, category, quantity, amount, sku, gtin, part, *more = values
    return Line(name, category, quantity, amount, sku, gtin, detail_of(more[0]) if more else None), part


def _values(earned: EarnedRecord) -> list[Any]:
    return list(_EARNED_FIELDS(earned))


_SHIFT = ("business_day", "cashier")
_EARNED_FIELDS = attrgetter(*(f.name for f in fields(EarnedRecord)))


def _spent_text(spent: SpentRecord | None) -> str:
    if spent is None:
        return ""
    legs = [[g.programme, g.terms_version, g.epoch, g.amount] for g in spent.legs]
    values = [id_text(spent.op_id), spent.leaf.hex(), legs, spent.paid]
    return _text(values if spent.custodial is None else [*values, spent.custodial])


def _spent_of(text: str) -> SpentRecord | None:
    if not text:
        return None
    op_id, leaf, legs, paid, *custodial = orjson.loads(text)
    return SpentRecord(
        bytes.fromhex(op_id),
        bytes.fromhex(leaf),
        tuple(Leg(*leg) for leg in legs),
        tuple((p, points, value) for p, points, value in paid),
        custodial[0] if custodial else None,
    )
