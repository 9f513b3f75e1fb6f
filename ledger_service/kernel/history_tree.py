"""The ordered Merkle tree of RFC 9162 (SHA-256): what is in it, and that a later one only added to it.

Leaves are hashed as ``H(0x00 ‖ data)``, nodes as ``H(0x01 ‖ left ‖ right)``. It is the tree of histories
that only grow; the tree over a batch that a contract checks is ``merkle``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
_GREATEST_SIZE = 2**63 - 1


def hash_leaf(data: bytes) -> bytes:
    """The leaf hash of an entry."""
    return sha256(b"\x00" + data).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """The hash of a node."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in their order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """What must be kept of a tree so that it can grow: the root of each whole subtree, the largest first."""

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        """Go on from a tree of that size.

        Raises:
            ValueError: another number of roots than a tree of that size has, or one that is no hash.
        """
        self.size, self.roots = size, list(roots)
        if size < 0 or len(self.roots) != size.bit_count() or not _are_hashes(self.roots):
            raise ValueError("not the subtrees of a tree of that size")

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        node, size = leaf, self.size
        while size & 1:
            node = hash_children(self.roots.pop(), node)
            size >>= 1
        self.roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self.roots:
            return EMPTY_ROOT
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = hash_children(left, node)
        return node


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf ``index`` to the root, the nearest first.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root_of(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """The hashes that show the first ``size`` leaves to be the beginning of all of them.

    Raises:
        IndexError: there are not so many leaves, or size is not positive.
    """
    if not 0 < size <= len(leaves):
        raise IndexError(size)
    return _subproof(leaves, size, whole=True)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that leaf hash to be number ``index`` of the tree of that size and root."""
    if not 0 <= index < size <= _GREATEST_SIZE or not _are_hashes([leaf, root, *proof]):
        return False
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        return False
    node = _climb(leaf, index, proof[:inner])
    for left in proof[inner:]:
        node = hash_children(left, node)
    return node == root


def verify_consistency(sizes: tuple[int, int], roots: tuple[bytes, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the proof shows the tree of the first size and root to be the beginning of the second.

    Trees of one size are one where their roots are, and take no proof. An empty tree is the beginning of
    every tree, so that nothing could show it: it is refused, beside another empty one too.
    """
    (first, second), (old, new) = sizes, roots
    if first == second:
        return first > 0 and not proof and old == new
    if not 0 < first < second <= _GREATEST_SIZE or not _are_hashes([old, new, *proof]):
        return False
    return _grew(first, second, (old, new), proof)


def _grew(first: int, second: int, roots: tuple[bytes, bytes], proof: Sequence[bytes]) -> bool:
    shift = (first & -first).bit_length() - 1
    inner = ((first - 1) ^ (second - 1)).bit_length() - shift
    # Where the old tree is one whole subtree, its root is the seed and stands in no proof.
    seed, path = (roots[0], list(proof)) if first == 1 << shift else (None, list(proof[1:]))
    if seed is None:
        if not proof:
            return False
        seed = proof[0]
    place = (first - 1) >> shift
    if len(path) != inner + (place >> inner).bit_count():
        return False
    old = _climb(seed, place, path[:inner], only_left=True)
    new = _climb(seed, place, path[:inner])
    for left in path[inner:]:
        old, new = hash_children(left, old), hash_children(left, new)
    return (old, new) == roots


def _climb(node: bytes, place: int, path: Sequence[bytes], *, only_left: bool = False) -> bytes:
    """Up the path, siblings left or right by the bits of the place; only left ones are of the older tree."""
    for level, sibling in enumerate(path):
        if place >> level & 1:
            node = hash_children(sibling, node)
        elif not only_left:
            node = hash_children(node, sibling)
    return node


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*_subproof(leaves[:split], size, whole=whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], size - split, whole=False), root_of(leaves[:split])]


def _split(size: int) -> int:
    """The greatest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
