"""The 18-digit pay code for tills that scan only digits: prefix 2, device 8, one-time part 7, check digit 1.

The one-time part is HMAC-SHA-256 over the device number and the 30-second step, cut to seven
digits. One step of tolerance to either side lets a code live for about a minute and a phone's
clock stray by half of one; each step of a device is good for one use.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.kernel.gs1 import is_key, with_check_digit
from ledger_service.kernel.paycode_errors import PayCodeMalformed

PREFIX = "71"
CODE_DIGITS = 18
STEP_SECONDS = 30
TOLERANCE_STEPS = 1
DEVICE_DIGITS = 8
_ONE_TIME_DIGITS = 7
_GREATEST_STEP = 2**32 - 1
_LABEL = b"alliance pay code digits v1"


@dataclass(frozen=True, slots=True)
class DigitCode:
    """The parts of eighteen digits: whose device they name and what they claim."""

    device_number: str
    one_time_part: str


def looks_like_digits(text: str) -> bool:
    """Whether a till meant the 18-digit form: eighteen ASCII digits, right or wrong."""
    return len(text) == CODE_DIGITS and text.isascii() and text.isdigit()


def parse_digits(text: str) -> DigitCode:
    """The parts of an 18-digit code.

    Raises:
        PayCodeMalformed: another length, prefix or alphabet, or a wrong check digit.
    """
    if not is_key(text, CODE_DIGITS):
        raise PayCodeMalformed("check digit" if looks_like_digits(text) else "digits")
    if not text.startswith(PREFIX):
        raise PayCodeMalformed("prefix")
    return DigitCode(text[2:10], text[10:17])


def step_of(seconds: int) -> int:
    """The 30-second step that an instant (seconds since 1970) lies in."""
    return seconds // STEP_SECONDS


def last_second(step: int) -> int:
    """The last second (since 1970) at which a code of the step is right."""
    return (step + TOLERANCE_STEPS + 1) * STEP_SECONDS - 1


def one_time_part(secret: bytes, device_number: str, step: int) -> str:
    """The seven digits of one step: the HMAC's first 8 bytes modulo ten million (bias below 1e-12)."""
    mac = hmac.digest(secret, _LABEL + device_number.encode() + step.to_bytes(8, "big"), sha256)
    return f"{int.from_bytes(mac[:8], 'big') % 10**_ONE_TIME_DIGITS:0{_ONE_TIME_DIGITS}d}"


def digits_at(secret: bytes, device_number: str, seconds: int) -> str:
    """The 18 digits that a device shows at an instant."""
    return with_check_digit(PREFIX + device_number + one_time_part(secret, device_number, step_of(seconds)))


def matching_step(secret: bytes, digits: DigitCode, seconds: int) -> int | None:
    """The step within tolerance whose one-time part the code shows, or None; always the same work."""
    now = step_of(seconds)
    found: int | None = None
    for step in range(max(now - TOLERANCE_STEPS, 0), min(now + TOLERANCE_STEPS, _GREATEST_STEP) + 1):
        shown = one_time_part(secret, digits.device_number, step)
        if hmac.compare_digest(shown, digits.one_time_part):
            found = step
    return found


def device_secret(master: bytes, device_number: str) -> bytes:
    """The one-time secret of a device, derived, so that no table holds it."""
    return hmac.digest(master, b"alliance device secret v1" + device_number.encode(), sha256)


def device_number(device_id: int) -> str:
    """The eight digits that name a device: a fixed permutation, so that neighbours look unrelated.

    Raises:
        ValueError: an id beyond the hundred million that eight digits can name.
    """
    if not 0 < device_id < 10**DEVICE_DIGITS:
        raise ValueError("no eight-digit number for this device id")
    return f"{(device_id * 61_803_399 + 27_182_818) % 10**DEVICE_DIGITS:0{DEVICE_DIGITS}d}"
