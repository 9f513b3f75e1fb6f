"""`eth_getLogs` gives exactly the logs that a look at every block gives, whatever the filter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from ledger_service.chain.node import logs
from ledger_service.chain.node.chain import Chain
from tests.chain.node.builders import ALICE, created_by, hashes, init_code, opened, signed
from tests.chain.node.conftest import Ask, Clock


def _emitter() -> bytes:
    """Calldata word 0 says how many topics, the next words are the topics; no data."""
    table, bodies = b"\x5f\x35", b""
    start = 2 + 4 * 8 + 4
    for count in range(1, 5):
        body = b"\x5b" + b"".join(b"\x60" + bytes([32 * at]) + b"\x35" for at in range(count, 0, -1))
        body += b"\x5f\x5f" + bytes([0xA0 + count]) + b"\x00"
        table += b"\x80\x60" + bytes([count]) + b"\x14\x60" + bytes([start + len(bodies)]) + b"\x57"
        bodies += body
    table += b"\x5f\x5f\xa0\x00"
    return table.ljust(start, b"\x00") + bodies


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _topic(value: int) -> str:
    return "0x" + _word(value).hex()


CONTRACTS = [created_by(ALICE, nonce) for nonce in range(3)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One for all tests, which only read."""
    with opened(tmp_path_factory.mktemp("logs") / "chain.db", clock=Clock()) as made:
        yield made


@pytest.fixture(scope="module")
def noisy(chain: Chain) -> Chain:
    """Three emitters and forty blocks of logs with zero to four topics out of six."""
    rng = random.Random(4)
    for nonce in range(3):
        chain.send(signed(nonce, None, init_code(_emitter())))
    for nonce in range(3, 43):
        count = rng.randint(0, 4)
        data = _word(count) + b"".join(_word(rng.randint(1, 6)) for _ in range(count))
        chain.send(signed(nonce, rng.choice(CONTRACTS), data))
    return chain


def _everything(ask: Ask) -> list[dict[str, Any]]:
    head = int(ask("eth_blockNumber"), 16)
    return [log for n in range(head + 1) for r in ask("eth_getBlockReceipts", hex(n)) for log in r["logs"]]


def _matches(log: dict[str, Any], addresses: list[str], topics: list[Any]) -> bool:
    if addresses and log["address"] not in addresses:
        return False
    if len(log["topics"]) < len(topics):
        return False
    wanted = [[t] if isinstance(t, str) else t for t in topics]
    return all(w is None or w == [] or log["topics"][at] in w for at, w in enumerate(wanted))


def test_the_emitter_emits_every_number_of_topics(noisy: Chain, ask: Ask) -> None:
    found = _everything(ask)
    assert len(found) == 40
    assert {len(log["topics"]) for log in found} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("seed", range(60))
def test_any_filter_gives_what_a_full_scan_gives(noisy: Chain, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    addresses = ["0x" + address.hex() for address in rng.sample(CONTRACTS, rng.randint(0, 3))]
    topics: list[Any] = [
        rng.choice([None, [], _topic(rng.randint(1, 7)), [_topic(n) for n in rng.sample(range(1, 8), 2)]])
        for _ in range(rng.randint(0, 4))
    ]
    first, last = sorted((rng.randint(0, 43), rng.randint(0, 60)))
    wanted: dict[str, Any] = {"fromBlock": hex(first), "toBlock": hex(last), "topics": topics}
    if addresses:
        wanted["address"] = addresses[0] if len(addresses) == 1 else addresses
    expected = [
        log for log in _everything(ask)
        if first <= int(log["blockNumber"], 16) <= last and _matches(log, addresses, topics)
    ]  # fmt: skip
    assert ask("eth_getLogs", wanted) == expected


def test_a_filter_by_block_hash_gives_that_block(noisy: Chain, ask: Ask) -> None:
    every = _everything(ask)
    block_hash = "0x" + hashes(noisy)[20]
    assert ask("eth_getLogs", {"blockHash": block_hash}) == [
        log for log in every if log["blockHash"] == block_hash
    ]
    assert ask("eth_getLogs", {"blockHash": "0x" + "00" * 32})["data"] == {"reason": "unknown_block"}


def test_past_the_head_and_by_default_it_answers_without_error(noisy: Chain, ask: Ask) -> None:
    assert ask("eth_getLogs", {"fromBlock": "0x1000", "toBlock": "0x2000"}) == []
    assert ask("eth_getLogs", {}) == [log for log in _everything(ask) if log["blockNumber"] == "0x2b"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"fromBlock": "0x2", "toBlock": "0x1"},
        {"blockHash": "0x" + "00" * 32, "fromBlock": "0x0"},
        {"topics": [None] * 5},
        {"topics": "0x00"},
        {"topics": [["0x01"]]},
        {"address": "0x01"},
        {"unknown": 1},
        {"fromBlock": "five"},
        [],
    ],
)
def test_a_malformed_filter_is_refused(noisy: Chain, ask: Ask, wanted: object) -> None:
    assert ask("eth_getLogs", wanted)["code"] == -32602


def test_too_many_results_are_refused_with_the_block_to_stop_at(
    noisy: Chain, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_LOGS", 10)
    error = ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    assert error["code"] == -32005
    last = int(error["message"].split()[-1])
    assert len(ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(last)})) == 10
    monkeypatch.setattr(logs, "MAX_EMPTY_BLOCKS", 5)
    assert ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0x5"})["code"] == -32005
    many = {"address": ["0x" + number.to_bytes(20, "big").hex() for number in range(1_001)]}
    assert ask("eth_getLogs", many)["code"] == -32005
