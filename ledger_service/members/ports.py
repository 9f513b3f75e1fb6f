"""What the members room needs from outside: custodial keys, and an end to an erased member's API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ledger_service.kernel.paycode import PayCode
from ledger_service.kernel.permits import SpendPermit


class CustodialKeys(Protocol):
    """Where custodial members' keys live; custody's client fulfils the first method as it is."""

    def custodial_addresses(self, accounts: Sequence[bytes]) -> list[bytes]:
        """The custodial signer of each account, in order."""


class MemberKeys(Protocol):
    """Who issues API keys; the merchants room's ``ApiKeys`` fulfils it."""

    def forget_member(self, conn: Connection, member_id: int, at: datetime) -> int:
        """Every API key of the member is worthless, its label gone; returns how many were in force."""


class PermitSigner(Protocol):
    """Who signs a spend permit with the custodial key of its account, under the limits of D1."""

    def pay_code_of(self, permit: SpendPermit) -> PayCode:
        """The permit as a signed pay code of this alliance."""
