"""Custody goes over to another ClearingHouse only where its creation was allowed at the machine itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.journal import Journal
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import OPERATOR, RELAYER
from ledger_service.kernel.chain_tx import created_address
from ledger_service.kernel.secp256k1 import keccak256
from tests.unit.custody.test_sending import BOND, CALL, CODE, HOUSE, STRANGER, refusal, sign

NEXT = replace(CODE, nonce=9, data=b"\x62" * 50)


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[LocalCustody]:
    """Custody bound to the alliance, told of one creation by another process, as `allow-house` does."""
    local = LocalCustody(Keystore(bytes(range(32))), tmp_path / "journal")
    local.bind(BOND)
    journal = Journal(tmp_path / "journal")
    journal.allow_house(keccak256(NEXT.data))
    journal.close()
    yield local
    local.close()


def following(custody: LocalCustody) -> bytes:
    return created_address(custody.address_of(OPERATOR), NEXT.nonce)


def test_the_allowed_house_is_created_once_and_followed(custody: LocalCustody) -> None:
    house = following(custody)
    with pytest.raises(SigningRefused):
        custody.bind(replace(BOND, clearing_house=house))  # not created yet
    sign(custody, OPERATOR, NEXT)
    sign(custody, OPERATOR, replace(NEXT, fee=NEXT.fee.bumped(20)))
    assert refusal(custody, OPERATOR, replace(NEXT, nonce=10)) == "creates-a-contract"
    assert refusal(custody, RELAYER, replace(CALL, to=house)) == "target-unknown"
    custody.bind(replace(BOND, clearing_house=house))
    custody.bind(replace(BOND, clearing_house=house))
    sign(custody, RELAYER, replace(CALL, to=house))
    sign(custody, RELAYER, replace(CALL, to=HOUSE))  # what a reorganisation took back may need a higher bid
    assert refusal(custody, RELAYER, replace(CALL, to=STRANGER)) == "target-unknown"
    with pytest.raises(SigningRefused):
        custody.bind(BOND)


def test_nothing_else_changes_with_the_house(custody: LocalCustody) -> None:
    sign(custody, OPERATOR, NEXT)
    house = following(custody)
    for odd in (
        replace(BOND, clearing_house=STRANGER),
        replace(BOND, clearing_house=house, chain_id=1),
        replace(BOND, clearing_house=house, registry=STRANGER),
    ):
        with pytest.raises(SigningRefused):
            custody.bind(odd)
    assert refusal(custody, OPERATOR, replace(NEXT, data=b"\x63" * 50)) == "creates-a-contract"
