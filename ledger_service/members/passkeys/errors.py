"""How passkeys are refused; one that does not open is refused as any log-in is."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class PasskeyUnknown(DomainError):
    """No such passkey of this member."""

    code = "passkey-unknown"
    category = Category.MISSING
    why = "The member has no passkey with this id."
    fix = "List the member's passkeys."


@dataclass(eq=False)
class PasskeyRefused(DomainError):
    """What the device answered makes no passkey."""

    code = "passkey-refused"
    category = Category.REFUSED
    why = (
        "The answer is to no challenge in force, comes from another site, names a passkey that there is, "
        "or the device did not ask for finger, face or PIN."
    )
    fix = "Ask for fresh options and let the device answer within ten minutes."


@dataclass(eq=False)
class PasskeyLimitReached(DomainError):
    """The member has as many passkeys as one may have."""

    most: int

    code = "passkey-limit-reached"
    category = Category.CONFLICT
    why = "The member has `most` passkeys."
    fix = "End one that is not needed any more."


@dataclass(eq=False)
class PasskeysNotOffered(DomainError):
    """The service is reached by a number and not by a name."""

    code = "passkeys-not-offered"
    category = Category.REFUSED
    why = "Passkeys belong to a name; the service's public address has none, only a number."
    fix = "Set ALLIANCE_PUBLIC_URL to an https address with a name (http://localhost on this machine)."
