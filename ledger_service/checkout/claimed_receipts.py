"""What a sale that is to earn asks of claims: whether its receipt was answered by hand before (INV-10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ledger_service.checkout.scene import Scene
from ledger_service.kernel.ids import id_text
from ledger_service.points.receipts.book import Look
from ledger_service.points.receipts.rules import Sold, code_mark, reference_mark


def numbers_of(merchant_id: int, store_gln: int, reference: str) -> tuple[bytes, ...]:
    """The marks by which a sale's reference is known."""
    return (reference_mark(merchant_id, store_gln, reference),)


def codes_of(merchant_id: int, sale_id: bytes, invoices: Iterable[str]) -> frozenset[bytes]:
    """The marks of the codes that a receipt may show: the sale's id, the numbers of its invoices."""
    return frozenset(code_mark(merchant_id, code) for code in (id_text(sale_id), *invoices))


def look_for(numbers: Iterable[bytes], codes: Iterable[bytes], member_id: int | None) -> Look:
    """What to look up."""
    return Look((*numbers, *sorted(codes)), member_id)


def sold_at(scene: Scene, place: tuple[bytes, int], at: datetime, amount_minor: int) -> Sold:
    """The sale as its receipt shows it, by the store's clock; ``place`` is its id and its store."""
    zone = (scene.places.zone_of(place[1]) if scene.places is not None else None) or UTC
    return Sold(*place, at.astimezone(zone).date(), amount_minor)
