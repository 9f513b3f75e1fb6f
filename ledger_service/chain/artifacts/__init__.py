"""The compiled contracts: ABI, bytecode and the hash of what they were compiled from.

The files are written by ``scripts/compile_contracts.py`` and never by hand. Running the service needs
them alone, no compiler.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import decode, encode


def type_of(parameter: dict[str, Any]) -> str:
    """The ABI type of a parameter, tuples spelt out."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(part) for part in parameter['components'])}){kind[5:]}"


@dataclass(frozen=True)
class Artifact:
    """One compiled contract. ``bytecode`` creates it, ``deployed_bytecode`` is what stands there."""

    contract: str
    compiler: str
    source_sha256: str
    method_identifiers: dict[str, str]
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes

    @cached_property
    def _functions(self) -> dict[str, tuple[bytes, list[str], list[str]]]:
        found = {}
        for entry in self.abi:
            if entry["type"] == "function":
                inputs = [type_of(p) for p in entry["inputs"]]
                selector = bytes.fromhex(self.method_identifiers[f"{entry['name']}({','.join(inputs)})"])
                found[entry["name"]] = (selector, inputs, [type_of(p) for p in entry["outputs"]])
        return found

    def selector(self, function: str) -> bytes:
        """The four bytes that call a function (no function of ours is overloaded)."""
        return self._functions[function][0]

    def call_data(self, function: str, *arguments: object) -> bytes:
        """The calldata of a call; ``eth_abi`` errors for arguments that do not fit."""
        selector, inputs, _ = self._functions[function]
        return selector + encode(inputs, arguments)

    def answer_of(self, function: str, data: bytes) -> tuple[Any, ...]:
        """What a call's return data says."""
        return decode(self._functions[function][2], data)

    def creation_code(self, *arguments: object) -> bytes:
        """The data of the transaction that deploys the contract."""
        inputs = [type_of(p) for e in self.abi if e["type"] == "constructor" for p in e["inputs"]]
        return self.bytecode + encode(inputs, arguments)


@lru_cache(maxsize=16)
def load(name: str) -> Artifact:
    """The artifact of a contract; ``FileNotFoundError`` for a name that was never compiled."""
    fields = json.loads((files(__package__) / f"{name}.json").read_text(encoding="utf-8"))
    return Artifact(
        contract=fields["contract"],
        compiler=fields["compiler"],
        source_sha256=fields["source_sha256"],
        method_identifiers=fields["method_identifiers"],
        abi=fields["abi"],
        bytecode=bytes.fromhex(fields["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(fields["deployed_bytecode"][2:]),
    )
