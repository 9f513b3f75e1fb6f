"""Merkle Patricia tries of the current state, one row per node, found by their path.

A node lives under `owner || path` (one byte per nibble), so an update overwrites the old node: the file holds
one state, never a trail of dead nodes. All changes of a block are merged in one walk, and every touched node
is hashed once. The keys of a trie are 32-byte hashes, so a value sits only in a leaf, and the leaf of a key
is the row that sorts directly before (or at) the key's full path: a read is one index seek.

Bodies: `L` key value | `E` nibbles(length first) child | `B` 16 children; a child is its RLP item in the
parent (0x80 empty, 0xa0 + hash, or the node itself when shorter than 32 bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger_service.chain.node.codec import BLANK_ROOT, EMPTY_ITEM, keccak, rlp_list, rlp_string

_NIBBLES = [bytes((value >> 4, value & 15)) for value in range(256)]
_STEPS = [bytes((nibble,)) for nibble in range(16)]

Change = tuple[bytes, bytes]
"""(64 nibbles, new value); an empty value removes the key."""


def nibbles_of(key: bytes) -> bytes:
    """The nibbles of a key, one per byte."""
    return b"".join([_NIBBLES[value] for value in key])


def pack(nibbles: bytes) -> bytes:
    """The bytes of an even number of nibbles."""
    return bytes.fromhex(nibbles.hex()[1::2])


def leaf_value(body: bytes, key: bytes) -> bytes | None:
    """The value in a row body when it is the leaf of this 32-byte key, else None."""
    return body[33:] if body[0] == 0x4C and body[1:33] == key else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A key (as 64 nibbles) and its value."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Extension:
    """A run of nibbles shared by everything below, and the child's item."""

    run: bytes
    child: bytes


@dataclass(frozen=True, slots=True)
class Branch:
    """The sixteen children's items."""

    children: list[bytes]


Node = Leaf | Extension | Branch


def encode_body(node: Node) -> bytes:
    """The row body of a node."""
    if isinstance(node, Leaf):
        return b"L" + pack(node.key) + node.value
    if isinstance(node, Extension):
        return b"E" + bytes((len(node.run),)) + node.run + node.child
    return b"B" + b"".join(node.children)


def decode_body(body: bytes) -> Node:
    """The node of a row body."""
    if body[0] == 0x4C:
        return Leaf(nibbles_of(body[1:33]), body[33:])
    if body[0] == 0x45:
        end = 2 + body[1]
        return Extension(body[2:end], body[end:])
    children, at = [], 1
    for _ in range(16):
        first = body[at]
        end = at + (1 if first == 0x80 else 33 if first == 0xA0 else first - 0xBF)
        children.append(body[at:end])
        at = end
    return Branch(children)


def encode_rlp(node: Node, depth: int) -> bytes:
    """The consensus encoding of a node that hangs `depth` nibbles below its root."""
    if isinstance(node, Branch):
        return rlp_list(b"".join(node.children) + EMPTY_ITEM)
    if isinstance(node, Leaf):
        return rlp_list(rlp_string(_compact(node.key[depth:], 2)) + rlp_string(node.value))
    return rlp_list(rlp_string(_compact(node.run, 0)) + node.child)


def _compact(run: bytes, flag: int) -> bytes:
    if len(run) % 2:
        head, rest = bytes(((flag + 1) << 4 | run[0],)), run[1:]
    else:
        head, rest = bytes((flag << 4,)), run
    return head + pack(rest)


def _shared(left: bytes, right: bytes) -> int:
    limit = min(len(left), len(right))
    for at in range(limit):
        if left[at] != right[at]:
            return at
    return limit


