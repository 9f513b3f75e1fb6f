"""What the chain tells of a settlement period besides its lines: programmes' points, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueInForce:
    """What a point is worth in micros, by which version of the terms; 0 and 0 before there is one."""

    version: int
    micros: int


@dataclass(frozen=True, slots=True)
class ProgrammePeriod:
    """A programme's points over a period, but for what was redeemed and restored, which the lines tell.

    ``opening`` and ``closing`` are what members held when the period before and this one were closed, with
    the value in force at those blocks. What was extended stays outstanding, so it is no movement.
    """

    programme: int
    issuer: int
    opening: int
    closing: int
    value_before: ValueInForce
    value_after: ValueInForce
    earned: int = 0
    adjusted: int = 0
    converted: int = 0
    clawed_back: int = 0
    expired: int = 0
    extended: int = 0


@dataclass(frozen=True, slots=True)
class PeriodPlace:
    """Where a closed period stands on the chain: the block of its close, and the batches that it holds.

    ``first_batch`` is 0 where it holds none; ``closed_at`` is the block's time in seconds.
    """

    period: int
    block_number: int
    block_hash: bytes
    closed_at: int
    first_batch: int
    last_batch: int
    batches: int
