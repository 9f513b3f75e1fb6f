"""What webhooks need from outside: somebody who carries a message, and what the chain has settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said; ``status`` is None where it said nothing, and ``trouble`` says why, in a word."""

    status: int | None
    trouble: str = ""
    retry_after_seconds: int = 0


class Transport(Protocol):
    """Who brings messages to receivers: follows no redirect, raises for nothing that a receiver does."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The receiver's answer, within bounded time."""


class Settled(NamedTuple):
    """A merchant's net of a period that is closed for good: what it is owed less what it owes."""

    period: int
    merchant_id: int
    net_micros: int


class Settlements(Protocol):
    """What the chain has settled; the mirror of the chain room fulfils it."""

    def closed_after(self, conn: Connection, period: int, at: datetime) -> tuple[int, Sequence[Settled]]:
        """The last period that is closed for good behind ``period``, and the nets of those up to it."""
