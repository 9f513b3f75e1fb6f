"""What may be asked of items, and what is answered, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.traceability.scanning.distance import Place


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A member says it has the item; the PIN stood under its cover. ``device`` is never kept as it is."""

    member_id: int
    gtin: str
    serial: str
    pin: str = field(repr=False)
    device: str = field(repr=False)
    place: Place
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """A merchant takes an item back, of the sale that its receipt names; only the brand needs none.

    An item comes back once, so its return has one id, whoever asks under whichever key: after a restore the
    books do not know the return, and what the chain has of it must be found again, not taken a second time.
    """

    merchant_id: int
    subject: str
    gtin: str
    serial: str
    sale_id: bytes | None
    at: datetime

    @property
    def return_id(self) -> bytes:
        """The cause of what goes back of the claim."""
        return derive_id("item-return", self.gtin, self.serial)

    @property
    def prize_return_id(self) -> bytes:
        """The cause of what goes back of the prize; its own, as both may be of one programme."""
        return derive_id("prize back", self.return_id)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim gave; ``state`` as of any earn, ``collected`` what an old debt took of it.

    ``in_draw``: it takes part in a draw of prizes, whose outcome the member's claims show.
    """

    op_id: bytes
    programme: str
    points: int
    collected: int
    state: str
    expires_at: int
    in_draw: bool = False

    def view(self) -> dict[str, Any]:
        """As an answer shows it."""
        return {"operation": self.op_id.hex(), "programme": self.programme, "points": self.points,
                "collected": self.collected, "state": self.state,
                "expires_at": _instant_or_never(self.expires_at), "in_draw": self.in_draw}  # fmt: skip


# What became of a coupon that was used, on a hold or given on when its item came back: taken once it is back.
LEFT = "left"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a return took back of the item's points; all nought where nobody had claimed it.

    ``prize`` is what it took back of what the item had won; ``coupon`` of a prize that was one: void or left.
    """

    programme: str | None = None
    pending: int = 0
    available: int = 0
    debt: int = 0
    prize: TakenBack | None = None
    coupon: str | None = None

    def view(self) -> dict[str, Any]:
        """As an answer shows it."""
        prize = None if self.prize is None else {**self.prize.sums(), "coupon": self.prize.coupon}
        return {**self.sums(), "state": "void", "prize": prize}

    def sums(self) -> dict[str, Any]:
        """Of which programme, and how much of each kind."""
        return {"programme": self.programme, "pending": self.pending, "available": self.available,
                "debt": self.debt}  # fmt: skip


def _instant_or_never(seconds: int) -> str | None:
    return None if seconds >= NEVER_SECONDS else format_instant(instant_of_seconds(seconds))
