"""The state that an item's events come to, by one table; what may not follow changes nothing and is named.

Pure. Events count by their own times. Whoever never told that an item was made is not held to it: then its
first event finds it commissioned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from ledger_service.traceability.claiming.rules import is_past
from ledger_service.traceability.epcis.contradictions import UNLAWFUL_STEP, Contradiction, Fact
from ledger_service.traceability.epcis.things import Deed, Role
from ledger_service.traceability.goods.rules import FOR_EVER, Change, State, may_follow, why_not_undone

MOVES: Mapping[Deed, State] = MappingProxyType({
    Deed.COMMISSION: State.COMMISSIONED, Deed.SHIP: State.IN_TRANSIT, Deed.STOCK: State.AVAILABLE,
    Deed.SELL: State.SOLD, Deed.LOCK: State.LOCKED, Deed.SAMPLE: State.SAMPLE, Deed.EXPIRE: State.EXPIRED,
    Deed.STEAL: State.STOLEN, Deed.RECALL: State.RECALLED, Deed.DESTROY: State.DESTROYED,
    Deed.END: State.VOID, Deed.EXPORT: State.EXPORTED, Deed.REPLACE: State.REPLACED,
})  # fmt: skip
# What a deed takes back; stock that was put aside and is for sale again was put back.
_UNDOES: Mapping[Deed, frozenset[State]] = MappingProxyType({
    Deed.UNSHIP: frozenset({State.IN_TRANSIT}), Deed.TAKE_BACK: frozenset({State.SOLD}),
    Deed.STOCK: frozenset({State.LOCKED, State.SAMPLE, State.EXPORTED}),
})  # fmt: skip
MOVING = frozenset({*MOVES, *_UNDOES})
# What came to an item otherwise than by events: nothing that is told of it takes that back.
_SETTLED = FOR_EVER | {State.ACTIVATED}
# What events may have made of an item that was claimed or came back.
OVER_A_CLAIM = frozenset({State.LOCKED, State.STOLEN, State.RECALLED, State.DESTROYED, State.VOID})
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Around:
    """What beside the events counts: where each happened (GLN, by number), the item's batch, and whether
    somebody has claimed it."""

    places: Mapping[int, int] = field(default_factory=dict)
    recalled_at: datetime | None = None
    expiry: str | None = None
    claimed: bool = False

    def barred(self, at: datetime) -> frozenset[State]:
        """What the batch was by then."""
        found = set()
        if self.recalled_at is not None and self.recalled_at <= at:
            found.add(State.RECALLED)
        if is_past(self.expiry, at.astimezone(UTC).date()):
            found.add(State.EXPIRED)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Course:
    """What events came to: the last change, None where none moved the item, and what could not follow."""

    last: Change | None
    wrong: tuple[Contradiction, ...] = ()


def follow(facts: Sequence[Fact], around: Around) -> Course:
    """Go along an item's standing facts in order, those of what it was inside of among them."""
    moves = [fact for fact in facts if _deed(fact) in MOVING]
    born = any(_deed(fact) == Deed.COMMISSION for fact in moves)
    state = State.PRINTED if born else State.COMMISSIONED
    changes: list[tuple[Change, int]] = []
    wrong = []
    for fact in moves:
        now = changes[-1][0] if changes else None
        wanted = _next(now.state if now else state, fact, now, around)
        if wanted is None:
            other = changes[-1][1] if changes else None
            wrong.append(Contradiction(UNLAWFUL_STEP, fact.event_seq, other))
        elif now is None or wanted != now.state:
            place = around.places.get(fact.event_seq)
            before = now.state if now else state
            changes.append((Change(before, wanted, place, fact.event_time), fact.event_seq))
    return Course(changes[-1][0] if changes else None, tuple(wrong))


def settled(apart: State, told: State | None) -> State:
    """What an item is that apart from events is ``apart``, and whose events come to ``told``, if to anything.

    An end that was told is ended with its event: where that is declared wrong, the item is what it was.
    """
    return apart if told is None or (apart in _SETTLED and not may_follow(apart, told)) else told


def along(facts: Sequence[Fact], parents: Mapping[bytes, Sequence[Fact]]) -> list[Fact]:
    """The standing facts of a thing with those that moved what it was inside of, by time.

    Args:
        facts: standing, of the thing, by time.
        parents: standing facts of everything that it or its parents were ever in, by key.
    """
    return _along(facts, parents, {}, 0)


def _along(
    facts: Sequence[Fact],
    parents: Mapping[bytes, Sequence[Fact]],
    known: dict[tuple[bytes, int], list[Fact]],
    depth: int,
) -> list[Fact]:
    """As ``along``, ``depth`` parents away; each parent is gone along once, however often it was packed."""
    found = list(facts)
    for place, packed in enumerate(facts):
        parent = packed.parent
        if packed.deed != Deed.PACK or parent is None or parent not in parents or depth == _DEEPEST:
            continue
        if (parent, depth) not in known:
            known[parent, depth] = _along(parents[parent], parents, known, depth + 1)
        whole = known[parent, depth]
        until = _taken_out(packed, facts[place + 1 :], whole)
        found += [fact for fact in whole if _deed(fact) in MOVING and _within(fact, packed.event_time, until)]
    unique = {fact.event_seq: fact for fact in reversed(found)}
    return sorted(unique.values(), key=lambda fact: (fact.event_time, fact.event_seq))


def _next(state: State, fact: Fact, last: Change | None, around: Around) -> State | None:
    """The state after a deed; None where it may not follow."""
    deed = _deed(fact)
    wanted = MOVES.get(deed)
    if state in _UNDOES.get(deed, ()):
        return _undone(fact, last, around)
    if wanted is None or (around.claimed and deed == Deed.REPLACE):
        # A new label has a PIN of its own: what was claimed would earn once more.
        return None
    return wanted if wanted == state or may_follow(state, wanted) else None


def _undone(fact: Fact, last: Change | None, around: Around) -> State | None:
    if last is None:
        return None
    if _deed(fact) == Deed.UNSHIP:
        return last.before
    place = around.places.get(fact.event_seq, 0)
    why = why_not_undone(last, place, fact.event_time, around.barred(fact.event_time))
    return last.before if why is None else None


def _deed(fact: Fact) -> Deed:
    """What comes out of a transformation is made there."""
    return Deed.COMMISSION if fact.role == Role.OUTPUT else fact.deed


def _taken_out(packed: Fact, later: Sequence[Fact], whole: Sequence[Fact]) -> datetime | None:
    times = [
        fact.event_time
        for fact in later
        if (fact.deed == Deed.UNPACK and fact.parent == packed.parent)
        or (fact.deed == Deed.PACK and fact.parent != packed.parent)
    ]
    emptied = (
        fact.event_time
        for fact in whole
        if fact.deed == Deed.UNPACK_ALL and fact.event_time >= packed.event_time
    )
    return min([*times[:1], *emptied], default=None)


def _within(fact: Fact, since: datetime, until: datetime | None) -> bool:
    return since <= fact.event_time and (until is None or fact.event_time <= until)


def contradictions_beside(
    known: Sequence[Contradiction], wrong: Sequence[Contradiction]
) -> Iterator[Contradiction]:
    """What could not follow, without the events that contradict something as it is."""
    named = {one.event_seq for one in known}
    yield from (one for one in wrong if one.event_seq not in named)
