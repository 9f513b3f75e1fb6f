"""What the members room needs from outside: the addresses and permits of custodial keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ledger_service.kernel.paycode import PayCode
from ledger_service.kernel.permits import SpendPermit


class CustodialKeys(Protocol):
    """Where custodial members' keys live; custody's client fulfils the first method as it is."""

    def custodial_addresses(self, accounts: Sequence[bytes]) -> list[bytes]:
        """The custodial signer of each account, in order."""


class PermitSigner(Protocol):
    """Who signs a spend permit with the custodial key of its account, under the limits of D1."""

    def pay_code_of(self, permit: SpendPermit) -> PayCode:
        """The permit as a signed pay code of this alliance."""
