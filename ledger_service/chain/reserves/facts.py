"""What the registry's events say of reserves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IssuanceLimited:
    """What a programme's reserve allows to be issued in all: ``before`` until ``since``, then ``most``, and
    nothing from ``until`` on (seconds)."""

    programme: int
    most: int
    before: int
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class ReserveStated:
    """What stands behind a merchant's points, in micros, as of a second and until it is stale; what must be
    covered; and the second from which the merchant is in default, 0 where it is not."""

    merchant: int
    reserve_micros: int
    as_of: int
    stale_from: int
    required_bps: int
    default_from: int


ReserveFact = IssuanceLimited | ReserveStated
LIMITED = "IssuanceLimited(uint32,uint64,uint64,uint40,uint40)"
STATED = "ReserveStated(uint64,uint128,uint40,uint40,uint16,uint40)"


def limited(topics: list[bytes], data: bytes) -> IssuanceLimited:
    """The fact of a log with that event."""
    return IssuanceLimited(_int(topics[1], 0), *(_int(data, place) for place in range(4)))


def stated(topics: list[bytes], data: bytes) -> ReserveStated:
    """The fact of a log with that event."""
    return ReserveStated(_int(topics[1], 0), *(_int(data, place) for place in range(5)))


def _int(data: bytes, place: int) -> int:
    value = data[32 * place : 32 * place + 32]
    if len(value) != 32 or any(value[:16]):
        raise ValueError("a number that no event of ours holds")
    return int.from_bytes(value, "big")
