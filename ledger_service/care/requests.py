"""What the care room may be asked for and what it answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger_service.members.requests import DeviceView, NewDevice


@dataclass(frozen=True, slots=True)
class Rotate:
    """A member wills another account.

    ``salt`` is made by the member's app, so that it can sign for the account that follows from it;
    ``device`` is that account's one signer, its proof names that account; ``authorisation`` is the
    signature of AccountMove by an active device of the present account, valid until the device's
    ``valid_until``.
    """

    member_number: str
    salt: bytes
    device: NewDevice
    authorisation: bytes


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An operator found that a member's account must go to a new one.

    ``evidence`` is a salted hash of what was shown. ``device`` is the new account's one signer, its proof
    names the zero address, since the account is made for the case; None for a custodial account.
    """

    member_number: str
    kind: str
    evidence: bytes
    device: NewDevice | None = None


@dataclass(frozen=True, slots=True)
class OpenMerge:
    """An operator found that two members are one person: all of ``member_number``'s goes to ``into``.

    ``evidence`` is a salted hash of what was shown.
    """

    member_number: str
    into: str
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Successor:
    """The account made for a case, its salt, and its one signer."""

    account: bytes
    salt: bytes
    signer: bytes
    flags: int
    label: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """Who says something about a case, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as its row tells; ``number`` and ``ripe_at`` are the recovery desk's."""

    case_id: bytes
    kind: str
    member_id: int
    account: bytes
    successor: bytes
    evidence: bytes
    state: str
    number: int | None
    ripe_at: datetime | None
    stays_id: int | None

    def may_be_objected_to(self, at: datetime) -> bool:
        """Whether an objection at this instant would be heard."""
        over = self.ripe_at is not None and at >= self.ripe_at
        return self.state in ("open", "approved", "notice") and not over


@dataclass(frozen=True, slots=True)
class Moved:
    """The member's new account and its signer; ``linked`` where the chain shows which account it was."""

    account: bytes
    former: bytes
    linked: bool
    device: DeviceView
