"""The drill over PostgreSQL, with all real processes: sales, a backup meanwhile, more sales, everything
killed, the database dropped, restored beside a chain that is lost too or that knows more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.demo.processes import accepts
from ledger_service.demo.stack import run_command
from tests.conftest import Cluster
from tests.operations.installation import Installation, wait_until

_NAME = "alliance_drill"


@pytest.fixture(scope="module")
def product(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    cluster.admin(f"CREATE DATABASE {_NAME}")
    url = {"ALLIANCE_DATABASE_URL": cluster.url(_NAME)}
    made = Installation(Path(tmp_path_factory.mktemp("drill")), environment=url)
    try:
        made.found()
        yield made
    finally:
        made.close()
        cluster.admin(f"DROP DATABASE {_NAME} WITH (FORCE)")


def backed_up(product: Installation, folder: Path) -> tuple[str, int]:
    """(a member who bought before a backup and after it, its points); then everything dies."""
    number = product.new_member()
    for _ in range(3):
        product.sell(number)
    said = product.run("backup", str(folder))
    assert "up to entry" in said
    for _ in range(2):
        product.sell(number)
    wait_until(product.drained, "not every operation is final")
    for name in list(product.running):
        product.kill(name)
    return number, 300


def lose_database(cluster: Cluster) -> None:
    cluster.admin(f"DROP DATABASE {_NAME} WITH (FORCE)", f"CREATE DATABASE {_NAME}")


def start_again(product: Installation) -> None:
    product.start("signer", ("signer", "serve"), lambda: "signing on" in product.log("signer"))
    product.start("chain", ("chain",), lambda: accepts(product.chain_port))
    product.start_bridge("bridge")
    product.start("serve", ("serve",), product.serves)


def points_of(product: Installation, number: str) -> int:
    told = product.get(product.operator, f"/v1/members/{number}/balance")
    return sum(int(one["available"]) for one in told["balances"])


def test_database_and_chain_are_lost_and_come_back_as_they_were_at_the_backup(
    product: Installation, cluster: Cluster, tmp_path: Path
) -> None:
    number, points = backed_up(product, tmp_path / "backup")
    lose_database(cluster)
    for path in product.state.glob("chain.db*"):
        path.rename(tmp_path / path.name)
    product.run("restore", str(tmp_path / "backup"))
    start_again(product)
    product.assert_sound()
    assert points_of(product, number) == points
    product.sell(number)
    product.assert_sound()


def test_what_the_chain_alone_knows_is_listed_and_adopted(
    product: Installation, cluster: Cluster, tmp_path: Path
) -> None:
    number, points = backed_up(product, tmp_path / "backup")
    lose_database(cluster)
    product.run("restore", "--keep-chain", str(tmp_path / "backup"))
    start_again(product)
    wait_until(lambda: len(lost(product)) == 2, "the chain's two operations are not seen")
    assert {row["member"] for row in lost(product)} == {number}
    assert sum(row["points"] for row in lost(product)) == 200
    keys = [product.state / f"{name}.key" for name in ("ann", "ben")]
    for path in keys:
        path.write_text(product.run("keys", "issue", "operator", path.stem))
    assert "2 operations adopted" in product.run("adopt", "--key", str(keys[0]), "--second-key", str(keys[1]))
    product.assert_sound()
    assert points_of(product, number) == points + 200
    assert lost(product) == []


def lost(product: Installation) -> list[dict[str, object]]:
    told = run_command(product.environment, "lost", "--json", good=(0, 1))
    return [json.loads(line) for line in told.splitlines()]
