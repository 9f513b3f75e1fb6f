"""Pure rules of the ledger: the numbers of accounts, well-formed movements, the bytes of an entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from ledger_service.kernel.canonical import Canonical, canonical_json
from ledger_service.kernel.points import GREATEST_AMOUNT

FIRST_MEMBER_BASE = 1 << 32
# Members' accounts are smaller, those that no member owns are not.
FIRST_SYSTEM_ACCOUNT = 1 << 51


class Part(IntEnum):
    """A member's own accounts: the offset from the member's ``ledger_base``."""

    AVAILABLE = 0
    HELD = 1
    PENDING = 2
    DEBT = 3


class SystemKind(StrEnum):
    """Accounts that no member owns; each is one per programme, and per merchant where one is named."""

    ISSUANCE = "issuance"
    REDEMPTION = "redemption"
    EXPIRED = "expired"
    CLAWBACK = "clawback"
    PROMISE = "promise"
    DEBT_CONTRA = "debt-contra"
    SUSPENSE = "suspense"
    EXTENSION = "extension"


class Account(NamedTuple):
    """One side of a posting; system accounts have neither member nor part."""

    account_id: int
    member_id: int | None = None
    part: Part | None = None
    kind: SystemKind | None = None
    programme_id: int | None = None
    merchant_id: int | None = None


class Movement(NamedTuple):
    """A posting to be: a positive amount of one programme and epoch from one account to another."""

    source: Account
    destination: Account
    programme_id: int
    epoch: int
    amount: int


def ledger_base_of(member_id: int) -> int:
    """The number of a member's first account; four follow each other.

    Args:
        member_id: 1 … 2^46.
    """
    return FIRST_MEMBER_BASE + member_id * 4


def member_account(member_id: int, ledger_base: int, part: Part) -> Account:
    """A member's account for one part of the balance."""
    return Account(ledger_base + part, member_id, part)


@lru_cache(maxsize=8192)
def system_account(kind: SystemKind, programme_id: int, merchant_id: int | None = None) -> Account:
    """The system account of a kind, programme and (where it is per merchant) merchant.

    Its number follows from these alone, so no process has to ask or agree on one.
    """
    digest = sha256(f"{kind.value}/{programme_id}/{merchant_id or ''}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") >> 13
    return Account(FIRST_SYSTEM_ACCOUNT | number, None, None, kind, programme_id, merchant_id)


def of_member(column: str) -> str:
    """SQL that a query of a member's postings adds to the account's number: their index holds no other."""
    return f"{column} < {FIRST_SYSTEM_ACCOUNT}"


def is_well_formed(movement: Movement) -> bool:
    """Whether a movement may be posted: a positive safe amount between two different accounts (INV-1)."""
    return (
        0 < movement.amount <= GREATEST_AMOUNT
        and movement.source.account_id != movement.destination.account_id
        and movement.epoch >= 0
    )


class PostingRow(NamedTuple):
    """A posting as it is stored and hashed."""

    source_id: int
    destination_id: int
    programme_id: int
    epoch: int
    amount: int


class EntryRow(NamedTuple):
    """What an entry's hash covers, but for its postings; instants in micros."""

    sequence: int
    op_id: bytes
    kind: str
    occurred_at: int
    recorded_at: int
    body: str


def entry_bytes(entry: EntryRow, postings: Iterable[PostingRow]) -> bytes:
    """The canonical JSON (RFC 8785) of an entry with its postings.

    Args:
        entry: its ``body`` is canonical JSON text already, its ``kind`` plain ASCII.
        postings: in the order of their positions.
    """
    listed = ",".join([f"[{s},{d},{p},{e},{a}]" for s, d, p, e, a in postings])
    return (
        f'{{"body":{entry.body},"kind":"{entry.kind}","occurred_at":{entry.occurred_at},"op_id":"{entry.op_id.hex()}",'
        f'"postings":[{listed}],"recorded_at":{entry.recorded_at},"sequence":{entry.sequence}}}'
    ).encode()


def entry_hash(entry: EntryRow, postings: Iterable[PostingRow]) -> bytes:
    """SHA-256 of ``entry_bytes``: 32 bytes."""
    return sha256(entry_bytes(entry, postings)).digest()


def body_text(body: dict[str, Canonical]) -> str:
    """The canonical JSON text of an entry's body.

    Raises:
        TypeError: a float or another type that has no canonical form.
        ValueError: an unsafe integer or a lone surrogate.
    """
    return canonical_json(body).decode()


class LegsLeft(NamedTuple):
    """What a hold still has of each leg after a capture, and whether that is nothing."""

    left: tuple[int, ...]
    emptied: bool


def left_after_capture(left: Sequence[int], captured: Sequence[int]) -> LegsLeft | int:
    """What is left of each leg, or the index of the first leg that has less than is to be captured (INV-3).

    Args:
        left: points that each leg still holds.
        captured: points to capture of each leg, as many as there are legs.
    """
    for index, (have, take) in enumerate(zip(left, captured, strict=True)):
        if not 0 <= take <= have:
            return index
    rest = tuple(have - take for have, take in zip(left, captured, strict=True))
    return LegsLeft(rest, not any(rest))
