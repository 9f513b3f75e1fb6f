"""What events say of one item that cannot all be true. Pure; the events stand as they were told.

Each contradiction names the event that does not fit and one that it does not fit to. Events that were
declared wrong do not count. Verdicts and cases read the codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.traceability.epcis.things import Deed, Role

IN_FUTURE = "event-in-future"
BEFORE_COMMISSIONING = "before-commissioning"
COMMISSIONED_TWICE = "commissioned-twice"
SOLD_TWICE = "sold-twice"
TWO_PARENTS = "two-parents"
AFTER_END = "after-end"
UNLAWFUL_STEP = "unlawful-step"
ID_NOT_ITS_HASH = "id-not-its-hash"
CODES = (
    IN_FUTURE, BEFORE_COMMISSIONING, COMMISSIONED_TWICE, SOLD_TWICE, TWO_PARENTS, AFTER_END, UNLAWFUL_STEP,
    ID_NOT_ITS_HASH,
)  # fmt: skip
_ENDS = frozenset({Deed.END, Deed.DESTROY, Deed.REPLACE})
# Clocks of scanners run ahead by so much at most.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Fact:
    """What one event did to an item; ``voids`` is the event that it declares wrong."""

    event_seq: int
    event_time: datetime
    role: int
    deed: Deed = Deed.NONE
    parent: bytes | None = None
    voids: int | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An event that others contradict; ``other_seq`` is one of those."""

    code: str
    event_seq: int
    other_seq: int | None = None


def standing(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that nobody declared wrong, nor are such a declaration, by time and then as captured."""
    voided = {fact.voids for fact in facts}
    valid = [fact for fact in facts if fact.event_seq not in voided and fact.voids is None]
    return sorted(valid, key=lambda fact: (fact.event_time, fact.event_seq))


def judge(facts: Sequence[Fact], emptied: Mapping[bytes, Sequence[datetime]]) -> list[Contradiction]:
    """Everything about an item that contradicts itself.

    Args:
        facts: all of the item, in any order.
        emptied: when parents were unpacked as a whole, by their keys.
    """
    valid = standing(facts)
    return [*_births(valid), *_sales(valid), *_parents(valid, emptied), *_ends(valid)]


def _births(facts: Sequence[Fact]) -> Iterator[Contradiction]:
    births = [f for f in facts if f.deed == Deed.COMMISSION or f.role == Role.OUTPUT]
    if not births:
        return
    first = births[0]
    for fact in facts:
        if fact.event_time < first.event_time:
            yield Contradiction(BEFORE_COMMISSIONING, fact.event_seq, first.event_seq)
    commissions = [f for f in births if f.deed == Deed.COMMISSION]
    for fact in commissions[1:]:
        yield Contradiction(COMMISSIONED_TWICE, fact.event_seq, commissions[0].event_seq)


def _sales(facts: Sequence[Fact]) -> Iterator[Contradiction]:
    sold: Fact | None = None
    for fact in facts:
        if fact.deed == Deed.TAKE_BACK:
            sold = None
        elif fact.deed == Deed.SELL:
            if sold is not None:
                yield Contradiction(SOLD_TWICE, fact.event_seq, sold.event_seq)
            sold = sold or fact


def _parents(facts: Sequence[Fact], emptied: Mapping[bytes, Sequence[datetime]]) -> Iterator[Contradiction]:
    inside: Fact | None = None
    for fact in facts:
        if fact.deed == Deed.UNPACK and inside is not None and fact.parent == inside.parent:
            inside = None
        elif fact.deed == Deed.PACK:
            if inside is not None and _still_there(inside, fact, emptied):
                yield Contradiction(TWO_PARENTS, fact.event_seq, inside.event_seq)
            inside = fact


def _still_there(inside: Fact, fact: Fact, emptied: Mapping[bytes, Sequence[datetime]]) -> bool:
    """Whether nothing took the item out of another parent before it went into this one."""
    times = emptied.get(inside.parent or b"", ())
    taken_out = any(inside.event_time <= at <= fact.event_time for at in times)
    return inside.parent != fact.parent and not taken_out


def _ends(facts: Sequence[Fact]) -> Iterator[Contradiction]:
    end = next((fact for fact in facts if fact.deed in _ENDS), None)
    for fact in facts:
        if end is not None and fact.event_time > end.event_time:
            yield Contradiction(AFTER_END, fact.event_seq, end.event_seq)
