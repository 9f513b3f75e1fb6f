"""Reads the parameters of JSON-RPC methods: block tags, call objects, log filters."""

from __future__ import annotations

import sqlite3
from typing import Any

from ledger_service.chain.node.codec import parse_data, parse_quantity
from ledger_service.chain.node.engine import Call
from ledger_service.chain.node.errors import SERVER_ERROR, InvalidParams, LimitExceeded, RpcError
from ledger_service.chain.node.logs import Alternatives, LogFilter
from ledger_service.chain.node.lookup import block_by_hash, head_number

MAX_FILTER_ADDRESSES = 1_000
MAX_TOPIC_ALTERNATIVES = 1_000

_FAR = (1 << 62) - 1  # beyond any block, within what SQLite compares
_NEWEST_TAGS = frozenset({"latest", "safe", "finalized", "pending"})
_FILTER_KEYS = frozenset({"fromBlock", "toBlock", "address", "topics", "blockHash"})


def address(value: object, name: str) -> bytes:
    """A 20-byte address."""
    return parse_data(value, name, 20)


def flag(value: object, name: str) -> bool:
    """A JSON boolean."""
    if isinstance(value, bool):
        return value
    raise InvalidParams(f"{name}: expected true or false")


def block_number(connection: sqlite3.Connection, value: object) -> int:
    """The height that a tag, a quantity or an EIP-1898 object names; may lie beyond the head.

    Raises:
        InvalidParams: none of these.
        RpcError: an EIP-1898 block hash that is not on the chain.
    """
    if value is None or (isinstance(value, str) and value in _NEWEST_TAGS):
        return head_number(connection)
    if value == "earliest":
        return 0
    if isinstance(value, dict):
        if "blockHash" in value:
            return known_hash(connection, value["blockHash"])
        value = value.get("blockNumber")
    return min(parse_quantity(value, "block"), _FAR)


def known_hash(connection: sqlite3.Connection, value: object) -> int:
    """The height of a block given by hash.

    Raises:
        RpcError: there is no such block.
    """
    block = block_by_hash(connection, parse_data(value, "blockHash", 32))
    if block is None:
        raise RpcError(SERVER_ERROR, "unknown block", {"reason": "unknown_block"})
    return block.number


def call_object(value: object) -> Call:
    """The message of `eth_call` and `eth_estimateGas`; fees in it are ignored (they are zero here)."""
    if not isinstance(value, dict):
        raise InvalidParams("call: expected an object")
    payload = value.get("input", value.get("data"))
    if value.get("input") and value.get("data") and value["input"] != value["data"]:
        raise InvalidParams('call: "data" and "input" differ')
    return Call(
        sender=address(value["from"], "from") if value.get("from") else bytes(20),
        to=address(value["to"], "to") if value.get("to") else b"",
        data=parse_data(payload, "data") if payload else b"",
        value=parse_quantity(value["value"], "value") if value.get("value") else 0,
        gas=parse_quantity(value["gas"], "gas") if value.get("gas") else None,
        access_list=_access_list(value.get("accessList") or []),
    )


def _access_list(value: object) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    if not isinstance(value, list) or any(not isinstance(entry, dict) for entry in value):
        raise InvalidParams("accessList: expected a list of objects")
    return tuple(
        (
            address(entry.get("address"), "accessList.address"),
            tuple(
                int.from_bytes(parse_data(key, "storageKeys", 32), "big")
                for key in entry.get("storageKeys", [])
            ),
        )
        for entry in value
    )


def log_filter(connection: sqlite3.Connection, value: Any) -> LogFilter:
    """The filter of `eth_getLogs`; a range past the head is cut there.

    Raises:
        InvalidParams: unknown members, a block hash beside a range, or a range that runs backwards.
        LimitExceeded: too many addresses or alternatives.
    """
    if not isinstance(value, dict) or not set(value) <= _FILTER_KEYS:
        raise InvalidParams(
            "filter: expected an object with fromBlock, toBlock, address, topics or blockHash"
        )
    head = head_number(connection)
    if value.get("blockHash") is not None:
        if value.get("fromBlock") is not None or value.get("toBlock") is not None:
            raise InvalidParams("filter: blockHash excludes fromBlock and toBlock")
        first = last = known_hash(connection, value["blockHash"])
    else:
        first, last = (block_number(connection, value.get(end)) for end in ("fromBlock", "toBlock"))
        if first > last:
            raise InvalidParams("filter: fromBlock is above toBlock")
    topics = value.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise InvalidParams("topics: expected a list of at most four")
    return LogFilter(
        first,
        min(last, head),
        _alternatives(value.get("address"), "address", 20),
        tuple(_alternatives(topic, "topic", 32) for topic in topics),
    )


def _alternatives(value: object, name: str, size: int) -> Alternatives:
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    limit = MAX_FILTER_ADDRESSES if name == "address" else MAX_TOPIC_ALTERNATIVES
    if len(items) > limit:
        raise LimitExceeded(f"{name}: at most {limit} alternatives")
    return tuple(dict.fromkeys(parse_data(item, name, size) for item in items))
