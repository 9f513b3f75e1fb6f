"""Dates and times in values: two digits of a year are of this century."""

from __future__ import annotations

from calendar import monthrange


def is_date(text: str) -> bool:
    """YYMMDD or YYYYMMDD, a day that the calendar has."""
    return text[-2:] != "00" and is_date_or_month(text)


def is_date_or_month(text: str) -> bool:
    """As ``is_date``; the day 00 stands for the whole month."""
    year, month, day = int(text[:-4]), int(text[-4:-2]), int(text[-2:])
    if len(text) == len("YYMMDD"):
        year += 2000
    return year > 0 and 1 <= month <= 12 and day <= monthrange(year, month)[1]


def is_minute_of_day(text: str) -> bool:
    """HHMM."""
    return is_hour(text[:2]) and is_sixtieth(text[2:])


def is_hour(text: str) -> bool:
    """00 to 23."""
    return int(text) < 24


def is_sixtieth(text: str) -> bool:
    """Minutes or seconds, 00 to 59."""
    return int(text) < 60
