"""The connection of one process to the node: everything goes through ``carry``, which may do it badly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ledger_service.chain.transport import Transport
from tests.simulation.machine.process import Process
from tests.simulation.network.clients import Refused
from tests.simulation.network.rpc import Rpc

Carry = Callable[[list[dict[str, Any]]], bytes]


class Wire(Transport):
    """The product's transport with bytes handed over in the process; the process may die on either side."""

    def __init__(self, process: Process, carry: Carry) -> None:
        super().__init__("http://127.0.0.1:1")
        self._process, self._carry = process, carry

    def _exchange(self, method: str, body: bytes) -> bytes:
        self._process.step()
        answer = self._carry(orjson.loads(body))
        self._process.step()
        return answer


def answered(rpc: Rpc, call: dict[str, Any], height: int | None = None) -> dict[str, Any]:
    """The answer object of one call."""
    head = {"jsonrpc": "2.0", "id": call["id"]}
    try:
        return {**head, "result": rpc.answer(call["method"], call["params"], height)}
    except Refused as refused:
        error = {"code": refused.code, "message": refused.message}
        return {**head, "error": error if refused.data is None else {**error, "data": refused.data}}


def honest(rpc: Rpc) -> Carry:
    """Every call is answered, in order and truly."""
    return lambda calls: orjson.dumps([answered(rpc, call) for call in calls])
