"""JSON-RPC over the chain, as seen up to a height: what an honest node answers, call by call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.model.abi import Reverted
from tests.simulation.model.campaigns import is_view
from tests.simulation.model.contracts import contract_at, execute, view
from tests.simulation.network.chain import CHAIN_ID, Block, Chain
from tests.simulation.network.clients import Refused
from tests.simulation.network.transactions import Mined, fields_of

NO_METHOD = Refused(-32601, "the method does not exist")
READS = frozenset({"anvil_getAutomine"})


class Rpc:
    """Answers single calls; ``height`` is the newest block that the asked node knows."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._methods: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda h: chain.client.version,
            "eth_chainId": lambda h: hex(CHAIN_ID),
            "eth_blockNumber": hex,
            "eth_getBlockByNumber": self._block,
            "eth_getLogs": self._logs,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionCount": self._nonce,
            "eth_getCode": self._code,
            "eth_sendRawTransaction": lambda h, raw: _hex(chain.send(bytes.fromhex(raw[2:]))),
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "evm_setNextBlockTimestamp": self._date,
            "evm_mine": self._mine,
            "evm_setAutomine": self._automine,
            "anvil_getAutomine": lambda h: chain.automine,
            "anvil_setNextBlockBaseFeePerGas": self._next_fee,
        }

    def answer(self, method: str, params: list[Any], height: int | None = None) -> Any:
        """The result.

        Raises:
            Refused: an error object.
        """
        if method not in self._methods:
            raise NO_METHOD
        if method.startswith(("evm_", "anvil_")) and not self._controls(method):
            raise NO_METHOD
        known = self.chain.head.number if height is None else min(height, self.chain.head.number)
        return self._methods[method](known, *params)

    def _controls(self, method: str) -> bool:
        client = self.chain.client
        return (
            client.time_control if method in ("evm_setNextBlockTimestamp", "evm_mine") else client.holds_back
        )

    # Blocks and transactions

    def _at(self, height: int, tag: str) -> Block | None:
        number = height if tag in ("latest", "pending") else int(tag, 16)
        return self.chain.blocks[number] if number <= height else None

    def _block(self, height: int, tag: str, full: bool) -> dict[str, Any] | None:
        block = self._at(height, tag)
        if block is None:
            return None
        return {
            "number": hex(block.number), "hash": _hex(block.hash), "parentHash": _hex(block.parent_hash),
            "timestamp": hex(block.timestamp), "baseFeePerGas": hex(block.base_fee),
            "transactions": [_hex(mined.tx.hash) for mined in block.mined],
        }  # fmt: skip

    def _logs(self, height: int, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        block = self.chain.known.get(bytes.fromhex(wanted["blockHash"][2:]))
        if block is None or block.number > height or self.chain.blocks[block.number] is not block:
            raise Refused(-32000, "unknown block")
        return [log for log in logs_of(block) if log["address"] in wanted["address"]]

    def _find(self, height: int, tx_hash: str) -> tuple[Block, Mined] | None:
        wanted = bytes.fromhex(tx_hash[2:])
        for block in reversed(self.chain.blocks[: height + 1]):
            for mined in block.mined:
                if mined.tx.hash == wanted:
                    return block, mined
        return None

    def _receipt(self, height: int, tx_hash: str) -> dict[str, Any] | None:
        found = self._find(height, tx_hash)
        if found is None:
            return None
        block, mined = found
        return {
            "status": "0x1" if mined.succeeded else "0x0", "blockNumber": hex(block.number),
            "blockHash": _hex(block.hash), "transactionHash": tx_hash, "gasUsed": hex(mined.tx.gas // 2),
            "logs": [log for log in logs_of(block) if log["transactionHash"] == tx_hash],
        }  # fmt: skip

    def _transaction(self, height: int, tx_hash: str) -> dict[str, Any] | None:
        waits = (tx for tx in self.chain.pool.values() if _hex(tx.hash) == tx_hash)
        found = self._find(height, tx_hash)
        tx = found[1].tx if found is not None else next(waits, None)
        return None if tx is None else fields_of(tx)

    def _nonce(self, height: int, address: str, tag: str) -> str:
        block = self._at(height, tag)
        if block is None:
            raise Refused(-32000, "header not found")
        return hex(block.state.nonce(bytes.fromhex(address[2:])))

    def _code(self, height: int, address: str, tag: str) -> str:
        return "0x60" if contract_at(self.chain.blocks[height].state, bytes.fromhex(address[2:])) else "0x"

    # Execution

    def _call(self, height: int, asked: dict[str, str], tag: str) -> str:
        block = self._at(height, tag) or self.chain.blocks[height]
        sender, to, data = (bytes.fromhex(asked[name][2:]) for name in ("from", "to", "data"))
        try:
            if contract_at(block.state, to) is None:
                return "0x"
            if any(sender) and not self._asks_the_desk(block, to, data):
                execute(block.state, sender, to, data, self._time_after(block))
                return "0x"
            return _hex(view(block.state, to, data))
        except Reverted as refused:
            raise Refused(3, "execution reverted", _hex(refused.data)) from None

    def _asks_the_desk(self, block: Block, to: bytes, data: bytes) -> bool:
        """The relay asks by its own name what every other asks by none."""
        return to == block.state.site.campaigns and is_view(data)

    def _estimate(self, height: int, asked: dict[str, str], tag: str) -> str:
        self._call(height, asked, tag)
        return hex(400_000)

    def _time_after(self, block: Block) -> int:
        return max(self.chain.timestamp(), block.timestamp + 1)

    # Control

    def _date(self, height: int, *timestamp: int) -> None:
        if not timestamp:
            raise Refused(-32602, "missing parameter")
        if timestamp[0] <= self.chain.head.timestamp:
            raise Refused(-32602, "timestamp is not later than the head's")
        self.chain.next_timestamp = timestamp[0]

    def _mine(self, height: int) -> str:
        self.chain.mine()
        return "0x0"

    def _automine(self, height: int, *on: bool) -> None:
        if not on:
            raise Refused(-32602, "missing parameter")
        self.chain.automine = on[0]

    def _next_fee(self, height: int, fee: str) -> None:
        self.chain.next_base_fee = int(fee, 16)


def logs_of(block: Block) -> list[dict[str, Any]]:
    """The block's logs as JSON, numbered through."""
    made: list[dict[str, Any]] = []
    for place, mined in enumerate(block.mined):
        for log in mined.logs:
            made.append({
                "address": _hex(log.address), "topics": [_hex(t) for t in log.topics], "data": _hex(log.data),
                "blockNumber": hex(block.number), "blockHash": _hex(block.hash), "removed": False,
                "transactionHash": _hex(mined.tx.hash), "transactionIndex": hex(place),
                "logIndex": hex(len(made)),
            })  # fmt: skip
    return made


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
