"""How custody refuses: out of reach, over a custodial limit, or a request that it must not sign."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class SignerUnavailable(DomainError):
    """The signing process did not answer within the client's patience."""

    retry_after_seconds: int

    code = "signer-unavailable"
    category = Category.UNAVAILABLE
    why = "The signing process is down or restarting; nothing was signed and nothing changed."
    fix = "Send the same request again after `retry_after_seconds`; the operator starts `alliance signer`."


@dataclass(eq=False)
class CustodialLimitReached(DomainError):
    """A custodial permit above what one permit, or one account and day, may spend."""

    limit: str
    limit_micros: int
    asked_micros: int

    code = "custodial-limit-reached"
    why = "A member without a device key may spend only a low amount per code and per day."
    fix = "Ask for less, or let the member register a device and pay with its QR pay code."


@dataclass(eq=False)
class SigningRefused(DomainError):
    """A request that custody understands and will not sign; ``reason`` is one of a closed list."""

    reason: str

    code = "signing-refused"
    why = "The signing process refuses this request as `reason` says."
    fix = "Compare chain, contract address and keys of service and signing process; see docs/custody.md."


class KeystoreUnusable(Exception):
    """The secrets file is missing, readable by others, or not in its form; the process does not start."""


REFUSALS: dict[str, type[DomainError]] = {
    SignerUnavailable.code: SignerUnavailable,
    CustodialLimitReached.code: CustodialLimitReached,
    SigningRefused.code: SigningRefused,
}
