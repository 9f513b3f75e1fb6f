"""Operations survive their intent, and any changed field changes the leaf."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.intents import operation_of, payload_of
from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.points import Leg, take_soonest
from ledger_service.kernel.points import Lot as SpendableLot

ids = st.binary(min_size=16, max_size=16)
addresses = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)
seconds = st.integers(0, 2**40 - 1)
merchants = st.integers(0, 10**13 - 1)
legs = st.builds(Leg, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1),
                 st.integers(0, 2**64 - 1))  # fmt: skip
some_legs = st.lists(legs, min_size=1, max_size=8).map(tuple)
nonces = st.integers(0, 2**256 - 1)

operations = st.one_of(
    st.builds(Issue, ids, merchants, addresses, seconds, st.integers(0, 2), legs),
    st.builds(Redeem, ids, merchants, addresses, nonces, seconds, seconds, seconds, st.integers(0, 3), hashes,
              some_legs, st.binary(min_size=65, max_size=90)),
    st.builds(Restore, ids, merchants, addresses, seconds, ids, hashes, st.integers(0, 7), legs),
    st.builds(Clawback, ids, merchants, addresses, seconds, ids, hashes, some_legs),
    st.builds(Expire, ids, merchants, addresses, seconds, legs),
    st.builds(Gift, ids, merchants, addresses, addresses, nonces, seconds, seconds, hashes, some_legs,
              hashes),
    st.builds(SignerChange, ids, addresses, addresses, st.integers(0, 7), seconds, seconds, hashes),
    st.builds(AccountMove, ids, addresses, addresses, st.integers(1, 3), seconds, seconds, addresses,
              some_legs, hashes),
    st.builds(Convert, ids, merchants, addresses, nonces, seconds, seconds, seconds,
              st.integers(0, 2**32 - 1), st.integers(0, 10_000), hashes, some_legs, hashes),
    st.builds(Extend, ids, merchants, addresses, seconds, legs, st.integers(0, 2**16 - 1)),
)  # fmt: skip


@given(operations)
def test_an_operation_comes_back_from_its_payload(operation):
    assert operation_of(payload_of(operation)) == operation


@given(operations)
def test_a_payload_is_the_compact_json_that_an_encoder_would_write(operation):
    written = payload_of(operation)
    assert json.dumps(json.loads(written), separators=(",", ":")) == written


@given(operations)
def test_a_leaf_is_32_bytes_and_binds_the_operation_id(operation):
    other = replace(operation, op_id=bytes(b ^ 1 for b in operation.op_id))
    assert len(operation.leaf()) == 32
    assert operation.leaf() != other.leaf()


# What a leaf leaves out is bound elsewhere: by the permit's digest, or by the original's leaf.
NOT_IN_THE_LEAF = {
    "max_value_micros", "least_points", "valid_until", "signature", "original_op_id", "authorisation",
}  # fmt: skip


@given(operations, st.data())
def test_a_leaf_binds_every_field_that_is_not_bound_elsewhere(operation, data):
    elsewhere = NOT_IN_THE_LEAF | ({"signer"} if isinstance(operation, AccountMove) else set())
    names = [f.name for f in fields(operation) if f.name not in elsewhere]
    name = data.draw(st.sampled_from(names))
    value = getattr(operation, name)
    assert operation.leaf() != replace(operation, **{name: _changed(value)}).leaf()


def _changed(value):
    if isinstance(value, bytes):
        return bytes(b ^ 1 for b in value)
    if isinstance(value, tuple):
        return (_changed(value[0]), *value[1:])
    return replace(value, amount=value.amount ^ 1) if isinstance(value, Leg) else value ^ 1


@given(legs)
def test_a_leg_comes_back_from_its_word_whatever_stands_above_it(leg):
    assert Leg.of_word(leg.word() | 0xAB << 248) == leg


@pytest.mark.parametrize("payload", ["[1]", "[9,2]", "[]", "{}", "[1,1,1,1,1,1,1,1,1]"])
def test_a_payload_that_we_did_not_write_is_refused(payload):
    with pytest.raises((ValueError, KeyError)):
        operation_of(payload)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50)), unique_by=lambda p: p[0]), st.integers(1, 300)
)
def test_the_soonest_expiry_is_spent_first_and_nothing_is_invented(parts, amount):
    lots = [SpendableLot(1, epoch, available) for epoch, available in parts]
    taken = take_soonest(lots, amount)
    assert sum(a for _, a in taken) == min(amount, sum(lot.available for lot in lots))
    assert [e for e, _ in taken] == sorted(e for e, _ in taken)
    held = {lot.epoch: lot.available for lot in lots}
    assert all(taken_amount == held[e] for e, taken_amount in taken[:-1])
