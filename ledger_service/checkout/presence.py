"""The member at the till: what a scan says, checked before the writer as far as no row is needed.

A refusal found here is kept, not raised: the idempotency key is looked up first, so that an honest retry
after the code's life gets its answer (D6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.models import pay_code_revocation
from ledger_service.checkout.requests import Presented
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode import PayCode, check_validity, decode_pay_code
from ledger_service.kernel.paycode_errors import PayCodeAltered, PayCodeRevoked, PayCodeUsed
from ledger_service.kernel.permits import FLAG_CONTRACT
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.ledger.book import LOTS_OF_MEMBER
from ledger_service.members import digits as digit_codes
from ledger_service.members.cards import desk as card_desk
from ledger_service.members.device_rows import device_of
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.spending import household_needs, mate_at_till
from ledger_service.members.rules import Device, active_device
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.models import permit_use
from ledger_service.points.parties import MEMBER_BY_ACCOUNT, MEMBER_BY_NUMBER, Holder
from ledger_service.points.permits import DEVICES_OF_MEMBER, PERMIT_USE, custodial_need, mark_used, nonce_key

REVOCATION: Load = load_by(pay_code_revocation, "account", "nonce")


@dataclass(frozen=True, slots=True)
class Presence:
    """How a member showed up: a pay code with the address that signed it, or a bare number."""

    number: str | None = None
    pay_code: PayCode | None = None
    digest: bytes = b""
    signer: bytes | None = None
    digits: digit_codes.Shown | None = None
    refusal: DomainError | None = None
    card: bytes | None = None
    approved: card_desk.Approved | None = None

    @property
    def custodial_by(self) -> str:
        """What let custody sign: ``pin``, ``code``, or the 18 ``digits`` of an app."""
        return "digits" if self.approved is None else self.approved.by

    @staticmethod
    def of(presented: Presented, desk: Desk) -> Presence:
        """The presence of a signed pay code or a member number; digits are resolved elsewhere."""
        if presented.number is not None:
            return Presence(number=presented.number)
        try:
            return Presence.of_pay_code(decode_pay_code(presented.pay_code or ""), desk)
        except DomainError as refusal:
            return Presence(refusal=refusal)

    @staticmethod
    def of_pay_code(pay_code: PayCode, desk: Desk, digits: digit_codes.Shown | None = None) -> Presence:
        """The presence of a decoded pay code, its signer recovered."""
        digest = desk.domain.digest(pay_code.permit.struct_hash())
        return Presence(
            pay_code=pay_code,
            digest=digest,
            signer=recover_address(digest, pay_code.signature),
            digits=digits,
        )

    def locks(self) -> list[Need]:
        """The member's row."""
        if self.pay_code is not None:
            return [MEMBER_BY_ACCOUNT.of(self.pay_code.permit.account)]
        return [MEMBER_BY_NUMBER.of(self.number)] if self.number is not None else []

    def row(self, view: Workset | Draft) -> Mapping[str, Any] | None:
        """The member's row, once ``locks`` are held; None for nobody."""
        needs = self.locks()
        return view.one(needs[0].load, *needs[0].key) if needs else None

    def reads(self, view: Workset, accepted_at: int) -> list[Need]:
        """What spending and earning of this member need."""
        row = self.row(view)
        if row is None:
            return []
        member_id = row["member_id"]
        needs = [LOTS_OF_MEMBER.of(member_id), STANDING_OF_MEMBER.of(member_id)]
        if self.card is not None:
            needs.append(card_desk.needs_of_card(self.card))
        if self.pay_code is None:
            return needs
        account, nonce = self.pay_code.permit.account, nonce_key(self.pay_code.permit.nonce)
        needs.append(DEVICES_OF_MEMBER.of(member_id))
        if row["household"]:
            needs += household_needs(member_id)
        needs += [PERMIT_USE.of(account, nonce), REVOCATION.of(account, nonce)]
        # A member with a phone who allowed digits has a custodial signer too.
        if row["custody"] == "custodial" or self.digits is not None or self.approved is not None:
            needs.append(custodial_need(account, accepted_at))
        if self.approved is not None:
            needs += card_desk.needs(self.approved)
        if self.digits is not None:
            needs += digit_codes.needs(self.digits)
        return needs


