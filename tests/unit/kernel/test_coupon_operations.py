"""Coupon ids, operations in payloads, and which of them a batch takes in what order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.kernel.beside import BesideOperation, leaf_of
from ledger_service.kernel.coupon_operations import (
    CODEC,
    NOBODY,
    AnchorRoot,
    Consume,
    Give,
    RegisterType,
    Reverse,
    coupon_id,
    gcn_and_serial,
    serial_word,
)
from ledger_service.kernel.secp256k1 import keccak256

GCN, A, B = 9506000123455, 9506000000015, 9506000000022
COUPON = coupon_id(GCN, "0007")
USED = Consume(b"\x01" * 16, B, 1_700_000_000, COUPON, NOBODY, b"\x02" * 32, b"\x03" * 32, (b"\x04" * 32,))
EVERY: list[BesideOperation] = [
    RegisterType(b"\x05" * 16, A, 1, GCN, 1, 2**63, 5, 2**39, 2, 1, b"\x06" * 32),
    AnchorRoot(b"\x07" * 16, A, 2, GCN, b"\x08" * 32, serial_word("000"), 10**6),
    USED,
    Reverse(b"\x09" * 16, B, 3, COUPON, USED.op_id, leaf_of(USED)),
    Give(b"\x0a" * 16, A, 4, COUPON, b"\x0b" * 20, b"\x0c" * 20),
]


def test_zeros_before_a_serial_count_and_neighbours_of_one_length_are_neighbours() -> None:
    assert coupon_id(GCN, "7") != coupon_id(GCN, "0007") == COUPON
    assert gcn_and_serial(COUPON) == (GCN, "0007")
    assert gcn_and_serial(coupon_id(GCN, "999999999999")) == (GCN, "999999999999")
    assert serial_word("0008") - serial_word("0007") == 1
    assert serial_word("00000") > serial_word("9999")


@pytest.mark.parametrize("serial", ["", "1234567890123", "12a", "١٢", " 1", "-1", "1.0"])
def test_a_serial_is_one_to_twelve_digits(serial: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        serial_word(serial)


@pytest.mark.parametrize("operation", EVERY, ids=lambda o: type(o).__name__)
def test_an_operation_survives_its_payload_and_signs_whole_words(operation: BesideOperation) -> None:
    assert CODEC.read(CODEC.payload_of(operation)) == operation
    words = operation.words()
    assert len(words) % 32 == 0 and leaf_of(operation) == keccak256(words)
    assert words[31] == operation.kind and words[32:48] == operation.op_id
    assert int.from_bytes(words[64:96], "big") == operation.merchant
    assert int.from_bytes(words[96:128], "big") == operation.accepted_at


SOUND = CODEC.payload_of(USED)


@pytest.mark.parametrize(
    "payload",
    ["", "[]", "[3]", "{}", "null", "[3,", SOUND[:-1], SOUND.replace("[3,", "[9,"),
     SOUND.replace("01" * 16, "zz"), SOUND.replace('"0303', '"03'),
     SOUND.replace("1700000000", "-1"), SOUND[:-1] + ",1]", "[" * 100_000, '{"a":' * 100_000],
)  # fmt: skip
def test_a_payload_that_is_no_whole_operation_is_none(payload: str) -> None:
    assert CODEC.read(payload) is None


def test_every_bit_of_what_is_signed_changes_the_leaf() -> None:
    changes = {"merchant": A, "accepted_at": 1, "coupon": COUPON + 1, "account": b"\x01" * 20,
               "root": bytes(32), "opening": bytes(32), "op_id": bytes(16)}  # fmt: skip
    leaves = {leaf_of(replace(USED, **{name: value})) for name, value in changes.items()}  # type: ignore[arg-type]  # by name
    assert len(leaves | {leaf_of(USED)}) == len(changes) + 1
    assert leaf_of(replace(USED, proof=())) == leaf_of(USED)
