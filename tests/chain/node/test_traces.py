"""Traced execution does exactly what py-evm does opcode by opcode: success, gas, output, logs and storage."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth.vm.forks.prague.computation import PragueComputation

from ledger_service.chain.node import fork, interpreter
from ledger_service.chain.node.codec import BLANK_ROOT, EMPTY_CODE_HASH, keccak
from ledger_service.chain.node.engine import Outcome, apply_transaction
from ledger_service.chain.node.reader import Account
from ledger_service.chain.node.transactions import DYNAMIC_FEE, Transaction
from ledger_service.chain.node.world import Hot, World
from tests.chain.node.builders import BYTECODE, batch
from tests.chain.node.programs import Program, push, word

SENDER, TARGET, OTHER = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20
BLOCK = fork.BlockContext(5, 1_700_000_000, 60_000_000, 1, lambda number: bytes([number]) * 32)


@dataclass
class MemoryState:
    """Committed state in dictionaries."""

    accounts: dict[bytes, Account]
    codes: dict[bytes, bytes]
    slots: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def account(self, address: bytes) -> Account | None:
        return self.accounts.get(address)

    def slot(self, address: bytes, slot: int) -> int:
        return self.slots.get((address, slot), 0)

    def code(self, code_hash: bytes) -> bytes:
        return self.codes[code_hash]


def _state(codes: dict[bytes, bytes]) -> MemoryState:
    accounts = {SENDER: Account(0, 10**20)}
    for address, code in codes.items():
        accounts[address] = Account(1, 0, BLANK_ROOT, keccak(code))
    slots = {(TARGET, slot): slot + 1 for slot in range(4)}
    return MemoryState(
        accounts, {keccak(code): code for code in codes.values()} | {EMPTY_CODE_HASH: b""}, slots
    )


def _run(codes: dict[bytes, bytes], data: bytes, gas: int) -> tuple[Outcome, Any, Any]:
    world = World(Hot(_state(codes)))
    transaction = Transaction(
        DYNAMIC_FEE, 1, 0, 0, 0, gas, TARGET, 0, data, (), 0, 0, 0, SENDER, bytes(32), b""
    )  # fmt: skip
    outcome = apply_transaction(world, BLOCK, transaction)
    return outcome, world.changed_slots(), sorted(world.changed_accounts(), key=lambda item: item[0])


def _both(monkeypatch: pytest.MonkeyPatch, codes: dict[bytes, bytes], data: bytes, gas: int) -> Outcome:
    """Runs both ways, traces from the first visit on, and compares."""
    monkeypatch.setattr(interpreter, "HOT_AFTER", 0)
    traced = _run(codes, data, gas)
    with monkeypatch.context() as patch:
        patch.setattr(fork.LocalState, "computation_class", PragueComputation)
        plain = _run(codes, data, gas)
    failed = not plain[0].succeeded and plain[0].failure != "revert"
    if failed and not traced[0].succeeded:  # which of several reasons to fail comes first may differ
        assert traced[0].gas_used == plain[0].gas_used
        assert traced[1:] == plain[1:]
    else:
        assert traced == plain
    return plain[0]


@pytest.mark.parametrize("opcode", [*range(0x01, 0x0C), *range(0x10, 0x1E)])
def test_each_arithmetic_opcode_agrees(monkeypatch: pytest.MonkeyPatch, opcode: int) -> None:
    rng = random.Random(opcode)
    code = b""
    for slot in range(40):
        operands = b"".join(push(word(rng)) for _ in range(3))
        code += operands + bytes([opcode]) + push(100 + slot) + b"\x55" + b"\x50" * 2
    outcome = _both(monkeypatch, {TARGET: code + b"\x00"}, b"", 5_000_000)
    assert outcome.gas_used > 21_000


@pytest.mark.parametrize("seed", range(300))
def test_random_programs_agree(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    codes = {
        OTHER: Program(rng, []).build(),
        TARGET: Program(rng, [OTHER, TARGET, bytes(19) + b"\x02"]).build(),
    }
    _both(monkeypatch, codes, rng.randbytes(rng.choice([0, 5, 68])), rng.choice([90_000, 400_000, 1_500_000]))


def test_most_random_programs_run_to_their_end() -> None:
    succeeded = 0
    for seed in range(60):
        rng = random.Random(seed)
        code = Program(rng, []).build()
        succeeded += _run({TARGET: code}, b"", 1_500_000)[0].succeeded
    assert succeeded > 30


@pytest.mark.parametrize("height", [1_023, 1_024, 1_025])
def test_the_stack_limit_agrees(monkeypatch: pytest.MonkeyPatch, height: int) -> None:
    _both(monkeypatch, {TARGET: b"\x5f" * height + b"\x00"}, b"", 200_000)


@pytest.mark.parametrize(
    "code", ["56", "6003565b", "600456605b00", "5f5f57", "60015f57", "6101f456", "5b600056", "50"]
)
def test_bad_and_endless_jumps_agree(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    _both(monkeypatch, {TARGET: bytes.fromhex(code)}, b"", 60_000)


@pytest.mark.parametrize("gas", [90_000, 120_000, 300_000, 8_000_000])
def test_a_batch_contract_agrees_also_when_gas_runs_out(monkeypatch: pytest.MonkeyPatch, gas: int) -> None:
    runtime = _deployed()
    outcome = _both(monkeypatch, {TARGET: runtime}, batch(1, 24, seed=3), gas)
    assert outcome.succeeded is (gas == 8_000_000)


def _deployed() -> bytes:
    """The batch contract's runtime code."""
    world = World(Hot(_state({})))
    create = Transaction(
        DYNAMIC_FEE, 1, 0, 0, 0, 5_000_000, b"", 0, bytes.fromhex(BYTECODE[2:]), (), 0, 0, 0, SENDER,
        bytes(32), b"",
    )  # fmt: skip
    outcome = apply_transaction(world, BLOCK, create)
    assert outcome.created is not None
    return world.get_code(outcome.created)
