"""What is left on a card is given in money: a small rest where the law says so, all once its terms ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.requests import Write
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.stored.acts import act_of
from ledger_service.checkout.stored.requests import CardPayOut
from ledger_service.checkout.stored.views import card_answer
from ledger_service.coupons.definitions import law
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.stored import book
from ledger_service.coupons.stored.book import CARD_BY_TAG, Card
from ledger_service.coupons.stored.errors import ValueCardNotPaidOut, ValueCardNotUsable
from ledger_service.coupons.stored.rules import FROZEN, Kind, available_minor
from ledger_service.coupons.stored.showing import Shown, judged, needs
from ledger_service.db.workset import Draft, Need, Workset, load_by

_DEFINITION = load_by(coupon_definition, "definition_id")


class PayOutCommand(KeyedCommand):
    """The card is empty, and the till gives its holder what was left.

    Locks: the card, and the counts of wrong ones.
    """

    def __init__(self, write: Write, request: CardPayOut, shown: Shown, scene: Scene) -> None:
        """Take the request, and the card as it was hashed on the request's thread."""
        super().__init__(write)
        self.request, self.shown, self.scene = request, shown, scene

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        return needs(self.shown, self.write.caller.subject)

    def reads(self, view: Workset) -> Iterable[Need]:
        """Whose law and terms the card is under."""
        card = view.one(CARD_BY_TAG, self.shown.tag)
        return () if card is None else [_DEFINITION.of(card["definition_id"])]

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Judge the card, then pay out what the law says. A card whose time is over is paid out too.

        Raises:
            CouponCodesLocked, ValueCardUnknown: no card of this merchant's.
            ValueCardNotUsable: frozen.
            ValueCardNotPaidOut: the law asks for nothing.
        """
        self.scene.check()
        caller = self.write.caller
        card = judged(draft, self.shown, caller.merchant_id, (caller.subject, self.write.at))
        if card["state"] == FROZEN:
            raise ValueCardNotUsable("frozen")
        minor = self._minor(draft, card)
        said = self.request.reference, self.request.shift
        place = caller.store_gln, self.scene.business_day
        act = act_of(self.id_of("card-payout"), self.write, said, place)
        return 201, card_answer(book.enter(draft, card, Kind.PAY_OUT, minor, act), act, minor)

    def _minor(self, draft: Draft, card: Card) -> int:
        definition = draft.one(_DEFINITION, card["definition_id"])
        if definition is None:
            raise LookupError("the definition of a card is gone")
        profile = law.profile_on(definition["jurisdiction"], self.write.at.date())
        ended = definition["withdrawn_at"]
        minor = 0
        if profile is not None and profile.refundable and ended is not None and ended <= self.write.at:
            minor = available_minor(card)
        elif profile is not None:
            rest = law.cash_out_minor(profile, card["currency"], card["balance_minor"])
            minor = min(rest, available_minor(card))
        if not minor:
            below = {} if profile is None else profile.cash_below_minor
            raise ValueCardNotPaidOut(below.get(card["currency"], 0))
        return minor
