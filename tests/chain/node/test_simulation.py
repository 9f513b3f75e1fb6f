"""`eth_simulateV1`: calls build on each other, each a transaction of its own, and nothing of them stays."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.simulation import MAX_CALLS
from tests.chain.node.builders import ALICE, ECHO_RUNTIME, REVERT_RUNTIME, created_by, init_code, signed
from tests.chain.node.conftest import Ask

ECHO = "0x" + created_by(ALICE, 0).hex()
REVERTS = "0x" + created_by(ALICE, 1).hex()


@pytest.fixture
def founded(chain: Chain) -> Chain:
    chain.send(signed(0, None, init_code(ECHO_RUNTIME)))
    chain.send(signed(1, None, init_code(REVERT_RUNTIME)))
    return chain


def call(to: str, word: int) -> dict[str, str]:
    return {"from": "0x" + "77" * 20, "to": to, "data": "0x" + word.to_bytes(32, "big").hex()}


def block(*calls: dict[str, str], **overrides: str) -> dict[str, Any]:
    return {"blockOverrides": overrides, "calls": list(calls)}


def test_calls_see_what_those_before_them_left_and_the_chain_keeps_nothing(founded: Chain, ask: Ask) -> None:
    height, later = ask("eth_blockNumber"), 2**33
    blocks = [block(call(ECHO, 5), call(REVERTS, 1), call(ECHO, 5)), block(call(ECHO, 6), time=hex(later))]
    first, second = ask("eth_simulateV1", {"blockStateCalls": blocks, "validation": False})
    stored, refused, again = first["calls"]
    assert [c["status"] for c in first["calls"]] == ["0x1", "0x0", "0x1"]
    # Storing what already stands there costs no more than looking at it.
    assert int(stored["gasUsed"], 16) - int(again["gasUsed"], 16) > 15_000
    assert refused["error"]["data"] == refused["returnData"] and refused["logs"] == []
    assert int(second["timestamp"], 16) == later
    assert int(second["number"], 16) == int(height, 16) + 2
    assert ask("eth_blockNumber") == height
    assert int(ask("eth_getStorageAt", ECHO, "0x0", "latest"), 16) == 0


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {"blockStateCalls": [block()], "validation": True},
        {"blockStateCalls": [block()], "traceTransfers": True},
        {"blockStateCalls": [{"stateOverrides": {}}]},
        {"blockStateCalls": [block(time="0x1")]},
        {"blockStateCalls": [block(number="0xff")]},
        {"blockStateCalls": {}},
        {"blockStateCalls": [block(*[call(ECHO, 1)] * (MAX_CALLS + 1))]},
    ],
)
def test_what_the_node_does_not_understand_is_refused(founded: Chain, ask: Ask, payload: object) -> None:
    assert ask("eth_simulateV1", payload)["code"] in (-32602, -32005)
