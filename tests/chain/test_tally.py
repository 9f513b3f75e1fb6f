"""The audit's sums spill into a file: right whatever the bound, and memory does not grow with the chain."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from ledger_service.chain import mirror, reconciler, tally
from ledger_service.chain.answers import Block
from ledger_service.chain.decode import BatchApplied, MinedOperation, operation_from
from ledger_service.chain.mirror import BlockFacts
from ledger_service.chain.reconciler import reconcile
from ledger_service.chain.tally import RestoredLegs, Row, Scratch, Tally, added, unequal
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg

_BATCH = 100


@pytest.mark.parametrize("bound", [0, 3, 10_000])
def test_a_tally_is_what_a_counter_is_in_the_order_of_its_keys(
    bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_MOST_IN_MEMORY", bound)
    random, expected = Random(5), Counter[tuple[bytes, int, int]]()
    with closing(Scratch()) as scratch:
        made = Tally(scratch)
        for _ in range(200):
            key = (bytes([random.randrange(6)]) * 20, random.randrange(3), random.randrange(3))
            points = random.randint(-4, 4)
            expected[key] += points
            made.add([(key, points)])
        assert list(made.rows()) == [(*key, n) for key, n in sorted(expected.items()) if n]


A, B, C = ((bytes([n]) * 20, 1, 1) for n in (1, 2, 3))


def test_streams_are_compared_key_by_key_and_what_is_absent_is_zero() -> None:
    left: list[Row] = [(*A, 5), (*B, 1), (*C, 0)]
    right: list[Row] = [(*B, 2)]
    assert list(unequal(left, right)) == [(A, 5, 0), (B, 1, 2)]
    assert list(unequal(right, left)) == [(A, 0, 5), (B, 2, 1)]
    assert list(unequal(left, left)) == []
    assert list(added(left, right)) == [(*A, 5), (*B, 3), (*C, 0)]


@pytest.mark.parametrize("bound", [0, 10])
def test_what_was_restored_of_a_leg_is_kept_when_it_spills(
    bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_MOST_IN_MEMORY", bound)
    with closing(Scratch()) as scratch:
        legs = RestoredLegs(scratch)
        legs.fill((bytes([n]) * 32, 0, 10) for n in range(5))
        for _ in range(3):
            for n in range(5):
                legs[bytes([n]) * 32, 0][1] += n
        assert [legs[bytes([n]) * 32, 0] for n in range(5)] == [[10, 3 * n] for n in range(5)]
        assert len(legs) == 5
        with pytest.raises(KeyError):
            legs[bytes(32), 1]


def issued(batch: int, position: int) -> MinedOperation:
    number = batch * _BATCH + position
    head = batch << 192 | position << 160 | 9501101530003 << 96 | 1_600_000_000 << 56
    words = (head, number << 128, number % 50_000 + 1, Leg(1, 1, 1, 5).word())
    return operation_from(Kind.ISSUE, b"".join(word.to_bytes(32, "big") for word in words))


def chain_of(batches: int, path: Path) -> Database:
    """A mirror with so many batches of issues, each to another account."""
    database = open_database(f"sqlite:///{path}")
    create_everything(database)
    for number in range(1, batches + 1):
        facts = BlockFacts(Block(number, number.to_bytes(32, "big"), bytes(32), 1, (), 0))
        operations = [issued(number, position) for position in range(_BATCH)]
        root = root_of([operation.leaf for operation in operations])
        facts.batches.append((BatchApplied(number, 1, _BATCH, root), operations))
        with database.begin() as conn:
            mirror.apply(conn, [facts])
    return database


def peak_bytes(batches: int, path: Path) -> int:
    database = chain_of(batches, path)
    tracemalloc.start()
    report = reconcile(database, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    database.close()
    assert (report.operations, report.differences) == (batches * _BATCH, [])
    return peak


def test_the_memory_of_an_audit_does_not_grow_with_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_MOST_IN_MEMORY", 200)
    monkeypatch.setattr(reconciler, "ROWS_AT_ONCE", 200)
    short, long = peak_bytes(10, tmp_path / "short.db"), peak_bytes(80, tmp_path / "long.db")
    assert long < 1.25 * short
