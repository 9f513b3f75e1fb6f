"""Calls, refusals and logs in the contracts' own encoding, by the ABI of the artifacts and ``eth_abi``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode

from ledger_service.chain.artifacts import load, type_of
from ledger_service.kernel.secp256k1 import keccak256

CONTRACTS = (
    "ClearingHouse", "AccountMover", "RecoveryDesk", "SettlementDesk", "ReserveDesk", "AllianceCoupons",
    "ItemRegistry", "CampaignDesk", "TransparencyLog",
    "AllianceRegistry", "AlliancePoints", "AccessManager",
)  # fmt: skip


class Reverted(Exception):
    """The call failed; ``data`` is what it gave back."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


@dataclass(frozen=True, slots=True)
class Log:
    """One event; ``topics`` begin with the hash of its signature."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """How an event is written."""

    topic: bytes
    indexed: tuple[str, ...]
    plain: tuple[str, ...]


def refusal(name: str, *arguments: Any) -> Reverted:
    """The revert of a named error."""
    selector, types = _errors()[name]
    return Reverted(selector + encode(types, arguments))


def log_of(address: bytes, name: str, indexed: tuple[Any, ...], plain: tuple[Any, ...]) -> Log:
    """The log of a named event with its indexed and other arguments."""
    event = _events()[name]
    topics = tuple(encode([t], [v]) for t, v in zip(event.indexed, indexed, strict=True))
    return Log(address, (event.topic, *topics), encode(event.plain, plain))


@lru_cache(maxsize=4096)
def call_of(contract: str, data: bytes) -> tuple[str, tuple[Any, ...]]:
    """The function that calldata calls and its arguments; addresses as bytes."""
    name, types = _functions(contract)[data[:4]]
    return name, raw(decode(types, data[4:]))


def answer(contract: str, function: str, *values: Any) -> bytes:
    """What a view answers."""
    entry = next(e for e in load(contract).abi if e["type"] == "function" and e["name"] == function)
    return encode([type_of(p) for p in entry["outputs"]], values)


def raw(value: Any) -> Any:
    """Decoded values with addresses as 20 bytes and lists as tuples."""
    if isinstance(value, str) and value.startswith("0x") and len(value) == 42:
        return bytes.fromhex(value[2:])
    return tuple(raw(v) for v in value) if isinstance(value, tuple | list) else value


def word(value: int | bytes) -> bytes:
    """One word of 32 bytes: numbers and addresses to the right."""
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


@lru_cache(maxsize=8)
def _functions(contract: str) -> dict[bytes, tuple[str, list[str]]]:
    artifact = load(contract)
    entries = [e for e in artifact.abi if e["type"] == "function"]
    return {artifact.selector(e["name"]): (e["name"], [type_of(p) for p in e["inputs"]]) for e in entries}


@lru_cache(maxsize=1)
def _errors() -> dict[str, tuple[bytes, list[str]]]:
    found = {}
    for entry in (e for name in CONTRACTS for e in load(name).abi if e["type"] == "error"):
        types = [type_of(p) for p in entry["inputs"]]
        found[entry["name"]] = (keccak256(f"{entry['name']}({','.join(types)})".encode())[:4], types)
    return found


@lru_cache(maxsize=1)
def _events() -> dict[str, Event]:
    found = {}
    for entry in (e for name in CONTRACTS for e in load(name).abi if e["type"] == "event"):
        types = [(type_of(p), bool(p["indexed"])) for p in entry["inputs"]]
        signature = f"{entry['name']}({','.join(t for t, _ in types)})"
        found[entry["name"]] = Event(
            keccak256(signature.encode()),
            tuple(t for t, i in types if i),
            tuple(t for t, i in types if not i),
        )
    return found
