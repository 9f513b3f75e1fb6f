"""Who holds a merchant's reserve is the word of its admin key, for a desk of its alliance alone."""

from __future__ import annotations

import pytest

from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import (
    SignCustodian,
    merchant_key_name,
    request_of_wire,
    request_to_wire,
)
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.reserve_words import NAME, custodian_struct_hash
from ledger_service.kernel.secp256k1 import recover_address
from tests.unit.custody.test_vault import GLN, custody

__all__ = ["custody"]


def test_a_custodian_is_named_by_the_admin_key_for_a_desk_of_the_alliance(custody: LocalCustody) -> None:
    desk, bank = b"\xab" * 20, b"\xba" * 20
    asked = SignCustodian(GLN, desk, bank, 2)
    assert request_of_wire(request_to_wire(asked)) == asked
    with pytest.raises(SigningRefused, match="target-unknown"):
        custody.sign_custodian(asked)
    custody._journal.remember_contract(desk, bytes(32))
    digest = Domain(31337, desk, NAME).digest(custodian_struct_hash(GLN, bank, 2))
    signer = recover_address(digest, custody.sign_custodian(asked))
    assert signer == custody.address_of(merchant_key_name(GLN, "admin"))
