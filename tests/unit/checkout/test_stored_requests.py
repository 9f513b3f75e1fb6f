"""Bodies about stored-value cards: read whole or refused by the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.checkout.line_parsing import parse_tenders
from ledger_service.checkout.stored.requests import parse_card_load, parse_card_sale
from ledger_service.kernel.errors import MalformedField

BODY = {"card": "ABCD", "amount_minor": 100, "currency": "USD", "reference": "中文",
        "tenders": [{"type": "cash", "amount_minor": 60}, {"type": "card", "amount_minor": 40}]}  # fmt: skip


def test_a_whole_body_is_read_and_shows_neither_code_nor_pin() -> None:
    read = parse_card_sale(BODY | {"pin": "0815", "cashier": "ann"})
    assert (read.paid_with, read.shown.pin, read.number) == ({"cash": 60, "card": 40}, "0815", None)
    (tender,) = parse_tenders([{"type": "stored_value", "amount_minor": 5, "card": "ABCD", "pin": "0815"}])
    assert not any(secret in f"{read!r}{tender!r}" for secret in ("ABCD", "0815"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tenders": [{"type": "points", "amount_minor": 100}]}, "tenders[0].type"),
        ({"tenders": [{"type": "stored_value", "amount_minor": 100}]}, "tenders[0].type"),
        ({"tenders": [{"type": "cash", "amount_minor": 99}]}, "tenders"),
        ({"pin": "12"}, "pin"),
        ({"pin": "٤٧١١"}, "pin"),
        ({"card": ""}, "card"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 1.5}, "amount_minor"),
        ({"member": "1"}, "member"),
        ({"value": 1}, "value"),
    ],
)
def test_a_card_is_bought_with_money_by_a_whole_body(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedField) as refused:
        parse_card_sale(BODY | change)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "tender",
    [{"type": "cash", "card": "A"}, {"type": "card", "pin": "1234"}, {"type": "stored_value", "pin": "1234"}],
)
def test_card_and_pin_belong_to_stored_value(tender: dict[str, Any]) -> None:
    with pytest.raises(MalformedField):
        parse_tenders([{"amount_minor": 1, **tender}])
    with pytest.raises(MalformedField):
        parse_card_load(BODY | {"pin": "1234"})  # a card is loaded without its PIN
