"""The path-keyed tries give the roots of a reference implementation, and reads find what was written."""

from __future__ import annotations

import random
import sqlite3

import pytest
from trie import HexaryTrie

from ledger_service.chain.node.codec import BLANK_ROOT, keccak, rlp_int
from ledger_service.chain.node.reader import ACCOUNTS, Account, NewestState, encode_account, storage_owner
from ledger_service.chain.node.trie import TrieUpdate, decode_body, encode_body, nibbles_of, pack

OWNER = b"s-owner"


def _apply(rows: dict[bytes, bytes], owner: bytes, changes: dict[bytes, bytes]) -> bytes:
    update = TrieUpdate(rows.get)
    root = update.merge(owner, [(nibbles_of(key), value) for key, value in changes.items()])
    for path, body in update.rows.items():
        if body is None:
            rows.pop(path, None)
        else:
            rows[path] = body
    return root


def _clustered_key(rng: random.Random) -> bytes:
    """Keys with long shared prefixes, which make extensions and embedded nodes."""
    shared = rng.choice([0, 0, 2, 20, 30, 31])
    return bytes(shared) + bytes(rng.choice([0, 1, 16, 255]) for _ in range(32 - shared))


@pytest.mark.parametrize("seed", range(40))
def test_roots_equal_the_reference_after_inserts_updates_and_removals(seed: int) -> None:
    rng, rows, reference, known = random.Random(seed), {}, HexaryTrie({}), []
    for _ in range(10):
        changes = {}
        for _ in range(rng.randint(1, 12)):
            key = rng.choice(known) if known and rng.random() < 0.5 else _clustered_key(rng)
            known.append(key)
            changes[key] = (
                b"" if rng.random() < 0.4 else bytes([rng.randint(1, 127)]) * rng.choice([1, 1, 5, 40])
            )
        root = _apply(rows, OWNER, changes)
        for key, value in changes.items():
            reference[key] = value
        assert root == reference.root_hash
    assert {path for path in rows if not path.startswith(OWNER)} == set()


def test_removing_everything_leaves_no_row_and_the_blank_root() -> None:
    rng, rows = random.Random(7), {}
    keys = [_clustered_key(rng) for _ in range(60)]
    _apply(rows, OWNER, dict.fromkeys(keys, b"\x01"))
    assert rows
    assert _apply(rows, OWNER, dict.fromkeys(keys, b"")) == BLANK_ROOT
    assert rows == {}


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_no_changes_leave_the_root(count: int) -> None:
    rng, rows = random.Random(count), {}
    root = _apply(rows, OWNER, {_clustered_key(rng): b"\x01" for _ in range(count)})
    before = dict(rows)
    assert _apply(rows, OWNER, {}) == root
    assert rows == before


def test_bodies_survive_a_round_trip() -> None:
    rng, rows = random.Random(9), {}
    _apply(rows, OWNER, {_clustered_key(rng): b"\x01" for _ in range(80)})
    kinds = {type(decode_body(body)).__name__ for body in rows.values()}
    assert kinds == {"Leaf", "Extension", "Branch"}
    assert all(encode_body(decode_body(body)) == body for body in rows.values())
    assert pack(nibbles_of(b"\x00\x1f\xff")) == b"\x00\x1f\xff"


def _after(address: bytes) -> bytes:
    return (int.from_bytes(address, "big") + 1).to_bytes(20, "big")


def test_one_seek_finds_exactly_the_slots_and_accounts_that_exist() -> None:
    rng, rows = random.Random(11), {}
    address, neighbour = rng.randbytes(20), rng.randbytes(20)
    slots = {rng.randint(0, 400): rng.randint(1, 1 << 200) for _ in range(200)}
    for owner in (address, neighbour):
        _apply(
            rows, storage_owner(owner),
            {keccak(slot.to_bytes(32, "big")): rlp_int(value) for slot, value in slots.items()},
        )  # fmt: skip
    _apply(rows, ACCOUNTS, {keccak(address): encode_account(Account(3, 9))})
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE node (path BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID")
    connection.executemany("INSERT INTO node VALUES (?, ?)", rows.items())
    state = NewestState(connection)
    assert all(state.slot(address, slot) == slots.get(slot, 0) for slot in range(500))
    for slot in slots:  # the row before belongs to another contract and has the same slot hash
        assert state.slot(rng.randbytes(20), slot) == 0
        assert state.slot(_after(address), slot) == 0
    assert state.account(address) == Account(3, 9)
    assert state.account(neighbour) is None
    connection.close()
