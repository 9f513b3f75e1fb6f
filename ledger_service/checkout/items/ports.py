"""What claims and returns need of the items' registry on chain: the operations that tell it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ledger_service.db.workset import Draft, Need


@dataclass(frozen=True, slots=True)
class Said:
    """An item of a brand's batch, and when something happened to it; ``index`` is its place in the batch."""

    op_id: bytes
    merchant_id: int
    batch_no: int
    index: int
    at: datetime


class ItemRegistry(Protocol):
    """Puts what happened to an item into the outbox, in the draft of the command that decided it."""

    def needs(self, batch_no: int) -> Iterable[Need]:
        """What must be read to know the batch's root."""

    def claimed(self, draft: Draft, said: Said, account: bytes) -> None:
        """The item's first claim is on its way to the chain, bound to the member's account."""

    def voided(self, draft: Draft, said: Said) -> None:
        """The item's end is on its way to the chain."""


class NoRegistry:
    """Of an alliance whose contracts know no items: their claims stand in the ledger alone."""

    def needs(self, batch_no: int) -> Iterable[Need]:
        """Nothing."""
        return ()

    def claimed(self, draft: Draft, said: Said, account: bytes) -> None:
        """Nobody is told."""

    def voided(self, draft: Draft, said: Said) -> None:
        """Nobody is told."""
