"""What the members room needs from outside: custodial keys, an end to an erased member's API keys, and
somebody who brings messages to members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Message:
    """What a carrier brings to a member: ``message_id`` is the same however often it is handed over.

    ``channel`` says what ``address`` is: a ``phone`` number (E.164) or an ``email`` address.
    """

    message_id: str
    channel: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    expires_at: datetime


class Carrier(Protocol):
    """Who brings messages to members."""

    def hand_over(self, message: Message) -> bool:
        """Whether the message was taken; False where it should be tried again."""


class PermitSigner(Protocol):
    """Who signs a spend permit with the custodial key of its account, under the limits of D1."""

    def pay_code_of(self, permit: SpendPermit) -> PayCode:
        """The permit as a signed pay code of this alliance."""
