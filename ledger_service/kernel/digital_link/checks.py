"""What parts of a value must be beyond their length: character sets, check characters, codes, ranges."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from itertools import count, islice
from math import isqrt
from types import MappingProxyType

from ledger_service.kernel.digital_link import codes, coupons, dates
from ledger_service.kernel.gs1 import check_digit

_DIGITS = frozenset(string.digits)
_SET_82 = "!\"%&'()*+,-./" + string.digits + ":;<=>?" + string.ascii_uppercase + "_" + string.ascii_lowercase
_SET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_WEIGHT_82 = {character: weight for weight, character in enumerate(_SET_82)}
_SHORTEST_COMPANY = 4
_LATITUDES, _LONGITUDES = 1_800_000_000, 3_600_000_000
_IBAN = re.compile(r"[A-Z]{2}[0-9A-Z]{9,32}")
_MOST_PADS = 2
# Media of AIDC: what ICCBBA has given out, and what is free for national use.
_MEDIA = frozenset(range(1, 11)) | frozenset(range(80, 100))

ALPHABETS = MappingProxyType({
    "N": _DIGITS,
    "X": frozenset(_SET_82),
    "Y": frozenset("#-/" + string.digits + string.ascii_uppercase),
    "Z": frozenset("-_=" + string.ascii_letters + string.digits),
})  # fmt: skip


def check_pair(body: str) -> str:
    """The two check characters of a GMN: primes as weights from the right, modulo 1021, as two of 32."""
    total = sum(w * _WEIGHT_82[c] for w, c in zip(_primes(len(body)), reversed(body), strict=True)) % 1021
    return _SET_32[total >> 5] + _SET_32[total & 31]


def _primes(how_many: int) -> list[int]:
    def is_prime(n: int) -> bool:
        return all(n % d for d in range(2, isqrt(n) + 1))

    return list(islice((n for n in count(2) if is_prime(n)), how_many))


def _has_check_digit(text: str) -> bool:
    return int(text[-1]) == check_digit(text[:-1])


def _has_check_pair(text: str) -> bool:
    return len(text) > 1 and text[-2:] == check_pair(text[:-2])


def _begins_with_company(text: str) -> bool:
    return len(text) >= _SHORTEST_COMPANY and _DIGITS.issuperset(text[:_SHORTEST_COMPANY])


def _is_padded(text: str) -> bool:
    """Base 64 for URLs, whose padding may be left out, and otherwise fills up to three."""
    body = text.rstrip("=")
    pads = len(text) - len(body)
    return "=" not in body and (not pads or (pads <= _MOST_PADS and len(text) % 3 == 0))


def _is_escaped(text: str) -> bool:
    return re.search(r"%(?![0-9A-Fa-f]{2})", text) is None


def _is_iban(text: str) -> bool:
    if not _IBAN.fullmatch(text) or text[:2] not in codes.COUNTRY_LETTERS:
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _is_piece_of_total(text: str) -> bool:
    half = len(text) // 2
    return 0 < int(text[:half]) <= int(text[half:])


def _is_place_of_many(text: str) -> bool:
    found = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", text)
    return found is not None and int(found[1]) <= int(found[2])


CHECKS: MappingProxyType[str, Callable[[str], bool]] = MappingProxyType({
    "check": _has_check_digit,
    "check-pair": _has_check_pair,
    "company": _begins_with_company,
    "company-2": lambda text: _begins_with_company(text[1:]),
    "country": codes.COUNTRY_NUMBERS.__contains__,
    "country-letters": codes.COUNTRY_LETTERS.__contains__,
    "country-or-999": lambda text: text == "999" or text in codes.COUNTRY_NUMBERS,
    "coupon": coupons.is_coupon,
    "currency": codes.CURRENCY_NUMBERS.__contains__,
    "date": dates.is_date,
    "escaped": _is_escaped,
    "full-date": dates.is_date,
    "hour": dates.is_hour,
    "hyphen": lambda text: text == "-",
    "iban": _is_iban,
    "importer": lambda text: text in "-_" + string.digits + string.ascii_letters,
    "latitude": lambda text: int(text) <= _LATITUDES,
    "longitude": lambda text: int(text) <= _LONGITUDES,
    "medium": lambda text: int(text) in _MEDIA,
    "minute-of-day": dates.is_minute_of_day,
    "month": dates.is_date_or_month,
    "no-leading-zero": lambda text: not text.startswith("0"),
    "nonzero": lambda text: int(text) > 0,
    "not-all-digits": lambda text: not _DIGITS.issuperset(text),
    "package": codes.PACKAGE_TYPES.__contains__,
    "padded": _is_padded,
    "piece-of-total": _is_piece_of_total,
    "place-of-many": _is_place_of_many,
    "positive-offer": coupons.is_positive_offer,
    "sex": lambda text: text in "0129",
    "sixtieth": dates.is_sixtieth,
    "winding": lambda text: text in "019",
    "yesno": lambda text: text in "01",
    "zero": lambda text: not text.strip("0"),
})  # fmt: skip
