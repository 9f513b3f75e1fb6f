"""Card numbers and their check digits, PINs, how tries lock, and codes: pure rules."""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import is_key
from ledger_service.members.cards.errors import PinBlocked, PinLocked, PinTooEasy

# No payment card begins with 9 (ISO/IEC 7812), so a till's card reader never takes one for the other.
CARD_PREFIX = "9"
CARD_DIGITS = 16
CHECKS = ("luhn", "gs1", "none")
MOST_CARDS_AT_ONCE = 1_000
# A body holds 64 KB, and a number up to 64 characters of any alphabet.
MOST_NUMBERS_AT_ONCE = 200
MOST_CARDS_OF_MEMBER = 8
TAIL_DIGITS = 4

PIN = r"[0-9]{4,8}"
_PIN = re.compile(PIN)
TRIES_TO_LOCK = 3
TRIES_TO_BLOCK = 9
LOCK = timedelta(minutes=15)

CODE = r"[0-9]{8}"
_CODE = re.compile(CODE)
CODE_LIFE = timedelta(minutes=10)
DESK_LIFE = timedelta(minutes=30)
MOST_CODE_TRIES = 3
CODE_PAUSE = timedelta(minutes=1)
MOST_CODES_A_DAY = 6
# Codes of 18 digits count their nonces by half minutes since 1970, which stay below this for centuries.
FIRST_NONCE = 2**31
_CODE_LABEL = b"alliance till code v1"


def luhn_digit(body: str) -> int:
    """The last digit of a card's number (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def card_number(drawn: bytes) -> str:
    """A card's number from 8 random bytes: nobody makes up a neighbour's from his own."""
    room = CARD_DIGITS - len(CARD_PREFIX) - 1
    body = f"{CARD_PREFIX}{int.from_bytes(drawn, 'big') % 10**room:0{room}d}"
    return f"{body}{luhn_digit(body)}"


def check_number(number: str, check: str, field: str) -> None:
    """The number ends in the check digit that its scheme has.

    Raises:
        MalformedField: it does not.
    """
    digits = number.isascii() and number.isdigit()
    right = {
        "luhn": digits and int(number[-1]) == luhn_digit(number[:-1]),
        "gs1": digits and is_key(number, len(number)),
        "none": True,
    }
    if not right[check]:
        raise MalformedField(field, f"must end in its check digit ({check})")


def parse_pin(value: object, field: str) -> str:
    """A PIN as it was typed: 4 to 8 digits.

    Raises:
        MalformedField: anything else; the refusal does not repeat it.
    """
    if not isinstance(value, str) or not _PIN.fullmatch(value):
        raise MalformedField(field, "must be 4 to 8 digits")
    return value


def parse_code(value: object, field: str) -> str:
    """A one-time code as it was typed: 8 digits.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise MalformedField(field, "must be 8 digits")
    return value


def check_new_pin(pin: str) -> None:
    """The PIN is none of those that are tried first.

    Raises:
        PinTooEasy: one digit repeated, or a row up or down.
    """
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise PinTooEasy


def check_tries(tries: int, locked_until: datetime | None, at: datetime, most: int = TRIES_TO_BLOCK) -> None:
    """A PIN may be tried now; ``most`` wrong ones in a row end it.

    Raises:
        PinBlocked: never again, until a new one is set.
        PinLocked: with the whole seconds that remain.
    """
    if tries >= most:
        raise PinBlocked
    if locked_until is not None and at < locked_until:
        raise PinLocked(-((at - locked_until) // timedelta(seconds=1)))


def locked_after(tries: int, at: datetime) -> datetime | None:
    """Until when no PIN may be tried, once this many were wrong."""
    return at + LOCK if tries % TRIES_TO_LOCK == 0 else None


def ready_for_code(count: int, first: datetime | None, last: datetime | None) -> datetime | None:
    """From when a further code may be made, given how many were within a day and when; None for at once."""
    if first is None or last is None:
        return None
    return first + timedelta(days=1) if count >= MOST_CODES_A_DAY else last + CODE_PAUSE


def code_of(master: bytes, code_id: bytes) -> str:
    """The eight digits of a code, from its id and the secret that no table holds."""
    mac = hmac.digest(master, _CODE_LABEL + code_id, sha256)
    return f"{int.from_bytes(mac[:8], 'big') % 10**8:08d}"


def same_digits(one: str, other: str) -> bool:
    """Whether two texts are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)
