"""Codes tried at a till: what is behind each, and a wrong one counted against the till before it hears.

Whoever asks is answered only after the count stands, so of many guesses at once none is free, and a quote is
worth no more to somebody who guesses than a sale.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger_service.coupons.codes.lookup import LISTS_OF_GCN, Tags, code_row, coupon_of, is_generic
from ledger_service.coupons.codes.rules import SEALED, SERIAL_DIGITS, Tagger, coupon_id_of
from ledger_service.coupons.codes.typed import read_typed
from ledger_service.coupons.wallet.errors import CouponCodesLocked, CouponUnknown
from ledger_service.coupons.wallet.guesses import GUESS, check_unlocked, count_wrong
from ledger_service.coupons.wallet.moves import COUPON
from ledger_service.coupons.wallet.requests import Asked
from ledger_service.coupons.wallet.shown import Shown, look
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset


@dataclass(frozen=True, slots=True)
class Code:
    """A code as a till got it, hashed on the request's thread; ``gcn`` where a bar code named a serial."""

    tags: Tags
    gcn: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What is behind a code: how to show it again under lock, its coupon's id, and the terms that it has.

    ``version`` is None where no coupon is made of it yet. A generic code makes one with each use, so that
    ``coupon_id`` only names the code.
    """

    shown: Shown
    coupon_id: bytes
    definition_id: int
    version: int | None
    generic: bool


def code_of(given: str, tagger: Tagger) -> Code:
    """A code, typed or scanned, as it is looked up; the same work for any text."""
    typed = read_typed(given)
    gcn = typed.gcn
    exact = gcn is not None and len(gcn[1]) == SERIAL_DIGITS
    return Code(tagger.both(typed.text), (gcn[0], int(gcn[1])) if gcn is not None and exact else None)


class TryCommand(BookCommand["tuple[Tried | None, ...] | None"]):
    """Every code is looked up once; None for all of them while the till is locked.

    A member's wallet may be meant by the serial of its GCN; nobody else is served by that, since serials
    follow one another.

    Locks: the count of wrong codes of who asks.
    """

    def __init__(self, codes: Sequence[Code], member_id: int | None, asked: Asked) -> None:
        """Take the codes, and who is at the till; None where nobody is known."""
        self._codes, self._member_id, self._asked = codes, member_id, asked

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        return [GUESS.of(self._asked.subject)]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The codes, and the lists of the GCNs."""
        for code in self._codes:
            yield from Shown(code.tags).locks()
            if code.gcn is not None:
                yield LISTS_OF_GCN.of(code.gcn[0])

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """Their lists and coupons."""
        for code in self._codes:
            yield from Shown(code.tags).reads(view)
            coupon_id = _by_serial(view, code)
            if coupon_id is not None:
                yield COUPON.of(coupon_id)

    def apply(self, draft: Draft) -> tuple[Tried | None, ...] | None:
        """Look up, and count."""
        subject, at = self._asked.subject, self._asked.at
        found: list[Tried | None] = []
        for code in self._codes:
            try:
                check_unlocked(draft, subject, at)
            except CouponCodesLocked:
                return None
            one = self._found(draft, code)
            if one is None:
                count_wrong(draft, subject, at)
            found.append(one)
        return tuple(found)

    def _found(self, draft: Draft, code: Code) -> Tried | None:
        coupon_id = None if code_row(draft, code.tags) is not None else _by_serial(draft, code)
        shown = Shown(code.tags) if coupon_id is None else Shown(coupon_id=coupon_id)
        try:
            found = look(draft, shown, self._member_id)
        except CouponUnknown:
            return None
        row = code_row(draft, code.tags) if coupon_id is None else None
        named = coupon_of(row) if row is not None else coupon_id or b""
        generic = found.listed is not None and is_generic(found.listed)
        return Tried(shown, named, found.definition_id, found.version, generic)


def _by_serial(view: Workset | Draft, code: Code) -> bytes | None:
    """The id of the coupon with the GCN's serial, where a sealed list has that."""
    if code.gcn is None:
        return None
    gcn, serial = code.gcn
    for listed in view.find(LISTS_OF_GCN, gcn):
        first = listed["first"]
        if listed["state"] == SEALED and first is not None and first <= serial < first + listed["made"]:
            return coupon_id_of(listed["list_id"], serial - first)
    return None
