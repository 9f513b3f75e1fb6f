"""`eth_simulateV1`: blocks of unsigned calls, one on the other's state; nothing of it stays.

Of the method's parameters a block's `time` is understood, and no other override: what is not understood is
refused, never ignored. Source: the execution-apis specification of `eth_simulateV1`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger_service.chain.node import params
from ledger_service.chain.node.codec import data, parse_quantity, quantity
from ledger_service.chain.node.engine import Outcome, run_on
from ledger_service.chain.node.errors import InvalidParams, LimitExceeded
from ledger_service.chain.node.fork import BlockContext
from ledger_service.chain.node.world import Hot, World

MAX_BLOCKS = 16
MAX_CALLS = 256
_REVERTED = 3


def simulate(hot: Hot, head: BlockContext, payload: object) -> list[dict[str, Any]]:
    """What the blocks' calls would do, each on top of those before it.

    Raises:
        InvalidParams: an override or an option that this node does not know, or a time that does not rise.
        LimitExceeded: more blocks or calls than the node runs for one question.
    """
    blocks = _blocks(payload)
    context = head
    answers = []
    for block in blocks:
        context = _following(context, block.get("blockOverrides", {}))
        calls = [_run(hot, context, raw) for raw in block.get("calls", [])]
        answers.append(
            {"number": quantity(context.number), "timestamp": quantity(context.timestamp), "calls": calls}
        )
    return answers


def _blocks(payload: object) -> list[dict[str, Any]]:
    if not isinstance(payload, dict) or not set(payload) <= {"blockStateCalls", "validation"}:
        raise InvalidParams("expected an object with blockStateCalls and validation")
    if payload.get("validation"):
        raise InvalidParams("validation: only false is served")
    blocks = payload.get("blockStateCalls")
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        raise InvalidParams("blockStateCalls: expected a list of objects")
    if not all(
        set(b) <= {"blockOverrides", "calls"} and isinstance(b.get("calls", []), list) for b in blocks
    ):
        raise InvalidParams("blockStateCalls: only blockOverrides and calls are served")
    if len(blocks) > MAX_BLOCKS or sum(len(b.get("calls", [])) for b in blocks) > MAX_CALLS:
        raise LimitExceeded(f"at most {MAX_BLOCKS} blocks and {MAX_CALLS} calls")
    return blocks


def _following(before: BlockContext, overrides: object) -> BlockContext:
    if not isinstance(overrides, dict) or not set(overrides) <= {"time"}:
        raise InvalidParams("blockOverrides: only time is served")
    time = parse_quantity(overrides["time"], "time") if "time" in overrides else before.timestamp + 1
    if time <= before.timestamp:
        raise InvalidParams("time: must rise from block to block")
    return replace(before, number=before.number + 1, timestamp=time)


def _run(hot: Hot, context: BlockContext, raw: object) -> dict[str, Any]:
    call, world = params.call_object(raw), World(hot)
    outcome = run_on(world, context, call, min(call.gas or context.gas_limit, context.gas_limit))
    _keep(hot, world)
    told: dict[str, Any] = {
        "status": quantity(int(outcome.succeeded)),
        "returnData": data(outcome.output),
        "gasUsed": quantity(outcome.gas_used),
        "logs": _logs(outcome),
    }
    if not outcome.succeeded:
        told["error"] = {"code": _REVERTED, "message": outcome.failure, "data": data(outcome.output)}
    return told


def _keep(hot: Hot, world: World) -> None:
    """The next call finds what this one left; ``hot`` is of this question alone."""
    hot.accounts.update({address: after for address, _, after in world.changed_accounts()})
    for address, changed in world.changed_slots().items():
        hot.slots.update({(address, slot): after for slot, (_, after) in changed.items()})
    hot.codes.update(world.codes)


def _logs(outcome: Outcome) -> list[dict[str, Any]]:
    if not outcome.succeeded:
        return []
    return [
        {"address": data(address), "topics": [data(topic) for topic in topics], "data": data(body)}
        for address, topics, body in outcome.logs
    ]
