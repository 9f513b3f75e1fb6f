"""Key-compromise drills with the real processes: what docs/key-rotation.md says, done as it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.bootstrap.alliance import find_alliance
from ledger_service.cli import rotate
from ledger_service.db.engine import open_database
from ledger_service.demo.stack import SetupFailed
from tests import warm
from tests.operations.installation import GROCER, Installation

OPERATIONS = f"merchant:{GROCER}:operations"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(Path(tmp_path_factory.mktemp("rotation")))
    try:
        made.found()
        yield made
    finally:
        made.close()


def restart_signer(product: Installation) -> None:
    product.kill("signer")
    product.start("signer", ("signer", "serve"), lambda: "signing on" in product.log("signer"))


def address(line: str) -> str:
    return line.split()[-1]


def test_a_merchant_s_operations_key_is_rotated_between_sales_and_nothing_is_lost(
    product: Installation,
) -> None:
    number = product.new_member()
    product.sell(number)
    before = address(product.run("signer", "addresses", OPERATIONS))
    fresh = address(product.run("signer", "new-key", OPERATIONS))
    assert fresh != before
    with pytest.raises(SetupFailed, match="at least one key"):
        product.run("rotate", "merchant", GROCER)
    said = product.run("rotate", "merchant", GROCER, "--operations", fresh)
    assert f"{OPERATIONS} {fresh}" in said
    product.sell(number)
    restart_signer(product)
    product.sell(number)
    product.assert_sound()
    assert address(product.run("signer", "addresses", OPERATIONS)) == fresh
    assert address(product.run("signer", "former-key", OPERATIONS)) == before
    assert address(product.run("signer", "former-key", OPERATIONS)) == fresh


def test_a_signer_that_lost_its_journal_is_bound_again_by_setup_and_told_the_manager(
    product: Installation,
) -> None:
    database = open_database(product.settings.database_url)
    with database.read() as conn:
        alliance = find_alliance(conn)
    database.close()
    assert alliance is not None
    product.kill("signer")
    for path in product.settings.secrets_file.parent.glob(product.settings.secrets_file.name + ".journal*"):
        path.unlink()
    product.start("signer", ("signer", "serve"), lambda: "signing on" in product.log("signer"))
    number = product.new_member()
    product.sell(number)
    assert "there before" in product.run("setup")
    product.sell(number)
    product.assert_sound()
    old, new = address(product.run("signer", "addresses", "relayer")), "0x" + "22" * 20
    ask = ("rotate", "sending-key", "relayer", "--old", old, "--new", new)
    with pytest.raises(SetupFailed, match="target-unknown"):
        product.run(*ask)
    product.run("signer", "allow", "0x" + alliance.manager.hex())
    said = warm.run_command(product.environment, *ask, good=(rotate.MORE_TO_DO,))
    assert said.startswith("scheduled")


def test_moving_a_sending_key_begins_with_two_days_of_notice(product: Installation) -> None:
    before, stranger = address(product.run("signer", "addresses", "relayer")), "0x" + "11" * 20
    ask = ("rotate", "sending-key", "relayer", "--old", before, "--new", stranger)
    done = warm.run("ledger_service", *ask, env=product.whole_environment)
    assert (done.returncode, done.stdout.split(" from ")[0]) == (
        rotate.MORE_TO_DO, "scheduled; run this command again"
    ), done.stderr  # fmt: skip
    product.sell(product.new_member())
    product.assert_sound()
