"""Money, numbers, dates and instants as a language writes them; all integers and aware instants before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal

from ledger_service.kernel.clock import parse_instant

_LOCALES = {"en": "en", "zh-Hans": "zh_Hans_CN", "zh-Hant": "zh_Hant_TW"}
# A time zone as somebody who reads the language may have it; English is read in all of them.
_ZONES = {"en": "UTC", "zh-Hans": "Asia/Shanghai", "zh-Hant": "Asia/Taipei"}
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Formats:
    """How a page writes figures: the language, the alliance's currency and its decimals."""

    language: str
    currency: str
    exponent: int

    @property
    def locale(self) -> str:
        """The name that CLDR has for the language."""
        return _LOCALES[self.language]

    @property
    def zone(self) -> str:
        """A time zone (IANA) as an example."""
        return _ZONES[self.language]

    def of(self, names: Mapping[str, str]) -> str:
        """A name that is kept by language: in this one, in English, or in any; empty where there is none."""
        return names.get(self.language) or names.get("en") or next(iter(names.values()), "")

    def money(self, minor: int | str | None) -> str:
        """An amount in minor units."""
        if minor is None:
            return "–"
        amount = Decimal(int(minor)).scaleb(-self.exponent)
        return str(format_currency(amount, self.currency, locale=self.locale))

    def micros(self, micros: int | str | None) -> str:
        """An amount in millionths of the currency, to its minor unit; what is below is dropped."""
        if micros is None:
            return "–"
        step = 10 ** (6 - self.exponent)
        whole = abs(int(micros)) // step
        return self.money(-whole if int(micros) < 0 else whole)

    def exact(self, micros: int | str | None) -> str:
        """An amount in millionths with every decimal that it has: a net, what one point is worth."""
        if micros is None:
            return "–"
        amount = Decimal(int(micros)).scaleb(-6).normalize()
        if -int(amount.as_tuple().exponent) <= self.exponent:
            return self.micros(micros)
        exact = format_currency(
            amount, self.currency, locale=self.locale, currency_digits=False, decimal_quantization=False
        )
        return str(exact)

    def signed(self, value: int) -> str:
        """A whole number that came or went, with its sign."""
        return f"{'+' if value >= 0 else ''}{self.number(value)}"

    def number(self, value: int | str | None) -> str:
        """A whole number with its separators."""
        return "–" if value is None else str(format_decimal(int(value), locale=self.locale))

    def instant(self, text: str | datetime | None, zone: str | None = None) -> str:
        """Day and minute of an instant, in a zone or UTC, which then is named."""
        if not text:
            return "–"
        at = text if isinstance(text, datetime) else parse_instant(text, "at")
        shown = format_datetime(at, "medium", tzinfo=ZoneInfo(zone) if zone else _UTC, locale=self.locale)
        return str(shown) if zone else f"{shown} UTC"

    def day(self, text: str | datetime | None, zone: str | None = None) -> str:
        """The day of an instant in a zone or UTC."""
        if not text:
            return "–"
        at = text if isinstance(text, datetime) else parse_instant(text, "at")
        return str(format_date(at.astimezone(ZoneInfo(zone) if zone else _UTC), "medium", locale=self.locale))

    def date(self, text: str) -> str:
        """A day of the calendar, ``2017-01-03``, which is in no zone."""
        return str(format_date(date.fromisoformat(text), "medium", locale=self.locale))

    def until(self, text: str | datetime, now: datetime) -> str:
        """How long it is until an instant, or since, in words."""
        at = text if isinstance(text, datetime) else parse_instant(text, "at")
        return str(format_timedelta(at - now, add_direction=True, locale=self.locale))
