"""What the merchants room may be asked for, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.merchants.rules import TerminalKind


@dataclass(frozen=True, slots=True)
class MerchantKeys:
    """The three chain addresses of a merchant, 20 bytes each."""

    admin: bytes
    operations: bytes
    settlement: bytes


@dataclass(frozen=True, slots=True)
class AdmitMerchant:
    """A merchant to take into the alliance; ``merchant_id`` is its GLN."""

    merchant_id: int
    name: str
    keys: MerchantKeys


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A store to open; ``timezone`` is an IANA name, its business day begins at ``day_start_hour``."""

    gln: int
    merchant_id: int
    name: str
    timezone: str
    day_start_hour: int = 0


@dataclass(frozen=True, slots=True)
class TerminalMode:
    """What a terminal is, what a self-checkout may take in points in one sale, and whether it only trains."""

    kind: TerminalKind = TerminalKind.TILL
    points_most_minor: int | None = None
    training: bool = False


@dataclass(frozen=True, slots=True)
class AddTerminal:
    """A till to add to a store; ``till_key`` is the address that signs its acceptances, if it has one."""

    merchant_id: int
    store_gln: int
    label: str
    till_key: bytes | None = None
    mode: TerminalMode = TerminalMode()


@dataclass(frozen=True, slots=True)
class IssueKey:
    """An API key to issue.

    ``subject_id`` is the terminal's id, the merchant's GLN (13 digits), the member's internal id, or a
    name of an auditor or operator. ``scopes`` None means all of the role's.
    """

    role: str
    subject_id: str
    scopes: frozenset[str] | None = None
    label: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RotateKey:
    """A key to replace by a new one of the same rights; the old one goes on for ``overlap``."""

    key_id: str
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key: ``token`` is shown this once and stored nowhere."""

    key_id: str
    token: str
    role: str
    subject: str
    expires_at: datetime | None
