"""A KMS takes over a merchant's keys from the keystore, and gives them back: the drill of docs/custody.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.custody.client import SignerClient
from tests.operations.installation import GROCER, Installation

OPERATIONS, ADMIN = (f"merchant:{GROCER}:{purpose}" for purpose in ("operations", "admin"))


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    try:
        made.found()
        yield made
    finally:
        made.close()


def address_of(product: Installation, name: str) -> str:
    """What custody answers on the socket that the service asks."""
    client = SignerClient(product.settings.signer_socket)
    try:
        return "0x" + client.address_of(name).hex()
    finally:
        client.close()


def start_signer(product: Installation, at: Path) -> None:
    """`alliance signer` serves on another socket than the one that the service asks."""
    usual = product.environment.get("ALLIANCE_SIGNER_SOCKET")
    product.environment["ALLIANCE_SIGNER_SOCKET"] = str(at)
    product.start("signer", ("signer", "serve"), lambda: "signing on" in product.log("signer"))
    del product.environment["ALLIANCE_SIGNER_SOCKET"]
    if usual:
        product.environment["ALLIANCE_SIGNER_SOCKET"] = usual


def start_holder(product: Installation, behind: Path) -> dict[str, str]:
    """The KMS's front is on the usual socket; returns the addresses of its keys."""
    product.settings.signer_socket.unlink(missing_ok=True)
    names = (str(product.settings.signer_socket), str(behind), OPERATIONS, ADMIN)
    product.start(
        "holder", names, lambda: "holding" in product.log("holder"), "tests.operations.second_signer"
    )
    lines = product.log("holder").splitlines()
    return dict(line.split() for line in lines if line.startswith("merchant:"))


def test_a_kms_takes_over_a_merchants_keys_between_sales_and_gives_them_back(product: Installation) -> None:
    number = product.new_member()
    product.sell(number)
    before = {name: address_of(product, name) for name in (OPERATIONS, ADMIN)}

    # The keystore moves behind, the KMS in front answers for its own keys once the registry has them.
    behind = product.state / "seed.sock"
    product.kill("signer")
    start_signer(product, behind)
    held = start_holder(product, behind)
    assert "there before" in product.run("setup"), "the new holder is not told the alliance"
    product.sell(number)
    product.environment["ALLIANCE_SIGNER_SOCKET"] = str(behind)
    said = product.run("rotate", "merchant", GROCER, "--operations", held[OPERATIONS], "--admin", held[ADMIN])
    del product.environment["ALLIANCE_SIGNER_SOCKET"]
    assert held[ADMIN] in said.lower()
    assert {name: address_of(product, name) for name in (OPERATIONS, ADMIN)} == held
    product.sell(number)
    product.assert_sound()

    # Back again, by the signature of the admin key that only the KMS has.
    product.run("rotate", "merchant", GROCER, "--operations", before[OPERATIONS], "--admin", before[ADMIN])
    product.kill("holder")
    product.kill("signer")
    product.settings.signer_socket.unlink(missing_ok=True)
    product.start("signer", ("signer", "serve"), lambda: "signing on" in product.log("signer"))
    product.sell(number)
    product.assert_sound()
    assert {name: address_of(product, name) for name in (OPERATIONS, ADMIN)} == before
