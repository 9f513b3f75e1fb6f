"""A receipt is found among a busy store's, in an index and with few of them compared."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, select

from ledger_service.checkout import claimed_sales
from ledger_service.checkout.claimed_sales import ReceiptSales, may_spell
from ledger_service.checkout.models import imported_sale, sale
from ledger_service.claims.ports import Receipt
from ledger_service.points.receipts.rules import bare
from tests.integration.checkout.shop import GROCER

from .office import Office

SPELT = ("R-0017", "r17", "Ｒ１７", "#R 017.", "R_0017", "R%17", "ℛ17", "№17", "17", "ß1", "!%_", "\u212a-9")


def receipt(office: Office, reference: str) -> Receipt:
    return Receipt(GROCER, GROCER, "UTC", office.shop.clock.at.date(), reference, 1_000, None)


def moved_in(office: Office, references: tuple[str, ...]) -> None:
    owner = office.shop.enrol()
    with office.shop.database.begin() as conn:
        conn.execute(insert(imported_sale), [
            {"sale_id": number.to_bytes(16), "merchant_id": GROCER, "member_id": owner.member_id,
             "reference": reference, "total_minor": 1_000, "occurred_at": office.shop.clock.at,
             "import_id": bytes(16)}
            for number, reference in enumerate(references)
        ])  # fmt: skip


@pytest.mark.parametrize("shown", [*SPELT, "SS1", "no17", "k9"])
def test_no_spelling_is_passed_over(office: Office, shown: str) -> None:
    moved_in(office, SPELT)
    same = sorted(number for number, text in enumerate(SPELT) if bare(text) == bare(shown))
    with office.shop.database.begin() as conn:
        found = ReceiptSales(office.shop.catalogue)(conn, receipt(office, shown))
    assert same and sorted(int.from_bytes(one.sale_id) for one in found) == same[:5]


def test_of_a_busy_day_few_receipts_are_compared(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    moved_in(office, tuple(f"A-{number:05d}" for number in range(900)))
    compared: list[str] = []
    monkeypatch.setattr(claimed_sales, "bare", lambda text: compared.append(text) or bare(text))
    with office.shop.database.begin() as conn:
        found = ReceiptSales(office.shop.catalogue)(conn, receipt(office, "a 00421"))
    assert len(found) == 1 and len(compared) < 20


def test_sales_of_a_store_are_found_by_their_days(office: Office) -> None:
    """Not by reading whatever the store has ever sold."""
    office.sale("R1")
    asked: list[str] = []
    engine = office.shop.database.writing

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with office.shop.database.begin() as conn:
        (found,) = ReceiptSales(office.shop.catalogue)(conn, receipt(office, "r-01"))
        spelt = may_spell(conn, sale.c.reference, "r1")
        held = conn.execute(select(sale.c.sale_id).where(spelt)).scalar_one()
    event.remove(engine, "before_cursor_execute", note)
    assert held == found.sale_id
    assert any("sale.business_day IN" in one and "sale.reference" in one for one in asked)
