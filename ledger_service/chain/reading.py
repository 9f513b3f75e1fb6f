"""Reads blocks and their logs and believes nothing that does not add up (R9).

A batch's operations must be complete: positions 0 to count - 1 once each, and their leaves must give
the root that the contract stored; an operation without its batch, or another root than our own
packing gave that number, is a lie or a gap, and the block is not taken over. Every other event must
stand in its transaction's receipt too, and none besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger_service.chain.answers import Block
from ledger_service.chain.client import Node
from ledger_service.chain.decode import (
    HOUSE_IN_FORCE_TOPIC,
    BatchApplied,
    Fact,
    HouseInForce,
    MinedOperation,
    fact_of,
)
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.houses import Attribution, Line
from ledger_service.chain.mirror import BlockFacts
from ledger_service.kernel.merkle import root_of

Logs = dict[bytes, list[dict[str, Any]] | None]
# A change of house waits two days; no read of blocks comes near so many.
_MOST_SUCCESSIONS = 16


def next_blocks(node: Node, after: Block | None, first: int, most: int) -> list[Block] | None:
    """The blocks that follow ``after`` in the node's chain, oldest first, at most ``most``.

    Returns:
        None where the node's chain no longer has ``after``: reorganised, rolled back or emptied.

    Raises:
        LyingNode: blocks that are not linked by their parent hashes.
    """
    start = first if after is None else after.number
    found = node.blocks(range(start, start + most + 1))
    if after is not None and (found[0] is None or found[0].hash != after.hash):
        return None
    chain: list[Block] = []
    previous = after
    for block in found if after is None else found[1:]:
        if block is None:
            break
        expected = start + len(chain) + (after is not None)
        if block.number != expected or (previous is not None and block.parent_hash != previous.hash):
            # A reorg between two answers of one read looks the same; the next pass sees which it was.
            raise LyingNode(block.number, "blocks are not linked")
        chain.append(block)
        previous = block
    return chain


def facts_of(node: Node, blocks: Sequence[Block], line: Line) -> list[BlockFacts]:
    """What the logs of these blocks say, also those of a ClearingHouse that takes over in one of them.

    Raises:
        LyingNode: logs that cannot be the complete logs of a batch.
    """
    hashes = [block.hash for block in blocks if block.transactions]
    addresses, logs = _asked(node, hashes, line)
    whose = Attribution(line, addresses)
    facts = [_block_facts(block, logs[block.hash] if block.transactions else [], whose) for block in blocks]
    _check_others(node, facts, logs, addresses)
    return facts


def _asked(node: Node, hashes: Sequence[bytes], line: Line) -> tuple[list[bytes], Logs]:
    """The logs of everybody on the line; they are asked for again where they tell of a house that nobody
    asked for."""
    addresses = line.addresses
    for _ in range(_MOST_SUCCESSIONS):
        logs = dict(zip(hashes, node.logs_of(hashes, addresses), strict=True))
        every = (log for told in logs.values() for log in told or [])
        unasked = {house for log in every if (house := _successor(log)) is not None} - set(addresses)
        if not unasked:
            return addresses, logs
        addresses += sorted(unasked)
    raise LyingNode(-1, "more ClearingHouses than there can be")


def _successor(log: Mapping[str, Any]) -> bytes | None:
    if _topic(log) != HOUSE_IN_FORCE_TOPIC:
        return None
    fact = _fact(None, log)
    return fact.address if isinstance(fact, HouseInForce) else None


def _topic(log: Mapping[str, Any]) -> str | None:
    topics = log.get("topics")
    return topics[0] if isinstance(topics, list) and topics and isinstance(topics[0], str) else None


def _check_others(
    node: Node,
    facts: Sequence[BlockFacts],
    logs: Mapping[bytes, list[dict[str, Any]] | None],
    addresses: Sequence[bytes],
) -> None:
    """Events outside of batches have no count that would show a gap: the receipts must tell of the same."""
    others = [
        (each.block, tx)
        for each in facts
        for tx in each.block.transactions
        if tx not in each.carriers.values() and each.block.may_hold_logs_of(addresses)
    ]
    if not others:
        return
    ours = {"0x" + address.hex() for address in addresses}
    for (block, tx), told in zip(others, node.logs_in_receipts([tx for _, tx in others]), strict=True):
        if told is None:
            raise LyingNode(block.number, "no receipt for a transaction of this block")
        in_receipt = [_place(log) for log in told if str(log.get("address")).lower() in ours]
        in_block = [_place(log) for log in logs[block.hash] or [] if _place(log)[0] == "0x" + tx.hex()]
        if sorted(in_receipt) != sorted(in_block):
            raise LyingNode(block.number, "a receipt has other logs than its block")


def _place(log: Mapping[str, Any]) -> tuple[str, str]:
    return str(log.get("transactionHash")).lower(), str(log.get("logIndex")).lower()


def _block_facts(block: Block, logs: list[dict[str, Any]] | None, whose: Attribution) -> BlockFacts:
    if logs is None:
        raise LyingNode(block.number, "no logs for a block that it has just named")
    facts = BlockFacts(block)
    applied: dict[int, BatchApplied] = {}
    operations: dict[int, list[MinedOperation]] = {}
    for log in sorted(logs, key=lambda log: _index(block, log)):
        fact = _fact(block, log)
        if fact is None or not whose.counts(block.number, log, fact):
            continue
        if isinstance(fact, MinedOperation):
            operations.setdefault(fact.batch, []).append(fact)
        elif isinstance(fact, BatchApplied):
            applied[fact.number] = fact
            facts.carriers[fact.number] = _carrier(block, log)
        else:
            facts.others.append((_index(block, log), fact))
    if operations.keys() != applied.keys():
        raise LyingNode(block.number, "operations and batches do not match")
    for number in sorted(applied):
        facts.batches.append((applied[number], _complete(block, applied[number], operations[number])))
    return facts


def _fact(block: Block | None, log: Mapping[str, Any]) -> Fact | None:
    try:
        return fact_of(log)
    except (KeyError, IndexError, TypeError, ValueError) as failure:
        number = block.number if block else -1
        raise LyingNode(number, "a log that its event cannot have written") from failure


def _carrier(block: Block, log: Mapping[str, Any]) -> bytes:
    try:
        carrier = bytes.fromhex(log["transactionHash"][2:])
    except (KeyError, TypeError, ValueError) as failure:
        raise LyingNode(block.number, "a log without its transaction") from failure
    if carrier not in block.transactions:
        raise LyingNode(block.number, "a batch of a transaction that is not in the block")
    return carrier


def _index(block: Block, log: Mapping[str, Any]) -> int:
    try:
        return int(log["logIndex"], 16)
    except (KeyError, TypeError, ValueError) as failure:
        raise LyingNode(block.number, "a log without its place") from failure


def _complete(block: Block, applied: BatchApplied, operations: list[MinedOperation]) -> list[MinedOperation]:
    operations.sort(key=lambda operation: operation.position)
    found = [o.position for o in operations]
    if len(found) != applied.count or found != list(range(len(found))):
        raise LyingNode(block.number, f"batch {applied.number} is not complete")
    if root_of([o.leaf for o in operations]) != applied.root:
        raise LyingNode(block.number, f"batch {applied.number} has another root")
    return operations
