"""State reads: kept blocks give what stood then, pruned ones say so, calls never change anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.codec import EMPTY_CODE_HASH
from ledger_service.chain.node.reader import Account, pack_undo, unpack_undo
from ledger_service.chain.node.world import Hot, World
from tests.chain.node.builders import (
    ALICE,
    ECHO_RUNTIME,
    REVERT_RUNTIME,
    address_of,
    created_by,
    hashes,
    init_code,
    opened,
    signed,
)
from tests.chain.node.conftest import Ask

ECHO = "0x" + created_by(ALICE, 0).hex()
TO = b"\x09" * 20


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.fixture
def five_blocks(chain: Chain) -> Chain:
    """Block 1 creates the echo; blocks 2 to 5 store 2 to 5 in it and move that many wei."""
    chain.send(signed(0, None, init_code(ECHO_RUNTIME)))
    for number in range(2, 6):
        chain.send(signed(number - 1, created_by(ALICE, 0), _word(number)))
    return chain


def test_slots_code_and_nonces_of_each_block_are_those_of_its_time(five_blocks: Chain, ask: Ask) -> None:
    for number in range(6):
        tag = hex(number)
        expected = number if number > 1 else 0
        assert int(ask("eth_getStorageAt", ECHO, "0x0", tag), 16) == expected
        assert ask("eth_getCode", ECHO, tag) == ("0x" + ECHO_RUNTIME.hex() if number else "0x")
        assert int(ask("eth_getTransactionCount", ALICE.address, tag), 16) == number
    assert int(ask("eth_getStorageAt", ECHO, "0x" + "00" * 32, "latest"), 16) == 5


def test_a_block_is_named_by_tag_number_hash_or_object(five_blocks: Chain, ask: Ask) -> None:
    third = hashes(five_blocks)[3]
    for tag in ({"blockHash": "0x" + third}, {"blockNumber": "0x3"}, "0x3"):
        assert int(ask("eth_getStorageAt", ECHO, "0x0", tag), 16) == 3
    for tag in ("latest", "pending", "safe", "finalized"):
        assert int(ask("eth_getStorageAt", ECHO, "0x0", tag), 16) == 5
    assert ask("eth_getBalance", ALICE.address, "earliest") == hex(10**27)
    assert ask("eth_getBalance", ALICE.address, {"blockHash": "0x" + "00" * 32})["data"] == {
        "reason": "unknown_block"
    }
    assert ask("eth_getBalance", ALICE.address, "0x99")["data"] == {"reason": "unknown_block"}


def test_a_call_sees_its_block_and_changes_nothing(five_blocks: Chain, ask: Ask) -> None:
    before = hashes(five_blocks)
    assert ask("eth_call", {"to": ECHO, "data": "0x" + _word(99).hex()}, "latest") == "0x" + _word(99).hex()
    assert int(ask("eth_getStorageAt", ECHO, "0x0", "latest"), 16) == 5
    block_number = "0x" + init_code(b"\x00").hex()
    assert ask("eth_call", {"data": "0x435f5260205ff3"}, "0x2") == "0x" + _word(2).hex()
    assert ask("eth_call", {"data": "0x435f5260205ff3"}, "pending") == "0x" + _word(6).hex()
    assert ask("eth_call", {"data": "0x6003405f5260205ff3"}, "latest") == "0x" + before[3]
    assert ask("eth_call", {"data": block_number}, "latest") == "0x00"
    assert hashes(five_blocks) == before


def test_a_revert_answers_code_3_with_its_bytes(five_blocks: Chain, ask: Ask) -> None:
    five_blocks.send(signed(5, None, init_code(REVERT_RUNTIME)))
    to = "0x" + created_by(ALICE, 5).hex()
    assert ask("eth_call", {"to": to, "data": "0xdeadbeef"}, "latest") == {
        "code": 3, "message": "execution reverted", "data": "0xdeadbeef",
    }  # fmt: skip
    text = "08c379a0" + _word(32).hex() + _word(5).hex() + b"wrong".ljust(32, b"\0").hex()
    assert ask("eth_estimateGas", {"to": to, "data": "0x" + text})["message"] == "execution reverted: wrong"
    panic = "0x4e487b71" + _word(0x11).hex()
    assert (
        ask("eth_call", {"to": to, "data": panic}, "latest")["message"]
        == "execution reverted: panic code 0x11"
    )
    assert ask("eth_call", {"to": to, "data": "0x08c379a0ff"}, "latest")["code"] == 3


def test_an_estimate_suffices_and_is_close(five_blocks: Chain, ask: Ask) -> None:
    request = {"from": ALICE.address, "to": ECHO, "data": "0x" + _word(77).hex()}
    estimate = int(ask("eth_estimateGas", request), 16)
    raw = signed(5, created_by(ALICE, 0), _word(77), gas=estimate)
    five_blocks.send(raw)
    with five_blocks.store.reading() as connection:
        used = connection.execute("SELECT gas_used FROM tx WHERE block = 6").fetchone()[0]
    assert used <= estimate <= used + used // 50
    assert int(ask("eth_getStorageAt", ECHO, "0x0", "latest"), 16) == 77


def test_older_states_are_kept_as_far_as_asked_and_no_further(tmp_path: Path) -> None:
    with opened(tmp_path / "c.db", keep_states=3) as chain:
        for nonce in range(8):
            chain.send(signed(nonce, TO, value=1))
        with chain.store.reading() as connection:
            assert [row[0] for row in connection.execute("SELECT block FROM undo")] == [6, 7, 8]


def test_a_pruned_state_is_an_error_that_names_the_oldest(chain: Chain, ask: Ask) -> None:
    chain.keep_states = 2
    for nonce in range(5):
        chain.send(signed(nonce, TO, value=1))
    assert ask("eth_getBalance", "0x" + TO.hex(), "0x3") == "0x3"
    error = ask("eth_getBalance", "0x" + TO.hex(), "0x2")
    assert error["data"] == {"reason": "state_pruned"}
    assert error["message"].endswith("the oldest kept is 3")


def test_undo_records_survive_a_round_trip() -> None:
    entries = [(TO, None, b""), (TO, None, b"\x01" * 110), (TO, 0, b""), (TO, (1 << 256) - 1, b"\xff" * 32)]
    assert list(unpack_undo(pack_undo(entries))) == entries


def test_a_rollback_restores_every_kind_of_change(five_blocks: Chain) -> None:
    world = World(Hot(five_blocks._newest))
    alice, echo = address_of(ALICE), created_by(ALICE, 0)
    world.set_storage(echo, 0, 1)
    mark = world.checkpoint()
    world.set_storage(echo, 0, 2)
    world.set_storage(echo, 9, 9)
    world.set_transient(echo, 1, b"x")
    world.set_balance(alice, 1)
    world.increment_nonce(alice)
    world.set_code(TO, b"\x00")
    world.delete_account(echo)
    world.mark_address_warm(TO)
    world.mark_storage_warm(TO, 1)
    assert (world.get_storage(echo, 0), world.account_exists(echo)) == (0, False)
    world.rollback(mark)
    assert world.get_storage(echo, 0) == 1
    assert world.get_storage(echo, 0, from_journal=False) == 5
    assert world.get_storage(echo, 9) == 0
    assert world.get_transient(echo, 1) == b""
    assert (world.get_balance(alice), world.get_nonce(alice)) == (10**27, 5)
    assert world.get_code_hash(TO) == EMPTY_CODE_HASH
    assert not world.is_address_warm(TO)
    assert not world.is_storage_warm(TO, 1)
    assert world.changed_slots() == {echo: {0: (5, 1)}}


def test_an_emptied_account_leaves_the_state(chain: Chain, ask: Ask) -> None:
    chain.send(signed(0, TO, maxFeePerGas=0))
    assert list(World(Hot(chain._newest)).changed_accounts()) == []
    assert chain._newest.account(TO) is None
    assert Account().is_empty
