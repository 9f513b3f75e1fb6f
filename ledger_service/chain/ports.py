"""What the chain room needs from outside and ``bootstrap`` hands it: keys, handlers, the ledger's view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ledger_service.kernel.events import ChainEvent

RELAYER = "relayer"
OPERATOR = "operator"
APPROVER = "approver"
SENDING_KEYS = (RELAYER, OPERATOR, APPROVER)

Handler = Callable[[Connection, Sequence[ChainEvent]], None]
"""Takes the facts of one db transaction inside it; what it raises takes the whole transaction back."""

Wall = Callable[[], datetime]
"""The wall clock; leases, retries and time stamps of our own rows, never a block's time."""


@dataclass(frozen=True, slots=True)
class SliceToSign:
    """One merchant's part of a batch: the leaves in their order (D2). ``beside`` is the contract that it is
    for, where that is not the ClearingHouse."""

    batch: int
    merchant: int
    leaves: tuple[bytes, ...]
    beside: bytes | None = None


class Keys(Protocol):
    """Who signs for the bridge; no private key enters this room."""

    def sign_slices(self, slices: Sequence[SliceToSign]) -> list[bytes | None]:
        """The merchants' signatures in order, 65 bytes each; None where a merchant's key is not to be had."""

    def sign_transaction(self, key: str, unsigned: bytes) -> bytes:
        """The signature (r, s, v) of a chain tx, given as ``Unsigned.encoded``, by the named sending key."""

    def address_of(self, key: str) -> bytes:
        """The address of a named key."""


class LedgerView(Protocol):
    """The SQL ledger as the reconciler sees it; rows are (account, programme, epoch, points) in the order of
    the first three, no zeros needed."""

    def lots(self, conn: Connection) -> Iterable[tuple[bytes, int, int, int]]:
        """What the cached balances say that the chain should hold once every intent is final."""

    def postings(self, conn: Connection) -> Iterable[tuple[bytes, int, int, int]]:
        """The same, added up from the append-only postings."""
