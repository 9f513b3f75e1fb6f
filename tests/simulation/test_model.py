"""The contracts in Python against the compiled contracts: the same answer to every transaction."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.contracts import alliance as building
from tests.contracts import evm as real
from tests.contracts.alliance import Alliance
from tests.contracts.evm import Evm, Receipt
from tests.contracts.refusals import name_of
from tests.simulation.model import abi
from tests.simulation.model.contracts import execute, view
from tests.simulation.model.state import Site, State
from tests.simulation.model_histories import History


class Twin(Evm):
    """An EVM and the model side by side; whatever is sent goes to both, and they must agree."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.state = State(Site(real.CHAIN_ID))
        self.seen: Counter[str] = Counter()

    def send(self, sender: bytes, to: bytes, data: bytes, gas: int = real.TX_GAS) -> Receipt:
        try:
            after, logs = execute(self.state, sender, to or None, data, self.now)
        except abi.Reverted as refused:
            mine = refused.data
            with pytest.raises(real.Reverted) as told:
                super().send(sender, to, data, gas)
            assert told.value.data == mine
            self.state.nonces[sender] = self.state.nonce(sender) + 1
            self.seen[told.value.data[:4].hex()] += 1
            raise told.value from None
        receipt = super().send(sender, to, data, gas)
        # A creation tells of its authority alone.
        ours = (after.site.house, after.site.registry, after.site.campaigns) if to else ()
        mine = [(log.address, log.topics, log.data) for log in receipt.logs if log.address in ours]
        assert mine == [(log.address, log.topics, log.data) for log in logs if log.address in ours]
        self.state = after
        return receipt


@pytest.fixture(scope="module")
def founded() -> tuple[Alliance, tuple[Any, ...], State]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "Evm", Twin)
        made = Alliance()
    assert isinstance(made.evm, Twin)
    return made, made.fork_mark(), made.evm.state


def history(founded: tuple[Alliance, tuple[Any, ...], State], seed: int) -> History:
    alliance, mark, state = founded
    alliance.back_to(mark)
    alliance.evm.state = state.copy()  # type: ignore[attr-defined]  # a Twin
    return History(alliance, Random(seed))


def assert_same_books(alliance: Alliance) -> None:
    """Balances, counters, nets, roots and nonces, asked of the compiled contracts."""
    state: State = alliance.evm.state  # type: ignore[attr-defined]  # a Twin
    for (account, programme, epoch), amount in state.lots.items():
        assert alliance.balance(account, programme, epoch) == amount
    names = ("issued", "clawedBack", "expired", "redeemed", "restored")
    for programme, epoch in {(p, e) for p, e, _ in state.counters}:
        told = alliance.token(programme, "counters", epoch)
        assert told == tuple(state.counters[programme, epoch, name] for name in names)
    for (period, merchant), micros in state.nets.items():
        told = alliance.ask(building.HOUSE, "net", period, merchant)[0]
        assert (
            told == micros == int.from_bytes(_viewed(alliance, "net", period, merchant), "big", signed=True)
        )
    for number, root in state.roots.items():
        assert alliance.ask(building.HOUSE, "rootOf", number)[0] == root
    assert alliance.ask(building.HOUSE, "lastBatch")[0] == state.last_batch


def _viewed(alliance: Alliance, function: str, *arguments: object) -> bytes:
    state: State = alliance.evm.state  # type: ignore[attr-defined]  # a Twin
    return view(state, state.site.house, building.HOUSE.call_data(function, *arguments))


SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_batches_have_the_same_outcome_logs_and_books(
    founded: tuple[Alliance, tuple[Any, ...], State], seed: int
) -> None:
    run = history(founded, seed)
    for _ in range(40):
        run.step()
    assert_same_books(run.alliance)
    assert run.applied >= 3


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100, 400))
def test_three_hundred_more(founded: tuple[Alliance, tuple[Any, ...], State], seed: int) -> None:
    run = history(founded, seed)
    for _ in range(60):
        run.step()
    assert_same_books(run.alliance)


def test_random_histories_meet_nearly_every_refusal(
    founded: tuple[Alliance, tuple[Any, ...], State],
) -> None:
    """A difference that no history reaches would not be seen."""
    seen: Counter[str] = Counter()
    for seed in range(20, 32):
        run = history(founded, seed)
        run.alliance.evm.seen = seen  # type: ignore[attr-defined]  # a Twin
        for _ in range(60):
            run.step()
    named = {name_of(bytes.fromhex(selector)) for selector in seen}
    assert {"NonceUsed", "AlliancePointsInsufficientBalance", "OriginalExceeded", "IssuanceCapExceeded",
            "AcceptedTooLongAgo", "AcceptedInFuture", "SignerNotActive", "PermitExpired", "EpochEnded",
            "EpochNotEnded", "MerchantSuspendedAt", "BatchNumberUsed", "TermsNotInForce", "SignatureInvalid",
            "OriginalNotProven", "PermitValueExceeded", "SeriesAcceptorMismatch"} <= named  # fmt: skip
    assert len(named) >= 30
