"""OpenZeppelin's StandardMerkleTree: rows of typed values under one root that a contract verifies.

A leaf is ``keccak256(keccak256(abi.encode(types, row)))``; leaves are sorted, a node is the hash of its two
children in ascending order, and the tree is complete: ``n`` leaves behind ``n - 1`` nodes in one list, the
root first. The dump ``standard-v1`` is the format that OpenZeppelin's own library reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger_service.kernel.merkle import hash_pair
from ledger_service.kernel.secp256k1 import keccak256

FORMAT = "standard-v1"
_WORD = 32
Row = Sequence[object]


class StandardTree:
    """The tree over rows of the same types, in memory: 64 bytes a row and the rows themselves."""

    def __init__(self, types: Sequence[str], rows: Sequence[Row]) -> None:
        """Build the tree.

        Raises:
            ValueError: no rows, a type that is not among those encoded, or a value that is none of its type.
        """
        if not rows:
            raise ValueError("a tree has at least one row")
        self.types, self.rows = tuple(types), rows
        hashes = [leaf_of(types, row) for row in rows]
        order = sorted(range(len(rows)), key=hashes.__getitem__)
        last = 2 * len(rows) - 2
        self._nodes = [b""] * (last + 1)
        self._places = [0] * len(rows)
        for rank, index in enumerate(order):
            self._nodes[last - rank], self._places[index] = hashes[index], last - rank
        for place in range(len(rows) - 2, -1, -1):
            self._nodes[place] = hash_pair(self._nodes[2 * place + 1], self._nodes[2 * place + 2])

    @property
    def root(self) -> bytes:
        """What stands on the chain."""
        return self._nodes[0]

    def proof(self, index: int) -> list[bytes]:
        """The siblings from row ``index`` up to the root, as ``MerkleProof`` takes them."""
        place, path = self._places[index], []
        while place:
            path.append(self._nodes[place + 1 if place % 2 else place - 1])
            place = (place - 1) // 2
        return path

    def dump(self) -> dict[str, Any]:
        """The tree as JSON; bytes as hex, numbers as decimal text, so that every reader keeps them whole."""
        values = [
            {"value": [_json(value) for value in row], "treeIndex": place}
            for row, place in zip(self.rows, self._places, strict=True)
        ]
        tree = [f"0x{node.hex()}" for node in self._nodes]
        return {"format": FORMAT, "leafEncoding": list(self.types), "tree": tree, "values": values}


def leaf_of(types: Sequence[str], row: Row) -> bytes:
    """The leaf of a row; hashed twice so that no node passes for one."""
    return keccak256(keccak256(abi_encode(types, row)))


def abi_encode(types: Sequence[str], row: Row) -> bytes:
    """``abi.encode`` of ``uint8`` to ``uint256``, ``bytes32``, ``address``, ``bool`` and ``string``.

    Raises:
        ValueError: another type, another number of values, or a value that does not fit.
    """
    if len(types) != len(row):
        raise ValueError("not as many values as types")
    heads, tail = [], b""
    for kind, value in zip(types, row, strict=True):
        if kind == "string":
            heads.append((_WORD * len(types) + len(tail)).to_bytes(_WORD, "big"))
            tail += _text(value)
        else:
            heads.append(_word(kind, value))
    return b"".join(heads) + tail


def _text(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("a string is text")
    raw = value.encode()
    return len(raw).to_bytes(_WORD, "big") + raw + bytes(-len(raw) % _WORD)


def _word(kind: str, value: object) -> bytes:
    sizes = {"bytes32": _WORD, "address": 20}
    if kind in sizes:
        if not isinstance(value, bytes) or len(value) != sizes[kind]:
            raise ValueError(f"{kind} is {sizes[kind]} bytes")
        return value.rjust(_WORD, b"\0")
    bits = 1 if kind == "bool" else _bits(kind)
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ValueError(f"does not fit into {kind}")
    return int(value).to_bytes(_WORD, "big")


def _bits(kind: str) -> int:
    digits = kind.removeprefix("uint")
    if not kind.startswith("uint") or not digits.isdigit() or int(digits) not in range(8, 257, 8):
        raise ValueError(f"{kind} is not encoded here")
    return int(digits)


def _json(value: object) -> object:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
