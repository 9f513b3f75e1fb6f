"""Who a member without a device is: by number, card, phone, digits, PIN or one-time code."""

from __future__ import annotations

from datetime import datetime

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.pin_watch import AtTill, PinWatch
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import Presented
from ledger_service.checkout.sources import Sources
from ledger_service.checkout.without_phone import Wish, approval, earning, paying, sought_of
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode import PayCode
from ledger_service.kernel.paycode_errors import PayCodeMalformed
from ledger_service.kernel.secp256k1 import SIGNATURE_BYTES
from ledger_service.members.cards.desk import CardDesk
from ledger_service.members.digits import DigitDesk
from ledger_service.members.errors import MemberUnknown


class Recognition:
    """Knows members by what they show; safe for any number of threads."""

    def __init__(self, desk: Desk, sources: Sources, pins: PinWatch | None = None) -> None:
        """Take the alliance, where members are looked up, and who watches their PINs."""
        self._desk = desk
        self._sources = sources
        self._pins = pins

    def recognised(self, member: Presented) -> Presence:
        """The presence of a member who shows a number, a card or a phone number, to earn."""
        if member.number is not None:
            return Presence(number=member.number)
        try:
            return earning(self._card_desk().find(sought_of(member)))
        except DomainError as refusal:
            return Presence(refusal=refusal)

    def resolved(self, till: AtTill, member: Presented, wish: Wish) -> Presence:
        """The presence of a member without a device at a sale; custody signs for one that pays."""
        most = self._desk.limits.per_permit_micros
        try:
            if not member.may_spend:
                return self.recognised(member)
            if self._sources.custody is None:
                raise PayCodeMalformed("digits")
            if member.digits is not None:
                shown = self._digit_desk().resolve(member.digits, till.at)
                pay_code = self._sources.custody.pay_code_of(shown.permit(wish.within(most)))
                return Presence.of_pay_code(pay_code, self._desk, shown)
            approved = approval(self._card_desk(), member, till, self._pins)
            permit = approved.permit(wish.within(min(most, approved.most_micros)), till.at)
            return paying(self._sources.custody.pay_code_of(permit), self._desk, approved)
        except DomainError as refusal:
            return Presence(refusal=refusal)

    def in_quote(self, till: AtTill, member: Presented) -> Presence:
        """As ``resolved``, for whoever only asks: nothing is signed; tries of a PIN count all the same.

        Raises:
            DomainError: whoever is shown is not known, or may not pay.
        """
        if member.digits is not None:
            return self.shown(member.digits, till.at)
        if member.pay_code is not None or not (member.card or member.phone or member.code):
            return Presence.of(member, self._desk)
        if not member.may_spend:
            return self.recognised(member)
        approved = approval(self._card_desk(), member, till, self._pins)
        most = min(self._desk.limits.per_permit_micros, approved.most_micros)
        unsigned = PayCode(self._desk.domain.tag, approved.permit(most, till.at), bytes(SIGNATURE_BYTES))
        return Presence(pay_code=unsigned, approved=approved, card=approved.known.card)

    def _card_desk(self) -> CardDesk:
        if self._sources.cards is None:
            raise MemberUnknown
        return self._sources.cards

    def shown(self, digits: str, at: datetime) -> Presence:
        """The presence of 18 digits that nobody has signed for."""
        shown = self._digit_desk().resolve(digits, at)
        permit = shown.permit(self._desk.limits.per_permit_micros)
        unsigned = PayCode(self._desk.domain.tag, permit, bytes(SIGNATURE_BYTES))
        digest = self._desk.domain.digest(permit.struct_hash())
        return Presence(pay_code=unsigned, digest=digest, digits=shown)

    def _digit_desk(self) -> DigitDesk:
        if self._sources.digits is None:
            raise PayCodeMalformed("digits")
        return self._sources.digits
