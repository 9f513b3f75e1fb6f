"""Numbers and carriers have the form of the law, and a number is looked for within its own period."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger_service.checkout.invoice_parsing import parse_invoice
from ledger_service.checkout.invoices import Invoice, Paper, Scheme
from ledger_service.kernel.errors import MalformedField

TW: dict[str, Any] = {"scheme": "tw", "number": "AB12345678"}


def carried(kind: str, value: str) -> dict[str, Any]:
    return {**TW, "carrier": {"kind": kind, "id": value}}


@pytest.mark.parametrize(
    "given",
    [
        TW,
        carried("mobile_barcode", "/ABC+-.9"),
        carried("citizen_certificate", "AB12345678901234"),
        carried("member_card", "card-77"),
        carried("donation", "919"),
        {"scheme": "cn", "number": "1" * 20},
        {"scheme": "cn", "number": "1" * 18},
    ],
)
def test_a_number_in_the_form_of_the_law_is_read_and_shown_again(given: dict[str, Any]) -> None:
    read = parse_invoice(given, Paper.INVOICE)
    assert read is not None
    assert read.view() == given


@pytest.mark.parametrize(
    "given",
    [
        [],
        {"scheme": "tw"},
        {"scheme": "de", "number": "AB12345678"},
        {"scheme": ["tw"], "number": "AB12345678"},
        {**TW, "number": "ab12345678"},
        {**TW, "number": "AB1234567"},
        {**TW, "number": "AB12345678\n"},
        {**TW, "number": "AB1234567８"},
        {**TW, "number": 12345678},
        {"scheme": "cn", "number": "1" * 19},
        {"scheme": "cn", "number": "1" * 20, "carrier": {"kind": "donation", "id": "919"}},
        carried("mobile_barcode", "ABC1234"),
        carried("mobile_barcode", "/abc1234"),
        carried("citizen_certificate", "A123456789012345"),
        carried("donation", "12"),
        carried("pigeon", "1"),
        {**TW, "carrier": {"kind": "donation"}},
        {**TW, "paper": "invoice"},
    ],
)
def test_any_other_number_or_carrier_is_refused(given: Any) -> None:
    with pytest.raises(MalformedField) as refusal:
        parse_invoice(given, Paper.INVOICE)
    assert refusal.value.field.startswith("invoice")


def test_an_allowance_has_no_carrier() -> None:
    assert parse_invoice({"scheme": "tw", "number": "R001"}, Paper.ALLOWANCE) is not None
    assert parse_invoice(None, Paper.ALLOWANCE) is None
    with pytest.raises(MalformedField):
        parse_invoice({**TW, "carrier": None}, Paper.ALLOWANCE)


def test_a_taiwanese_number_comes_again_after_its_two_months_by_the_clock_of_taipei() -> None:
    number = Invoice(Scheme.TAIWAN, Paper.INVOICE, "AB12345678")
    last_evening = datetime(2026, 2, 28, 15, 59, tzinfo=UTC)
    midnight = datetime(2026, 2, 28, 16, 0, tzinfo=UTC)
    assert number.period(midnight) == number.period(last_evening) + 1
    assert number.period(datetime(2026, 1, 1, tzinfo=UTC)) == number.period(last_evening)
    assert Invoice(Scheme.CHINA, Paper.INVOICE, "1" * 20).period(midnight) == 0
    assert Invoice(Scheme.TAIWAN, Paper.ALLOWANCE, "R1").period(midnight) == 0
