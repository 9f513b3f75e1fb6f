"""Checkpoints of the log on chain: sizes only grow, none is changed, each refusal says why."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.parties import LOG, OPERATOR
from tests.contracts.refusals import refused


def root(text: str) -> bytes:
    return keccak256(text.encode())


@pytest.fixture
def log(alliance: Alliance) -> Alliance:
    """A log with checkpoints of the sizes 5, 6 and 900."""
    for size in (5, 6, 900):
        append(alliance, size, root(f"at {size}"))
    return alliance


def append(alliance: Alliance, size: int, value: bytes, made_at: int | None = None) -> Any:
    at = alliance.evm.now if made_at is None else made_at
    return alliance.transact(OPERATOR, LOG, "append", size, value, at)


def test_a_checkpoint_is_found_by_place_and_by_size(log: Alliance) -> None:
    assert log.ask(LOG, "checkpointCount") == (3,)
    assert [log.ask(LOG, "checkpointAt", at)[0][0] for at in range(3)] == [5, 6, 900]
    assert log.ask(LOG, "latest")[0][2] == root("at 900")
    found = [log.ask(LOG, "rootOfSize", size)[0] for size in (4, 5, 6, 7, 900, 901)]
    nothing = bytes(32)
    assert found == [nothing, root("at 5"), root("at 6"), nothing, root("at 900"), nothing]
    with refused("LogCheckpointUnknown", 3):
        log.ask(LOG, "checkpointAt", 3)


def test_an_empty_log_has_no_checkpoint(alliance: Alliance) -> None:
    assert alliance.ask(LOG, "latest")[0] == (0, 0, bytes(32))
    assert alliance.ask(LOG, "rootOfSize", 0) == (bytes(32),)


def test_a_log_neither_shrinks_nor_forks(log: Alliance) -> None:
    with refused("LogShrunk", 899, 900):
        append(log, 899, root("less"))
    with refused("LogForked", 900, root("other"), root("at 900")):
        append(log, 900, root("other"))
    with refused("LogCheckpointKnown", 900):
        append(log, 900, root("at 900"))
    assert log.ask(LOG, "checkpointCount") == (3,)
    receipt = append(log, 901, root("more"))
    topic = keccak256(b"CheckpointMade(uint64,bytes32,uint40)")
    assert [entry.topics[0] for entry in receipt.logs] == [topic]


def test_a_checkpoint_has_a_root_and_an_instant_in_order(log: Alliance) -> None:
    now = log.evm.now
    with refused("LogRootInvalid"):
        append(log, 1_000, bytes(32))
    log.evm.now += 1_000
    with refused("LogInstantInvalid"):
        append(log, 1_000, root("early"), now - 10_000)
    with refused("LogInstantInvalid"):
        append(log, 1_000, root("late"), log.evm.now + 10_000)
    append(log, 1_000, root("due"), log.evm.now)
