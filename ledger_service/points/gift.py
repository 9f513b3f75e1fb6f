"""Giving points to another member under a signed gift permit; the contract checks the same permit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import Gift
from ledger_service.kernel.permits import GiftPermit
from ledger_service.kernel.points import MOST_LEGS
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.rules import Movement, Part
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.gifts import Given, give_out, take_in
from ledger_service.members.households.spending import household_needs
from ledger_service.members.rules import Device
from ledger_service.outbox.service import enqueue
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.errors import GiftPermitInvalid, GiftRefused, GiftToSelf, IssuerSuspended
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.models import member_programme
from ledger_service.points.parties import MEMBER_BY_ACCOUNT, Holder, issuer_is_suspended, issuer_need
from ledger_service.points.permits import (
    DEVICES_OF_MEMBER,
    PERMIT_USE,
    CustodialLimits,
    count_custodial,
    custodial_need,
    mark_used,
    nonce_key,
)
from ledger_service.points.requests import GiftRequest
from ledger_service.points.rules import is_open
from ledger_service.points.willed import Signed, device_that_signed


@dataclass(frozen=True, slots=True)
class GiftAct:
    """A gift about to be booked, as rules may look at it: the giver's row, the lane, the value, the time."""

    giver: Mapping[str, Any]
    lane: int
    value_micros: int
    at: datetime


class GiftWatch(Protocol):
    """Who may stop a gift; None in the scene where nobody may."""

    def needs(self, member_id: int, lane: int) -> Iterable[Need]:
        """What ``judge`` reads of the giver."""

    def judge(self, draft: Draft, act: GiftAct) -> None:
        """The gift may be booked, and is counted.

        Raises:
            DomainError: it may not.
        """


@dataclass(frozen=True)
class GiftScene:
    """What a gift is judged by."""

    domain: Domain
    limits: CustodialLimits
    catalogue: Catalogue
    watch: GiftWatch | None = None


