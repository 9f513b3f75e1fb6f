"""Operations for tests: every kind, with plausible and extreme values."""

from __future__ import annotations

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
from ledger_service.kernel.points import Leg

MERCHANT_A, MERCHANT_B = 9501101530003, 9501101530010
ACCOUNT, OTHER = b"\xaa" * 20, b"\x0b" * 20


def op_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def issue(number: int = 1, amount: int = 100, merchant: int = MERCHANT_A, account: bytes = ACCOUNT) -> Issue:
    return Issue(op_id(number), merchant, account, 1_500_000_000 + number, 0, Leg(1, 1, 3, amount))


def redeem(number: int = 2, legs: tuple[Leg, ...] = (Leg(1, 1, 3, 40), Leg(2, 1, 5, 7))) -> Redeem:
    return Redeem(
        op_id(number), MERCHANT_B, ACCOUNT, 7 << 32 | number, 5_000_000, 1_500_000_060 + number,
        1_500_000_000 + number, 0, bytes([number]) * 32, legs, bytes(range(65)),
    )  # fmt: skip


def gift(number: int = 3) -> Gift:
    return Gift(
        op_id(number), MERCHANT_A, ACCOUNT, OTHER, 2**64 - 1, 1_500_000_100, 1_500_000_003, b"\x07" * 32,
        (Leg(1, 1, 3, 5),), b"\x01" * 97,
    )  # fmt: skip


def restore(original: Redeem, number: int = 4, amount: int = 3) -> Restore:
    leg = original.legs[0]
    return Restore(
        op_id(number), original.merchant, original.account, 1_500_000_004, original.op_id, original.leaf(), 0,
        Leg(leg.programme, leg.terms_version, leg.epoch, amount),
    )  # fmt: skip


def clawback(original: Issue, number: int = 5, amount: int = 2) -> Clawback:
    leg = original.leg
    return Clawback(
        op_id(number), original.merchant, original.account, 1_500_000_005, original.op_id, original.leaf(),
        (Leg(leg.programme, leg.terms_version, leg.epoch, amount),),
    )  # fmt: skip


def expire(number: int = 6) -> Expire:
    return Expire(op_id(number), MERCHANT_A, ACCOUNT, 1_600_000_000, Leg(1, 1, 3, 9))


def extend(number: int = 7, merchant: int = MERCHANT_A, account: bytes = ACCOUNT) -> Extend:
    return Extend(op_id(number), merchant, account, 1_500_000_005, Leg(1, 0, 3, 9), 5)


def signer(number: int = 8) -> SignerChange:
    return SignerChange(op_id(number), ACCOUNT, b"\x05" * 20, 1, 1_500_000_000, 0, b"")


def move(number: int = 9, account: bytes = ACCOUNT, successor: bytes = OTHER) -> AccountMove:
    return AccountMove(
        op_id(number), account, successor, 1, 1_500_000_005, 1_500_000_065, b"\x06" * 20,
        (Leg(1, 0, 3, 0), Leg(2, 0, 5, 0)), bytes(range(65)),
    )  # fmt: skip


def convert(number: int = 10, account: bytes = ACCOUNT, sources: int = 1) -> Convert:
    legs = (*(Leg(1, 1, 3 + i, 9) for i in range(sources)), Leg(2, 1, 5, 4))
    return Convert(
        op_id(number), MERCHANT_B, account, 2**64 - 1, 4, 1_500_000_065, 1_500_000_005, 3, 200, b"\x0c" * 32,
        legs, bytes(range(65)),
    )  # fmt: skip
