"""The batch tree: proofs of every position verify, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.merkle import hash_pair, proof_of, root_of, verify
from ledger_service.kernel.secp256k1 import keccak256

leaves_of_a_batch = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70, unique=True)


@given(leaves_of_a_batch, st.data())
def test_every_leaf_is_proven_by_its_own_path(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert verify(leaves[index], proof_of(leaves, index), root_of(leaves))


@given(leaves_of_a_batch, st.binary(min_size=32, max_size=32))
def test_a_foreign_leaf_is_not_proven(leaves, foreign):
    if foreign not in leaves:
        assert not verify(foreign, proof_of(leaves, 0), root_of(leaves))


def test_the_root_of_three_promotes_the_odd_leaf():
    a, b, c = (keccak256(bytes([n])) for n in range(3))
    assert root_of([a, b, c]) == hash_pair(hash_pair(a, b), c)
    assert proof_of([a, b, c], 2) == [hash_pair(a, b)]


def test_one_leaf_is_its_own_root_and_none_gives_zeros():
    leaf = keccak256(b"one")
    assert root_of([leaf]) == leaf
    assert root_of([]) == bytes(32)


def test_a_position_beyond_the_leaves_is_refused():
    with pytest.raises(IndexError):
        proof_of([bytes(32)], 1)
