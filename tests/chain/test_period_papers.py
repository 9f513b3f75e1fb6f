"""Statements of a chain's periods: each closes where the next opens, and a stranger makes the same bytes."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.bootstrap.kept_figures import FiguresKeeper, kept_data, kept_statements
from ledger_service.bootstrap.period_papers import Alliances, PeriodData, period_data
from ledger_service.chain.admin import Admin
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import PeriodStillOpen
from ledger_service.chain.models import chain_block, chain_cursor, chain_net, chain_period, chain_terms
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.status import programme_totals
from ledger_service.cli import settle
from ledger_service.kernel.secp256k1 import address_text
from ledger_service.kernel.settlement_words import Statements
from ledger_service.settlement.models import settlement_paper
from ledger_service.settlement.papers.accounts import Role
from ledger_service.settlement.papers.journal import entries_of
from ledger_service.settlement.statements import statements_of
from tests.chain.networks import Network
from tests.chain.test_bridge import drain
from tests.chain.test_rotation import steps_of
from tests.chain.world import MERCHANTS, World, wall

GLN = f"{MERCHANTS[0]:013}"


def close(world: World, period: int) -> None:
    drain(world.bridge(), world.database)
    assert world.deployment is not None
    Admin(steps_of(world), world.deployment.contracts).close_period(period, None)
    drain(world.bridge(), world.database)


def two_periods(world: World) -> None:
    """Points are earned, taken here and elsewhere, given back, taken back, extended and given away."""
    ann, ben, *_ = world.members
    issued = world.issue(ann, 1, 1000)
    world.enqueue(world.signer(ann), world.signer(ben))
    world.enqueue(issued, world.issue(ben, 2, 500))
    spent, own = world.redeem(ann, MERCHANTS[1], (1, 301)), world.redeem(ann, MERCHANTS[0], (1, 50))
    world.enqueue(spent, own, world.redeem(ben, MERCHANTS[0], (2, 61)))
    world.enqueue(world.restore(spent, 0, 7), world.restore(own, 0, 3), world.clawback(issued, 20))
    close(world, 1)
    world.enqueue(world.restore(spent, 0, 11), world.extend(ann, 1, (1, 2), 40), world.gift(ann, ben, 1, 9))
    world.enqueue(world.issue(ben, 1, 77))
    close(world, 2)
    world.enqueue(world.issue(ben, 1, 5), world.restore(spent, 0, 100))
    drain(world.bridge(), world.database)


def data_of(world: World, period: int) -> PeriodData:
    assert world.deployment is not None
    alliance = Alliances(world.node.chain_id, world.deployment.contracts, None, "USD")
    with world.database.snapshot() as conn:
        return period_data(conn, None, alliance, period)


def kept_of(world: World) -> list[bool]:
    """What each step of a bridge said that adds up final periods an operation at a time."""
    assert world.deployment is not None
    alliance = Alliances(world.node.chain_id, world.deployment.contracts, None, "USD")
    keeper, ran = FiguresKeeper(world.database, Desk.unfenced(world.database, wall), alliance, 1), [True]
    while ran[-1]:
        ran.append(keeper.run())
    return ran


def as_kept(world: World, period: int) -> tuple[PeriodData | None, Statements | None]:
    assert world.deployment is not None
    alliance = Alliances(world.node.chain_id, world.deployment.contracts, None, "USD")
    with world.database.snapshot() as conn:
        return kept_data(conn, alliance, period), kept_statements(conn, period)


@pytest.mark.parametrize("network", [pytest.param("anvil", marks=pytest.mark.anvil)], indirect=True)
def test_figures_kept_by_the_bridge_are_those_of_the_lines(world: World) -> None:
    two_periods(world)
    assert as_kept(world, 1) == (None, None)
    assert len(kept_of(world)) > 6
    for period in (1, 2):
        with world.database.snapshot() as conn:
            statements = statements_of(period, period_lines(conn, period))
        assert as_kept(world, period) == (data_of(world, period), statements)
    with world.database.begin() as conn:
        of_second = select(chain_period.c.block_number).where(chain_period.c.period == 2)
        block = conn.execute(of_second).scalar_one()
        conn.execute(chain_block.update().where(chain_block.c.number == block).values(hash=bytes(32)))
    # Another chain closed the period in another block: what was kept is not of that close.
    assert (as_kept(world, 1)[0], as_kept(world, 2)) == (data_of(world, 1), (None, None))
    kept_of(world)
    assert as_kept(world, 2)[0] == data_of(world, 2)


def test_statements_tie_to_the_counters_the_nets_and_the_journal(world: World) -> None:
    two_periods(world)
    first, second = (data_of(world, period).statement(MERCHANTS[0]) for period in (1, 2))
    (one,), (two,) = first.programmes, second.programmes
    assert {name: points for name, points in one.movements.items() if points} == {
        "earned": 1000, "redeemed_here": -50, "redeemed_elsewhere": -301, "restored_here": 3,
        "restored_elsewhere": 7, "clawed_back": -20,
    }  # fmt: skip
    assert {n: p for n, p in two.movements.items() if p} == {"earned": 77, "restored_elsewhere": 11}
    assert two.figures.extended == 40
    assert one.figures.opening == 0
    assert one.closing_micros == two.opening_micros == 639 * 10_000
    with world.database.snapshot() as conn:
        outstanding = {total.programme_id: total.outstanding for total in programme_totals(conn)}
        nets = {(r.period, r.merchant): r.net_micros for r in conn.execute(select(chain_net))}
    assert two.figures.closing == outstanding[1] - 5 - 100
    for statement in (first, second):
        assert statement.gross_net_micros == nets[statement.period, MERCHANTS[0]]
        liability = [
            line.micros for entry in entries_of(statement) for line in entry.lines
            if line.role is Role.POINTS_LIABILITY
        ]  # fmt: skip
        (programme,) = statement.programmes
        assert sum(liability) == programme.opening_micros - programme.closing_micros
    with pytest.raises(PeriodStillOpen):
        data_of(world, 3)


def test_terms_of_a_pair_change_no_liability(world: World) -> None:
    two_periods(world)
    before = data_of(world, 2).statement(MERCHANTS[0])
    pair = {"effective_from": 0, "fee_bps": 0, "issuance_cap": 0, "validity_epochs": 0, "block_number": 1}
    with world.database.begin() as conn:
        for version, value in ((2, 12_000), (3, 0)):
            row = {"version": version, "point_value_micros": value, "acceptor": MERCHANTS[1], **pair}
            conn.execute(chain_terms.insert().values(programme_id=1, **row))
    after = data_of(world, 2).statement(MERCHANTS[0])
    assert after.programmes == before.programmes
    assert after.programmes[0].closing_micros == after.programmes[0].figures.closing * 10_000


def test_papers_are_written_once_and_a_stranger_makes_the_same(
    world: World,
    network: Network,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two_periods(world)
    found_in(world)
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(world.database.url))
    monkeypatch.setenv("ALLIANCE_CHAIN_URL", network.url)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write = ["statement", "--merchant", GLN, "--period", "1", "--language", "zh-Hant"]
    refused_before_final(world, [*write, "--into", str(ours)], capsys)
    assert not ours.exists()
    for _ in range(2):
        assert settle.main([*write, "--into", str(ours)]) == 0
    names = [f"journal-1-{GLN}-closed.csv", f"statement-1-{GLN}-closed-zh-Hant.pdf",
             f"statement-1-{GLN}-closed.csv"]  # fmt: skip
    assert sorted(path.name for path in ours.iterdir()) == names
    assert settle.main(["statement", "--period", "3", "--into", str(ours)]) == 1
    assert "period-still-open" in capsys.readouterr().err
    # The lock is in the database: another directory does not help who would write it otherwise.
    refused_once_altered(world, [*write, "--into", str(tmp_path / "again")], (names[1], capsys))
    assert not (tmp_path / "again").exists()
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    assert world.deployment is not None
    at = world.deployment.contracts
    where = ["--registry", address_text(at.registry), "--clearing-house", address_text(at.clearing_house)]
    asked = ["--rpc", network.url, *where, "--into", str(theirs)]
    assert settle.main([*write, *asked]) == 1
    assert "currency" in capsys.readouterr().err
    assert settle.main([*write, *asked, "--currency", "USD"]) == 0
    for name in names[::2]:
        assert (theirs / name).read_bytes() == (ours / name).read_bytes()
    assert closing_points(theirs / names[2]) == ["639"]


def closing_points(statement: Path) -> list[str]:
    rows = csv.DictReader(io.StringIO(statement.read_text("utf-8"), newline=""))
    return [row["points"] for row in rows if row["item"] == "closing"]


def refused_before_final(world: World, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    final = final_block(world, 0)
    assert settle.main(command) == 1
    assert "is not final yet" in capsys.readouterr().err
    final_block(world, final)


def found_in(world: World) -> None:
    """The database holds the alliance, as `alliance setup` would have written it."""
    assert world.deployment is not None
    at = world.deployment.contracts
    founded = Alliance(
        "Test", "USD", "950110", world.node.chain_id, at.clearing_house, at.registry, bytes(20), bytes(20),
        10**7, 10**8, datetime(2017, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    with world.database.begin() as conn:
        store_alliance(conn, founded)


def final_block(world: World, number: int) -> int:
    """Blocks up to the number are final; returns up to which they were."""
    with world.database.begin() as conn:
        before = conn.execute(select(chain_cursor.c.final_number)).scalar_one()
        conn.execute(chain_cursor.update().values(final_number=number))
    return int(before)


def refused_once_altered(
    world: World, command: list[str], of: tuple[str, pytest.CaptureFixture[str]]
) -> None:
    """The mirror tells another block's hash, which the statement names."""
    name, capsys = of
    with world.database.begin() as conn:
        assert conn.execute(select(settlement_paper.c.name)).all()
        conn.exec_driver_sql("UPDATE chain_block SET hash = zeroblob(32)")
    assert settle.main(command) == 1
    told = capsys.readouterr().err
    assert name in told
    assert "written before" in told
