"""What a merchant types as an amount that it does not owe is that amount, or nothing."""

from __future__ import annotations

import pytest

from ledger_service.web.screens.merchant import _micros


@pytest.mark.parametrize(
    ("typed", "exponent", "micros"),
    [
        ("12.5", 2, "12500000"), (" 7 ", 0, "7000000"), ("0,05", 2, "0050000"),
        ("1234567890", 2, "1234567890000000"), ("9" * 16, 2, ""), ("-5", 2, ""), ("12.345", 2, ""),
        ("1.5", 0, ""), ("1,000.50", 2, ""), ("", 2, ""), ("twelve", 2, ""),
    ],
)  # fmt: skip
def test_an_amount_is_never_taken_for_millionths(typed: str, exponent: int, micros: str) -> None:
    assert _micros(typed, exponent) == micros
