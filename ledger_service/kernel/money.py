"""Money: integer minor units with their currency, and settlement value in integer micros."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import MalformedField

# Index is the exponent of the currency: a cent is 10,000 micros, a yen 1,000,000.
_MICROS_OF_ONE_MINOR = (1_000_000, 100_000, 10_000, 1_000)
# ISO 4217 minor-unit exponents that differ from 2, for the currencies an alliance may settle in.
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_CODES_WITH_TWO = frozenset(
    {
        *("AED", "ARS", "AUD", "BDT", "BGN", "BRL", "CAD", "CHF", "CNY", "COP", "CZK", "DKK", "EGP", "EUR"),
        *("GBP", "HKD", "HUF", "IDR", "ILS", "INR", "KES", "LKR", "MAD", "MOP", "MXN", "MYR", "NGN", "NOK"),
        *("NZD", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD"),
        *("UAH", "USD", "UYU", "ZAR"),
    }
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency: ``minor`` units of ``10**-exponent`` of it each."""

    minor: int
    currency: str

    @property
    def exponent(self) -> int:
        """Decimal places of the minor unit (ISO 4217)."""
        return exponent_of(self.currency)


def exponent_of(currency: str) -> int:
    """Decimal places of a currency's minor unit.

    Raises:
        MalformedField: a code that is not a currency we know.
    """
    if currency in _CODES_WITH_TWO:
        return 2
    if currency in _EXPONENTS:
        return _EXPONENTS[currency]
    raise MalformedField("currency", "must be an ISO 4217 code that this alliance knows")


def minor_of_micros_floor(micros: int, exponent: int) -> int:
    """Whole minor units in a settlement value, rounded down; micros are 10^-6 of the currency."""
    return micros // _MICROS_OF_ONE_MINOR[exponent]


def micros_of_minor(minor: int, exponent: int) -> int:
    """The exact settlement value of minor units."""
    return minor * _MICROS_OF_ONE_MINOR[exponent]


def share_floor(total: int, part: int, whole: int) -> int:
    """``total * part / whole`` rounded down; zero where ``whole`` is zero.

    Differences of this function at growing ``part`` telescope, which is how any split of a refund
    gives the same total as one whole refund (INV-13).
    """
    return total * part // whole if whole else 0
