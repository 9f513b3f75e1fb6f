"""Runs transactions and calls: applies a signed transaction, calls without effect, estimates gas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import OutOfGas, Revert

from ledger_service.chain.node.errors import SERVER_ERROR, Reverted, RpcError
from ledger_service.chain.node.fork import BlockContext, LocalState
from ledger_service.chain.node.transactions import (
    DYNAMIC_FEE,
    MAX_TRANSACTION_GAS,
    AccessList,
    Transaction,
    contract_address,
)
from ledger_service.chain.node.world import Hot, World

Log = tuple[bytes, tuple[bytes, ...], bytes]
"""(address, topics, data)."""

_ERROR_SELECTOR = bytes.fromhex("08c379a0")
_PANIC_SELECTOR = bytes.fromhex("4e487b71")
_ESTIMATE_TOLERANCE_DIVISOR = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running a transaction did."""

    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]
    output: bytes
    created: bytes | None
    failure: str


@dataclass(frozen=True, slots=True)
class Call:
    """An unsigned message for `eth_call` and `eth_estimateGas`. Gas None = as much as the node gives."""

    sender: bytes
    to: bytes
    data: bytes
    value: int = 0
    gas: int | None = None
    access_list: AccessList = ()


def apply_transaction(world: World, block: BlockContext, transaction: Transaction) -> Outcome:
    """The world holds the transaction's effects; a failed one changes only the sender's nonce and fee.

    The caller has checked nonce, balance and gas limits.
    """
    state: Any = LocalState(world, block)
    executor = state.get_transaction_executor()
    message = executor.build_evm_message(transaction)
    computation = executor.build_computation(message, transaction)
    computation = executor.finalize_computation(transaction, computation)
    created = None if transaction.to else contract_address(transaction.sender, transaction.nonce)
    return _outcome(transaction, computation, created)


def _outcome(transaction: Transaction, computation: ComputationAPI, created: bytes | None) -> Outcome:
    remaining = computation.get_gas_remaining()
    used = transaction.gas - remaining
    refund = min(computation.get_gas_refund(), used // 5)
    used = used - refund + computation.data_floor_gas
    logs = tuple(
        (address, tuple(topic.to_bytes(32, "big") for topic in topics), bytes(data))
        for address, topics, data in computation.get_log_entries()
    )
    failure = "" if computation.is_success else _failure_text(computation)
    return Outcome(computation.is_success, used, logs, bytes(computation.output), created, failure)


def _failure_text(computation: ComputationAPI) -> str:
    error = computation.error
    if isinstance(error, Revert):
        return "revert"
    if isinstance(error, OutOfGas):
        return "out of gas"
    return type(error).__name__


def _run(hot: Hot, block: BlockContext, call: Call, gas: int) -> Outcome:
    return run_on(World(hot), block, call, gas)


def run_on(world: World, block: BlockContext, call: Call, gas: int) -> Outcome:
    """What the call does; the world holds its effects.

    Raises:
        RpcError: the gas does not cover what any message costs, or the sender cannot pay the value.
    """
    transaction = Transaction(
        DYNAMIC_FEE, block.chain_id, world.get_nonce(call.sender), 0, 0, gas, call.to, call.value, call.data,
        call.access_list, 0, 0, 0, call.sender, bytes(32), b"",
    )  # fmt: skip
    if transaction.least_gas > gas:
        raise RpcError(SERVER_ERROR, f"intrinsic gas too low: have {gas}, want {transaction.least_gas}")
    if world.get_balance(call.sender) < call.value:
        raise RpcError(
            SERVER_ERROR, "insufficient funds for gas * price + value", {"reason": "insufficient_funds"}
        )
    return apply_transaction(world, block, transaction)


def call(hot: Hot, block: BlockContext, request: Call) -> bytes:
    """The output of a call on a state that is thrown away afterwards.

    Raises:
        Reverted: the contract reverted; carries the revert bytes.
        RpcError: it ran out of gas or hit an invalid instruction, or the sender cannot pay the value.
    """
    outcome = _run(hot, block, request, min(request.gas or block.gas_limit, block.gas_limit))
    raise_if_failed(outcome)
    return outcome.output


def estimate_gas(hot: Hot, block: BlockContext, request: Call) -> int:
    """A gas limit that suffices for the call, at most 1/64 above the smallest one that does.

    Raises:
        Reverted: it reverts at any gas limit.
        RpcError: it fails at the largest gas limit.
    """
    highest = min(request.gas or MAX_TRANSACTION_GAS, MAX_TRANSACTION_GAS, block.gas_limit)
    outcome = _run(hot, block, request, highest)
    raise_if_failed(outcome)
    lowest = outcome.gas_used - 1
    guess = (outcome.gas_used + outcome.gas_used // 4 + 2_300) * 64 // 63
    while highest - lowest > lowest // _ESTIMATE_TOLERANCE_DIVISOR + 1:
        middle = guess if lowest < guess < highest else (lowest + highest) // 2
        guess = 0
        if _suffices(hot, block, request, middle):
            highest = middle
        else:
            lowest = middle
    return highest


def _suffices(hot: Hot, block: BlockContext, request: Call, gas: int) -> bool:
    try:
        return _run(hot, block, request, gas).succeeded
    except RpcError:
        return False


def raise_if_failed(outcome: Outcome) -> None:
    """Returns when the execution succeeded.

    Raises:
        Reverted: a revert, with its bytes and, for `Error(string)` and `Panic(uint256)`, its text.
        RpcError: any other failure.
    """
    if outcome.succeeded:
        return
    if outcome.failure != "revert":
        raise RpcError(SERVER_ERROR, outcome.failure)
    raise Reverted(outcome.output, explain_revert(outcome.output))


def explain_revert(output: bytes) -> str:
    """The text of a standard revert reason (`Error(string)`, `Panic(uint256)`), or an empty string."""
    if output[:4] == _PANIC_SELECTOR and len(output) == 36:
        return f"panic code {int.from_bytes(output[4:], 'big'):#x}"
    if output[:4] != _ERROR_SELECTOR or len(output) < 68:
        return ""
    start = 4 + int.from_bytes(output[4:36], "big")
    size = int.from_bytes(output[start : start + 32], "big")
    text = output[start + 32 : start + 32 + size]
    return text.decode("utf-8", "replace") if len(text) == size else ""
