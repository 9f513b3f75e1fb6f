"""The tree of histories against the vectors of transparency-dev/merkle, and against its own definition."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.history_tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    hash_children,
    hash_leaf,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parents[2] / "vectors"
leaf_lists = st.lists(st.binary(max_size=4).map(hash_leaf), min_size=1, max_size=70)


def cases(kind: str) -> list[Any]:
    found = json.loads((VECTORS / f"rfc9162_{kind}.json").read_text())["cases"]
    return [pytest.param(case, id=case["name"]) for case in found]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("case", cases("inclusion"))
def test_inclusion_as_others_judge_it(case: dict[str, Any]) -> None:
    proof = [raw(step) for step in case["proof"] or []]
    place = case["leafIdx"], case["treeSize"]
    assert verify_inclusion(raw(case["leafHash"]), *place, proof, raw(case["root"])) is not case["wantErr"]


@pytest.mark.parametrize("case", cases("consistency"))
def test_consistency_as_others_judge_it(case: dict[str, Any]) -> None:
    proof = [raw(step) for step in case["proof"] or []]
    sizes, roots = (case["size1"], case["size2"]), (raw(case["root1"]), raw(case["root2"]))
    assert verify_consistency(sizes, roots, proof) is not case["wantErr"]


@given(leaf_lists, st.data())
def test_every_leaf_is_shown_at_its_own_place_only(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves)))
    proof, root = inclusion_proof(leaves, index), root_of(leaves)
    assert verify_inclusion(leaves[index], index, len(leaves), proof, root)
    if other != index and leaves[other : other + 1] != [leaves[index]]:
        assert not verify_inclusion(leaves[index], other, len(leaves), proof, root)


@given(leaf_lists, st.data())
def test_every_earlier_tree_is_shown_to_be_the_beginning(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    roots, proof = (root_of(leaves[:size]), root_of(leaves)), consistency_proof(leaves, size)
    assert verify_consistency((size, len(leaves)), roots, proof)
    forged = (hash_leaf(roots[0]), roots[1])
    assert not verify_consistency((size, len(leaves)), forged, proof)


@pytest.mark.parametrize("root", [EMPTY_ROOT, b"no hash", b""])
def test_nothing_shows_what_an_empty_tree_is_the_beginning_of(root: bytes) -> None:
    """Not even that of another empty one: whoever has no history has none to check."""
    for second in (0, 1, 8):
        assert not verify_consistency((0, second), (root, root), [])
        assert not verify_consistency((0, second), (root, root), [root])


def test_the_roots_of_small_trees_are_what_the_definition_says() -> None:
    a, b, c = (hash_leaf(bytes([n])) for n in range(3))
    assert root_of([]) == EMPTY_ROOT
    assert root_of([a]) == a
    assert root_of([a, b, c]) == hash_children(hash_children(a, b), c)


@given(leaf_lists, st.integers(0, 70))
def test_a_tree_goes_on_from_what_was_kept_of_it(leaves: list[bytes], cut: int) -> None:
    before = Frontier()
    for leaf in leaves[:cut]:
        before.append(leaf)
    after = Frontier(before.size, before.roots)
    for leaf in leaves[cut:]:
        after.append(leaf)
    assert after.root() == root_of(leaves)


@pytest.mark.parametrize(("size", "roots"), [(-1, []), (3, [EMPTY_ROOT]), (1, [b"short"]), (0, [EMPTY_ROOT])])
def test_what_is_no_frontier_is_refused(size: int, roots: list[bytes]) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        Frontier(size, roots)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    leaves = [hash_leaf(b"a")]
    with pytest.raises(IndexError):
        inclusion_proof(leaves, 1)
    with pytest.raises(IndexError):
        consistency_proof(leaves, 2)
