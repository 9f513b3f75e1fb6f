"""Every way in which a pay code is refused, so that a till can tell its cashier what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class PayCodeMalformed(DomainError):
    """Text that no pay code can be; ``reason`` says where reading stopped."""

    reason: str

    code = "pay-code-malformed"
    category = Category.MALFORMED
    why = "The scanned text is not a pay code: wrong marker, alphabet, length or check digit."
    fix = "Scan again; if it stays so, ask the member to show the pay code and not another code."


@dataclass(eq=False)
class PayCodeVersionUnknown(DomainError):
    """A pay code of a later make than this service reads."""

    version: int

    code = "pay-code-version-unknown"
    why = "The pay code was made in a version that this service does not read."
    fix = "Update the service, or let the member use the 18-digit code."


@dataclass(eq=False)
class PayCodeForeign(DomainError):
    """A pay code that was signed for another alliance or another chain."""

    code = "pay-code-foreign"
    why = "The pay code belongs to another alliance."
    fix = "Ask the member for the pay code of this alliance."


@dataclass(eq=False)
class PayCodeOfFormerHouse(DomainError):
    """A pay code that was signed for a ClearingHouse which another one has followed."""

    code = "pay-code-of-former-house"
    why = "The pay code was signed for the contract that the alliance used before; it counts no more."
    fix = "The member's app reads `GET /v1/alliance` again and shows a new pay code."


@dataclass(eq=False)
class PayCodeExpired(DomainError):
    """A permit that was presented after its last second."""

    valid_until: int

    code = "pay-code-expired"
    why = "The pay code was shown after its validity had ended."
    fix = "Ask the member to refresh the pay code and scan the new one."


@dataclass(eq=False)
class PayCodeTooLongLived(DomainError):
    """A permit whose validity reaches further ahead than a pay code may."""

    valid_until: int
    latest: int

    code = "pay-code-too-long-lived"
    why = "The pay code claims a longer life than the alliance allows, or the phone's clock runs ahead."
    fix = "Set the phone's clock to network time and make a new pay code."


@dataclass(eq=False)
class PayCodeAltered(DomainError):
    """A permit that no active signer of its account has signed."""

    code = "pay-code-altered"
    why = "The signature does not fit the pay code's content, or its key is not active for this account."
    fix = "Ask the member for a new pay code; a new device is active only after its waiting time."


@dataclass(eq=False)
class PayCodeUsed(DomainError):
    """A code whose one use is behind it."""

    code = "pay-code-used"
    why = "The pay code has already been used."
    fix = "Query the earlier attempt first; if it did not succeed, ask the member for a new code."


@dataclass(eq=False)
class PayCodeRevoked(DomainError):
    """A code, or the attempt with it, that a till has revoked before."""

    code = "pay-code-revoked"
    why = "A till has revoked this attempt, so a late original is refused."
    fix = "Ask the member for a new pay code."


@dataclass(eq=False)
class PayCodeWrong(DomainError):
    """Eighteen digits of an unknown device or with a wrong one-time part; the two are not told apart."""

    code = "pay-code-wrong"
    why = "The 18 digits are not a current code of any device."
    fix = "Scan the code again or ask the member to refresh it; repeated wrong codes lock the device."


@dataclass(eq=False)
class PayCodeLocked(DomainError):
    """A device whose 18-digit form rests after too many wrong codes."""

    retry_after_seconds: int

    code = "pay-code-locked"
    category = Category.THROTTLED
    why = "Too many wrong codes were tried for this device."
    fix = "Wait `retry_after_seconds`, or let the member pay with the QR pay code."


@dataclass(eq=False)
class RevokeTooEarly(DomainError):
    """A revocation that came while the attempt may still be under way."""

    retry_after_seconds: int

    code = "revoke-too-early"
    category = Category.CONFLICT
    why = "An attempt may be revoked no sooner than 15 seconds after it began."
    fix = "Query the attempt, wait `retry_after_seconds`, and revoke again."
