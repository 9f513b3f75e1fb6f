"""Follows a node from the last head that was signed, and says which head may be signed next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.chain.witness.errors import ChainBehind, ChainRewritten, HeaderForged
from ledger_service.chain.witness.executing import Executor
from ledger_service.chain.witness.headers import Told, told_block
from ledger_service.chain.witness.statements import EXECUTED, LINKED, Head

_AT_ONCE = 100
Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Following:
    """How a witness follows: ``depth`` blocks below the node's head, asking ``house`` (None: nobody).

    ``executor`` executes each block anew; without one headers are checked alone.
    """

    node: Node
    depth: int = 0
    house: bytes | None = None
    executor: Executor | None = None

    def next_head(self, signed: Sequence[Head], tick: Tick = lambda _at, _of: None) -> Head | None:
        """The newest head that descends from the last signed one; None where that is the newest.

        Args:
            signed: what this witness has signed, in its order.
            tick: told the block that was checked, and the one to reach.

        Raises:
            WrongNetwork: the node serves another chain.
            ChainBehind, ChainRewritten, HeaderForged, ChainMisexecuted: there is none.
            ChainUnavailable: the node does not answer.
        """
        zero = self.block(0)
        self._check_signed(signed, zero)
        self._check_executed()
        since = signed[-1].block_number if signed else 0
        target = self.node.head_number() - self.depth
        if target <= since and signed:
            return None
        if target < 0:
            raise ChainBehind(0, self.node.head_number())
        last = zero
        for last in self._checked(since, target):
            tick(last.number, target)
        last_batch, root = self._roots(last.number)
        checks = LINKED if self.executor is None else EXECUTED
        return Head(
            self.node.chain_id, zero.hash, last.number, last.hash, last.state_root, checks, since,
            self.house or bytes(20), last_batch, root,
        )  # fmt: skip

    def block(self, number: int) -> Told:
        """The node's block with this number.

        Raises:
            HeaderForged: not a block that could have it. ChainUnavailable: the node has none.
        """
        return self._blocks([number])[0]

    def _blocks(self, numbers: Sequence[int]) -> list[Told]:
        whole = self.executor is not None
        told = self.node.transport.read([("eth_getBlockByNumber", [hex(n), whole]) for n in numbers])
        for one in told:
            if one is None or isinstance(one, NodeRefusal):
                raise ChainUnavailable("eth_getBlockByNumber", "no such block")
        return [told_block(one, number) for one, number in zip(told, numbers, strict=True)]

    def _check_signed(self, signed: Sequence[Head], zero: Told) -> None:
        """What was signed last stands; else the highest that still does bounds where it was rewritten."""
        if not signed:
            return
        last = signed[-1]
        self.node.must_serve(last.chain_id)
        if zero.hash != last.genesis_hash:
            raise ChainRewritten(0, _hex(last.genesis_hash), _hex(zero.hash), -1)
        head = self.node.head_number()
        if head < last.block_number:
            raise ChainBehind(last.block_number, head)
        now = self.block(last.block_number).hash
        if now == last.block_hash:
            return
        stands = (one.block_number for one in reversed(signed) if self._stands(one))
        raise ChainRewritten(last.block_number, _hex(last.block_hash), _hex(now), next(stands, 0))

    def _stands(self, head: Head) -> bool:
        return self.block(head.block_number).hash == head.block_hash

    def _check_executed(self) -> None:
        """What was executed is what the node has; else the first block that is not, by halving."""
        own = self.executor
        if own is None:
            return
        low, high = 0, min(own.height, self.node.head_number())
        if self.block(high).hash == own.hash_of(high):
            return
        while low + 1 < high:
            middle = (low + high) // 2
            if self.block(middle).hash == own.hash_of(middle):
                low = middle
            else:
                high = middle
        raise ChainRewritten(high, _hex(own.hash_of(high)), _hex(self.block(high).hash), low)

    def _checked(self, since: int, target: int) -> Iterator[Told]:
        """The blocks above the last that was checked, each the child of the one before."""
        start = since if self.executor is None else min(since, self.executor.height)
        before = self.block(start)
        yield before
        for first in range(start + 1, target + 1, _AT_ONCE):
            for block in self._blocks(range(first, min(first + _AT_ONCE, target + 1))):
                if block.parent_hash != before.hash:
                    raise HeaderForged(
                        block.number, f"parent {_hex(block.parent_hash)}, not {_hex(before.hash)}"
                    )
                if self.executor is not None and block.number > self.executor.height:
                    self.executor.execute(block)
                before = block
                yield block

    def _roots(self, at: int) -> tuple[int, bytes]:
        """Number and root of the last batch that the house has applied."""
        if self.house is None:
            return 0, bytes(32)
        clearing = load("ClearingHouse")
        number = int.from_bytes(self._ask(clearing.call_data("lastBatch"), at), "big")
        return number, self._ask(clearing.call_data("rootOf", number), at)

    def _ask(self, data: bytes, at: int) -> bytes:
        answer = self.node.call(CallAt(bytes(20), self.house or bytes(20), data, at=hex(at)))
        if isinstance(answer, NodeRefusal) or len(answer) != 32:
            raise ChainUnavailable("eth_call", f"the clearing house gives no answer at block {at}")
        return answer


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
