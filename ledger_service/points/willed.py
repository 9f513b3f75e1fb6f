"""Whether a permit that moves points speaks for its member: in time, unused, by the lane's device (D4)."""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.paycode_errors import PayCodeAltered
from ledger_service.kernel.permits import FLAG_CONTRACT
from ledger_service.members.device_rows import device_of
from ledger_service.members.rules import Device, active_device
from ledger_service.points.models import permit_use
from ledger_service.points.parties import Holder
from ledger_service.points.permits import DEVICES_OF_MEMBER, nonce_key


class Signed(NamedTuple):
    """What the permit says, and which key signed it."""

    nonce: int
    valid_until: int
    signer: bytes | None


def device_that_signed(draft: Draft, holder: Holder, signed: Signed, accepted_at: int) -> Device | str:
    """The device, or why the permit does not count: expired, used, signature or lane.

    Reads: ``PERMIT_USE`` of account and nonce, ``DEVICES_OF_MEMBER``.
    """
    if accepted_at > signed.valid_until:
        return "expired"
    if draft.get(permit_use, (holder.account, nonce_key(signed.nonce))) is not None:
        return "used"
    devices = [device_of(row) for row in draft.find(DEVICES_OF_MEMBER, holder.member_id)]
    try:
        found = active_device(devices, holder.member_id, signed.signer, instant_of_seconds(accepted_at))
    except PayCodeAltered:
        return "signature"
    return "lane" if found.lane != signed.nonce >> 32 or found.flags & FLAG_CONTRACT else found
