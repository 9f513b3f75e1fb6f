"""The reference that a payout carries through the banks (EndToEndId), and back on their statements."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

# Letters and digits only: some banks drop or change whatever else an EndToEndId may hold.
_FORM = re.compile(r"AL([0-9A-F]{8})P([1-9][0-9]{0,9})I(0|[1-9][0-9]{0,2})(?:S([1-9][0-9]{0,6}))?")
_OF_POOL = re.compile(r"AL([0-9A-F]{8})P([1-9][0-9]{0,9})L([1-9][0-9]{0,9})")
_OF_COUPONS = re.compile(r"AL([0-9A-F]{8})P([1-9][0-9]{0,9})C(0|[1-9][0-9]{0,2})")
# Payouts of a period are fewer; from here on the numbers are lines between issuer and pool, by programme.
POOLS_FROM = 1_000
# And from here on what funders of coupons pay, by the index among the fewest payments of the period.
COUPONS_FROM = 1 << 40


class Reference(NamedTuple):
    """Which payout of which period, or which part of it, from 1, where it is split to owners.

    ``tag`` is the alliance's, so that no other one's reference is ours. A line between issuer and pool has
    the number of its programme behind ``POOLS_FROM``, a payment of coupons its index behind ``COUPONS_FROM``;
    neither has parts.
    """

    tag: str
    period: int
    payout: int
    part: int = 0

    @property
    def text(self) -> str:
        """At most 33 of the 35 characters that ISO 20022 gives an EndToEndId."""
        period = f"AL{self.tag}P{self.period}"
        if self.payout >= COUPONS_FROM:
            return f"{period}C{self.payout - COUPONS_FROM}"
        if self.payout >= POOLS_FROM:
            return f"{period}L{self.payout - POOLS_FROM}"
        return f"{period}I{self.payout}" + (f"S{self.part}" if self.part else "")


def tag_of(chain_id: int, desk: bytes) -> str:
    """Eight characters that tell this alliance's references from those of any other."""
    return sha256(chain_id.to_bytes(32, "big") + desk).hexdigest()[:8].upper()


def reference_of(text: str) -> Reference | None:
    """The payout of a bank's text, however the bank put its case and spaces; None for other people's."""
    plain = "".join(text.split()).upper()
    pool = _OF_POOL.fullmatch(plain)
    if pool is not None:
        return Reference(pool[1], int(pool[2]), POOLS_FROM + int(pool[3]))
    coupons = _OF_COUPONS.fullmatch(plain)
    if coupons is not None:
        return Reference(coupons[1], int(coupons[2]), COUPONS_FROM + int(coupons[3]))
    found = _FORM.fullmatch(plain)
    return Reference(found[1], int(found[2]), int(found[3]), int(found[4] or 0)) if found else None
