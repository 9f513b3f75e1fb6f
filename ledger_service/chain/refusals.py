"""Why the contracts refuse a batch, read from revert data by selector, and what that means for packing
(R6, D7).

A selector that the artifacts do not have, or no data at all (out of gas), is ``UNLISTED``: nobody is
blamed for it until a batch without the suspect passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from ledger_service.chain.artifacts import load, type_of
from ledger_service.kernel.secp256k1 import keccak256


class Blame(Enum):
    """Whose fault a refusal is."""

    OPERATION = "operation"
    TOO_EARLY = "too-early"
    MERCHANT = "merchant"
    ROW = "row"
    BATCH = "batch"
    UNLISTED = "unlisted"


# The operation is sound, the block only came too early for it.
_TOO_EARLY = frozenset({"AcceptedInFuture", "EpochNotEnded", "MoveNotRipe", "WindDownNotDue"})
_MERCHANT = frozenset({"SliceMerchantUnknown", "SliceSignatureInvalid"})
_ROW = frozenset({"RegistryTermsUnknown", "RegistryProgrammeUnknown"})
_CONTRACTS = (
    "ClearingHouse", "AllianceRegistry", "AlliancePoints", "RecoveryDesk", "SettlementDesk", "ReserveDesk",
    "AllianceCoupons", "ItemRegistry", "CampaignDesk", "TransparencyLog", "AccessManager",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decoded refusal; ``subject`` is the operation's index, the merchant or the programme it names, or
    None."""

    name: str
    blame: Blame
    subject: int | None
    arguments: tuple[Any, ...] = ()

    def text(self) -> str:
        """Name and arguments as the intent's reason keeps them."""
        return f"{self.name}({', '.join(map(_plain, self.arguments))})"


def refusal_of(data: str | None) -> Refusal:
    """The refusal in a call's revert data (0x-hex)."""
    try:
        raw = bytes.fromhex((data or "0x")[2:])
        entry = _errors().get(raw[:4])
        if entry is None:
            return Refusal(f"0x{raw[:4].hex()}" if raw else "no data", Blame.UNLISTED, None)
        arguments = decode([type_of(p) for p in entry["inputs"]], raw[4:])
    except (ValueError, DecodingError):
        return Refusal("malformed", Blame.UNLISTED, None)
    name = str(entry["name"])
    blame = _blame(name, entry["inputs"])
    subject = arguments[0] if blame not in (Blame.BATCH, Blame.UNLISTED) else None
    return Refusal(name, blame, subject, arguments)


def _blame(name: str, inputs: list[dict[str, Any]]) -> Blame:
    if inputs and inputs[0]["name"] == "operation":
        return Blame.TOO_EARLY if name in _TOO_EARLY else Blame.OPERATION
    if name in _MERCHANT:
        return Blame.MERCHANT
    return Blame.ROW if name in _ROW else Blame.BATCH


@lru_cache(maxsize=1)
def _errors() -> dict[bytes, dict[str, Any]]:
    known: dict[bytes, dict[str, Any]] = {}
    for contract in _CONTRACTS:
        for entry in load(contract).abi:
            if entry["type"] == "error":
                types = ",".join(type_of(p) for p in entry["inputs"])
                known[keccak256(f"{entry['name']}({types})".encode())[:4]] = entry
    return known


def _plain(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
