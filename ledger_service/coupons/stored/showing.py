"""A card that somebody shows: found by its code, judged with its PIN, wrong ones counted before the answer.

Codes have 80 random bits and more, so their plain hash finds them; PINs are kept as a slow hash over a keyed
tag. Both are worked out on the request's own thread. A wrong PIN counts against the till and against the
code, whether a card has it or not, so nobody can tell an unknown code from a wrong PIN, or try PINs at many
tills.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hmac import compare_digest

from ledger_service.coupons.codes.rules import Tagger, normal_code
from ledger_service.coupons.stored.book import CARD_BY_TAG, Card
from ledger_service.coupons.stored.errors import ValueCardUnknown
from ledger_service.coupons.wallet.guesses import GUESS, check_unlocked, count_wrong
from ledger_service.db.workset import Draft, Need
from ledger_service.members.cards.pins import Pins

LONGEST_CODE = 80
LEAST_PIN, MOST_PIN = 4, 12


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as it was shown: the hash of its code, and that of the PIN where one was given."""

    tag: bytes
    pin_hash: bytes | None = field(default=None, repr=False)

    @property
    def subject(self) -> str:
        """Under which wrong PINs of this code are counted; a member's own limit of tries holds for it."""
        return f"member:value-card:{self.tag.hex()}"


@dataclass(frozen=True)
class CardReader:
    """Hashes what is shown; one serves all threads of a process."""

    tagger: Tagger
    pins: Pins

    def shown(self, code: str, pin: str | None) -> Shown:
        """What is looked up; the same work for any code, known or not.

        Args:
            code: as it was typed: blanks, hyphens and case do not matter.
            pin: digits; None where none was given.
        """
        tag = self.tagger.tag(normal_code(code) or "", closed=False)
        return Shown(tag, None if pin is None else self.pins.hash_of(pin, tag))


def needs(shown: Shown, subject: str) -> Iterable[Need]:
    """Rows to lock: the card, and the counts of wrong ones of who asks and of this code."""
    return [CARD_BY_TAG.of(shown.tag), GUESS.of(subject), GUESS.of(shown.subject)]


def unlocked(draft: Draft, shown: Shown, subject: str, at: datetime) -> None:
    """Codes may be tried from there, and PINs of this code.

    Raises:
        CouponCodesLocked: too many wrong ones before.
    """
    for one in (subject, shown.subject):
        check_unlocked(draft, one, at)


def judged(
    draft: Draft, shown: Shown, merchant_id: int, by: tuple[str, datetime], *, with_pin: bool = True
) -> Card:
    """The merchant's card whose code and PIN these are.

    Args:
        draft: with ``needs`` locked.
        shown: the card.
        merchant_id: who issued it.
        by: the subject that asks, and when.
        with_pin: whether the PIN must be right, where the card has one.

    Raises:
        CouponCodesLocked: too many wrong ones from here or for this code before.
        ValueCardUnknown: none, another merchant's, or another PIN; it counts.
    """
    subject, at = by
    unlocked(draft, shown, subject, at)
    card = draft.one(CARD_BY_TAG, shown.tag)
    kept = None if card is None or not with_pin else card["pin_hash"]
    right = kept is None or compare_digest(kept, shown.pin_hash or b"")
    if card is None or card["merchant_id"] != merchant_id or not right:
        raise unknown(shown, subject, at)
    return card


def unknown(shown: Shown, subject: str, at: datetime) -> ValueCardUnknown:
    """The refusal of what is no card here, whose trace is the count."""
    refusal = ValueCardUnknown()
    refusal.trace = partial(_count, subjects=(subject, shown.subject), at=at)
    return refusal


def _count(draft: Draft, subjects: tuple[str, str], at: datetime) -> None:
    for subject in subjects:
        count_wrong(draft, subject, at)
