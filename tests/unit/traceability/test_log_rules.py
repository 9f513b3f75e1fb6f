"""Roots and proofs from tiles are those of the plain tree of RFC 9162, at every size and place."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger_service.kernel import history_tree as plain
from ledger_service.traceability.log.rules import (
    TILE_HASHES,
    consistency_proof,
    inclusion_proof,
    parents_of,
    root_of,
    split,
)

LEAVES = [plain.hash_leaf(b"%d" % at) for at in range(700)]


class Kept:
    """Tiles as they are stored of the first ``size`` leaves."""

    def __init__(self, size: int) -> None:
        self.rows: list[Sequence[bytes]] = [LEAVES[:size]]
        while len(self.rows[-1]) >= TILE_HASHES:
            row = self.rows[-1]
            whole = [row[i : i + TILE_HASHES] for i in range(0, len(row), TILE_HASHES)]
            self.rows.append([parents_of(tile)[0] for tile in whole if len(tile) == TILE_HASHES])

    def __call__(self, level: int, place: int) -> bytes:
        if level >= len(self.rows):
            return b""
        return b"".join(self.rows[level][place * TILE_HASHES : (place + 1) * TILE_HASHES])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 700])
def test_roots_and_proofs_are_those_of_the_plain_tree(size: int) -> None:
    tiles, leaves = Kept(size), LEAVES[:size]
    root = root_of(tiles, 0, size)
    assert root == plain.root_of(leaves)
    for index in {0, 1, size // 2, size - 1, min(256, size - 1)} & set(range(size)):
        proof = inclusion_proof(tiles, index, size)
        assert proof == plain.inclusion_proof(leaves, index)
        assert plain.verify_inclusion(leaves[index], index, size, proof, root)
    for older in {1, size // 2, size - 1, size, min(256, size)} - {0}:
        proof = consistency_proof(tiles, older, size)
        assert proof == plain.consistency_proof(leaves, older)
        roots = (plain.root_of(leaves[:older]), root)
        assert plain.verify_consistency((older, size), roots, proof)


def test_a_tile_that_lacks_nodes_gives_no_root() -> None:
    with pytest.raises(LookupError, match="whole subtree"):
        root_of(Kept(511), 0, 512)
    for index in (-1, 5):
        with pytest.raises(IndexError):
            inclusion_proof(Kept(5), index, 5)
    for older in (0, 6):
        with pytest.raises(IndexError):
            consistency_proof(Kept(5), older, 5)
    assert root_of(Kept(5), 0, 0) == plain.EMPTY_ROOT
    assert split(b"ab" * 32) == [b"ab" * 16, b"ab" * 16]
