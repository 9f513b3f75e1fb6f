"""The node as a process: what it answered stands after any kill -9, it starts fast, and it owns its file."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.lookup import block_by_number
from ledger_service.chain.node.server import main
from ledger_service.chain.node.store import Store
from tests.chain.node.builders import (
    ALICE,
    BYTECODE,
    GENESIS,
    GENESIS_TIME,
    batch,
    created_by,
    hashes,
    init_code,
    opened,
    signed,
)
from tests.chain.node.processes import ROOT, NodeProcess

KILLS = 8
MEMORY_LIMIT_MIB = 150
START_LIMIT_SECONDS = 5
DEPLOYMENT = "0x" + signed(0, None, bytes.fromhex(BYTECODE[2:]), gas=3_000_000).hex()
LATER = GENESIS_TIME + 1_000_000


def _hashes(node: NodeProcess) -> list[str]:
    head = int(node.ask("eth_blockNumber"), 16)
    calls = [
        {"jsonrpc": "2.0", "id": n, "method": "eth_getBlockByNumber", "params": [hex(n), False]}
        for n in range(head + 1)
    ]
    return [answer["result"]["hash"] for answer in node.post(calls)]


class _Sender(threading.Thread):
    """Sends transactions one after another and notes the height and block of each that was answered."""

    def __init__(self, node: NodeProcess, first: int) -> None:
        super().__init__()
        self._node = node
        self._nonce = first
        self.answered: dict[int, str] = {}
        self.begun = threading.Event()

    def run(self) -> None:
        contract = created_by(ALICE, 0)
        while True:
            raw = signed(self._nonce, contract, batch(self._nonce, 12, seed=self._nonce), gas=3_000_000)
            try:
                tx_hash = self._node.ask("eth_sendRawTransaction", "0x" + raw.hex())
                receipt = self._node.ask("eth_getTransactionReceipt", tx_hash)
            except (OSError, urllib.error.URLError, ValueError):
                return
            self.answered[int(receipt["blockNumber"], 16)] = receipt["blockHash"]
            self._nonce += 1
            self.begun.set()


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node with the batch contract, killed and started again `KILLS` times while it mines."""
    rng = random.Random(1)
    node = NodeProcess(tmp_path / "c.db")
    node.start()
    try:
        node.ask("eth_sendRawTransaction", DEPLOYMENT)
        known = dict(enumerate(_hashes(node)))
        for _ in range(KILLS):
            known = _killed_while_mining(node, known, rng.uniform(0, 0.06))
        yield node
    finally:
        node.stop()


def _killed_while_mining(node: NodeProcess, known: dict[int, str], delay: float) -> dict[int, str]:
    """Every block known before, or answered until the kill, stands after it; returns all blocks."""
    sender = _Sender(node, int(node.ask("eth_getTransactionCount", ALICE.address, "latest"), 16))
    sender.start()
    assert sender.begun.wait(60)
    time.sleep(delay)
    node.kill()
    sender.join()
    node.start()
    stands = dict(enumerate(_hashes(node)))
    for height, block_hash in {**known, **sender.answered}.items():
        assert stands[height] == block_hash
    return stands


def test_no_answered_block_is_lost_by_kill_9_at_any_instant(tmp_path: Path, killed: NodeProcess) -> None:
    assert len(_hashes(killed)) > KILLS
    killed.stop()
    with opened(tmp_path / "c.db") as chain:
        assert chain.store.writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        _assert_rebuilt(tmp_path, hashes(chain), chain.store)


def _assert_rebuilt(tmp_path: Path, expected: list[str], store: Store) -> None:
    """The raw transactions and timestamps replayed into a fresh chain give the same hashes."""
    rows = store.writer.execute(
        "SELECT block.number, tx.raw FROM block JOIN tx ON tx.block = block.number ORDER BY block.number"
    ).fetchall()
    with opened(tmp_path / "rebuilt.db") as fresh:
        for number, raw in rows:
            block = block_by_number(store.writer, number)
            fresh.set_next_timestamp(block.header.timestamp if block else 0)
            fresh.send(raw)
        assert hashes(fresh) == expected


def test_work_that_waits_goes_on_after_kill_9(node: NodeProcess) -> None:
    waiting = signed(1, b"\x09" * 20)
    node.ask("eth_sendRawTransaction", "0x" + waiting.hex())
    node.ask("evm_setNextBlockTimestamp", LATER)
    node.kill()
    node.start()
    node.ask("eth_sendRawTransaction", "0x" + signed(0, b"\x09" * 20).hex())
    assert node.ask("eth_blockNumber") == "0x2"
    assert int(node.ask("eth_getBlockByNumber", "0x1", False)["timestamp"], 16) == LATER


