"""A card is sold at the till, or takes more money: what was paid is owed to its holder from then on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.requests import Write
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.stored.acts import act_of
from ledger_service.checkout.stored.offered import Offered
from ledger_service.checkout.stored.requests import CardLoad
from ledger_service.checkout.stored.views import card_answer
from ledger_service.coupons.codes.lookup import CODE, LIST, coupon_of
from ledger_service.coupons.codes.rules import SEALED
from ledger_service.coupons.definitions import budgets, law
from ledger_service.coupons.definitions.law import Profile
from ledger_service.coupons.stored import book
from ledger_service.coupons.stored.book import Act
from ledger_service.coupons.stored.errors import ValueCardLimit, ValueCardNotSold, ValueCardNotUsable
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.stored.rules import ACTIVE, Kind, fits, hindrance
from ledger_service.coupons.stored.showing import Shown, judged, needs, unknown, unlocked
from ledger_service.coupons.terms.values import StoredValue, Terms
from ledger_service.coupons.terms.windows import expires_at
from ledger_service.coupons.wallet.claiming import the_member
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import canonical_json
from ledger_service.members.queries import MEMBER_BY_NUMBER


@dataclass(frozen=True, slots=True)
class Money:
    """Money for a card, as it was worked out on the request's thread.

    ``offered`` is None where no code or card was found; ``member_id`` whose card it becomes, None for whoever
    has it.
    """

    load: CardLoad
    shown: Shown
    offered: Offered | None
    member_id: int | None = None


class CardMoneyCommand(KeyedCommand):
    """Money goes on a card.

    Locks: the card, its code, the counts of wrong ones, the holder, and the counters of bounded terms.
    """

    def __init__(self, write: Write, money: Money, scene: Scene) -> None:
        """Take what the request thread has worked out."""
        super().__init__(write)
        self.money = money
        self.scene = scene

    @property
    def place(self) -> budgets.Place:
        """Which counters it counts in."""
        store = self.write.caller.store_gln or 0
        return budgets.Place(self.money.member_id, store, self.write.at)

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        money = self.money
        yield from needs(money.shown, self.write.caller.subject)
        yield CODE.of(money.shown.tag)
        if money.load.number is not None:
            yield MEMBER_BY_NUMBER.of(money.load.number)
        if money.offered is not None and money.offered.terms is not None:
            yield from budgets.needs(money.offered.terms, self.place)

    def terms(self) -> tuple[Terms, Profile]:
        """What is sold now, and the law over it.

        Raises:
            ValueCardNotSold: no-terms, no-card, no-profile or guarantee.
        """
        offered = self.money.offered
        if offered is None or offered.terms is None:
            raise ValueCardNotSold("no-terms")
        if not isinstance(offered.terms.benefit, StoredValue):
            raise ValueCardNotSold("no-card")
        profile = law.profile_on(offered.jurisdiction, self.today)
        if profile is None:
            raise ValueCardNotSold("no-profile")
        if profile.guarantee and not offered.guarantee:
            raise ValueCardNotSold("guarantee")
        return offered.terms, profile

    @property
    def today(self) -> date:
        """The day whose law counts."""
        return self.write.at.date()

    def count(self, draft: Draft, terms: Terms, cards: int) -> None:
        """So many cards and the amount count within the limits of the terms.

        Raises:
            ValueCardLimit: they do not fit.
        """
        minor, left = self.money.load.amount_minor, budgets.left(draft, terms, self.place)
        if left.coupons is not None and cards > left.coupons:
            raise ValueCardLimit(left.exhausted, 0)
        if left.value_minor is not None and minor > left.value_minor:
            raise ValueCardLimit("budget-value", left.value_minor)
        budgets.take(draft, terms, self.place, (cards, minor))

    def act(self, kind: str) -> Act:
        """The operation as the ledger of cards names it, with how the till was paid."""
        load, caller = self.money.load, self.write.caller
        said, place = (load.reference, load.shift), (caller.store_gln, self.scene.business_day)
        paid = canonical_json(dict(load.paid_with)).decode()
        return replace(act_of(self.id_of(kind), self.write, said, place), paid_with=paid)

    def check(self) -> None:
        """Nothing was wrong with the till, its day and the currency.

        Raises:
            DomainError: what was.
        """
        self.scene.check()
        self.scene.desk.check_currency(self.money.load.currency)


class SellCardCommand(CardMoneyCommand):
    """The card of a printed code is somebody's from now on, with the first money on it."""

    def reads(self, view: Workset) -> Iterable[Need]:
        """The list that the code is of."""
        row = view.one(CODE, self.money.shown.tag)
        return () if row is None else [LIST.of(row["list_id"]), book.CARD.of(coupon_of(row))]

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Judge the code, the terms and the law, then sell.

        Raises:
            CouponCodesLocked, ValueCardUnknown: no code of a list of this merchant's.
            ValueCardNotUsable: sold.
            ValueCardNotSold, ValueCardLimit: nothing, or not so much, is sold under it.
            MemberUnknown, MemberFrozen, HouseholdAccount: the holder.
        """
        self.check()
        card_id = self._code(draft)
        terms, profile = self.terms()
        most = self._most(terms, profile)
        self.count(draft, terms, 1)
        number = self.money.load.number
        member_id = None if number is None else the_member(draft, number)
        over = expires_at(terms.window, self.write.at)
        card = draft.add(value_card, {
            "card_id": card_id, "tag": self.money.shown.tag, "merchant_id": terms.merchant,
            "definition_id": terms.definition, "version": terms.version, "currency": terms.currency,
            "holder": member_id, "pin_hash": self.money.shown.pin_hash, "state": ACTIVE, "balance_minor": 0,
            "held_minor": 0, "most_minor": most, "entries": 0, "issued_at": self.write.at,
            "expires_at": over if law.ends(profile, named=member_id is not None) else None,
        })  # fmt: skip
        act = self.act("card")
        card = book.enter(draft, card, Kind.ISSUE, self.money.load.amount_minor, act)
        guarantee = None if self.money.offered is None else self.money.offered.guarantee
        return 201, card_answer(card, act, self.money.load.amount_minor) | {"guarantee": guarantee}

    def _code(self, draft: Draft) -> bytes:
        shown, (subject, at) = self.money.shown, (self.write.caller.subject, self.write.at)
        unlocked(draft, shown, subject, at)
        row = draft.one(CODE, shown.tag)
        listed = None if row is None else draft.one(LIST, row["list_id"])
        mine = listed is not None and listed["merchant_id"] == self.write.caller.merchant_id
        if row is None or listed is None or not mine or listed["state"] != SEALED:
            raise unknown(shown, subject, at)
        # A code that was lost is a card's no more, and yet nobody's to sell: its id is that card's.
        held = draft.one(book.CARD_BY_TAG, shown.tag) or draft.one(book.CARD, coupon_of(row))
        if held is not None:
            raise ValueCardNotUsable("sold")
        return coupon_of(row)

    def _most(self, terms: Terms, profile: Profile) -> int:
        if not isinstance(terms.benefit, StoredValue):
            raise ValueCardNotSold("no-card")
        bound = law.most_minor(profile, terms.currency, named=self.money.member_id is not None)
        most = terms.benefit.most_minor if bound is None else min(bound, terms.benefit.most_minor)
        if self.money.load.amount_minor > most:
            raise ValueCardLimit("card-cap", most)
        return most


class LoadCardCommand(CardMoneyCommand):
    """A card that was sold takes more money; whoever has its code may give it some, without its PIN."""

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Judge the card and its cap, then load.

        Raises:
            CouponCodesLocked, ValueCardUnknown: no card of this merchant's.
            ValueCardNotUsable: frozen, expired.
            ValueCardNotSold, ValueCardLimit: its terms are over, or do not allow so much.
        """
        self.check()
        caller, minor = self.write.caller, self.money.load.amount_minor
        by = caller.subject, self.write.at
        card = judged(draft, self.money.shown, caller.merchant_id, by, with_pin=False)
        reason = hindrance(card, self.write.at)
        if reason is not None:
            raise ValueCardNotUsable(reason)
        terms, _ = self.terms()
        fit = fits(card, minor)
        if fit.over_minor:
            raise ValueCardLimit("card-cap", fit.minor)
        self.count(draft, terms, 0)
        act = self.act("card-load")
        return 201, card_answer(book.enter(draft, card, Kind.LOAD, minor, act), act, minor)
