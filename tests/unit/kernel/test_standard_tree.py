"""OpenZeppelin's tree: the root that another implementation found, and proofs of every row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.merkle import hash_pair, verify
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.kernel.standard_tree import Row, StandardTree, abi_encode, leaf_of

TYPES = ("string", "bytes32", "uint64")
# Over a thousand rows, from another implementation.
ROOT = "dbe07496db3371203a322ff18fcb95f77550ec5693b237614310be161b83b99b"


def row(number: int) -> Row:
    uri = f"https://id.gs1.org/01/09506000134352/21/S{number}"
    return uri, number.to_bytes(32, "big"), number


def test_the_root_over_a_thousand_items_is_what_others_find() -> None:
    assert StandardTree(TYPES, [row(n) for n in range(1000)]).root.hex() == ROOT


@given(st.integers(1, 70), st.data())
def test_every_row_is_proven_and_no_other(count: int, data: st.DataObject) -> None:
    tree = StandardTree(TYPES, [row(n) for n in range(count)])
    index = data.draw(st.integers(0, count - 1))
    assert verify(leaf_of(TYPES, row(index)), tree.proof(index), tree.root)
    assert not verify(leaf_of(TYPES, row(count)), tree.proof(index), tree.root)


def test_the_dump_holds_the_tree_whole() -> None:
    dump = StandardTree(("address", "uint256"), [(b"\1" * 20, 2**200), (b"\2" * 20, 7)]).dump()
    assert dump["format"] == "standard-v1"
    assert dump["leafEncoding"] == ["address", "uint256"]
    assert {tuple(value["value"]) for value in dump["values"]} == {
        ("0x" + "01" * 20, str(2**200)), ("0x" + "02" * 20, "7")
    }  # fmt: skip
    root, left, right = (bytes.fromhex(node[2:]) for node in dump["tree"])
    assert root == hash_pair(left, right)
    assert left > right, "leaves stand in the list from the greatest to the least"


def test_encoding_is_the_abis() -> None:
    encoded = abi_encode(("bool", "string", "uint8"), (True, "積點", 255))
    words = [encoded[i : i + 32] for i in range(0, len(encoded), 32)]
    assert [int.from_bytes(word, "big") for word in words[:4]] == [1, 96, 255, 6]
    assert words[4] == "積點".encode().ljust(32, b"\0")
    assert leaf_of(("bool",), (False,)) == keccak256(keccak256(bytes(32)))


@pytest.mark.parametrize(("types", "values"), [
    (("uint8",), (256,)), (("uint64",), (-1,)), (("uint65",), (1,)), (("int8",), (1,)),
    (("bytes32",), (b"x",)),
    (("address",), ("0x",)), (("string",), (b"x",)), (("bool",), (2,)), (("uint8", "uint8"), (1,)),
])  # fmt: skip
def test_what_has_no_encoding_is_refused(types: tuple[str, ...], values: Row) -> None:
    with pytest.raises(ValueError, match=r".+"):
        abi_encode(types, values)


def test_there_is_no_tree_over_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        StandardTree(TYPES, [])
