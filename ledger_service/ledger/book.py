"""Writing entries: a ``Book`` over a draft moves points between accounts and keeps the lots in step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Table

from ledger_service.db.workset import Draft, Load, Need, Numbered, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import micros_of
from ledger_service.kernel.points import Lot
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import account, entry, lot, posting
from ledger_service.ledger.rules import (
    Account,
    EntryRow,
    Movement,
    Part,
    PostingRow,
    body_text,
    entry_hash,
    is_well_formed,
)

LOTS_OF_MEMBER: Load = load_by(lot, "member_id")
_COLUMN = {Part.AVAILABLE: "available", Part.HELD: "held", Part.PENDING: "pending"}


def lots_of(member_id: int) -> Need:
    """The need of every command that moves a member's points."""
    return LOTS_OF_MEMBER.of(member_id)


class _Record(NamedTuple):
    op_id: bytes
    kind: str
    occurred_at: datetime
    body: str
    postings: tuple[PostingRow, ...]


class _EntrySeries:
    column = "sequence"

    def rows(self, number: int, record: Any, recorded_at: datetime) -> Iterable[tuple[Table, dict[str, Any]]]:
        op_id, kind, occurred_at, body, postings = record
        hashed = EntryRow(number, op_id, kind, micros_of(occurred_at), micros_of(recorded_at), body)
        yield entry, {
            "sequence": number, "op_id": op_id, "kind": kind, "occurred_at": occurred_at,
            "recorded_at": recorded_at, "body": body, "hash": entry_hash(hashed, postings),
        }  # fmt: skip
        for position, row in enumerate(postings):
            yield posting, {"sequence": number, "position": position, **row._asdict()}


ENTRIES = _EntrySeries()


class Book:
    """The ledger as one command sees it; members whose points it moves must be locked, their lots loaded."""

    __slots__ = ("_draft",)

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def lots(self, member_id: int, programme_id: int | None = None) -> list[Lot]:
        """The lots of a member with points that are available, of one programme or of all.

        Raises:
            NotLoaded: the command did not declare ``lots_of(member_id)``.
        """
        return [
            Lot(row["programme_id"], row["epoch"], row["available"])
            for row in self._draft.find(LOTS_OF_MEMBER, member_id)
            if row["available"] > 0 and programme_id in (None, row["programme_id"])
        ]

    def part(self, member_id: int, part: Part, programme_id: int, epoch: int) -> int:
        """Points in one part of one lot; zero where there is no such lot."""
        row = self._draft.get(lot, (member_id, programme_id, epoch))
        return row[_COLUMN[part]] if row is not None else 0

    def entry(
        self,
        op_id: bytes,
        kind: str,
        occurred_at: datetime,
        body: dict[str, Canonical],
        movements: Sequence[Movement],
    ) -> Numbered:
        """The entry and its postings will be written with the group; lots have changed already.

        Args:
            op_id: 16 bytes of the operation that causes it; entries of one operation may share it.
            kind: a short ASCII word (``issue``, ``redeem``, ``hold`` …).
            occurred_at: the instant that as-of balances go by.
            body: what else history should say; no personal data.
            movements: in the order in which they are applied.

        Returns:
            The record whose ``number`` is the sequence number once the group has been numbered.

        Raises:
            InsufficientPoints: a part of a lot would go below zero (INV-2).
            ValueError: no movement, or one that is not well formed (INV-1): a bug of the caller.

        Locks: none of its own; the members' rows must be locked.
        """
        if not movements or not all(map(is_well_formed, movements)) or not kind.isascii():
            raise ValueError("an entry needs well-formed movements")
        for movement in movements:
            self._shift(movement.source, movement, -movement.amount)
            self._shift(movement.destination, movement, movement.amount)
        postings = tuple(
            PostingRow(m.source.account_id, m.destination.account_id, m.programme_id, m.epoch, m.amount)
            for m in movements
        )
        return self._draft.number(ENTRIES, _Record(op_id, kind, occurred_at, body_text(body), postings))

    def _shift(self, side: Account, movement: Movement, amount: int) -> None:
        if side.member_id is None:
            self._draft.ensure(account, {
                "account_id": side.account_id, "kind": side.kind, "merchant_id": side.merchant_id,
                "programme_id": side.programme_id,
            })  # fmt: skip
            return
        if side.part is None or side.part is Part.DEBT:
            return  # a debt has no lot: it belongs to no epoch and cannot be spent
        column = _COLUMN[side.part]
        key = (side.member_id, movement.programme_id, movement.epoch)
        row = self._draft.get(lot, key)
        present = row[column] if row is not None else 0
        if present + amount < 0:
            raise InsufficientPoints(movement.programme_id, movement.epoch, column, present, -amount)
        if row is not None:
            self._draft.change(lot, key, **{column: present + amount})
        else:
            names = ("member_id", "programme_id", "epoch", column)
            self._draft.add(lot, dict(zip(names, (*key, amount), strict=True)))
