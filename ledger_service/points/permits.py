"""Permits of members, spent or given: each nonce once, custodial keys within their limits (D1, D4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.members.models import device
from ledger_service.points.errors import CustodialLimitExceeded
from ledger_service.points.models import custodial_use, permit_use

DEVICES_OF_MEMBER: Load = load_by(device, "member_id")
PERMIT_USE: Load = load_by(permit_use, "account", "nonce")
CUSTODIAL_USE: Load = load_by(custodial_use, "account", "day")
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class CustodialLimits:
    """What custodial keys of one account may spend, as the registry says: per permit and per UTC day (D1)."""

    per_permit_micros: int
    per_day_micros: int


def nonce_key(nonce: int) -> bytes:
    """A nonce as the tables keep it: 8 bytes."""
    return nonce.to_bytes(8, "big")


def custodial_need(account: bytes, accepted_at: int) -> Need:
    """What ``count_custodial`` reads."""
    return CUSTODIAL_USE.of(account, accepted_at // _DAY_SECONDS)


def mark_used(draft: Draft, account: bytes, nonce: int, used_by: bytes, at: datetime) -> None:
    """The permit with this nonce is used up; its primary key refuses a second use by another process."""
    row = {"account": account, "nonce": nonce_key(nonce), "used_by": used_by, "used_at": at}
    draft.add(permit_use, row)


def count_custodial(
    draft: Draft, account: bytes, value_micros: int, limits: CustodialLimits, accepted_at: int
) -> None:
    """The value counts against the account's custodial limits, as the contract will count it (D7).

    Raises:
        CustodialLimitExceeded: over the limit of a permit or of the UTC day.
    """
    if value_micros > limits.per_permit_micros:
        raise CustodialLimitExceeded(value_micros, limits.per_permit_micros)
    spent = _spent(draft, account, accepted_at) + value_micros
    if spent > limits.per_day_micros:
        raise CustodialLimitExceeded(spent, limits.per_day_micros)
    note_custodial(draft, account, value_micros, accepted_at)


def note_custodial(draft: Draft, account: bytes, value_micros: int, accepted_at: int) -> None:
    """The day's sum has so much more, whatever the limits say: the contract has counted it."""
    key = (account, accepted_at // _DAY_SECONDS)
    spent = _spent(draft, account, accepted_at) + value_micros
    if draft.get(custodial_use, key) is None:
        draft.add(custodial_use, {"account": account, "day": key[1], "spent_micros": spent})
    else:
        draft.change(custodial_use, key, spent_micros=spent)


def _spent(draft: Draft, account: bytes, accepted_at: int) -> int:
    row = draft.get(custodial_use, (account, accepted_at // _DAY_SECONDS))
    return int(row["spent_micros"]) if row is not None else 0
