"""A coupon's use at a till, or what came back of it, and which merchants pay for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClearedCoupon:
    """One use of a coupon in a settlement period, or one return of goods that it took something off.

    ``ref`` is the sale or the refund, ``paid`` minor units by funder, negative where goods came back.
    ``number`` is GCN and serial as AI 255 has them, ``op_id`` the operation that tells the chain; None where
    none does: no contract, not told yet, or a part that came back while the coupon stays used.
    """

    at: datetime
    ref: bytes
    coupon_id: bytes
    returned: bool
    definition: str
    version: int
    acceptor: int
    store: int
    paid: Mapping[int, int]
    number: str | None = None
    op_id: bytes | None = None

    @property
    def place(self) -> tuple[datetime, bytes, bytes]:
        """Where it stands in its period's list."""
        return self.at, self.ref, self.coupon_id

    @property
    def debts(self) -> dict[tuple[int, int], int]:
        """What it adds to debts by (funder, acceptor), in minor units; a merchant owes itself nothing."""
        return {(f, self.acceptor): minor for f, minor in self.paid.items() if f != self.acceptor}

    def of(self, merchant: int) -> ClearedCoupon | None:
        """What of it a merchant may see: the acceptor all of it, a funder its own part; None for others."""
        if merchant == self.acceptor:
            return self
        if merchant not in self.paid:
            return None
        return ClearedCoupon(
            self.at, self.ref, self.coupon_id, self.returned, self.definition, self.version, self.acceptor,
            self.store, {merchant: self.paid[merchant]}, self.number, self.op_id,
        )  # fmt: skip
