"""The alliance's own contracts run here exactly as on py-evm by itself: gas, logs, addresses, answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.node import engine
from ledger_service.chain.node.chain import Chain, Genesis
from ledger_service.chain.node.reader import NewestState
from ledger_service.chain.node.seal import decode_receipt
from ledger_service.chain.node.store import Store
from ledger_service.chain.node.transactions import DYNAMIC_FEE, MAX_TRANSACTION_GAS, Transaction
from ledger_service.chain.node.world import Hot
from ledger_service.kernel.points import Leg
from tests.contracts import alliance as alliances
from tests.contracts import parties
from tests.contracts.evm import CHAIN_ID, TX_GAS, Evm, PlainEvm, Receipt, Reverted


class SideBySide:
    """A bare py-evm and the chain take the same transactions; any difference fails the test."""

    def __init__(self, plain: Evm, chain: Chain) -> None:
        self._plain, self.chain = plain, chain
        self.compared = 0

    @property
    def now(self) -> int:
        return self._plain.now

    @now.setter
    def now(self, value: int) -> None:
        self._plain.now = value

    def send(self, sender: bytes, to: bytes, data: bytes, gas: int = TX_GAS) -> Receipt:
        self._plain.now = max(self._plain.now, self.chain.head.timestamp + 1)
        self._mine(sender, to, data, gas)
        gas_used, created, encoded = self.chain.store.writer.execute(
            "SELECT gas_used, created, receipt FROM tx ORDER BY block DESC LIMIT 1"
        ).fetchone()
        succeeded, _, logs = decode_receipt(encoded)
        try:
            expected = self._plain.send(sender, to, data, gas)
        except Reverted:
            assert not succeeded
            raise
        assert succeeded
        assert gas_used == expected.gas
        assert logs == [(log.address, log.topics, log.data) for log in expected.logs]
        assert to or created == expected.created
        self.compared += 1
        return expected

    def create(self, sender: bytes, code: bytes) -> bytes:
        return self.send(sender, b"", code).created

    def call(self, sender: bytes, to: bytes, data: bytes) -> bytes:
        state = Hot(NewestState(self.chain.store.writer))
        request = engine.Call(sender, to, data)
        expected = self._plain.call(sender, to, data)
        assert engine.call(state, self.chain.context(self.now), request) == expected
        return expected

    def _mine(self, sender: bytes, to: bytes, data: bytes, gas: int) -> None:
        """The contracts' tests know no keys, so the transaction is handed over without a signature."""
        account = NewestState(self.chain.store.writer).account(sender)
        number = self.chain.head.number + 1
        self.chain.set_next_timestamp(self.now)
        self.chain._mine(
            Transaction(
                DYNAMIC_FEE, CHAIN_ID, account.nonce if account else 0, 0, 0, min(gas, MAX_TRANSACTION_GAS),
                to, 0, data, (), 0, 0, 0, sender, number.to_bytes(32, "big"), b"\x02",
            )
        )  # fmt: skip


@pytest.fixture
def alliance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    store = Store(tmp_path / "c.db")

    def side_by_side(now: int) -> SideBySide:
        return SideBySide(PlainEvm(now), Chain(store, Genesis(CHAIN_ID, now - 1)))

    monkeypatch.setattr(alliances, "Evm", side_by_side)
    yield alliances.Alliance()
    store.close()


def test_the_contracts_are_set_up_and_batches_of_every_kind_agree(alliance: Any) -> None:
    members = [parties.Member.numbered(number) for number in range(12)]
    acceptor = alliance.merchants[2]
    alliance.apply(*(alliance.enrol(member) for member in members))
    issued = [alliance.issue(member, Leg(1, 1, 5, 100)) for member in members]
    alliance.apply(*issued, *(alliance.issue(member, Leg(2, 1, 6, 50)) for member in members))
    legs = (Leg(1, 1, 5, 10), Leg(2, 1, 6, 5))
    redeemed = [alliance.redeem(member, acceptor, legs) for member in members]
    alliance.apply(*redeemed)
    alliance.apply(
        *(alliance.restore(operation, 0, 4) for operation in redeemed),
        *(alliance.gift(member, members[0].account, legs[:1]) for member in members[1:]),
        *(alliance.claw_back(operation, (Leg(1, 1, 5, 1),)) for operation in issued),
    )
    assert alliance.balance(members[1].account, 1, 5) == 100 - 10 + 4 - 10 - 1
    with pytest.raises(Reverted):
        alliance.apply(alliance.redeem(members[3], acceptor, (Leg(1, 1, 5, 10_000),)))
    alliance.evm.now += 200 * alliances.DAY
    alliance.apply(*(alliance.expire(member, Leg(2, 1, 6, 45)) for member in members))
    assert alliance.evm.compared > 20
