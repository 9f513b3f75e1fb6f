"""Pools: on which basis an issuer settles, and what a period did to its points, as the chain tells both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class BasisKind(IntEnum):
    """When an issuer pays for its points."""

    REDEMPTION = 0
    ISSUE = 1
    RESERVE = 2


@dataclass(frozen=True, slots=True)
class Basis:
    """A published basis: into whose pool, and of a reserve which share of what is outstanding, in bps."""

    kind: BasisKind
    reserve_bps: int
    pool: int


@dataclass(frozen=True, slots=True)
class PoolFlow:
    """What a period did to a programme; amounts in micros, ``outstanding`` points at its end.

    ``issued_micros`` is the value of what was issued less what was clawed back; ``owed_micros`` of what was
    redeemed less what came back, without the fee, the issuer's own tills included; ``value_micros`` that of a
    point then.
    """

    programme: int
    issuer: int
    basis: Basis
    issued_micros: int
    owed_micros: int
    outstanding: int
    value_micros: int
