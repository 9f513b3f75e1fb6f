"""Taking transactions: mined at once, in nonce order, once; waiting ones survive; same input, same hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.chain.node import pool
from ledger_service.chain.node.chain import Chain, Genesis
from ledger_service.chain.node.errors import InvalidParams, Refused, StoreError
from ledger_service.chain.node.store import Store
from tests.chain.node.builders import (
    ALICE,
    BOB,
    BYTECODE,
    GENESIS,
    GENESIS_TIME,
    address_of,
    batch,
    created_by,
    hashes,
    init_code,
    opened,
    signed,
)
from tests.chain.node.conftest import Clock

TO = b"\x09" * 20


def _reason(chain: Chain, raw: bytes) -> str:
    with pytest.raises(Refused) as caught:
        chain.send(raw)
    return caught.value.reason


def test_each_transaction_is_a_block_of_its_own_at_once(chain: Chain) -> None:
    for nonce in range(3):
        chain.send(signed(nonce, TO))
        assert chain.head.number == nonce + 1


def test_a_nonce_gap_waits_and_is_mined_in_order_when_it_closes(chain: Chain) -> None:
    later = [signed(nonce, TO, value=nonce) for nonce in (3, 1, 2)]
    for raw in later:
        chain.send(raw)
    assert chain.head.number == 0
    chain.send(signed(0, TO))
    assert chain.head.number == 4
    with chain.store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (0,)


def test_waiting_transactions_survive_a_restart_and_are_mined_at_the_start_when_ready(tmp_path: Path) -> None:
    with opened(tmp_path / "c.db") as chain:
        chain.send(signed(1, TO))
        assert chain.head.number == 0
        first = signed(0, TO)
        with chain.store.writing() as connection:  # as if the process died between taking it and mining it
            connection.execute(
                "INSERT INTO waiting (sender, nonce, hash, raw) VALUES (?, 0, ?, ?)",
                (address_of(ALICE), b"\x01" * 32, first),
            )
    with opened(tmp_path / "c.db") as chain:
        assert chain.head.number == 2


def test_the_same_bytes_again_are_known_whether_mined_or_waiting(chain: Chain) -> None:
    mined, waiting = signed(0, TO), signed(5, TO)
    for raw in (mined, waiting):
        chain.send(raw)
        assert _reason(chain, raw) == "already_known"
    assert chain.head.number == 1


def test_a_waiting_transaction_is_replaced_only_by_ten_percent_more(chain: Chain) -> None:
    chain.send(signed(1, TO, maxFeePerGas=100, maxPriorityFeePerGas=100))
    assert (
        _reason(chain, signed(1, TO, maxFeePerGas=109, maxPriorityFeePerGas=109)) == "replacement_underpriced"
    )
    better = signed(1, TO, value=7, maxFeePerGas=110, maxPriorityFeePerGas=110)
    chain.send(better)
    chain.send(signed(0, TO))
    with chain.store.reading() as connection:
        assert connection.execute("SELECT raw FROM tx WHERE block = 2").fetchone() == (better,)


def test_the_pool_is_bounded(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _reason(chain, signed(pool.MAX_WAITING_PER_SENDER + 1, TO)) == "nonce_too_far"
    monkeypatch.setattr(pool, "MAX_WAITING", 2)
    chain.send(signed(1, TO))
    chain.send(signed(2, TO, by=BOB))
    assert _reason(chain, signed(2, TO)) == "pool_full"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"gas": 20_999}, "intrinsic_gas_too_low"),
        ({"gas": 16_777_217}, "gas_limit_too_high"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 2}, "tip_above_fee_cap"),
        ({"value": 10**28}, "insufficient_funds"),
        ({"maxFeePerGas": 10**24}, "insufficient_funds"),
        ({"nonce": (1 << 64) - 1}, "nonce_max"),
        ({"data": bytes(49_153), "gas": 16_777_216}, "initcode_too_long"),
    ],
)
def test_what_can_never_be_mined_is_refused_and_changes_nothing(
    chain: Chain, fields: dict[str, object], reason: str
) -> None:
    to = None if "data" in fields else TO
    assert _reason(chain, signed(**{"nonce": 0, "to": to} | fields)) == reason  # type: ignore[arg-type]
    assert chain.head.number == 0


def test_a_used_nonce_is_too_low(chain: Chain) -> None:
    chain.send(signed(0, TO))
    assert _reason(chain, signed(0, TO, value=1)) == "nonce_too_low"


def test_a_failed_transaction_is_a_block_too_and_uses_its_nonce(chain: Chain) -> None:
    chain.send(signed(0, None, init_code(b"\xfe")))
    chain.send(signed(1, created_by(ALICE, 0), gas=50_000))
    with chain.store.reading() as connection:
        assert connection.execute("SELECT gas_used FROM tx WHERE block = 2").fetchone() == (50_000,)
    chain.send(signed(2, TO))


def _journal() -> list[tuple[int, bytes]]:
    contract = created_by(ALICE, 0)
    raws = [signed(0, None, bytes.fromhex(BYTECODE[2:]), gas=3_000_000)]
    raws += [signed(n, contract, batch(n, 8, seed=n), gas=3_000_000) for n in range(1, 6)]
    return [(GENESIS_TIME + 10 * at + at % 3 + 1, raw) for at, raw in enumerate(raws)]


def _replayed(path: Path) -> list[str]:
    with opened(path) as chain:
        for timestamp, raw in _journal():
            chain.set_next_timestamp(timestamp)
            chain.send(raw)
        return hashes(chain)


def test_the_same_journal_gives_the_same_hashes(tmp_path: Path) -> None:
    first = _replayed(tmp_path / "a.db")
    assert _replayed(tmp_path / "b.db") == first
    assert len(set(first)) == 7


def test_the_hashes_of_a_known_journal_never_change(tmp_path: Path) -> None:
    """A changed value means that no chain written before can be rebuilt from its journal."""
    assert (
        _replayed(tmp_path / "a.db")[-1] == "b159984e499be68699c258fdf2f8c0c94f4a2594e54a22fb2c4df1c4a8a12612"
    )


def test_without_a_set_time_blocks_follow_the_clock_and_never_stand_still(chain: Chain, clock: Clock) -> None:
    times = []
    for nonce in range(3):
        chain.send(signed(nonce, TO))
        times.append(chain.head.timestamp)
    assert times == [clock.now, clock.now + 1, clock.now + 2]
    clock.now += 50
    chain.send(signed(3, TO))
    assert chain.head.timestamp == clock.now


def test_a_set_time_holds_for_one_block_and_then_runs_on_at_real_speed(tmp_path: Path, clock: Clock) -> None:
    start = GENESIS_TIME + 1_000_000
    with opened(tmp_path / "c.db", clock=clock) as chain:
        chain.set_next_timestamp(start)
        with pytest.raises(InvalidParams):
            chain.set_next_timestamp(GENESIS_TIME)
    with opened(tmp_path / "c.db", clock=clock) as chain:
        chain.send(signed(0, TO))
        assert chain.head.timestamp == start
    clock.now += 7
    with opened(tmp_path / "c.db", clock=clock) as chain:
        chain.send(signed(1, TO))
        assert chain.head.timestamp == start + 7
        assert chain.increase_time(60) == start - GENESIS_TIME - 100 + 60
        chain.mine_empty()
        assert chain.head.timestamp == start + 67


def test_another_genesis_and_a_second_owner_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "c.db"), pytest.raises(StoreError):
        Store(tmp_path / "c.db")
    store = Store(tmp_path / "c.db")
    with pytest.raises(StoreError):
        Chain(store, Genesis(5, GENESIS_TIME))
    assert Chain(store, None).genesis == GENESIS
    store.close()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.db")
    store.writer.execute("PRAGMA user_version = 9")
    store.close()
    with pytest.raises(StoreError):
        Store(tmp_path / "c.db")
