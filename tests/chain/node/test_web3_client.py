"""web3.py works against the node as against any other: deploy, send, call, revert, logs, fees."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound
from web3.logs import DISCARD

from tests.chain.node.builders import ALICE, BATCHES, BOB, BYTECODE, GENESIS_TIME, LEG
from tests.chain.node.processes import NodeProcess


@pytest.fixture
def web3(node: NodeProcess) -> Web3:
    return Web3(Web3.HTTPProvider(node.url))


def _sent(web3: Web3, **fields: Any) -> Any:
    nonce = web3.eth.get_transaction_count(ALICE.address)
    body: Any = {"from": ALICE.address, "nonce": nonce, "chainId": web3.eth.chain_id, **fields}
    body.setdefault("gas", web3.eth.estimate_gas(body))
    body.setdefault(
        "maxFeePerGas", 2 * web3.eth.get_block("latest")["baseFeePerGas"] + web3.eth.max_priority_fee
    )
    body.setdefault("maxPriorityFeePerGas", web3.eth.max_priority_fee)
    tx_hash = web3.eth.send_raw_transaction(ALICE.sign_transaction(body).raw_transaction)
    return web3.eth.wait_for_transaction_receipt(tx_hash)


def test_a_contract_lives_its_life_through_web3(web3: Web3) -> None:
    created = _sent(web3, data=BYTECODE)
    assert created["status"] == 1
    contract = web3.eth.contract(address=created["contractAddress"], abi=BATCHES.abi)
    account = Web3.to_checksum_address("0x" + "ab" * 20)
    issues = [(bytes([n]) * 16, account, GENESIS_TIME, LEG | 100) for n in range(3)]
    redeem = (b"\x09" * 16, account, 7, GENESIS_TIME, [LEG | 30], b"\x01" * 64 + b"\x1b")
    data = contract.encode_abi("submit", [1, issues, [redeem]])
    receipt = _sent(web3, to=contract.address, data=data)
    assert receipt["status"] == 1
    assert len(contract.events.Issued().process_receipt(receipt, errors=DISCARD)) == 3
    assert contract.functions.word(account, 0).call() == 270 << 192
    assert contract.functions.word(account, 0).call(block_identifier=1) == 0
    assert contract.functions.net(7).call() == 30
    found = contract.events.Redeemed().get_logs(from_block=0, argument_filters={"account": account})
    assert [event["args"]["nonce"] for event in found] == [7]
    assert found[0]["blockHash"] == receipt["blockHash"]
    with pytest.raises(ContractLogicError) as caught:
        contract.functions.submit(2, [], [redeem]).call({"from": ALICE.address})
    assert caught.value.data == "0x" + (Web3.keccak(text="Bad(uint32)")[:4] + bytes(32)).hex()


def test_fees_balances_and_missing_things(web3: Web3) -> None:
    before = web3.eth.get_balance(ALICE.address)
    receipt = _sent(web3, to=BOB.address, value=5)
    assert before - web3.eth.get_balance(ALICE.address) == 5
    assert receipt["effectiveGasPrice"] == 0
    history = web3.eth.fee_history(2, "latest", [50])
    assert history["baseFeePerGas"] == [0, 0, 0]
    assert web3.eth.get_block("pending")["number"] == 2
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction("0x" + "00" * 32)
    assert (
        _sent(web3, to=BOB.address, value=1, maxFeePerGas=9, maxPriorityFeePerGas=3)["effectiveGasPrice"] == 3
    )
