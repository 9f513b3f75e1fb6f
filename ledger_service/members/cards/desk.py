"""The desk that knows members without a phone: who shows a card or a number, and who pays with a PIN or a
code.

``find`` and ``approve`` run before the checkout's command; ``needs`` and ``use`` inside it, so that a card
lost meanwhile, a PIN set anew or a code used twice fails there. A checkout looks its idempotency key up
first (D6): an honest retry never comes here again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.paycode import LIFE_SECONDS
from ledger_service.kernel.permits import FLAG_CUSTODIAL, SpendPermit, nonce_of
from ledger_service.members.cards import rules
from ledger_service.members.cards.codes import check_unused, count_code_try
from ledger_service.members.cards.errors import CardEnded, CodeWrong, CustodyMissing, PinWrong
from ledger_service.members.cards.models import member_access, till_code
from ledger_service.members.cards.pins import Pins
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.identities import Identity, IdentityVault, parse_card, parse_identity
from ledger_service.members.models import device, member, member_card, member_identity

CARD: Load = load_by(member_card, "number_hash")
ACCESS: Load = load_by(member_access, "member_id")
CODE: Load = load_by(till_code, "code_id")
Reader = Callable[[], AbstractContextManager[Connection]]
Recorder = Callable[[Callable[[Connection], Any]], Any]


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom a till means: by exactly one of a card, a phone number and a member number."""

    card: str | None = None
    phone: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A member that was recognised; ``card`` is the hash of the card that was shown, if one was."""

    member_id: int
    number: str
    account: bytes
    card: bytes | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """A member that pays without a device: by ``pin`` or ``code``, up to ``most_micros``, signed in
    custody."""

    known: Known
    by: str
    lane: int
    counter: int
    most_micros: int
    pin_set_at: datetime | None = None
    code_id: bytes | None = None

    def permit(self, max_value_micros: int, at: datetime) -> SpendPermit:
        """The permit for custody to sign; its nonce (D4) is of a range that 18-digit codes never reach."""
        nonce = nonce_of(self.lane, rules.FIRST_NONCE + self.counter)
        return SpendPermit(self.known.account, nonce, max_value_micros, seconds_floor(at) + LIFE_SECONDS)


@dataclass(frozen=True)
class CardDesk:
    """Recognises and lets pay; safe for any number of threads.

    Args:
        vault: hashes numbers as the tables have them.
        pins: judges PINs.
        code_master: the 32-byte secret that codes follow from.
        read: opens a connection for reads (``Database.read``).
        record: runs a function in a durable unit of work of its own (``Writer.run``).
    """

    vault: IdentityVault
    pins: Pins
    code_master: bytes
    read: Reader
    record: Recorder

    def find(self, sought: Sought) -> Known:
        """Whom the till means.

        Raises:
            MalformedField: a number of another form, or a card of ours with a wrong check digit.
            MemberUnknown: nobody.
            CardEnded: the card was lost or replaced.
        """
        known = self._look(sought)
        if known is not None:
            return known
        if sought.card is not None and _misread(sought.card):
            raise MalformedField("member.card", "must end in its check digit")
        raise MemberUnknown

    def whose(self, sought: Sought) -> tuple[int, datetime] | None:
        """Which member is meant, and since when it is one; None for nobody, and for a card that has ended."""
        try:
            known = self._look(sought)
        except (CardEnded, MalformedField):
            return None
        if known is None:
            return None
        with self.read() as conn:
            mine = member.c.member_id == known.member_id
            row = conn.execute(select(member.c.created_at).where(mine)).one_or_none()
        return None if row is None else (known.member_id, row.created_at)

    def approve_pin(self, sought: Sought, pin: str, at: datetime) -> Approved:
        """The card's member pays with its PIN; a wrong try is on record when this raises.

        Raises:
            PinWrong: an unknown card, no PIN, or another one: always the same work.
            PinLocked, PinBlocked, CardEnded, CustodyMissing.
        """
        known = self._look(sought)
        tried = self.pins.judge(None if known is None else known.member_id, pin, self.record, at)
        if known is None:
            raise PinWrong
        lane = self.lane_of(known, at)
        return Approved(known, "pin", lane, tried.nonce, 2**63 - 1, pin_set_at=tried.set_at)

    def approve_code(self, sought: Sought, code: str, wanted: tuple[int, str], at: datetime) -> Approved:
        """The member pays with the code that was made for it at this merchant; a wrong try is on record.

        Args:
            sought: whom the till means.
            code: as it was typed.
            wanted: the merchant and the purpose that the code must be for.
            at: now.

        Raises:
            MalformedField, MemberUnknown, CardEnded: nobody is meant.
            CodeWrong: another code than the latest, or none in force.
            CustodyMissing: nothing could sign for the member.
        """
        known = self.find(sought)
        tried = self.record(lambda conn: count_code_try(conn, known.member_id, wanted, at))
        right = rules.code_of(self.code_master, bytes(16) if tried is None else tried.code_id)
        if not rules.same_digits(right, code) or tried is None:
            raise CodeWrong
        lane = self.lane_of(known, at) if wanted[1] == "spend" else 0
        most = tried.max_value_micros
        return Approved(known, "code", lane, tried.nonce, most, code_id=tried.code_id)

    def _look(self, sought: Sought) -> Known | None:
        with self.read() as conn:
            if sought.card is not None:
                return _by_card(conn, self.vault.hash_of(parse_card(sought.card, "member.card")))
            if sought.phone is not None:
                phone = parse_identity("phone", sought.phone)
                return _by_identity(conn, self.vault.hash_of(phone), phone)
            row = conn.execute(_members().where(member.c.member_number == sought.number)).one_or_none()
            return None if row is None else Known(*row)

    def lane_of(self, known: Known, at: datetime) -> int:
        """The lane of the key that custody signs with for the member.

        Raises:
            CustodyMissing: the member has none in custody now.
        """
        d = device.c
        mine = (d.member_id == known.member_id) & (d.active_from <= at) & (d.revoked_at.is_(None))
        with self.read() as conn:
            rows = conn.execute(select(d.lane, d.flags).where(mine).order_by(d.lane)).all()
        for row in rows:
            if row.flags == FLAG_CUSTODIAL:
                return int(row.lane)
        raise CustodyMissing


def needs_of_card(number_hash: bytes) -> Need:
    """What ``check_card`` reads."""
    return CARD.of(number_hash)


def check_card(draft: Draft, number_hash: bytes, member_id: int) -> None:
    """The card that was shown is still the member's.

    Raises:
        MemberUnknown: it is nobody's any more.
        CardEnded: it was lost or replaced meanwhile.
    """
    row = draft.get(member_card, number_hash)
    if row is None or row["member_id"] != member_id:
        raise MemberUnknown
    if row["ended_at"] is not None:
        raise CardEnded


def needs(approved: Approved) -> list[Need]:
    """What a checkout's command reads to use the approval."""
    if approved.code_id is not None:
        return [CODE.of(approved.code_id)]
    return [ACCESS.of(approved.known.member_id)]


