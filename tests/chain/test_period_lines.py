"""A period's lines add up to the contract's nets, whenever a point comes back; a stranger gets the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.chain.admin import Admin
from ledger_service.chain.models import chain_applied, chain_net
from ledger_service.chain.period_lines import period_lines
from ledger_service.cli import settle, verify
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.secp256k1 import address_text
from ledger_service.settlement.netting import Obligation, nets_of
from tests.chain.networks import Network
from tests.chain.test_bridge import drain
from tests.chain.test_rotation import steps_of
from tests.chain.world import MERCHANTS, World


def three_periods(world: World) -> None:
    """A redemption of ann's comes back in three periods, by parts whose fees do not round alike."""
    ann, ben, *_ = world.members
    world.enqueue(world.signer(ann), world.signer(ben))
    world.enqueue(world.issue(ann, 1, 1000), world.issue(ben, 2, 500))
    spent = world.redeem(ann, MERCHANTS[1], (1, 301))
    both = world.redeem(ben, MERCHANTS[0], (2, 61))
    world.enqueue(spent, both, world.redeem(ann, MERCHANTS[0], (1, 5)))
    for back in (7, 11, 13):
        world.enqueue(world.restore(spent, 0, back))
        drain(world.bridge(), world.database)
        assert world.deployment is not None
        close = Admin(steps_of(world), world.deployment.contracts).close_period
        close({7: 1, 11: 2, 13: 3}[back], None)
        drain(world.bridge(), world.database)
    world.enqueue(world.restore(spent, 0, 270), world.restore(both, 0, 1))
    drain(world.bridge(), world.database)


def lines_of(world: World, period: int) -> list[ObligationLine]:
    with world.database.snapshot() as conn:
        return list(period_lines(conn, period))


def test_lines_add_up_to_the_nets_of_every_period(world: World) -> None:
    three_periods(world)
    with world.database.snapshot() as conn:
        rows = conn.execute(select(chain_net).where(chain_net.c.net_micros != 0)).all()
    for period in (1, 2, 3, 4):
        lines = lines_of(world, period)
        nets = nets_of(Obligation(line.debtor, line.creditor, line.owed_micros) for line in lines)
        assert nets == {row.merchant: row.net_micros for row in rows if row.period == period}
        assert [line.place for line in lines] == sorted(line.place for line in lines)
        for batch in {line.batch for line in lines}:
            with world.database.snapshot() as conn:
                later = list(period_lines(conn, period, batch))
            assert later == [line for line in lines if line.batch >= batch]
    whole = [line for period in (1, 2, 3, 4) for line in lines_of(world, period) if line.programme == 1]
    with world.database.snapshot() as conn:
        roots = {row.number: row.root for row in conn.execute(select(chain_applied))}
    assert all(line.root == roots[line.batch] for line in whole)
    assert sum(line.owed_micros for line in whole) == sum(line.points for line in whole) == 0
    assert [line.kind for line in whole].count(Kind.RESTORE) == 4


def test_a_stranger_recomputes_a_period_and_names_what_a_statement_has_wrong(
    world: World,
    network: Network,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    three_periods(world)
    assert world.deployment is not None
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(world.database.url))
    paper = tmp_path / "lines.csv"
    assert settle.main(["lines", "--period", "1", "--into", str(paper)]) == 0
    at, url = world.deployment.contracts, network.url
    asked = ["settlement", "--rpc", url, "--registry", address_text(at.registry), "--period", "1",
             "--clearing-house", address_text(at.clearing_house)]  # fmt: skip
    # From here on no database of the alliance is at hand.
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    capsys.readouterr()
    assert verify.main([*asked, "--statement", str(paper), "--currency", "USD"]) == 0
    out = capsys.readouterr().out
    assert "period 1, closed: 3 lines, 2 pairs of merchants" in out
    assert out.endswith("statement = chain, line by line\nrecomputed = contract\n")
    rows = paper.read_text().splitlines()
    paper.write_text("\n".join([*rows[:3], rows[3][:-64] + rows[1][-64:][::-1]]) + "\n")
    assert verify.main([*asked, "--statement", str(paper)]) == 1
    assert "altered in the statement" in capsys.readouterr().out
    forged = rows[2].split(",")
    forged[7], forged[10], forged[12] = "62", str(int(forged[10]) + 1), str(int(forged[12]) + 1)
    paper.write_text("\n".join([rows[0], rows[1], ",".join(forged)]) + "\n")
    assert verify.main([*asked, "--statement", str(paper), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["what"] for one in found["differences"]] == ["altered", "missing"]
    assert sum(net["net_micros"] for net in found["nets"]) == 0
    assert verify.main([*asked, "--period", "9"]) == 2
    assert "period-not-open" in capsys.readouterr().err