class GiftCommand(BookCommand[bytes]):
    """The legs' points belong to the recipient; answers the op_id.

    Idempotency: the op_id follows from account and nonce, so a repeated request finds the nonce used.
    Invariants: INV-1, INV-2, INV-9.
    """

    def __init__(self, request: GiftRequest, scene: GiftScene, at: datetime) -> None:
        """Take the request; the signer is recovered here, on the caller's thread."""
        self.request = request
        self.scene = scene
        self.at = at
        permit = GiftPermit(
            request.giver, request.recipient, request.nonce, request.valid_until, request.legs
        )
        self.digest = scene.domain.digest(permit.struct_hash())
        self.signer = recover_address(self.digest, request.signature)

    def locks(self, view: Workset) -> Iterable[Need]:
        """Both members."""
        return [MEMBER_BY_ACCOUNT.of(self.request.giver), MEMBER_BY_ACCOUNT.of(self.request.recipient)]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Devices and standing of the giver, lots of both, the nonce, the issuer."""
        request = self.request
        programme = self._programme()
        if programme is not None:
            yield issuer_need(programme)
        yield PERMIT_USE.of(request.giver, nonce_key(request.nonce))
        yield custodial_need(request.giver, seconds_floor(self.at))
        for account in (request.giver, request.recipient):
            row = view.one(MEMBER_BY_ACCOUNT, account)
            if row is not None and row["household"]:
                yield from household_needs(row["member_id"])
            if row is not None:
                yield lots_of(row["member_id"])
                yield DEVICES_OF_MEMBER.of(row["member_id"])
                if account == request.giver and self.scene.watch is not None:
                    yield from self.scene.watch.needs(row["member_id"], request.nonce >> 32)
                yield STANDING_OF_MEMBER.of(row["member_id"])

    def apply(self, draft: Draft) -> bytes:
        """Check the permit and the legs, then move the points.

        Raises:
            GiftToSelf, GiftRefused, GiftPermitInvalid: the gift is not one.
            MemberUnknown, MemberFrozen: giver or recipient.
            IssuerSuspended: the contract would refuse the gift.
            HouseholdGiftRefused: points of a household that are nobody's part.
            InsufficientPoints: a lot has less than its leg.
            CustodialLimitExceeded: over the limits of a custodial key.
        """
        request, accepted_at = self.request, seconds_floor(self.at)
        if request.giver == request.recipient:
            raise GiftToSelf
        giver, recipient = self._party(draft, request.giver), self._party(draft, request.recipient)
        device = self._check_permit(draft, giver, accepted_at)
        programme, value_micros = self._check_legs(draft, giver, accepted_at)
        if device.custodial:
            count_custodial(draft, request.giver, value_micros, self.scene.limits, accepted_at)
        self._judge(draft, device, value_micros)
        op_id = derive_id("gift", request.giver, request.nonce)
        mark_used(draft, request.giver, request.nonce, op_id, self.at)
        self._of_household(draft, giver, recipient, (op_id, device))
        source, sink = giver.part(Part.AVAILABLE), recipient.part(Part.AVAILABLE)
        moves = [Movement(source, sink, g.programme, g.epoch, g.amount) for g in request.legs]
        Book(draft).entry(op_id, "gift", self.at, {"permit": self.digest.hex(), "op": id_text(op_id)}, moves)
        enqueue(draft, self._operation(op_id, programme.merchant_id, accepted_at), giver.member_id)
        return op_id

    def _of_household(
        self, draft: Draft, giver: Holder, recipient: Holder, signed: tuple[bytes, Device]
    ) -> None:
        (op_id, device), legs, at = signed, self.request.legs, self.at
        if recipient.household:
            take_in(draft, Given(op_id, recipient.member_id, recipient.account, giver.member_id, legs, at))
        if giver.household:
            given = Given(op_id, giver.member_id, giver.account, recipient.member_id, legs, at)
            give_out(draft, given, device.device_id, Book(draft).lots(giver.member_id))

    def _operation(self, op_id: bytes, merchant_id: int, accepted_at: int) -> Gift:
        request = self.request
        return Gift(
            op_id,
            merchant_id,
            request.giver,
            request.recipient,
            request.nonce,
            request.valid_until,
            accepted_at,
            self.digest,
            request.legs,
            request.signature,
        )

    def _programme(self) -> Programme | None:
        legs = self.request.legs
        return self.scene.catalogue.programmes.get(legs[0].programme) if legs else None

    def _party(self, draft: Draft, account: bytes) -> Holder:
        row = draft.one(MEMBER_BY_ACCOUNT, account)
        if row is None or row["status"] == "erased":
            raise MemberUnknown
        if row["status"] == "frozen":
            raise MemberFrozen
        return Holder.of(row)

    def _judge(self, draft: Draft, device: Device, value_micros: int) -> None:
        giver, watch = draft.one(MEMBER_BY_ACCOUNT, self.request.giver), self.scene.watch
        if watch is not None and giver is not None:
            watch.judge(draft, GiftAct(giver, device.lane, value_micros, self.at))

    def _check_permit(self, draft: Draft, giver: Holder, accepted_at: int) -> Device:
        request = self.request
        signed = Signed(request.nonce, request.valid_until, self.signer)
        found = device_that_signed(draft, giver, signed, accepted_at)
        if isinstance(found, str):
            raise GiftPermitInvalid(found)
        return found

    def _check_legs(self, draft: Draft, giver: Holder, accepted_at: int) -> tuple[Programme, int]:
        legs = self.request.legs
        if not 1 <= len(legs) <= MOST_LEGS or len({g.epoch for g in legs}) != len(legs):
            raise GiftRefused("legs")
        programme = self._programme()
        if programme is None or len({g.programme for g in legs}) != 1:
            raise GiftRefused("programme")
        if issuer_is_suspended(draft, programme):
            raise IssuerSuspended(programme.code)
        standing = draft.get(member_programme, (giver.member_id, programme.programme_id))
        if standing is not None and standing["frozen"]:
            raise GiftRefused("frozen")
        terms = programme.terms_at(programme.merchant_id, accepted_at)
        if terms is None or any(g.terms_version != terms.version for g in legs):
            raise GiftRefused("terms")
        if not all(is_open(programme.epoch_ends, g.epoch, accepted_at) and g.amount > 0 for g in legs):
            raise GiftRefused("epoch")
        return programme, sum(g.amount for g in legs) * terms.point_value_micros
