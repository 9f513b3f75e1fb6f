"""An operation as the JSON payload of an outbox intent, and back, without loss."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from ledger_service.kernel.operations import (
    Clawback,
    Expire,
    Gift,
    Issue,
    Kind,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.points import Leg

_CLASS_OF: dict[Kind, type[Operation]] = {
    Kind.ISSUE: Issue,
    Kind.REDEEM: Redeem,
    Kind.RESTORE: Restore,
    Kind.CLAWBACK: Clawback,
    Kind.EXPIRE: Expire,
    Kind.GIFT: Gift,
    Kind.SIGNER: SignerChange,
}


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def payload_of(operation: Operation) -> str:
    """Compact JSON text: the kind and the fields in their order; bytes as hex, legs as words in hex."""
    values = [_plain(getattr(operation, f.name)) for f in fields(operation)]
    return _ENCODER.encode([int(operation.kind), *values])


def operation_of(payload: str) -> Operation:
    """The operation that ``payload_of`` wrote.

    Raises:
        ValueError: text that ``payload_of`` cannot have written.
    """
    kind, *values = json.loads(payload)
    cls = _CLASS_OF[Kind(kind)]
    names = [(f.name, str(f.type)) for f in fields(cls)]
    if len(names) != len(values):
        raise ValueError("payload has another number of fields")
    rich: dict[str, Any] = {name: _rich(v, type_) for (name, type_), v in zip(names, values, strict=True)}
    return cls(**rich)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Leg):
        return f"{value.word():x}"
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    # 256-bit nonces exceed what JSON readers keep exactly.
    return str(value) if isinstance(value, int) and value > 2**53 - 1 else value


def _rich(value: object, type_: str) -> Any:
    if type_ == "bytes":
        return bytes.fromhex(str(value))
    if type_ == "Leg":
        return Leg.of_word(int(str(value), 16))
    if type_.startswith("tuple"):
        return tuple(Leg.of_word(int(str(item), 16)) for item in (value if isinstance(value, list) else []))
    return int(str(value))
