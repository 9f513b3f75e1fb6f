"""The door keeper: scenes and presences, worked out on the request's own thread before the writer's."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.day_errors import BusinessDateOutOfRange
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.directory import Places
from ledger_service.checkout.errors import AcceptanceForged, ClockSkew, RequestInFlight
from ledger_service.checkout.keyed import stored_answer
from ledger_service.checkout.models import idempotency
from ledger_service.checkout.permitted import alone_with
from ledger_service.checkout.pin_watch import AtTill, PinWatch, Submit
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.recognition import Recognition
from ledger_service.checkout.requests import Acceptance, Caller, Presented, SaleRequest, Write
from ledger_service.checkout.return_rules import ReturnPolicy
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.shifts import Shift
from ledger_service.checkout.sources import Sources, Watch
from ledger_service.checkout.taking.rules import in_force
from ledger_service.checkout.without_phone import Wish, asked_micros
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.kernel.otp import looks_like_digits
from ledger_service.kernel.paycode import decode_pay_code
from ledger_service.kernel.paycode_errors import PayCodeMalformed
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, SpendPermit, acceptance_struct_hash
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.issuance import Worker
from ledger_service.risk.guard import Guard
from ledger_service.tiers.ladders import NO_LADDERS


@dataclass(frozen=True, slots=True)
class Admitted:
    """A write at the door: its scene and who is there, or the answer it was given before."""

    scene: Scene
    presence: Presence | None
    known: Answer | None = None


class Admission:
    """Works out scenes and presences; safe for any number of threads."""

    def __init__(self, desk: Desk, sources: Sources, submit: Submit | None = None) -> None:
        """Open nothing; ``submit`` counts wrong PINs where there are rules."""
        self._desk = desk
        self._sources = sources
        pins = None
        if sources.watch is not None and submit is not None:
            pins = PinWatch(sources.watch, submit, desk.worker)
        self._recognition = Recognition(desk, sources, pins)
        self._resolving: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @property
    def worker(self) -> str:
        """Whose blocks and receipts this process writes."""
        return self._desk.worker

    @property
    def catalogue(self) -> Catalogue:
        """The programmes, as this process knows them now."""
        return self._sources.catalogue.current()

    def codes(self, programme_ids: Iterable[int]) -> dict[int, str]:
        """The codes of programmes of which points exist, however new."""
        wanted = set(programme_ids)
        return self._sources.catalogue.newest(lambda c: {p: c.programme(p).code for p in wanted})

    def renewed(self, scene: Scene) -> Scene:
        """The scene with the programmes as they stand in the database now."""
        return replace(scene, catalogue=self._sources.catalogue.refresh())

    def scene_at(self, caller: Caller, at: datetime) -> Scene:
        """The scene of a write that names no store."""
        ladders = self._sources.ladders.current() if self._sources.ladders is not None else NO_LADDERS
        places = self._sources.directory.current()
        coupons, worker = self._sources.coupons, Worker(self._desk.worker)
        book: Container[int] = frozenset() if coupons is None else coupons.current().rewarding
        given = worker, seconds_floor(at), None, ladders, places
        scene = Scene(self._desk, self._sources.catalogue.current(), *given, collecting=book)
        if caller.merchant_id in places.taking:
            scene = _taking(scene, caller)
        watch = self._sources.watch
        return scene if watch is None else self._guarded(scene, caller, watch)

    def _guarded(self, scene: Scene, caller: Caller, watch: Watch) -> Scene:
        book = watch.rules.current()
        sets = book.in_force(caller.merchant_id, scene.accepted_at)
        return scene if not sets else replace(scene, guard=Guard(sets, book, self._desk.worker, watch.ids))

    def scene_in(self, caller: Caller, shift: Shift, at: datetime) -> Scene:
        """As ``scene_at``, on the business day of the terminal's own store."""
        scene = self.scene_at(caller, at)
        store, second, said = caller.store_gln, scene.accepted_at, shift.business_day
        try:
            day = self._sources.directory.current().day_at(store, second, said)
        except DomainError as refusal:
            return replace(scene, refusal=refusal)
        return replace(scene, business_day=day)

    def scene_offline(self, caller: Caller, request: SaleRequest, accepted_at: datetime) -> Scene:
        """The scene of a sale that a till made alone; its clock is judged by the sale's own command."""
        # What was sold is sold: no rule can ask anybody any more (docs/fraud.md).
        scene = replace(self.scene_at(caller, accepted_at), guard=None)
        try:
            places = self._check(caller, request)
        except DomainError as refusal:
            return replace(scene, refusal=refusal)
        second, said = scene.accepted_at, request.shift.business_day
        try:
            return replace(scene, business_day=places.day_at(request.store, second, said))
        except BusinessDateOutOfRange:
            # The goods have left: a wrong date is no reason to forget the sale.
            return replace(scene, business_day=places.day_at(request.store, second, None))

    def policies(self) -> Mapping[int, ReturnPolicy]:
        """How the merchants take goods back."""
        return self._sources.directory.current().policies

    def attach_days(self) -> Mapping[int, int]:
        """For how many days the receipts of a merchant may join a member, where it has said so."""
        return self._sources.directory.current().attach_days

    def nobody(self) -> Presence:
        """The presence of a pay code that is missing."""
        return Presence(refusal=MalformedField("member", "must have a pay code"))

    @contextmanager
    def admitted(self, write: Write, request: SaleRequest) -> Iterator[Admitted]:
        """The scene and presence of a sale, for the block.

        A member without a device costs look-ups, an 18-digit code, a PIN or a one-time code a custodial
        signature too. So while one is being resolved the same write again is told to wait, and a write that
        was answered before is answered here.

        Raises:
            RequestInFlight: the same key is being resolved by another thread.
            IdempotencyKeyReused: the key has served another body.
        """
        member = request.member
        if member is None or not (member.digits or member.card or member.phone or member.code):
            presence = Presence.of(member, self._desk) if member is not None else None
            yield self._judged(write, request, presence)
            return
        with self._alone(write):
            scene = self.scene_at(write.caller, write.at)
            known = self._known(write)
            if known is not None:
                yield Admitted(scene, None, known)
                return
            till = write.caller.merchant_id, scene.accepted_at
            asked = asked_micros(request, scene.catalogue, till, self._desk.exponent)
            exact = request.spend is not None and bool(request.spend.legs)
            presence = self._recognition.resolved(
                AtTill(write.caller, write.at, request.shift.cashier), member, Wish(asked, exact)
            )
            yield self._judged(write, request, presence)

    @contextmanager
    def shown_to_earn(self, write: Write, member: Presented) -> Iterator[Admitted]:
        """As ``admitted``, for a write about a member who pays nothing."""
        with self._alone(write):
            scene, known = self.scene_at(write.caller, write.at), self._known(write)
            yield Admitted(scene, None if known else self.recognised(member), known)

    def recognised(self, member: Presented) -> Presence:
        """The presence of a member who shows a number, a card or a phone number, to earn."""
        return self._recognition.recognised(member)

    def quote(self, caller: Caller, request: SaleRequest, at: datetime) -> tuple[Scene, Presence | None]:
        """The scene and presence of a quote; 18 digits are resolved but cost no signature."""
        scene = self.scene_at(caller, at)
        presence: Presence | None = None
        refusal: DomainError | None = None
        try:
            if request.member is not None:
                presence = self._recognition.in_quote(
                    AtTill(caller, at, request.shift.cashier), request.member
                )
            self._check(caller, request)
            _check_alone(caller, request)
            scene = replace(scene, accepted_at=self._accepted_at(caller, request, presence, at))
            if scene.taking is not None:
                scene = _taking(scene, caller)
        except DomainError as error:
            refusal = error
        return replace(scene, refusal=refusal), presence

    def rehearsed(self, write: Write, request: SaleRequest) -> Admitted:
        """The scene and presence of a sale in training; digits and PINs are resolved and not signed for."""
        shown, presence = request.member, None
        if shown is not None:
            try:
                presence = self._recognition.in_quote(
                    AtTill(write.caller, write.at, request.shift.cashier), shown
                )
            except DomainError as refusal:
                presence = Presence(refusal=refusal)
        return self._judged(write, request, presence)

    def shown(self, pay_code: str, at: datetime) -> tuple[Presence, SpendPermit]:
        """Who a pay code text speaks for, and the permit that it names; whether it serves is not checked.

        Raises:
            PayCodeMalformed, PayCodeVersionUnknown: not a pay code.
            PayCodeWrong, PayCodeLocked: 18 digits that are not current.
        """
        if looks_like_digits(pay_code):
            code = self._recognition.shown(pay_code, at)
        else:
            code = Presence.of_pay_code(decode_pay_code(pay_code), self._desk)
        if code.pay_code is None:
            raise PayCodeMalformed("code")
        return code, code.pay_code.permit

    def answered_before(self, write: Write, pay_code: str) -> Answer | None:
        """The stored answer of a write about 18 digits, which by now may not be current any more (D6)."""
        return self._known(write) if looks_like_digits(pay_code) else None

    def _judged(self, write: Write, request: SaleRequest, presence: Presence | None) -> Admitted:
        scene = self.scene_at(write.caller, write.at)
        try:
            places = self._check(write.caller, request)
            _check_alone(write.caller, request)
            accepted_at = self._accepted_at(write.caller, request, presence, write.at)
            day = places.day_at(request.store, accepted_at, request.shift.business_day)
            scene = replace(scene, accepted_at=accepted_at, business_day=day)
            return Admitted(scene if scene.taking is None else _taking(scene, write.caller), presence)
        except DomainError as refusal:
            return Admitted(replace(scene, refusal=refusal), presence)

    def _check(self, caller: Caller, request: SaleRequest) -> Places:
        places = self._sources.directory.knowing(request.store)
        places.check(caller, request.store)
        self._desk.check_currency(request.currency)
        return places

    def _accepted_at(
        self, caller: Caller, request: SaleRequest, presence: Presence | None, at: datetime
    ) -> int:
        """When the till took the code: as it says, within the tolerated skew, else now (D3)."""
        now = seconds_floor(at)
        if request.acceptance is None:
            return now
        said = seconds_floor(request.acceptance.accepted_at)
        if abs(said - now) > CLOCK_SKEW_SECONDS:
            raise ClockSkew(said, now)
        # A till signs for a code: of a bare number, or a code that cannot be read, there is nothing to check.
        if caller.till_key is not None and presence is not None and presence.digest:
            self._check_acceptance(caller, request.acceptance, presence.digest, said)
        return said

    def _check_acceptance(self, caller: Caller, given: Acceptance, digest: bytes, said: int) -> None:
        signed = self._desk.domain.digest(acceptance_struct_hash(digest, said))
        if given.signature is None or recover_address(signed, given.signature) != caller.till_key:
            raise AcceptanceForged(caller.terminal_id)

    def _known(self, write: Write) -> Answer | None:
        mine = (idempotency.c.subject == write.caller.subject) & (idempotency.c.key == write.key)
        with self._sources.database.read() as conn:
            row = conn.execute(select(idempotency).where(mine)).mappings().one_or_none()
        return stored_answer(dict(row), write) if row is not None else None

    @contextmanager
    def _alone(self, write: Write) -> Iterator[None]:
        mine = (write.caller.subject, write.key)
        with self._lock:
            if mine in self._resolving:
                raise RequestInFlight(1)
            self._resolving.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._resolving.discard(mine)


def _check_alone(caller: Caller, request: SaleRequest) -> None:
    refusal = alone_with(request.shift, request.lines) if caller.self_checkout else None
    if refusal is not None:
        raise refusal


def _taking(scene: Scene, caller: Caller) -> Scene:
    """The scene with the rules by which the merchant takes points at the acceptance time."""
    versions = () if scene.places is None else scene.places.taking.get(caller.merchant_id, ())
    return replace(scene, taking=in_force(versions, scene.accepted_at))
