"""How the members room refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class MemberUnknown(DomainError):
    """No member has this number; an erased member answers the same."""

    code = "member-unknown"
    category = Category.MISSING
    why = "No member has this number, or the member has been erased."
    fix = "Check the number; enrol the member if it is new."


@dataclass(eq=False)
class MemberFrozen(DomainError):
    """The member may not act until an operator lifts the freeze."""

    code = "member-frozen"
    category = Category.REFUSED
    why = "The member is frozen, so it can neither spend nor change its devices."
    fix = "An operator lifts the freeze once its cause is settled."


@dataclass(eq=False)
class IdentityTaken(DomainError):
    """Another member has this phone, e-mail or external identity; ``position`` counts enrolments from 0."""

    kind: str
    position: int

    code = "identity-taken"
    category = Category.CONFLICT
    why = "Another member is already enrolled with this identity of the kind `kind`."
    fix = "Identify the member by it, or enrol with another identity."


@dataclass(eq=False)
class SignerKnown(DomainError):
    """The account has or had this signer; a key is registered once in its life."""

    code = "signer-known"
    category = Category.CONFLICT
    why = "This key is, or was once, a signer of the member's account."
    fix = "Make a new key on the device; a revoked key never comes back."


@dataclass(eq=False)
class DeviceLimitReached(DomainError):
    """As many active devices as a member may have."""

    most: int

    code = "device-limit-reached"
    why = "The member already has `most` active devices."
    fix = "Revoke a device that is no longer used."


@dataclass(eq=False)
class DeviceUnknown(DomainError):
    """The member has no such device, or it is revoked already."""

    code = "device-unknown"
    category = Category.MISSING
    why = "The member has no active device with this lane."
    fix = "List the member's devices and name one of them."


@dataclass(eq=False)
class DeviceProofInvalid(DomainError):
    """The new key did not sign its own grant for this account, or not for now."""

    code = "device-proof-invalid"
    why = "The proof that the device holds its key is wrong, expired, or valid for more than a day."
    fix = "Sign SignerGrant(account, signer, flags, validUntil) with the new key and send it in time."


@dataclass(eq=False)
class GrantInvalid(DomainError):
    """The authorisation is not a grant by an active signer of the account."""

    code = "grant-invalid"
    why = (
        "The authorisation was not signed by an active device of the member; a custodial key does not count."
    )
    fix = "Let an active device of the member sign the same SignerGrant, or leave it out and wait 24 hours."


@dataclass(eq=False)
class NumbersExhausted(DomainError):
    """The configured GS1 prefix leaves no further member or device number."""

    kind: str

    code = "numbers-exhausted"
    category = Category.UNAVAILABLE
    why = "Every number of the kind `kind` under the configured prefix is given away."
    fix = "The operator configures a further GS1 company prefix."


@dataclass(eq=False)
class BirthdaySet(DomainError):
    """The member has a birthday already."""

    code = "birthday-set"
    category = Category.CONFLICT
    why = "A member gives its birthday once: whoever could move it would have one on every purchase."
    fix = "Ask the operator to correct it, or take it back for good with null."
