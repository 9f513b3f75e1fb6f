"""The numbers of invoices and allowances inside a command's draft: one sale or refund for each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select, update

from ledger_service.checkout.invoices import Invoice
from ledger_service.checkout.models import invoice as invoice_table
from ledger_service.checkout.models import sale
from ledger_service.checkout.requests import Write
from ledger_service.checkout.return_errors import InvoiceNumberUsed
from ledger_service.db.workset import Draft, Load, Need, load_by

_KEY = ("merchant_id", "number", "scheme", "paper", "period")
INVOICE: Load = load_by(invoice_table, *_KEY)


def invoice_needs(write: Write, given: Invoice | None) -> list[Need]:
    """What ``record_invoice`` reads; nothing where there is no number."""
    return [] if given is None else [INVOICE.of(*_key(write, given))]


def record_invoice(
    draft: Draft, write: Write, given: Invoice | None, sale_id: bytes, refund_id: bytes | None = None
) -> dict[str, Any]:
    """The number stands for the sale or refund from now on; returns what an answer shows of it.

    Raises:
        InvoiceNumberUsed: the merchant has used it within its period.
    """
    if given is None:
        return {}
    key = _key(write, given)
    if draft.get(invoice_table, key) is not None:
        raise InvoiceNumberUsed(given.number)
    row = dict(zip(_KEY, key, strict=True))
    subject = {"sale_id": sale_id, "refund_id": refund_id}
    draft.add(invoice_table, {**row, **subject, "carrier": given.carrier, "carrier_id": given.carrier_id})
    # Answers are kept for ever and a carrier's id may name a person: it stands in its own row alone.
    return {given.paper.value: replace(given, carrier_id="").view()}


def forget_carriers(conn: Connection, member_id: int) -> None:
    """No carrier of the member's invoices names a person any more; the numbers stay, as the law wants."""
    theirs = select(sale.c.sale_id).where(sale.c.member_id == member_id)
    conn.execute(update(invoice_table).where(invoice_table.c.sale_id.in_(theirs)).values(carrier_id=""))


def _key(write: Write, given: Invoice) -> tuple[Any, ...]:
    merchant_id = write.caller.merchant_id
    return merchant_id, given.number, given.scheme.value, given.paper.value, given.period(write.at)
