"""The values of the two North American coupon identifiers: AI 8110 and AI 8112, read field by field."""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.kernel.digital_link.dates import is_date


class _Reader:
    """Digits, read from the left; what does not fit raises ValueError."""

    def __init__(self, digits: str) -> None:
        self._rest = digits

    def take(self, count: int) -> str:
        """The next digits, all of them there."""
        taken, self._rest = self._rest[:count], self._rest[count:]
        if len(taken) < count:
            raise ValueError("ends early")
        return taken

    def one_of(self, allowed: str) -> str:
        """The next digit, one of those allowed."""
        digit = self.take(1)
        if digit not in allowed:
            raise ValueError(f"{digit} is not one of {allowed}")
        return digit

    def counted(self, allowed: str, more: int = 0) -> str:
        """A digit that says how many follow, ``more`` added."""
        return self.take(int(self.one_of(allowed)) + more)

    def begins(self, digit: str) -> bool:
        """Whether the optional field of that number begins here; it is read past."""
        if not self._rest.startswith(digit):
            return False
        self._rest = self._rest[1:]
        return True

    def close(self) -> None:
        """Nothing is left."""
        if self._rest:
            raise ValueError("goes on after its end")


def is_positive_offer(digits: str) -> bool:
    """Whether the value is one of AI 8112: format, funder, offer, serial."""
    return _reads(_positive_offer, digits)


def is_coupon(digits: str) -> bool:
    """Whether the value is one of AI 8110: company, offer, value, up to three purchases, dates and flags."""
    return _reads(_coupon, digits)


def _reads(grammar: Callable[[_Reader], None], digits: str) -> bool:
    if not (digits.isascii() and digits.isdigit()):
        return False
    reader = _Reader(digits)
    try:
        grammar(reader)
        reader.close()
    except ValueError:
        return False
    return True


def _positive_offer(reader: _Reader) -> None:
    reader.one_of("01")
    reader.counted("0123456", 6)
    reader.take(6)
    reader.counted("0123456789", 6)


def _coupon(reader: _Reader) -> None:
    reader.counted("0123456", 6)
    reader.take(6)
    reader.counted("12345")
    _purchase(reader)
    if reader.begins("1"):
        reader.one_of("0123")
        _purchase(reader)
        _company_of_purchase(reader)
    if reader.begins("2"):
        _purchase(reader)
        _company_of_purchase(reader)
    _dates(reader)
    if reader.begins("5"):
        reader.counted("0123456789", 6)
    if reader.begins("6"):
        reader.counted("1234567", 6)
    if reader.begins("9"):
        for allowed in ("01256", "012", "0123456789", "01"):
            reader.one_of(allowed)


def _purchase(reader: _Reader) -> None:
    """Requirement, its code, and the family of goods."""
    reader.counted("12345")
    reader.one_of("012349")
    reader.take(3)


def _company_of_purchase(reader: _Reader) -> None:
    """Nine: the same company as the coupon's."""
    length = int(reader.one_of("01234569"))
    if length != 9:
        reader.take(length + 6)


def _dates(reader: _Reader) -> None:
    ends = reader.take(6) if reader.begins("3") else None
    begins = reader.take(6) if reader.begins("4") else None
    for date in (ends, begins):
        if date is not None and not is_date(date):
            raise ValueError(f"{date} is no date")
    if ends is not None and begins is not None and begins > ends:
        raise ValueError("ends before it begins")
