"""Who may tell what becomes of a case, a pallet or an item of a brand: who has it, and whoever it is handed
to.

Pure. An SSCC counts up and an item's code stands on it for everybody to read, so that to know one is not to
hold it. A thing is first whoever's tells of it first; but as soon as its maker tells of it (the merchant
under whose GS1 company prefix a container is numbered, the brand of an item), it was that one's from the
beginning, so that nobody takes numbers before they are used. Shipping lets go of it: then whoever is named as
its destination may take it, or anybody where no merchant of the alliance is named. What it is packed in takes
it along. Who had it may still tell late what was before the handing over. The operator may tell of
everything, and a brand of its items wherever they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ledger_service.traceability.epcis.contradictions import Contradiction, Fact
from ledger_service.traceability.epcis.things import Deed

NOT_IN_CUSTODY = "not-in-custody"
_TAKES_BACK = frozenset({Deed.STOCK, Deed.UNSHIP})


@dataclass(frozen=True, slots=True)
class Telling:
    """What one event did to a thing; ``teller`` None is the operator, ``to`` whom a shipping names."""

    fact: Fact
    teller: int | None
    to: frozenset[int] = frozenset()


@dataclass(slots=True)
class Custody:
    """What of a thing counts, what does not, and who has to do with it.

    ``let_go`` tells that it was last shipped to nobody of the alliance: whoever finds it may take it.
    """

    counted: list[Fact] = field(default_factory=list)
    foreign: list[Contradiction] = field(default_factory=list)
    parties: set[int] = field(default_factory=set)
    let_go: bool = False


@dataclass(slots=True)
class _Hands:
    """Whose a thing is as events go along; ``free_for`` None while it is not let go of, empty for all."""

    brand: int | None = None
    holder: int | None = None
    last: Fact | None = None
    free_for: frozenset[int] | None = None
    around: set[int] = field(default_factory=set)
    until: dict[int, datetime] = field(default_factory=dict)

    def admits(self, told: Telling) -> bool:
        """Whether the event's teller has the thing, had it then, or may take it now."""
        teller, then = told.teller, self.until.get(told.teller or 0)
        if teller in (None, self.holder, self.brand) or teller in self.around:
            return True
        if self.free_for is not None and (not self.free_for or teller in self.free_for):
            return True
        # Of what nobody has yet, the operator may have told where it goes.
        return (self.holder is None and self.free_for is None) or (
            then is not None and told.fact.event_time <= then
        )

    def follow(self, told: Telling) -> None:
        """The event counts: the thing may have come into other hands."""
        teller, fact = told.teller, told.fact
        late = teller in self.until and fact.event_time <= self.until[teller or 0]
        if late and teller != self.holder:
            return
        if teller is not None and teller == self.brand and self.holder not in (None, teller):
            # A brand's word of what is in other hands leaves it there.
            self.last = fact
            return
        if teller is not None and teller != self.holder:
            if self.holder is not None:
                self.until[self.holder] = fact.event_time
            self.holder, self.free_for = teller, None
        self.last = fact
        if fact.deed == Deed.SHIP:
            self.free_for = told.to
        elif fact.deed in _TAKES_BACK:
            self.free_for = None


def custody(
    tellings: Iterable[Telling],
    around: Callable[[bytes], Custody],
    numbered_by: int | None = None,
    brand: int | None = None,
) -> Custody:
    """What counts of the standing events of a thing.

    Args:
        tellings: of the thing, in any order; they are gone along as they were captured.
        around: what counts of a container that this one was packed in, by its key.
        numbered_by: the merchant whose number it has; None where that is nobody's.
        brand: who may tell of it wherever it is; None for nobody.
    """
    ordered = sorted(tellings, key=lambda one: one.fact.event_seq)
    found, hands = Custody(), _Hands(brand)
    if numbered_by is not None and any(one.teller == numbered_by for one in ordered):
        ordered, hands.holder = _from_its_maker(ordered, numbered_by), numbered_by
    for told in ordered:
        fact = told.fact
        if not hands.admits(told):
            other = None if hands.last is None else hands.last.event_seq
            found.foreign.append(Contradiction(NOT_IN_CUSTODY, fact.event_seq, other))
            continue
        hands.follow(told)
        if fact.deed == Deed.PACK and fact.parent is not None:
            outer = around(fact.parent)
            hands.around |= outer.parties
            hands.free_for = frozenset() if outer.let_go else hands.free_for
        found.counted.append(fact)
        found.parties |= told.to | ({told.teller} if told.teller is not None else set())
    found.parties |= hands.around | ({brand} if brand is not None else set())
    found.let_go = hands.free_for == frozenset()
    found.counted.sort(key=lambda fact: (fact.event_time, fact.event_seq))
    return found


def _from_its_maker(ordered: list[Telling], maker: int) -> list[Telling]:
    """What the maker tells up to its first shipping goes before all else, however late it is captured: who
    receives a container may tell of it sooner."""
    shipped = (one.fact.event_seq for one in ordered if one.teller == maker and one.fact.deed == Deed.SHIP)
    until = next(shipped, ordered[-1].fact.event_seq)
    return sorted(ordered, key=lambda one: one.teller != maker or one.fact.event_seq > until)
