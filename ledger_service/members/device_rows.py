"""A device's row, its view and its intent: the three forms in which one signer is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import SignerChange
from ledger_service.kernel.otp import DEVICE_DIGITS, device_number, device_secret
from ledger_service.kernel.permits import FLAG_CUSTODIAL, FLAG_REVOKE
from ledger_service.members.errors import NumbersExhausted
from ledger_service.members.requests import DeviceView, DigitSecret
from ledger_service.members.rules import Device
from ledger_service.outbox.service import NewIntent


@dataclass(frozen=True, slots=True)
class FreshDevice:
    """A signer that is about to be registered; ``valid_until`` and ``authorisation`` are its grant's."""

    lane: int
    signer: bytes
    flags: int
    active_from: datetime
    label: str | None
    valid_until: int = 0
    authorisation: bytes = b""


def device_rows(
    owned: Sequence[tuple[int, FreshDevice]], device_ids: Sequence[int], at: datetime
) -> list[dict[str, Any]]:
    """The rows of ``device`` for (member id, device) pairs; custodial ones get an 8-digit number.

    Raises:
        NumbersExhausted: a hundred million devices were made.
    """
    if device_ids and device_ids[-1] >= 10**DEVICE_DIGITS:
        raise NumbersExhausted("device")
    return [
        {
            "device_id": device_id,
            "member_id": member_id,
            "lane": fresh.lane,
            "signer": fresh.signer,
            "flags": fresh.flags,
            "label": fresh.label,
            "otp_number": device_number(device_id) if fresh.flags & FLAG_CUSTODIAL else None,
            "otp_failures": 0,
            "otp_locked_until": None,
            "status": "active",
            "active_from": fresh.active_from,
            "revoked_at": None,
            "created_at": at,
        }
        for (member_id, fresh), device_id in zip(owned, device_ids, strict=True)
    ]


def view_of(row: Mapping[str, Any], one_time_master: bytes | None = None) -> DeviceView:
    """The device as its owner sees it; with the master secret also what its app needs for digits."""
    digits = None
    number = row["otp_number"]
    if one_time_master is not None and number is not None:
        digits = DigitSecret(number, device_secret(one_time_master, number))
    return DeviceView(
        lane=row["lane"],
        signer=row["signer"],
        custodial=bool(row["flags"] & FLAG_CUSTODIAL),
        label=row["label"],
        active_from=row["active_from"],
        revoked_at=row["revoked_at"],
        digits=digits,
    )


def device_of(row: Mapping[str, Any]) -> Device:
    """The device as the rules see it; ``row`` may come from a working set or a select."""
    return Device(
        device_id=row["device_id"],
        member_id=row["member_id"],
        lane=row["lane"],
        signer=row["signer"],
        flags=row["flags"],
        active_from=row["active_from"],
        revoked_at=row["revoked_at"],
        otp_failures=row["otp_failures"],
        otp_locked_until=row["otp_locked_until"],
    )


def signer_intent(member_id: int, account: bytes, fresh: FreshDevice, second: int) -> NewIntent:
    """The chain learns of the signer; its operation id follows from account and signer (INV-7).

    A signer that counts from before ``second``, now, is accepted as of then: the chain takes that instant.
    """
    operation = SignerChange(
        op_id=derive_id("signer-add", account, fresh.signer),
        account=account,
        signer=fresh.signer,
        flags=fresh.flags,
        accepted_at=min(second, seconds_floor(fresh.active_from)),
        valid_until=fresh.valid_until,
        authorisation=fresh.authorisation,
    )
    return NewIntent(operation, member_id)


def revocation_intent(member_id: int, account: bytes, device: Device, change: SignerRevocation) -> NewIntent:
    """The chain learns that the signer no longer counts."""
    operation = SignerChange(
        op_id=derive_id("signer-revoke", account, device.signer),
        account=account,
        signer=device.signer,
        flags=FLAG_REVOKE,
        accepted_at=change.accepted_at,
        valid_until=change.valid_until,
        authorisation=change.authorisation,
    )
    return NewIntent(operation, member_id)


@dataclass(frozen=True, slots=True)
class SignerRevocation:
    """When a revocation counts on chain (whole seconds) and by whose leave, if anybody's."""

    accepted_at: int
    valid_until: int = 0
    authorisation: bytes = b""
