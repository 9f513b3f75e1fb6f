"""A number in E.164 already is taken as it is only where the library would give back the same."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.members.identities import parse_identity


def by_the_library(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def taken(text: str) -> str | None:
    try:
        return parse_identity("phone", text).value
    except MalformedField:
        return None


def test_numbers_of_every_country_come_out_as_the_library_gives_them() -> None:
    random = Random("numbers")
    for country in [*phonenumbers.COUNTRY_CODE_TO_REGION_CODE, 999]:
        for length in (5, 7, 8, 9, 10, 11):
            text = f"+{country}{random.randrange(10 ** (length - 1), 10**length)}"
            assert taken(text) == by_the_library(text), text


@pytest.mark.parametrize("text", ["+4901511234567", "+390612345678", "+81312345678", "+5491123456789"])
def test_prefixes_and_leading_zeros_are_left_to_the_library(text: str) -> None:
    assert taken(text) == by_the_library(text)


def test_a_common_number_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonenumbers.parse", None)
    assert taken("+4915112345678") == "+4915112345678"
