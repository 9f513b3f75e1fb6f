"""What every command of the checkout is given: the alliance, its limits, and who this process is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ledger_service.checkout.errors import WrongCurrency
from ledger_service.checkout.ports import PeriodSource, ReceiptSigner
from ledger_service.coupons.stored.showing import CardReader
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.money import exponent_of
from ledger_service.points.permits import CustodialLimits


@dataclass(frozen=True)
class Desk:
    """The constants of a process: alliance domain, settlement currency, limits, receipt key, worker name, the
    tags of ClearingHouses that were in force before, and what hashes stored-value cards (None: none are
    taken)."""

    domain: Domain
    currency: str
    limits: CustodialLimits
    receipts: ReceiptSigner
    period: PeriodSource
    worker: str
    former_tags: frozenset[bytes] = frozenset()
    cards: CardReader | None = None

    @cached_property
    def exponent(self) -> int:
        """Decimal places of the settlement currency."""
        return exponent_of(self.currency)

    def check_currency(self, currency: str) -> None:
        """The basket is in the currency of the alliance.

        Raises:
            WrongCurrency: it is not.
        """
        if currency != self.currency:
            raise WrongCurrency(currency, self.currency)


__all__ = ["CustodialLimits", "Desk"]