def test_reads_are_answered_while_a_long_block_is_mined(node: NodeProcess) -> None:
    node.ask(
        "eth_sendRawTransaction", "0x" + signed(0, None, bytes.fromhex(BYTECODE[2:]), gas=3_000_000).hex()
    )
    contract = created_by(ALICE, 0)
    calls = [
        {"jsonrpc": "2.0", "id": n, "method": "eth_sendRawTransaction",
         "params": ["0x" + signed(n, contract, batch(n, 200, seed=n), gas=16_000_000).hex()]}
        for n in range(1, 21)
    ]  # fmt: skip
    sender = threading.Thread(target=node.post, args=(calls,))
    sender.start()
    reads = 0
    while sender.is_alive():
        assert node.ask("eth_blockNumber")
        assert node.ask("eth_getBalance", ALICE.address, "latest")
        reads += 1
    sender.join()
    assert node.ask("eth_blockNumber") == "0x15"
    assert reads >= 10
    assert node.memory_mib < MEMORY_LIMIT_MIB


def test_a_contract_that_calls_itself_without_end_only_fails(node: NodeProcess) -> None:
    endless = bytes.fromhex("5f5f5f5f5f305af100")
    node.ask("eth_sendRawTransaction", "0x" + signed(0, None, init_code(endless), gas=1_000_000).hex())
    to = "0x" + created_by(ALICE, 0).hex()
    assert node.ask("eth_call", {"to": to, "gas": hex(60_000_000)}, "latest") == "0x"
    assert node.ask("eth_blockNumber") == "0x1"


def test_it_starts_in_time_on_a_long_chain(tmp_path: Path) -> None:
    with opened(tmp_path / "c.db") as chain, chain.store.writing() as connection:
        header = connection.execute("SELECT header FROM block").fetchone()[0]
        connection.executemany(
            "INSERT INTO block (number, hash, header, transactions) VALUES (?, ?, ?, 1)",
            ((n, n.to_bytes(32, "big"), header) for n in range(1, 200_000)),
        )
        connection.executemany(
            "INSERT INTO tx (block, position, hash, sender, raw, gas_used, receipt) "
            "VALUES (?, 0, ?, x'', x'', 0, x'')",
            ((n, n.to_bytes(32, "big")) for n in range(1, 200_000)),
        )
    node, seconds = NodeProcess(tmp_path / "c.db"), []
    for _ in range(3):  # nearly all of it is imports, which a busy machine stretches
        seconds.append(node.start())
        node.stop()
    assert min(seconds) < START_LIMIT_SECONDS


def test_opening_a_long_chain_takes_the_steps_of_a_short_one(tmp_path: Path) -> None:
    steps = {}
    for blocks in (1, 20_000):
        path = tmp_path / f"{blocks}.db"
        with opened(path) as chain, chain.store.writing() as connection:
            header = connection.execute("SELECT header FROM block").fetchone()[0]
            connection.executemany(
                "INSERT INTO block (number, hash, header, transactions) VALUES (?, ?, ?, 0)",
                ((n, n.to_bytes(32, "big"), header) for n in range(1, blocks)),
            )
        store, count = Store(path), [0]
        store.writer.set_progress_handler(lambda count=count: count.__setitem__(0, count[0] + 1), 1)
        Chain(store, GENESIS)
        steps[blocks] = count[0]
        store.writer.set_progress_handler(None, 1)
        store.close()
    assert 0 < steps[20_000] <= steps[1] + 4


def test_a_signal_ends_it_cleanly_and_a_second_owner_is_turned_away(node: NodeProcess) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "ledger_service.chain.node.server", "--store", str(node.store), "--port", "0"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert "in use by another process" in second.stderr
    assert node.stop() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fund", "0x12"],
        ["--chain-id", "-1"],
        ["--chain-id", "1e9"],
        ["--genesis-time", "0"],
        ["--keep-states", "x"],
    ],
)
def test_malformed_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    capsys.readouterr()


def test_help_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "--time-control" in capsys.readouterr().out


def test_another_genesis_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(tmp_path / "c.db"):
        pass
    assert main(["--store", str(tmp_path / "c.db"), "--chain-id", "5", "--port", "0"]) == 2
    assert "has chain_id 31337, not 5" in capsys.readouterr().err
