"""The members room for front doors: enrol, devices, digits, freeze, erase.

Methods that take a ``conn`` run in the caller's unit of work and never commit; those that do not
are to be called before it, since they may ask the signing process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import IdSource
from ledger_service.members import standing
from ledger_service.members.devices import DeviceDesk
from ledger_service.members.enrolment import EnrolmentDesk, PreparedMember, Register
from ledger_service.members.identities import IdentityVault
from ledger_service.members.ports import CustodialKeys, MemberKeys
from ledger_service.members.requests import DeviceView, Enrolled, EnrolMember, NewDevice, RevokeDevice


@dataclass(frozen=True)
class MembersSettings:
    """What the room is configured with.

    ``gs1_prefix`` is the alliance's GS1 company prefix, 6 to 12 digits; the two secrets are 32 bytes
    each and stay the same for the life of the data.
    """

    gs1_prefix: str
    identity_secret: bytes
    one_time_secret: bytes

    def __post_init__(self) -> None:
        if not (self.gs1_prefix.isascii() and self.gs1_prefix.isdigit() and 6 <= len(self.gs1_prefix) <= 12):
            raise MalformedField("gs1_prefix", "must be 6 to 12 digits")


class MembersService:
    """Commands of the members room."""

    def __init__(
        self,
        settings: MembersSettings,
        domain: Domain,
        custody: CustodialKeys,
        ids: IdSource,
        keys: MemberKeys,
    ) -> None:
        self.vault = IdentityVault(settings.identity_secret)
        self._desk = EnrolmentDesk(ids, self.vault, custody, domain)
        self._register = Register(settings.gs1_prefix, settings.one_time_secret)
        self._devices = DeviceDesk(domain, settings.one_time_secret)
        self._custody = custody
        self._keys = keys

    def prepare(self, requests: Sequence[EnrolMember], at: datetime) -> list[PreparedMember]:
        """The enrolments (1 to 1,000) are checked and complete but for their numbers; nothing is written.

        Raises:
            MalformedField, IdentityTaken, DeviceProofInvalid: a request that cannot be enrolled.
            SignerUnavailable: custodial members are asked for and custody does not answer.
        """
        return self._desk.prepare(requests, at)

    def enrol(self, conn: Connection, members: Sequence[PreparedMember], at: datetime) -> list[Enrolled]:
        """All the prepared members are enrolled, or none; their first signers go to the outbox.

        Raises:
            IdentityTaken: somebody has one of the identities, also when two enrolments race.
            NumbersExhausted: no member or device number is left.
        """
        return self._register.enrol(conn, members, at)

    def add_device(self, conn: Connection, member_number: str, new: NewDevice, at: datetime) -> DeviceView:
        """The key is a signer of the account: at once as the first or with a grant, else 24 h later (D1).

        Raises:
            MemberUnknown, MemberFrozen, SignerKnown, DeviceLimitReached, DeviceProofInvalid, GrantInvalid.
        """
        return self._devices.add(conn, member_number, new, at)

    def custodial_signer(self, account: bytes) -> bytes:
        """The address that custody would sign with for this account; asks the signing process."""
        return self._custody.custodial_addresses([account])[0]

    def allow_digits(self, conn: Connection, member_number: str, signer: bytes, at: datetime) -> DeviceView:
        """The custodial key ``signer`` is a further signer, so that the member can pay with 18 digits.

        Returns:
            The device with its number and the secret that the member's app needs, shown this once.

        Raises:
            MemberUnknown, MemberFrozen, SignerKnown, DeviceLimitReached.
        """
        return self._devices.add_custodial(conn, member_number, signer, at)

    def revoke_device(self, conn: Connection, request: RevokeDevice, at: datetime) -> None:
        """The device signs nothing from now on.

        Raises:
            MemberUnknown, DeviceUnknown, GrantInvalid.
        """
        self._devices.revoke(conn, request, at)

    def confirm_signer(self, conn: Connection, op_id: bytes, mined_at: datetime) -> None:
        """Handler of a mined signer operation: a waiting device counts a day after its block."""
        self._devices.confirm(conn, op_id, mined_at)

    def set_frozen(self, conn: Connection, member_number: str, frozen: bool, at: datetime) -> None:
        """The member is frozen (nothing earned, spent, captured or changed), or active again.

        Raises:
            MemberUnknown: no such number, or erased.
        """
        standing.set_frozen(conn, member_number, frozen, at)

    def erase(self, conn: Connection, member_number: str, at: datetime) -> int:
        """Everything personal is destroyed for good and the member's API keys are worthless.

        Those count no more at once where ``KeyRing.refresh`` follows, in other processes within a second.

        Returns:
            The internal id.

        Raises:
            MemberUnknown: no such number, or erased before.
        """
        return standing.erase(conn, self._keys, member_number, at)
