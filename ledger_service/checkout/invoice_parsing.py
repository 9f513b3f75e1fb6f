"""Strict parsing of the number of an invoice or allowance and of its carrier."""

from __future__ import annotations

from ledger_service.checkout.fields import Fields
from ledger_service.checkout.invoices import Carrier, Invoice, Paper, Scheme, check_carrier, check_number
from ledger_service.kernel.errors import MalformedField


def parse_invoice(value: object, paper: Paper) -> Invoice | None:
    """The invoice or allowance of a body; None where the field is absent.

    Raises:
        MalformedField: a scheme or carrier that is none, a number or an id of another form.
    """
    if value is None:
        return None
    where = paper.value
    known = {"scheme", "number"} | ({"carrier"} if paper is Paper.INVOICE else set())
    fields = Fields(value, known, where)
    said = fields.get("scheme")
    if said not in tuple(Scheme):
        raise MalformedField(f"{where}.scheme", f"must be one of {', '.join(Scheme)}")
    scheme = Scheme(said)
    number = check_number(scheme, paper, fields.get("number"), f"{where}.number")
    carrier = fields.get("carrier") if paper is Paper.INVOICE else None
    if carrier is None:
        return Invoice(scheme, paper, number)
    if scheme is not Scheme.TAIWAN:
        raise MalformedField(f"{where}.carrier", "belongs to a Taiwanese invoice")
    inner = Fields(carrier, {"kind", "id"}, f"{where}.carrier")
    kind = inner.get("kind")
    if kind not in tuple(Carrier):
        raise MalformedField(f"{where}.carrier.kind", f"must be one of {', '.join(Carrier)}")
    return Invoice(scheme, paper, number, kind, check_carrier(kind, inner.get("id"), f"{where}.carrier.id"))
