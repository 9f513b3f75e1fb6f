"""Digests equal those of an independent EIP-712 implementation, and signatures recover or are refused."""

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.permits import GiftPermit, SignerGrant, SpendPermit, nonce_of, slice_struct_hash
from ledger_service.kernel.points import Leg, legs_hash
from ledger_service.kernel.secp256k1 import (
    address_of_key,
    address_text,
    keccak256,
    recover_address,
    sign_digest,
)

DOMAIN = Domain(31337, b"\x11" * 20)
KEY = keccak256(b"a device")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def independent_digest(primary, members, values):
    message = encode_typed_data(
        domain_data={
            "name": "Alliance Ledger", "version": "1", "chainId": 31337,
            "verifyingContract": "0x" + "11" * 20,
        },
        message_types={primary: [{"name": n, "type": t} for n, t in members]},
        message_data=values,
    )  # fmt: skip
    return _hash_eip191_message(message)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**40 - 1))
def test_a_spend_permit_has_the_digest_of_the_standard(nonce, value, until):
    permit = SpendPermit(b"\x22" * 20, nonce, value, until)
    expected = independent_digest(
        "SpendPermit",
        [
            ("account", "address"),
            ("nonce", "uint256"),
            ("maxValueMicros", "uint64"),
            ("validUntil", "uint40"),
        ],
        {"account": "0x" + "22" * 20, "nonce": nonce, "maxValueMicros": value, "validUntil": until},
    )
    assert DOMAIN.digest(permit.struct_hash()) == expected


def test_gift_grant_and_slice_have_the_digests_of_the_standard():
    legs = (Leg(1, 1, 5, 70), Leg(1, 1, 6, 3))
    gift = GiftPermit(b"\x01" * 20, b"\x02" * 20, 7, 99, legs)
    assert DOMAIN.digest(gift.struct_hash()) == independent_digest(
        "GiftPermit",
        [("account", "address"), ("recipient", "address"), ("nonce", "uint256"), ("validUntil", "uint40"),
         ("legsHash", "bytes32")],
        {"account": "0x" + "01" * 20, "recipient": "0x" + "02" * 20, "nonce": 7, "validUntil": 99,
         "legsHash": legs_hash(legs)},
    )  # fmt: skip
    grant = SignerGrant(b"\x01" * 20, b"\x03" * 20, 4, 12)
    assert DOMAIN.digest(grant.struct_hash()) == independent_digest(
        "SignerGrant",
        [("account", "address"), ("signer", "address"), ("flags", "uint8"), ("validUntil", "uint40")],
        {"account": "0x" + "01" * 20, "signer": "0x" + "03" * 20, "flags": 4, "validUntil": 12},
    )
    leaves = [keccak256(b"a"), keccak256(b"b")]
    assert DOMAIN.digest(slice_struct_hash(9, 9520000000005, leaves)) == independent_digest(
        "Slice",
        [("batch", "uint64"), ("merchant", "uint64"), ("operationsHash", "bytes32")],
        {"batch": 9, "merchant": 9520000000005, "operationsHash": keccak256(b"".join(leaves))},
    )


def test_a_nonce_keeps_lane_and_counter_apart():
    assert nonce_of(1, 2) == 2**32 + 2
    assert nonce_of(2**32 - 1, 2**32 - 1) == 2**64 - 1


@given(st.binary(min_size=32, max_size=32))
def test_a_signature_recovers_its_signer(digest):
    assert recover_address(digest, sign_digest(KEY, digest)) == address_of_key(KEY)


@given(st.integers(0, 64), st.integers(1, 255))
def test_a_changed_signature_never_recovers_the_signer(position, change):
    digest = keccak256(b"digest")
    signature = bytearray(sign_digest(KEY, digest))
    signature[position] ^= change
    assert recover_address(digest, bytes(signature)) != address_of_key(KEY)


def test_the_high_s_twin_of_a_signature_is_refused():
    digest = keccak256(b"digest")
    r, s, v = (sign := sign_digest(KEY, digest))[:32], int.from_bytes(sign[32:64], "big"), sign[64]
    twin = r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    assert recover_address(digest, twin) is None


@pytest.mark.parametrize("junk", [b"", bytes(64), bytes(65), b"\xff" * 65, bytes(66)])
def test_what_is_no_signature_recovers_nobody(junk):
    assert recover_address(bytes(32), junk) is None


def test_an_address_is_written_with_its_checksum():
    # The examples of ERC-55.
    for text in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"):
        assert address_text(bytes.fromhex(text[2:])) == text
