"""Raw transactions: the three kinds decode to what was signed; everything else is refused with its reason."""

from __future__ import annotations

import pytest
import rlp

from ledger_service.chain.node.errors import Refused
from ledger_service.chain.node.transactions import MAX_RAW_BYTES, contract_address, decode_transaction
from tests.chain.node.builders import ALICE, BOB, CHAIN_ID, address_of, signed

TO = b"\x09" * 20
ACCESS = [{"address": "0x" + "07" * 20, "storageKeys": ["0x" + "00" * 31 + "05"]}]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (0, {"gasPrice": 7}),
        (1, {"gasPrice": 7, "type": 1, "accessList": ACCESS}),
        (2, {"maxFeePerGas": 9, "maxPriorityFeePerGas": 7, "accessList": ACCESS}),
    ],
)
def test_each_kind_decodes_to_what_was_signed(kind: int, fields: dict[str, object]) -> None:
    raw = signed(300, TO, b"\x00\x01", value=11, **fields)
    decoded = decode_transaction(raw, CHAIN_ID)
    assert (decoded.type_id, decoded.nonce, decoded.to, decoded.value, decoded.data) == (
        kind,
        300,
        TO,
        11,
        b"\x00\x01",
    )
    assert decoded.sender == address_of(ALICE)
    assert (decoded.max_fee_per_gas, decoded.max_priority_fee_per_gas) == (9 if kind == 2 else 7, 7)
    assert decoded.access_list == (((b"\x07" * 20, (5,)),) if kind else ())
    assert decoded.intrinsic_gas == 21_000 + 4 + 16 + (4_300 if kind else 0)


def _refusal(raw: bytes) -> str:
    with pytest.raises(Refused) as caught:
        decode_transaction(raw, CHAIN_ID)
    return caught.value.reason


def _changed(raw: bytes, position: int, value: object) -> bytes:
    fields = rlp.decode(raw[1:])
    fields[position] = value
    return raw[:1] + rlp.encode(fields)


@pytest.mark.parametrize("raw", [b"", b"\x03\xc0", b"\x04\xc0", b"\x00\xc0", b"\x7f"])
def test_unknown_kinds_are_refused(raw: bytes) -> None:
    assert _refusal(raw) in {"type_not_supported", "malformed"}


@pytest.mark.parametrize("cut", [1, 2, 5, 40])
def test_truncated_and_padded_bytes_are_malformed(cut: int) -> None:
    raw = signed(0, TO)
    assert _refusal(raw[:-cut]) == "malformed"
    assert _refusal(raw + bytes(cut)) == "malformed"


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (0, b"\x01", "wrong_chain"),
        (1, b"\x00\x05", "malformed"),
        (1, bytes([1]) * 9, "malformed"),
        (1, [b"\x01"], "malformed"),
        (5, b"\x01" * 19, "malformed"),
        (7, [b""], "malformed"),
        (8, [[b"\x01" * 20]], "malformed"),
        (8, b"\x01", "malformed"),
        (9, b"\x02", "invalid_signature"),
        (10, b"", "invalid_signature"),
        (11, b"", "invalid_signature"),
        (11, b"\xff" * 32, "invalid_signature"),
    ],
)
def test_a_changed_field_is_refused(position: int, value: object, reason: str) -> None:
    assert _refusal(_changed(signed(0, TO), position, value)) == reason


def test_a_high_s_and_an_unprotected_or_foreign_legacy_signature_are_refused() -> None:
    raw = signed(0, TO)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(rlp.decode(raw[1:])[11], "big")
    assert _refusal(_changed(raw, 11, s.to_bytes(32, "big"))) == "invalid_signature"
    fields = rlp.decode(signed(0, TO, gasPrice=0))
    assert _refusal(rlp.encode([*fields[:6], b"\x1b", *fields[7:]])) == "unprotected"
    assert _refusal(signed(0, TO, gasPrice=0, chainId=5)) == "wrong_chain"
    assert _refusal(b"\x02" + bytes(MAX_RAW_BYTES)) == "oversized"


def test_the_address_of_a_created_contract_is_the_well_known_one() -> None:
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert contract_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert contract_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"
    assert contract_address(address_of(BOB), 127) != contract_address(address_of(BOB), 128)
