"""Converting points by their member's will, under a signed permit; the contract checks the same permit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.permits import ConversionPermit
from ledger_service.kernel.points import MOST_LEGS, take_soonest
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.rules import Part
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.conversion.deals import Deal, Wish, agreed, two_of
from ledger_service.points.conversion.errors import (
    ConversionBelowLeast,
    ConversionPermitInvalid,
    ConversionRefused,
)
from ledger_service.points.conversion.posting import Conversion, Permitted, has_room, post
from ledger_service.points.errors import IssuerSuspended, NotIssuable
from ledger_service.points.issuance import STANDING_OF_MEMBER, Worker
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
from ledger_service.points.rules import is_open
from ledger_service.points.willed import Signed, device_that_signed


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """Points of a member's that are to become at least so many of another programme, and its permit."""

    account: bytes
    wish: Wish
    least_points: int
    nonce: int
    valid_until: int
    signature: bytes


@dataclass(frozen=True)
class ConversionScene:
    """What a conversion is judged by."""

    domain: Domain
    limits: CustodialLimits
    catalogue: Catalogue
    worker: Worker


class Converted(NamedTuple):
    """What became of a conversion."""

    op_id: bytes
    deal: Deal
    points: int
    received: int


class ConvertCommand(BookCommand[Converted]):
    """The points of the one programme are points of the other.

    Idempotency: the op_id follows from account and nonce, so a repeated request finds the nonce used.
    Invariants: INV-1, INV-2, INV-9, INV-10.
    """

    def __init__(self, request: ConversionRequest, scene: ConversionScene, at: datetime) -> None:
        """Take the request; the signer is recovered here, on the caller's thread.

        Raises:
            ProgrammeUnknown, ConversionRefused: not two programmes.
        """
        self.request, self.scene, self.at = request, scene, at
        self.source, self.target = two_of(scene.catalogue, request.wish)
        permit = ConversionPermit(
            request.account, self.source.programme_id, request.wish.points, self.target.programme_id,
            request.least_points, request.nonce, request.valid_until,
        )  # fmt: skip
        self.digest = scene.domain.digest(permit.struct_hash())
        self.signer = recover_address(self.digest, request.signature)

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member."""
        return [MEMBER_BY_ACCOUNT.of(self.request.account)]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Lots, devices and standing of the member, the nonce, both issuers, the block of the target."""
        account = self.request.account
        yield from (issuer_need(self.source), issuer_need(self.target))
        yield from self.scene.worker.needs([self.target])
        yield PERMIT_USE.of(account, nonce_key(self.request.nonce))
        yield custodial_need(account, seconds_floor(self.at))
        row = view.one(MEMBER_BY_ACCOUNT, account)
        if row is not None:
            yield lots_of(row["member_id"])
            yield DEVICES_OF_MEMBER.of(row["member_id"])
            yield STANDING_OF_MEMBER.of(row["member_id"])

    def apply(self, draft: Draft) -> Converted:
        """Check permit, terms and points, then post.

        Raises:
            MemberUnknown, MemberFrozen: the account's.
            ConversionPermitInvalid, ConversionNotOffered, ConversionRefused, ConversionBelowLeast: none.
            IssuerSuspended, NotIssuable: the contract would refuse it.
            InsufficientPoints, CustodialLimitExceeded: too many.
            BlockEmpty: the block must be refilled first.
        """
        request, second = self.request, seconds_floor(self.at)
        holder = self._holder(draft)
        signed = Signed(request.nonce, request.valid_until, self.signer)
        device = device_that_signed(draft, holder, signed, second)
        if isinstance(device, str):
            raise ConversionPermitInvalid(device)
        deal, points = self._deal(draft, holder, second), request.wish.points
        received = deal.received(points)
        op_id = derive_id("convert", request.account, request.nonce)
        what = Conversion(op_id, holder, deal, self._taken(draft, holder, second), self.at)
        if not has_room(draft, what, self.scene.worker):
            raise NotIssuable(self.target.code, "cap-exhausted")
        if device.custodial:
            value = points * deal.source_terms.point_value_micros
            count_custodial(draft, request.account, value, self.scene.limits, second)
        mark_used(draft, request.account, request.nonce, op_id, self.at)
        said = (request.nonce, request.least_points, request.valid_until, self.digest, request.signature)
        post(draft, what, Permitted(*said))
        return Converted(op_id, deal, points, received)

    def _holder(self, draft: Draft) -> Holder:
        row = draft.one(MEMBER_BY_ACCOUNT, self.request.account)
        if row is None or row["status"] == "erased":
            raise MemberUnknown
        if row["status"] == "frozen":
            raise MemberFrozen
        holder = Holder.of(row)
        if holder.household:
            # Which part is whose would be lost.
            raise ConversionRefused("household")
        return holder

    def _deal(self, draft: Draft, holder: Holder, second: int) -> Deal:
        for programme in (self.source, self.target):
            if issuer_is_suspended(draft, programme):
                raise IssuerSuspended(programme.code)
            standing = draft.get(member_programme, (holder.member_id, programme.programme_id))
            if standing is not None and standing["frozen"]:
                raise ConversionRefused("frozen")
        deal = agreed(self.source, self.target, second)
        received = deal.received(self.request.wish.points)
        if received < self.request.least_points:
            raise ConversionBelowLeast(received, self.request.least_points)
        if not received:
            raise ConversionRefused("too-few")
        return deal

    def _taken(self, draft: Draft, holder: Holder, second: int) -> list[tuple[int, int]]:
        """Soonest end first, as a redemption takes them."""
        key, wanted = self.source.programme_id, self.request.wish.points
        ends = self.source.epoch_ends
        lots = [o for o in Book(draft).lots(holder.member_id, key) if is_open(ends, o.epoch, second)]
        taken = take_soonest(lots, wanted)
        there = sum(points for _, points in taken)
        if there < wanted:
            raise InsufficientPoints(key, 0, Part.AVAILABLE.name.lower(), there, wanted)
        if len(taken) > MOST_LEGS:
            raise ConversionRefused("epochs")
        return taken
