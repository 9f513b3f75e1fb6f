"""JSON-RPC 2.0: shapes of requests and answers, batches, limits, and the methods that need no contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger_service.chain.node import rpc
from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.methods import Methods
from ledger_service.chain.node.rpc import Dispatcher
from tests.chain.node.builders import ALICE, CHAIN_ID, GENESIS_TIME, hashes, signed
from tests.chain.node.conftest import Ask

TO = b"\x09" * 20


@pytest.fixture
def dispatcher(chain: Chain) -> Dispatcher:
    return Dispatcher(Methods(chain, time_control=False))


def _request(method: str = "eth_blockNumber", identity: Any = 1, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "method": method, **more}


def _answer(dispatcher: Dispatcher, request: Any) -> Any:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = dispatcher.answer(body)
    return json.loads(answer) if answer else None


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b'{"jsonrpc":"2.0","id":NaN}', -32700),
        (b"[" * 100_000, -32700),
        ([], -32600),
        ("text", -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": [], "method": "eth_chainId"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "eth_chainId"}, -32600),
        (_request("eth_nothing"), -32601),
        (_request("__init__"), -32601),
        (_request("evm_mine"), -32601),
        (_request("eth_chainId", params=[1]), -32602),
        (_request("eth_accounts", params=["x"]), -32602),
        (_request("eth_getBalance", params=[]), -32602),
        (_request("eth_getBalance", params={"address": "0x"}), -32602),
        (_request("eth_getBalance", params=["0x01"]), -32602),
        (_request("eth_getBalance", params=["0x" + "g" * 40]), -32602),
        (_request("eth_getBlockByNumber", params=["0x01", False]), -32602),
        (_request("eth_getBlockByNumber", params=["0x1", "yes"]), -32602),
        (_request("eth_getBlockByNumber", params=[1, False]), -32602),
        (_request("eth_getBlockByNumber", params=["0x" + "f" * 65, False]), -32602),
        (_request("eth_getTransactionByHash", params=["0x12"]), -32602),
        (_request("eth_call", params=["0x", "latest"]), -32602),
        (_request("eth_call", params=[{"data": "0x1"}, "latest"]), -32602),
        (_request("eth_call", params=[{"data": "0x01", "input": "0x02"}, "latest"]), -32602),
        (_request("eth_call", params=[{"value": "-1"}, "latest"]), -32602),
        (_request("eth_call", params=[{"accessList": [1]}, "latest"]), -32602),
        (_request("eth_feeHistory", params=["0x0", "latest", []]), -32602),
        (_request("eth_feeHistory", params=["0x2000", "latest", []]), -32602),
        (_request("eth_sendRawTransaction", params=["0xzz"]), -32602),
        (_request("eth_sendRawTransaction", params=["0x"]), -32000),
        (_request("eth_sendRawTransaction", params=[None]), -32602),
    ],
)
def test_a_wrong_request_is_answered_with_its_code(
    dispatcher: Dispatcher, request_body: Any, code: int
) -> None:
    assert _answer(dispatcher, request_body)["error"]["code"] == code


@pytest.mark.parametrize("number", ["0x" + "f" * 64, hex(1 << 63), "0xffffffffffffffff"])
def test_a_height_beyond_what_the_store_can_hold_is_simply_not_there(
    dispatcher: Dispatcher, number: str
) -> None:
    assert _answer(dispatcher, _request("eth_getBlockByNumber", params=[number, False]))["result"] is None
    logs = {"fromBlock": "0x0", "toBlock": number}
    assert _answer(dispatcher, _request("eth_getLogs", params=[logs]))["result"] == []
    assert "error" in _answer(dispatcher, _request("eth_getBalance", params=["0x" + "01" * 20, number]))


def test_ids_come_back_and_notifications_get_no_answer(dispatcher: Dispatcher) -> None:
    for identity in (0, 7, "text", None, 2.5):
        assert _answer(dispatcher, _request(identity=identity))["id"] == identity
    assert dispatcher.answer(b'{"jsonrpc":"2.0","method":"eth_chainId"}') == b""
    assert dispatcher.answer(b'[{"jsonrpc":"2.0","method":"eth_chainId"}]') == b""


def test_a_batch_runs_in_order_and_one_failure_spoils_nothing(chain: Chain, dispatcher: Dispatcher) -> None:
    sends = [_request("eth_sendRawTransaction", n, params=["0x" + signed(n, TO).hex()]) for n in range(3)]
    answers = _answer(dispatcher, [*sends, 5, _request("eth_blockNumber", 9), _request("eth_nothing", 10)])
    assert [answer["id"] for answer in answers] == [0, 1, 2, None, 9, 10]
    assert answers[4]["result"] == "0x3"
    assert [answer["error"]["code"] for answer in answers if "error" in answer] == [-32600, -32601]
    assert chain.head.number == 3


def test_batches_and_answers_are_bounded(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _answer(dispatcher, [_request()] * (rpc.MAX_BATCH + 1))["error"]["code"] == -32005
    monkeypatch.setattr(rpc, "MAX_ANSWER_BYTES", 200)
    answers = _answer(dispatcher, [_request(identity=n) for n in range(20)])
    assert "result" in answers[0]
    assert answers[-1]["error"]["code"] == -32005
    assert answers[-1]["id"] == 19


def test_a_bug_answers_internal_error_and_no_detail(
    chain: Chain, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "send", lambda raw: 1 // 0)
    monkeypatch.setattr(Chain, "send", lambda self, raw: 1 // 0)
    methods = Methods(chain, time_control=False)
    answer = _answer(Dispatcher(methods), _request("eth_sendRawTransaction", params=["0x00"]))
    assert answer["error"] == {"code": -32603, "message": "internal error"}


def test_a_known_transaction_says_so_in_words_and_in_data(ask: Ask) -> None:
    raw = "0x" + signed(0, TO).hex()
    ask("eth_sendRawTransaction", raw)
    assert ask("eth_sendRawTransaction", raw) == {
        "code": -32000, "message": "already known", "data": {"reason": "already_known"},
    }  # fmt: skip


def test_what_a_client_asks_first(ask: Ask) -> None:
    assert ask("eth_chainId") == hex(CHAIN_ID)
    assert ask("net_version") == str(CHAIN_ID)
    assert ask("eth_syncing") is False
    assert ask("web3_clientVersion").startswith("AllianceChain/")
    assert (ask("eth_gasPrice"), ask("eth_maxPriorityFeePerGas")) == ("0x0", "0x0")
    assert ask("eth_accounts") == []


def test_blocks_transactions_and_counts_by_number_and_hash_agree(chain: Chain, ask: Ask) -> None:
    waiting = signed(2, TO)
    tx_hash = ask("eth_sendRawTransaction", "0x" + signed(0, TO, value=5).hex())
    waiting_hash = ask("eth_sendRawTransaction", "0x" + waiting.hex())
    block_hash = "0x" + hashes(chain)[1]
    block = ask("eth_getBlockByNumber", "latest")
    assert block == ask("eth_getBlockByHash", block_hash, False)
    assert block["transactions"] == [tx_hash]
    full = ask("eth_getBlockByHash", block_hash, True)["transactions"]
    assert full == [ask("eth_getTransactionByHash", tx_hash)]
    assert full[0] == ask("eth_getTransactionByBlockNumberAndIndex", "0x1", "0x0")
    assert full[0] == ask("eth_getTransactionByBlockHashAndIndex", block_hash, "0x0")
    assert ask("eth_getTransactionByBlockNumberAndIndex", "0x1", "0x1") is None
    assert ask("eth_getBlockTransactionCountByNumber", "0x1") == "0x1"
    assert ask("eth_getBlockTransactionCountByHash", block_hash) == "0x1"
    assert ask("eth_getBlockReceipts", block_hash) == [ask("eth_getTransactionReceipt", tx_hash)]
    assert ask("eth_getTransactionByHash", waiting_hash)["blockNumber"] is None
    assert ask("eth_getTransactionReceipt", waiting_hash) is None
    assert ask("eth_getTransactionCount", ALICE.address, "pending") == "0x1"


def test_what_does_not_exist_is_null(ask: Ask) -> None:
    nothing = "0x" + "00" * 32
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getBlockByHash"):
        assert ask(method, nothing) is None
    assert ask("eth_getBlockByNumber", "0x9") is None
    assert ask("eth_getBlockReceipts", "0x9") is None
    assert ask("eth_getBlockTransactionCountByNumber", "0x9") is None


def test_the_pending_block_stands_on_the_head(chain: Chain, ask: Ask) -> None:
    block = ask("eth_getBlockByNumber", "pending", False)
    assert (block["number"], block["hash"], block["parentHash"]) == ("0x1", None, "0x" + hashes(chain)[0])
    ask("evm_setNextBlockTimestamp", GENESIS_TIME + 500)
    assert ask("eth_getBlockByNumber", "pending", False)["timestamp"] == hex(GENESIS_TIME + 500)


def test_time_control(chain: Chain, ask: Ask) -> None:
    assert ask("evm_mine", GENESIS_TIME + 9) == "0x0"
    assert chain.head.timestamp == GENESIS_TIME + 9
    assert ask("evm_mine", hex(GENESIS_TIME + 9))["code"] == -32602
    assert ask("evm_increaseTime", "0x3c")
    for wrong in (-1, 1.5, True, "x", None, 1 << 60):
        assert ask("evm_setNextBlockTimestamp", wrong)["code"] == -32602
