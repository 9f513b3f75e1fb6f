"""Refusals of the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class InsufficientPoints(DomainError):
    """A part of a lot would go below zero."""

    programme_id: int
    epoch: int
    part: str
    present: int
    wanted: int

    code = "insufficient-points"
    category = Category.REFUSED
    why = "The member does not have that many points of this programme and expiry."
    fix = "Ask for the balance and spend no more than what is available."


@dataclass(eq=False)
class HoldUnknown(DomainError):
    """No such hold."""

    hold_id: str

    code = "hold-unknown"
    category = Category.MISSING
    why = "There is no authorisation with this id at this merchant."
    fix = "Use the id that the authorisation answered with."


@dataclass(eq=False)
class HoldClosed(DomainError):
    """The hold was captured, voided or expired before."""

    hold_id: str

    code = "hold-closed"
    category = Category.CONFLICT
    why = "The authorisation was fully captured, voided or has expired, and is closed for ever."
    fix = "Make a new authorisation with a new pay code."


@dataclass(eq=False)
class HoldExpired(DomainError):
    """The deadline of the hold has passed."""

    hold_id: str
    expired_at: str

    code = "hold-expired"
    category = Category.REFUSED
    why = "The deadline of the authorisation has passed; its points are free again or will be in a moment."
    fix = "Make a new authorisation with a new pay code, and extend it before its deadline."


@dataclass(eq=False)
class CaptureTooLarge(DomainError):
    """A capture asks for more than the hold still has."""

    hold_id: str
    leg: int
    left: int
    wanted: int

    code = "capture-too-large"
    category = Category.REFUSED
    why = "The captures of an authorisation may not exceed the points that it holds."
    fix = "Capture at most what is left, or take the rest in cash."


@dataclass(eq=False)
class ExtensionRefused(DomainError):
    """The new deadline is not later, or lies beyond the last one allowed."""

    hold_id: str
    latest: str

    code = "extension-refused"
    category = Category.REFUSED
    why = "An authorisation can only be extended to a later time, and not beyond its last deadline."
    fix = "Extend to a time between the present deadline and `latest`."


@dataclass(eq=False)
class HistoryArchived(DomainError):
    """A balance of an instant whose entries stand in an archive."""

    file: str
    until: str

    code = "history-archived"
    category = Category.GONE
    why = "Entries up to `until` stand in archives, the latest in `file`; the database has their sums alone."
    fix = "Ask for an instant from `until` on, or read the archive: `alliance archive show`."
