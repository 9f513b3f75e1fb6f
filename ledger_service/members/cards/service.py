"""Cards, PINs and one-time codes for front doors.

Methods that take a ``conn`` run in the caller's unit of work and never commit; those that do not are to be
called before it, since they look up, hash slowly, or put a try on record of its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from ledger_service.kernel.ids import IdSource
from ledger_service.members.cards import codes, pins, rules
from ledger_service.members.cards.codes import AskCode, MadeCode
from ledger_service.members.cards.desk import Approved, CardDesk, Known, Sought
from ledger_service.members.cards.errors import DeliveryUnavailable
from ledger_service.members.cards.registry import CardRegistry
from ledger_service.members.devices import lock_member

_ID_BYTES = 16
PIN, SPEND = "pin", "spend"


class CardService:
    """Commands on members without a phone; one instance serves all request threads."""

    def __init__(self, desk: CardDesk, ids: IdSource, *, delivers: bool) -> None:
        """Take the desk that recognises members; ``delivers`` says whether a way to send codes is set up."""
        self.registry = CardRegistry(desk.vault, ids)
        self._desk = desk
        self._ids = ids
        self._delivers = delivers

    def fresh_id(self) -> bytes:
        """16 random bytes that name a batch."""
        return self._ids.random_bytes(_ID_BYTES)

    def find(self, sought: Sought, at: datetime) -> Known:
        """Whom the till means, with a key in custody that can sign for it.

        Raises:
            MalformedField, MemberUnknown, CardEnded: nobody.
            CustodyMissing: nothing could sign for the member.
        """
        known = self._desk.find(sought)
        self._desk.lane_of(known, at)
        return known

    def ask_code(self, conn: Connection, known: Known, ask: AskCode, at: datetime) -> MadeCode:
        """A code is made; it is sent within seconds, or waits for a second person at the service desk.

        Raises:
            DeliveryUnavailable, NobodyToTell: it could reach nobody.
            CodesTooOften: so many were made that no further one is now.
            MemberUnknown, MemberFrozen: the member may do nothing.

        Locks: the member's row.
        """
        if not ask.desk and not self._delivers:
            raise DeliveryUnavailable
        owner = lock_member(conn, known.number)
        return codes.make(conn, replace(ask, member_id=owner["member_id"]), self.fresh_id(), at)

    def approve_code(
        self, conn: Connection, code_id: bytes, merchant_id: int | None, said: tuple[str, datetime]
    ) -> tuple[MadeCode, str]:
        """A second person lets the service desk show a code; returns it with its digits.

        Raises:
            DeskRequestUnknown, SecondPersonMissing.
        """
        made = codes.approve(conn, code_id, merchant_id, said)
        return made, rules.code_of(self._desk.code_master, code_id)

    def judge_code(self, sought: Sought, code: str, merchant_id: int, at: datetime) -> Approved:
        """The code lets the member set a PIN; a wrong try is on record when this raises.

        Raises:
            CodeWrong: another code than the latest, or none in force.
            MalformedField, MemberUnknown, CardEnded: nobody is meant.
        """
        return self._desk.approve_code(sought, code, (merchant_id, PIN), at)

    def hash_pin(self, pin: str) -> tuple[bytes, bytes]:
        """What is kept of a new PIN; slow.

        Raises:
            PinTooEasy: one that is tried first.
        """
        return self._desk.pins.prepare(pin)

    def set_pin(
        self, conn: Connection, number: str, hashed: tuple[bytes, bytes], said: tuple[str, datetime]
    ) -> None:
        """The member has this PIN from now on.

        Raises:
            MemberUnknown, MemberFrozen: the member may change nothing.

        Locks: the member's row.
        """
        owner = lock_member(conn, number)
        pins.set_pin(conn, owner["member_id"], hashed, said)

    def use_code(self, conn: Connection, approved: Approved, at: datetime) -> None:
        """The code has served.

        Raises:
            CodeWrong: it did so before.
        """
        if approved.code_id is not None:
            codes.use_code(conn, approved.code_id, at)