def member_at_till(draft: Draft, presence: Presence) -> Holder:
    """The member, known and not frozen.

    Raises:
        DomainError: what the scan already failed of.
        MemberUnknown: nobody has the account or number.
        MemberFrozen: the member may neither earn nor spend.
        CardEnded: the card that was shown was lost or replaced meanwhile.
    """
    if presence.refusal is not None:
        raise presence.refusal
    row = presence.row(draft)
    if row is None or row["status"] == "erased":
        raise MemberUnknown
    if row["status"] == "frozen":
        raise MemberFrozen
    if presence.card is not None:
        card_desk.check_card(draft, presence.card, row["member_id"])
    return Holder.of(row)


def check_permit(draft: Draft, presence: Presence, desk: Desk, accepted_at: int) -> Device:
    """The pay code speaks for its member at the acceptance time and was never used or revoked.

    Args:
        draft: with what ``Presence.reads`` asked for.
        presence: one with a pay code of a known member.
        desk: the alliance.
        accepted_at: seconds; judged against validity and the device's life (D3).

    Returns:
        The device that signed.

    Raises:
        PayCodeForeign, PayCodeOfFormerHouse, PayCodeExpired, PayCodeTooLongLived, PayCodeAltered,
        PayCodeRevoked, PayCodeUsed.
        HouseholdSpendRefused: a household's code of somebody who is no mate of it any more, or frozen.

    Invariants: INV-9.
    """
    pay_code, row = presence.pay_code, presence.row(draft)
    if pay_code is None or row is None:
        raise PayCodeAltered
    check_validity(pay_code, desk.domain, accepted_at, desk.former_tags)
    account, nonce = pay_code.permit.account, nonce_key(pay_code.permit.nonce)
    at = instant_of_seconds(accepted_at)
    devices = [device_of(d) for d in draft.find(DEVICES_OF_MEMBER, row["member_id"])]
    signed = active_device(devices, row["member_id"], presence.signer, at)
    if signed.lane != pay_code.lane or signed.flags & FLAG_CONTRACT:
        raise PayCodeAltered
    if draft.get(pay_code_revocation, (account, nonce)) is not None:
        raise PayCodeRevoked
    if draft.get(permit_use, (account, nonce)) is not None:
        raise PayCodeUsed
    if row["household"]:
        mate_at_till(draft, row["member_id"], signed.device_id, at)
    return signed


def check_shown(draft: Draft, presence: Presence) -> None:
    """The code was made by a key that is or was the member's: whoever has it was shown it.

    Without this, whoever has seen one code could make up the member's others, ask what became of them and
    spoil those that are still to come. Revoked keys count: a till may ask after the phone is lost.

    Args:
        draft: with the member's row and, where there is one, its devices.
        presence: with a pay code; 18 digits were found right when it was made.

    Raises:
        PayCodeAltered: an unknown account, and any other signature; always the same.
    """
    if presence.digits is not None:
        return
    row, pay_code = presence.row(draft), presence.pay_code
    devices = [] if row is None else draft.find(DEVICES_OF_MEMBER, row["member_id"])
    lane = None if pay_code is None else pay_code.lane
    if not any(d["signer"] == presence.signer and d["lane"] == lane for d in devices):
        raise PayCodeAltered


def use_permit(draft: Draft, presence: Presence, used_by: bytes, at: datetime) -> None:
    """The permit, and the digits that it came from, are used up.

    Raises:
        PayCodeUsed, PayCodeLocked, PayCodeAltered: the digits do not serve any more.
        CodeWrong, PinWrong: the one-time code was used meanwhile, or the PIN set anew.
    """
    if presence.pay_code is None:
        raise PayCodeAltered
    permit = presence.pay_code.permit
    mark_used(draft, permit.account, permit.nonce, used_by, at)
    if presence.digits is not None:
        digit_codes.use(draft, presence.digits, at)
    if presence.approved is not None:
        card_desk.use(draft, presence.approved, at)
