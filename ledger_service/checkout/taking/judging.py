"""A merchant's rules of taking points over one basket: what may pay, counted against the sums of the day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC

from ledger_service.checkout.requests import Line, Spend
from ledger_service.checkout.rules import NOTHING, Limits, SpendPlan
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.taking.errors import PointsNotTaken
from ledger_service.checkout.taking.models import taking_sum
from ledger_service.checkout.taking.rules import Bound, Room, Ticket, Version, beyond, room_of, takes
from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.clock import instant_of_seconds

SUM: Load = load_by(taking_sum, "sum_key")


@dataclass(frozen=True, slots=True)
class Counter:
    """A till with its basket: the merchant, the store, what is sold, by which of the merchant's rules."""

    scene: Scene
    version: Version
    merchant_id: int
    store: int
    lines: tuple[Line, ...]

    @property
    def day(self) -> int:
        """The day of the store's calendar, counted from year 1."""
        return self.ticket().local.toordinal()

    def ticket(self) -> Ticket:
        """The basket as the rules judge it."""
        places = self.scene.places
        zone = (places.zone_of(self.store) if places is not None else None) or UTC
        local = instant_of_seconds(self.scene.accepted_at).astimezone(zone)
        payable = self.scene.payable_by_programmes(self.lines, self.merchant_id)
        return Ticket(self.store, local, self.lines, payable)

    def common_needs(self) -> list[Need]:
        """The sums that others count in too, to be locked."""
        subjects = {"store": self.store, "merchant": self.merchant_id}
        return [
            SUM.of(self.key_of(scope, subjects[scope]))
            for scope, _, _ in self.version.rules.sums()
            if scope in subjects
        ]

    def member_needs(self, member_id: int) -> list[Need]:
        """The member's own sum, which its locked row guards."""
        if self.version.rules.member_day_minor is None:
            return []
        return [SUM.of(self.key_of("member", member_id))]

    def key_of(self, scope: str, subject: int) -> str:
        """The key of a sum of the day."""
        return f"{self.merchant_id}:{self.day}:{scope}:{subject}"


@dataclass(frozen=True, slots=True)
class Taking:
    """What the merchant takes of one member for one basket."""

    counter: Counter
    member_id: int
    room: Room

    @property
    def without(self) -> frozenset[int]:
        """The programmes that are not taken."""
        rules, known = self.counter.version.rules, self.counter.scene.catalogue.programmes
        return frozenset(key for key, programme in known.items() if not takes(rules, programme.code))

    def limits(self, limits: Limits, spend: Spend | None) -> Limits:
        """The limits of a spend under the rules.

        Raises:
            PointsNotTaken: the till names a programme that is not taken.
        """
        if spend is None or spend.max_value_minor is not None:
            most = min(limits.total_minor, self.room.most_minor)
            return replace(limits, total_minor=most, without=self.without)
        for leg in spend.legs:
            if not takes(self.counter.version.rules, leg.programme):
                raise self._refusal(Bound.PROGRAMME, leg.programme)
        return replace(limits, total_minor=sum(self.counter.ticket().payable))

    def count(self, draft: Draft, plan: SpendPlan, spend: Spend | None) -> SpendPlan:
        """The plan, counted in the sums of the day; nothing of one that is too small to be taken.

        Raises:
            PointsNotTaken: exactly these points were asked for, and they do not fit.
        """
        passed = beyond(self.room, plan.value_minor)
        if passed is not None:
            if spend is not None and spend.legs:
                raise self._refusal(passed, None)
            return NOTHING
        self.note(draft, plan.value_minor)
        return plan

    def note(self, draft: Draft, value_minor: int) -> None:
        """The sums of the day have so much more, whatever the rules say."""
        counter = self.counter
        subjects = {"member": self.member_id, "store": counter.store, "merchant": counter.merchant_id}
        if not value_minor:
            return
        for scope, _, _ in counter.version.rules.sums():
            key = counter.key_of(scope, subjects[scope])
            row = draft.get(taking_sum, key)
            if row is None:
                mine = {"merchant_id": counter.merchant_id, "day": counter.day}
                who = {"scope": scope, "subject": subjects[scope], "taken_minor": value_minor}
                draft.add(taking_sum, {"sum_key": key, **mine, **who})
            else:
                draft.change(taking_sum, key, taken_minor=row["taken_minor"] + value_minor)

    def _refusal(self, bound: Bound, programme: str | None) -> PointsNotTaken:
        most = 0 if programme is not None else self.room.most_minor
        version = self.counter.version.version
        return PointsNotTaken(str(bound), programme, most, self.room.least_minor, version)


def counter_of(scene: Scene, merchant_id: int, basket: tuple[int, tuple[Line, ...]]) -> Counter | None:
    """The till with its store and lines; None where the merchant takes whatever comes."""
    version = scene.taking
    return None if version is None else Counter(scene, version, merchant_id, *basket)


def taking_of(draft: Draft, counter: Counter, member_id: int) -> Taking:
    """What is taken of the member; the draft has what the counter's needs asked for."""
    subjects = {"member": member_id, "store": counter.store, "merchant": counter.merchant_id}
    taken = {}
    for scope, _, _ in counter.version.rules.sums():
        row = draft.get(taking_sum, counter.key_of(scope, subjects[scope]))
        taken[scope] = 0 if row is None else row["taken_minor"]
    return Taking(counter, member_id, room_of(counter.version.rules, counter.ticket(), taken))