class TrieUpdate:
    """One block's changes to the tries: call `merge` per trie, then write `rows`.

    Args:
        load: body of the row with this key, or None; reads the state before the block.
    """

    def __init__(self, load: Callable[[bytes], bytes | None]) -> None:
        self._load = load
        self._owner = b""
        self.rows: dict[bytes, bytes | None] = {}

    def merge(self, owner: bytes, changes: Sequence[Change]) -> bytes:
        """The root of the owner's trie with the changes in it; the touched rows stand in `rows`.

        Args:
            owner: prefix of all row keys of this trie.
            changes: distinct keys, any order; may be empty.
        """
        self._owner = owner
        node = self._merge(b"", self._node(b""), sorted(changes))
        self._put(b"", node)
        return BLANK_ROOT if node is None else keccak(encode_rlp(node, 0))

    def _node(self, path: bytes) -> Node | None:
        key = self._owner + path
        body = self.rows[key] if key in self.rows else self._load(key)
        return None if body is None else decode_body(body)

    def _put(self, path: bytes, node: Node | None) -> bytes:
        """Stores the node at the path and returns its item for the parent."""
        if node is None:
            self.rows[self._owner + path] = None
            return EMPTY_ITEM
        self.rows[self._owner + path] = encode_body(node)
        encoded = encode_rlp(node, len(path))
        return encoded if len(encoded) < 32 else b"\xa0" + keccak(encoded)

    def _merge(self, path: bytes, node: Node | None, changes: Sequence[Change]) -> Node | None:
        if not changes:
            return node
        if isinstance(node, Branch):
            return self._merge_branch(path, list(node.children), changes)
        if isinstance(node, Extension):
            return self._merge_extension(path, node, changes)
        if isinstance(node, Leaf) and all(key != node.key for key, _ in changes):
            changes = sorted([*changes, (node.key, node.value)])
        return self._build(path, [change for change in changes if change[1]])

    def _build(self, path: bytes, entries: Sequence[Change]) -> Node | None:
        """A fresh subtree; the entries are sorted and share `path`."""
        if not entries:
            return None
        first, last = entries[0][0], entries[-1][0]
        if first == last:
            return Leaf(*entries[0])
        depth = _shared(first, last)
        branch = self._merge_branch(first[:depth], [EMPTY_ITEM] * 16, entries)
        if depth == len(path) or branch is None:
            return branch
        return Extension(first[len(path) : depth], self._put(first[:depth], branch))

    def _merge_branch(self, path: bytes, children: list[bytes], changes: Sequence[Change]) -> Node | None:
        depth, start = len(path), 0
        while start < len(changes):
            nibble, end = changes[start][0][depth], start + 1
            while end < len(changes) and changes[end][0][depth] == nibble:
                end += 1
            below = path + _STEPS[nibble]
            node = None if children[nibble] == EMPTY_ITEM else self._node(below)
            merged = self._merge(below, node, changes[start:end])
            if merged is not None or node is not None:
                children[nibble] = self._put(below, merged)
            start = end
        used = [nibble for nibble in range(16) if children[nibble] != EMPTY_ITEM]
        if len(used) > 1:
            return Branch(children)
        return self._pulled_up(path, _STEPS[used[0]], children[used[0]]) if used else None

    def _merge_extension(self, path: bytes, node: Extension, changes: Sequence[Change]) -> Node | None:
        depth = len(path)
        target = path + node.run
        shared = min(_shared(target, changes[0][0]), _shared(target, changes[-1][0]))
        if shared == len(target):
            child = self._merge(target, self._node(target), changes)
            return self._joined(path, node.run, target, child)
        rest = target[shared + 1 :]
        item = node.child if not rest else self._put(target[: shared + 1], Extension(rest, node.child))
        children = [EMPTY_ITEM] * 16
        children[target[shared]] = item
        branch = self._merge_branch(target[:shared], children, changes)
        return self._joined(path, target[depth:shared], target[:shared], branch)

    def _joined(self, path: bytes, run: bytes, target: bytes, child: Node | None) -> Node | None:
        """What stands at `path` when `child` stands `run` below it (at `target`)."""
        if not run or child is None:
            if run:
                self._put(target, None)
            return child
        if isinstance(child, Branch):
            return Extension(run, self._put(target, child))
        self._put(target, None)
        return child if isinstance(child, Leaf) else Extension(run + child.run, child.child)

    def _pulled_up(self, path: bytes, step: bytes, item: bytes) -> Node:
        """What replaces a branch whose only child is left."""
        below = path + step
        child = self._node(below)
        if isinstance(child, Branch) or child is None:
            return Extension(step, item)
        self._put(below, None)
        return child if isinstance(child, Leaf) else Extension(step + child.run, child.child)
