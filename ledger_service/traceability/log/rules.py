"""Roots and proofs of a part of RFC 9162's tree from the roots of its whole subtrees, which are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ledger_service.kernel.history_tree import EMPTY_ROOT, HASH_BYTES, hash_children

TILE_BITS = 8
TILE_HASHES = 1 << TILE_BITS
Tiles = Callable[[int, int], bytes]
"""The hashes of a tile by level and place, one after the other."""


def node_of(tiles: Tiles, level: int, place: int) -> bytes:
    """The root of the whole subtree of 2^level leaves that begins at leaf ``place << level``."""
    row, rest = divmod(level, TILE_BITS)
    first = place << rest
    kept = tiles(row, first >> TILE_BITS)
    start = (first & (TILE_HASHES - 1)) * HASH_BYTES
    nodes = split(kept[start : start + (HASH_BYTES << rest)])
    if len(nodes) != 1 << rest:
        raise LookupError(f"the log has no whole subtree {place} of level {level}")
    while len(nodes) > 1:
        nodes = [hash_children(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
    return nodes[0]


def root_of(tiles: Tiles, first: int, end: int) -> bytes:
    """The root over the leaves from ``first`` to before ``end``, which are in one subtree from there on."""
    if first == end:
        return EMPTY_ROOT
    size = end - first
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node_of(tiles, level, first >> level)
    middle = first + _split(size)
    return hash_children(root_of(tiles, first, middle), root_of(tiles, middle, end))


def inclusion_proof(tiles: Tiles, index: int, size: int) -> list[bytes]:
    """The hashes that lead from leaf ``index`` to the root of the first ``size`` leaves, the nearest first.

    Raises:
        IndexError: there is no such leaf among them.
    """
    if not 0 <= index < size:
        raise IndexError(index)
    path, first, end = [], 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(root_of(tiles, middle, end))
            end = middle
        else:
            path.append(root_of(tiles, first, middle))
            first = middle
    return path[::-1]


def consistency_proof(tiles: Tiles, older: int, size: int) -> list[bytes]:
    """The hashes that show the first ``older`` leaves to be the beginning of the first ``size``.

    Raises:
        IndexError: not 0 < older <= size.
    """
    if not 0 < older <= size:
        raise IndexError(older)
    path, first, end, whole = [], 0, size, True
    while older != end:
        middle = first + _split(end - first)
        if older <= middle:
            path.append(root_of(tiles, middle, end))
            end = middle
        else:
            path.append(root_of(tiles, first, middle))
            first, whole = middle, False
    return [*([] if whole else [root_of(tiles, first, end)]), *path[::-1]]


def split(hashes: bytes) -> list[bytes]:
    """Hashes that lie one after the other."""
    return [hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)]


def parents_of(nodes: Iterable[bytes]) -> list[bytes]:
    """The roots over each 256 neighbours; what does not fill a tile has none yet."""
    row = list(nodes)
    for _ in range(TILE_BITS):
        row = [hash_children(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
    return row


def _split(size: int) -> int:
    """The greatest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1