def use(draft: Draft, approved: Approved, at: datetime) -> None:
    """The code's one use is in the draft, or the PIN is still the one that was judged.

    Raises:
        CodeWrong: the code was used meanwhile, or its time is over.
        PinWrong: the PIN was set anew meanwhile.
    """
    if approved.code_id is not None:
        check_unused(draft.get(till_code, approved.code_id), at)
        draft.change(till_code, approved.code_id, used_at=at)
        return
    row = draft.get(member_access, approved.known.member_id)
    if row is None or row["pin_set_at"] != approved.pin_set_at:
        raise PinWrong


def _members() -> Select[Any]:
    return select(member.c.member_id, member.c.member_number, member.c.account)


def _by_card(conn: Connection, number_hash: bytes) -> Known | None:
    joined = _members().add_columns(member_card.c.ended_at)
    joined = joined.join(member_card, member_card.c.member_id == member.c.member_id)
    row: Row[Any] | None = conn.execute(joined.where(member_card.c.number_hash == number_hash)).one_or_none()
    if row is None:
        return None
    if row.ended_at is not None:
        raise CardEnded
    return Known(row.member_id, row.member_number, row.account, number_hash)


def _by_identity(conn: Connection, value_hash: bytes, identity: Identity) -> Known | None:
    i = member_identity.c
    joined = _members().join(member_identity, i.member_id == member.c.member_id)
    row = conn.execute(joined.where(i.value_hash == value_hash, i.kind == identity.kind)).one_or_none()
    return None if row is None else Known(*row)


def _misread(card: str) -> bool:
    number = card.replace(" ", "")
    ours = len(number) == rules.CARD_DIGITS and number.isascii() and number.isdigit()
    return ours and number[0] == rules.CARD_PREFIX and int(number[-1]) != rules.luhn_digit(number[:-1])
