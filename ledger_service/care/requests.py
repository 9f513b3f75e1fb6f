"""What the care room may be asked for and what it answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.members.requests import DeviceView, NewDevice


@dataclass(frozen=True, slots=True)
class Rotate:
    """A member wills another account.

    ``salt`` is made by the member's app, so that it can sign for the account that follows from it; ``device``
    is that account's one signer, its proof names that account; ``authorisation`` is the signature of
    AccountMove by an active device of the present account, valid until the device's ``valid_until``.
    """

    member_number: str
    salt: bytes
    device: NewDevice
    authorisation: bytes


@dataclass(frozen=True, slots=True)
class Moved:
    """The member's new account and its signer; ``linked`` where the chain shows which account it was."""

    account: bytes
    former: bytes
    linked: bool
    device: DeviceView
