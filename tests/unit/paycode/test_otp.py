"""The 18-digit code: its parts, its minute, and what is no code at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel import otp
from ledger_service.kernel.gs1 import is_key, with_check_digit
from ledger_service.kernel.paycode_errors import PayCodeMalformed

SECRET = bytes(range(32))
NUMBER = "12345678"
NOW = 1_790_000_010


def shown(seconds: int, number: str = NUMBER) -> otp.DigitCode:
    """The code of a device at an instant, taken apart."""
    return otp.parse_digits(otp.digits_at(SECRET, number, seconds))


def test_a_code_has_prefix_device_one_time_part_and_check_digit() -> None:
    text = otp.digits_at(SECRET, NUMBER, NOW)
    assert len(text) == 18
    assert is_key(text, 18)
    assert text.startswith("71" + NUMBER)
    assert otp.parse_digits(text).device_number == NUMBER


def test_a_code_is_right_in_its_step_and_one_step_before_and_after() -> None:
    code = shown(NOW)
    step = otp.step_of(NOW)
    assert otp.matching_step(SECRET, code, NOW) == step
    for late in (-30, 30):
        assert otp.matching_step(SECRET, code, NOW + late) == step
    for late in (-60, 60, 3_600):
        assert otp.matching_step(SECRET, code, NOW + late) is None


def test_another_secret_or_device_makes_another_code() -> None:
    assert otp.matching_step(bytes(32), shown(NOW), NOW) is None
    foreign = otp.DigitCode("87654321", shown(NOW).one_time_part)
    assert otp.matching_step(SECRET, foreign, NOW) is None


def test_codes_of_many_steps_are_spread_over_all_seven_digits() -> None:
    parts = [otp.one_time_part(SECRET, NUMBER, step) for step in range(2_000)]
    assert len(set(parts)) > 1_990
    assert all(len(part) == 7 for part in parts)
    assert any(part.startswith("0") for part in parts)


@pytest.mark.parametrize(
    "text", ["", "1" * 17, "1" * 19, "７１" + "1" * 16, "71 345678901234567", "71" + "a" * 16, "-" * 18]
)
def test_what_is_not_18_digits_is_malformed(text: str) -> None:
    with pytest.raises(PayCodeMalformed):
        otp.parse_digits(text)
    assert not otp.looks_like_digits(text)


def test_a_wrong_check_digit_or_prefix_is_malformed_before_any_secret_is_touched() -> None:
    good = otp.digits_at(SECRET, NUMBER, NOW)
    with pytest.raises(PayCodeMalformed):
        otp.parse_digits(good[:-1] + str((int(good[-1]) + 1) % 10))
    with pytest.raises(PayCodeMalformed):
        otp.parse_digits(with_check_digit("13" + good[2:17]))


@given(st.integers(1, 10**8 - 2))
def test_neighbouring_devices_have_different_numbers_of_eight_digits(device_id: int) -> None:
    first, second = otp.device_number(device_id), otp.device_number(device_id + 1)
    assert first != second
    assert len(first) == len(second) == 8


def test_no_two_of_many_devices_share_a_number() -> None:
    assert len({otp.device_number(i) for i in range(1, 100_000)}) == 99_999


@pytest.mark.parametrize("device_id", [0, -1, 10**8])
def test_there_is_no_number_beyond_a_hundred_million_devices(device_id: int) -> None:
    with pytest.raises(ValueError):
        otp.device_number(device_id)
