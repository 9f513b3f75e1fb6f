"""What the members room may be asked for and what it answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ledger_service.members.identities import Identity

CUSTODY_DEVICE = "device"
CUSTODY_CUSTODIAL = "custodial"


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A key to register, with its proof of possession.

    ``proof`` is the new key's own signature of SignerGrant(account, signer, 0, valid_until); at
    enrolment, when the account has no address yet, of the same grant for the zero address.
    ``authorisation`` is an active signer's signature of the grant, or empty for the 24-hour way.
    """

    signer: bytes
    valid_until: int
    proof: bytes
    authorisation: bytes = b""
    label: str | None = None


@dataclass(frozen=True, slots=True)
class EnrolMember:
    """A member to enrol: a name or none, any identities (one a kind), and who holds its key.

    A custodial member gets a signer of the signing process and an 18-digit code; a device member may
    bring its first device at once. ``enrolled_by`` is the merchant that does it, which is told so.
    """

    display_name: str | None = None
    identities: tuple[Identity, ...] = ()
    custody: str = CUSTODY_DEVICE
    device: NewDevice | None = None
    enrolled_by: int | None = None


@dataclass(frozen=True, slots=True)
class DigitSecret:
    """What an app needs to show 18-digit codes: its device number and its secret of 32 bytes."""

    number: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as its owner may see it; ``digits`` only in the answer that created it."""

    lane: int
    signer: bytes
    custodial: bool
    label: str | None
    active_from: datetime
    revoked_at: datetime | None = None
    digits: DigitSecret | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A member that was just enrolled."""

    member_id: int
    member_number: str
    account: bytes
    custody: str
    devices: tuple[DeviceView, ...]


@dataclass(frozen=True, slots=True)
class RevokeDevice:
    """A device to revoke; ``authorisation`` as in NewDevice (grant with the revoke flag), or empty."""

    member_number: str
    lane: int
    valid_until: int = 0
    authorisation: bytes = b""
