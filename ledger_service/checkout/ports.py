"""What the checkout needs from outside: a key for receipts and the open settlement period."""

from __future__ import annotations

from typing import Protocol


class ReceiptSigner(Protocol):
    """The service's own key for receipts (D13)."""

    def sign(self, digest: bytes) -> bytes:
        """The 65-byte low-s signature of a 32-byte digest."""


class PeriodSource(Protocol):
    """What is known of the settlement period that is open on chain."""

    def current(self) -> int | None:
        """Its number, or None while the chain has not been heard."""
