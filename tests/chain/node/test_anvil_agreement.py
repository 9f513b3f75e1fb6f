"""Another implementation of the same rules, anvil, reports the same receipts for the same transactions."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger_service.chain.node.chain import Chain
from tests.chain.networks import anvil_binary, free_port
from tests.chain.node.builders import (
    ALICE,
    BYTECODE,
    CHAIN_ID,
    ECHO_RUNTIME,
    GENESIS_TIME,
    REVERT_RUNTIME,
    batch,
    created_by,
    init_code,
    signed,
)
from tests.chain.node.conftest import Ask

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(anvil_binary() is None, reason="anvil is not installed (npm ci in contracts/)"),
]

ACCESS = [{"address": "0x" + created_by(ALICE, 0).hex(), "storageKeys": ["0x" + "00" * 32]}]


@pytest.fixture
def anvil() -> Iterator[Callable[..., Any]]:
    port = free_port()
    process = subprocess.Popen(
        [
            anvil_binary() or "", "--port", str(port), "--hardfork", "prague", "--base-fee", "0", "--silent",
            "--chain-id", str(CHAIN_ID), "--timestamp", str(GENESIS_TIME), "--gas-limit", "60000000",
        ]
    )  # fmt: skip

    def ask(method: str, *arguments: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read()).get("result")

    _wait_for(lambda: ask("eth_chainId"))
    ask("anvil_setBalance", ALICE.address, hex(10**27))
    ask("anvil_setCoinbase", "0x" + "00" * 20)
    yield ask
    process.terminate()
    process.wait(timeout=20)


def _wait_for(probe: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            found = probe()
        except OSError:
            found = None
        if found is not None:
            return found
        time.sleep(0.02)
    raise AssertionError("anvil did not answer in time")


def _transactions() -> list[bytes]:
    contract, echo, refuser = (created_by(ALICE, nonce) for nonce in (0, 1, 2))
    big = {"gas": 6_000_000}
    return [
        signed(0, None, bytes.fromhex(BYTECODE[2:]), **big),
        signed(1, None, init_code(ECHO_RUNTIME)),
        signed(2, None, init_code(REVERT_RUNTIME)),
        signed(3, contract, batch(1, 40, seed=1), **big),
        signed(4, contract, batch(2, 40, seed=1), **big),
        signed(5, contract, batch(2, 40, seed=1), **big),
        signed(6, contract, batch(3, 40, seed=2), gas=500_000),
        signed(7, echo, bytes(31) + b"\x05", accessList=ACCESS),
        signed(8, echo, bytes(31) + b"\x05", gasPrice=0, type=1, accessList=ACCESS),
        signed(9, echo, bytes(32), gasPrice=0),
        signed(10, refuser, b"\x01" * 5_000, maxFeePerGas=7, maxPriorityFeePerGas=3),
        signed(11, b"\x77" * 20, value=12_345),
        signed(12, b"\x00" * 19 + b"\x01", b"\x00" * 700),
        signed(13, None, init_code(b"\xef\x00")),
    ]


def test_gas_status_logs_and_roots_are_those_of_anvil(
    chain: Chain, ask: Ask, anvil: Callable[..., Any]
) -> None:
    for at, raw in enumerate(_transactions()):
        for side in (ask, anvil):
            side("evm_setNextBlockTimestamp", GENESIS_TIME + 10 + at)
        tx_hash = ask("eth_sendRawTransaction", "0x" + raw.hex())
        assert anvil("eth_sendRawTransaction", "0x" + raw.hex()) == tx_hash
        theirs = _wait_for(lambda wanted=tx_hash: anvil("eth_getTransactionReceipt", wanted))
        ours = ask("eth_getTransactionReceipt", tx_hash)
        for member in (
            "gasUsed",
            "status",
            "logsBloom",
            "contractAddress",
            "effectiveGasPrice",
            "type",
            "to",
        ):
            assert ours[member] == theirs[member], (at, member)
        parts = ("address", "topics", "data", "logIndex")
        assert [[log[part] for part in parts] for log in ours["logs"]] == [
            [log[part] for part in parts] for log in theirs["logs"]
        ]
        block, other = (side("eth_getBlockByNumber", ours["blockNumber"], False) for side in (ask, anvil))
        for member in ("receiptsRoot", "transactionsRoot", "gasUsed", "timestamp", "logsBloom"):
            assert block[member] == other[member], (at, member)
    assert chain.head.number == len(_transactions())
