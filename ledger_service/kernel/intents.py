"""An operation as the JSON payload of an outbox intent, and back, without loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Kind,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.points import GREATEST_AMOUNT, Leg

_KINDS: tuple[type[Operation], ...] = (
    Issue, Redeem, Restore, Clawback, Expire, Gift, SignerChange, AccountMove, Extend, Convert,
)  # fmt: skip
# The fields, and the legs in them.
_MOST_LISTS = 2


def payload_of(operation: Operation) -> str:
    """Compact JSON text: the kind and the fields in their order; bytes as hex, legs as words in hex."""
    written = map(_json_of, _PLANS[operation.kind].values(operation))
    return f"[{int(operation.kind)},{','.join(written)}]"


def operation_of(payload: str) -> Operation:
    """The operation that ``payload_of`` wrote.

    Raises:
        ValueError: text that ``payload_of`` cannot have written.
    """
    kind, *values = json.loads(payload)
    plan = _PLANS[Kind(kind)]
    if len(plan.readers) != len(values):
        raise ValueError("payload has another number of fields")
    return plan.cls(*[read(value) for read, value in zip(plan.readers, values, strict=True)])


def read_payload(payload: str) -> tuple[Operation, bytes] | None:
    """Operation and leaf, of text that somebody may have altered; None where it is no whole operation."""
    # Deep nesting ends a process whose recursion limit was raised, as the EVM's library does.
    if payload.count("[") > _MOST_LISTS or "{" in payload:
        return None
    try:
        operation = operation_of(payload)
        return operation, operation.leaf()
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def readable_operation(payload: str) -> Operation | None:
    """The operation alone, as ``read_payload`` tells it."""
    read = read_payload(payload)
    return None if read is None else read[0]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The fields of one kind, looked up once: decoding every intent afresh would cost five times as much."""

    cls: Callable[..., Operation]
    values: Callable[[Any], tuple[Any, ...]]
    readers: tuple[Callable[[Any], Any], ...]


def _json_of(value: Any) -> str:
    """Digits need no escapes, so the text is written here: asking an encoder each time costs more."""
    if type(value) is bytes:
        return f'"{value.hex()}"'
    if isinstance(value, Leg):
        return f'"{value.word():x}"'
    if isinstance(value, tuple):
        return f"[{','.join(map(_json_of, value))}]"
    # 256-bit nonces exceed what JSON readers keep exactly.
    return f'"{value:d}"' if value > GREATEST_AMOUNT else f"{value:d}"


def _leg(value: Any) -> Leg:
    return Leg.of_word(int(str(value), 16))


def _legs(value: Any) -> tuple[Leg, ...]:
    return tuple(_leg(item) for item in (value if isinstance(value, list) else []))


_READERS: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes.fromhex,
    "int": int,
    "Leg": _leg,
    "tuple[Leg, ...]": _legs,
}
_PLANS = {
    cls.kind: _Plan(
        cls, attrgetter(*(f.name for f in fields(cls))), tuple(_READERS[str(f.type)] for f in fields(cls))
    )
    for cls in _KINDS
}
