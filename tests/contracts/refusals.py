"""Custom errors by name: what a refusal of a contract says, and a context that demands one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_abi.abi import decode

from ledger_service.chain.artifacts import Artifact, load, type_of
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.evm import Reverted

CONTRACTS = (
    "AllianceRegistry", "AlliancePoints", "ClearingHouse", "RecoveryDesk", "SettlementDesk", "ReserveDesk",
    "AllianceCoupons", "ItemRegistry", "CampaignDesk", "TransparencyLog", "AccessManager",
)  # fmt: skip


def errors_of(artifact: Artifact) -> dict[str, tuple[bytes, list[str]]]:
    found = {}
    for entry in artifact.abi:
        if entry["type"] == "error":
            types = [type_of(p) for p in entry["inputs"]]
            found[entry["name"]] = (keccak256(f"{entry['name']}({','.join(types)})".encode())[:4], types)
    return found


_BY_SELECTOR = {
    selector: (name, types) for c in CONTRACTS for name, (selector, types) in errors_of(load(c)).items()
}
seen: set[str] = set()


def told(data: bytes) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of the error in a refusal's data."""
    if data[:4] not in _BY_SELECTOR:
        return (data.hex(), ())
    name, types = _BY_SELECTOR[data[:4]]
    return name, decode(types, data[4:])


def name_of(selector: bytes) -> str:
    """The name of the error with this selector."""
    return _BY_SELECTOR[selector][0]


@contextmanager
def refused(name: str, *arguments: Any) -> Iterator[None]:
    """The block's transaction fails with this custom error; ``arguments`` are its first ones."""
    with pytest.raises(Reverted) as caught:
        yield
    actual, values = told(caught.value.data)
    assert actual == name, (actual, values)
    plain = tuple(bytes.fromhex(v[2:]) if isinstance(v, str) and v.startswith("0x") else v for v in values)
    assert plain[: len(arguments)] == arguments, plain
