"""What custody signs for contracts beside the ClearingHouse."""

from __future__ import annotations

from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import (
    SignSliceBeside,
    merchant_key_name,
    request_of_wire,
    request_to_wire,
)
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.permits import slice_struct_hash
from ledger_service.kernel.secp256k1 import recover_address
from tests.unit.custody.test_vault import GLN, custody

__all__ = ["custody"]


def test_a_slice_for_a_contract_beside_is_signed_in_that_contracts_domain(custody: LocalCustody) -> None:
    desk, leaves = b"\xab" * 20, (b"\x01" * 32, b"\x02" * 32)
    asked = SignSliceBeside(desk, 5, GLN, leaves)
    assert request_of_wire(request_to_wire(asked)) == asked
    (refused,) = custody.ask([asked])
    assert isinstance(refused, SigningRefused) and refused.reason == "target-unknown"
    custody._journal.remember_contract(desk, bytes(32))
    (signature,) = custody.ask([asked])
    assert isinstance(signature, bytes)
    domain = Domain(31337, desk, "Alliance Batches")
    signer = recover_address(domain.digest(slice_struct_hash(5, GLN, leaves)), signature)
    assert signer == custody.address_of(merchant_key_name(GLN, "operations"))
