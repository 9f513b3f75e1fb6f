"""What may be asked of the reserve desk, as it is written down for the bridge that leads.

A wish is asked by a process that may not speak to the chain, kept as JSON, and carried out by the leader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NameCustodian:
    """That address signs the merchant's figures; without a signature the leader has custody sign."""

    merchant: int
    custodian: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class BringFigure:
    """The custodian's figure, in micros, of an instant in seconds, counts."""

    merchant: int
    reserve_micros: int
    as_of: int
    sequence: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Require:
    """So many hundredths of a percent must be covered from an instant (seconds) on; 0 ends it."""

    merchant: int
    bps: int
    begins: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """The last figure is counted anew."""

    merchant: int


@dataclass(frozen=True, slots=True)
class DeclareDefault:
    """Nothing that the merchant accepts from that instant (seconds) on is issued; SHA-256 of the evidence."""

    merchant: int
    begins: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Cure:
    """The default that began then is over."""

    merchant: int
    begins: int
    evidence: bytes


Wish = NameCustodian | BringFigure | Require | Refresh | DeclareDefault | Cure
KINDS: Mapping[str, type[Wish]] = {
    "reserve-custodian": NameCustodian,
    "reserve-figure": BringFigure,
    "reserve-require": Require,
    "reserve-refresh": Refresh,
    "reserve-default": DeclareDefault,
    "reserve-cure": Cure,
}
_NAMES = {wish: name for name, wish in KINDS.items()}


def kind_of(wish: Wish) -> str:
    """The kind of the act that asks for it."""
    return _NAMES[type(wish)]


def payload_of(wish: Wish) -> Json:
    """The wish as JSON; bytes as hex."""
    told = asdict(wish)
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in told.items()}


def wish_of(kind: str, payload: Json) -> Wish:
    """The wish that the payload was made of; what else it holds is not the wish's."""
    wish: Callable[..., Wish] = KINDS[kind]
    given = {one.name: payload[one.name] for one in fields(KINDS[kind])}
    told = {name: bytes.fromhex(value) if isinstance(value, str) else value for name, value in given.items()}
    return wish(**told)
