"""Whose word moves an account, and what a move names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.care import rules
from ledger_service.care.errors import MovePermitInvalid
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.permits import FLAG_CUSTODIAL, MovePermit
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest
from ledger_service.members.rules import Device

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
DOMAIN, KEY = Domain(31337, b"\xcc" * 20), b"\x11" * 32
PERMIT = MovePermit(b"\x01" * 20, b"\x02" * 20, b"\x03" * 20, seconds_floor(AT) + 60)
PHONE = Device(1, 1, 1, address_of_key(KEY), 0, AT)


def signed(permit: MovePermit) -> bytes:
    return sign_digest(KEY, DOMAIN.digest(permit.struct_hash()))


def test_an_active_device_wills_a_move() -> None:
    rules.check_move_permit(DOMAIN, PERMIT, signed(PERMIT), [PHONE], AT)


@pytest.mark.parametrize(
    "device",
    [
        replace(PHONE, flags=FLAG_CUSTODIAL),
        replace(PHONE, revoked_at=AT),
        replace(PHONE, active_from=AT + timedelta(seconds=1)),
        replace(PHONE, signer=b"\x09" * 20),
    ],
)
def test_nobody_else_does(device: Device) -> None:
    with pytest.raises(MovePermitInvalid):
        rules.check_move_permit(DOMAIN, PERMIT, signed(PERMIT), [device], AT)


@pytest.mark.parametrize("until", [-1, rules.PERMIT_LIFE_SECONDS + 1])
def test_a_permit_out_of_time_counts_for_nothing(until: int) -> None:
    permit = replace(PERMIT, valid_until=seconds_floor(AT) + until)
    with pytest.raises(MovePermitInvalid):
        rules.check_move_permit(DOMAIN, permit, signed(permit), [PHONE], AT)


def test_an_altered_permit_counts_for_nothing() -> None:
    with pytest.raises(MovePermitInvalid):
        rules.check_move_permit(DOMAIN, replace(PERMIT, signer=b"\x04" * 20), signed(PERMIT), [PHONE], AT)


@pytest.mark.parametrize(("lots", "operations"), [(0, 1), (1, 1), (64, 1), (65, 2), (130, 3)])
def test_all_lots_are_named_once_in_as_few_moves_as_they_need(lots: int, operations: int) -> None:
    wanted = [(1 + i % 3, 1 + i) for i in range(lots)]
    moves = list(rules.moves_of(b"\x01" * 20, b"\x02" * 20, wanted, rules.Leave(1, 5)))
    assert len(moves) == operations == len({move.op_id for move in moves})
    named = [(leg.programme, leg.epoch) for move in moves for leg in move.legs]
    assert named == sorted(wanted)
    assert {(leg.terms_version, leg.amount) for move in moves for leg in move.legs} <= {(0, 0)}
