"""What events say about points, read fast: for who adds up a whole period of the mirror."""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.chain.decode import legs_in
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg


class ToldOperation(NamedTuple):
    """What an event says about points, as ``MinedOperation`` does, without the leaf, which takes two hashes.

    For who reads a whole period of a mirror, which keeps the leaves beside the events.
    """

    batch: int
    position: int
    kind: Kind
    merchant: int
    legs: tuple[Leg, ...]
    data: bytes

    @property
    def spread_bps(self) -> int:
        """As of ``MinedOperation``."""
        return int.from_bytes(self.data[128:160], "big") & 0xFFFF if self.kind is Kind.CONVERT else 0

    @property
    def original(self) -> tuple[bytes, int] | None:
        """As of ``MinedOperation``."""
        return (self.data[96:128], self.data[25]) if self.kind is Kind.RESTORE else None


def told_in(kind: Kind, data: bytes) -> ToldOperation:
    """What an event's kind and data say about points."""
    head = int.from_bytes(data[:32], "big")
    position, merchant = head >> 160 & (1 << 32) - 1, head >> 96 & (1 << 64) - 1
    return ToldOperation(head >> 192, position, kind, merchant, legs_in(kind, data), data)
