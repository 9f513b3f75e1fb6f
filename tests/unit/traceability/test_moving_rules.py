"""What events make of an item: lawful steps, what is put back, and what may not follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ledger_service.traceability.epcis.contradictions import Contradiction, Fact
from ledger_service.traceability.epcis.things import Deed, Role, deed_of
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.moving.rules import (
    Around,
    along,
    contradictions_beside,
    follow,
    settled,
)

CASE, PALLET = b"c" * 16, b"p" * 16
HERE, THERE = 9506000000013, 9506000000020
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def fact(hour: int, deed: Deed, parent: bytes | None = None) -> Fact:
    return Fact(hour, BEGIN + timedelta(hours=hour), Role.EPC, deed, parent)


def way(*deeds: Deed) -> list[Fact]:
    return [fact(hour, deed) for hour, deed in enumerate(deeds)]


C, SHIP, STOCK, SELL, BACK = Deed.COMMISSION, Deed.SHIP, Deed.STOCK, Deed.SELL, Deed.TAKE_BACK
COURSES: list[tuple[tuple[Deed, ...], str | None, list[int]]] = [
    ((), None, []),
    ((Deed.NONE,), None, []),
    ((C,), "commissioned", []),
    ((C, SHIP, SHIP, STOCK, SHIP, STOCK, STOCK, SELL), "sold", []),
    ((C, SHIP, Deed.UNSHIP), "commissioned", []),
    ((C, Deed.UNSHIP), "commissioned", [1]),
    # Nobody told that it was made: the first event finds it so.
    ((SELL,), "sold", []),
    ((SHIP, C, STOCK), "available", [0]),
    ((C, SELL, SHIP), "sold", [2]),
    ((C, SELL, BACK, SELL), "sold", []),
    ((C, STOCK, Deed.LOCK, SELL), "locked", [3]),
    ((C, STOCK, Deed.LOCK, STOCK, SELL), "sold", []),
    ((C, STOCK, Deed.SAMPLE), "sample", []),
    ((C, Deed.EXPIRE, Deed.DESTROY), "destroyed", []),
    ((C, Deed.STEAL, STOCK, SELL), "stolen", [2, 3]),
    ((C, SELL, Deed.RECALL), "recalled", []),
    ((C, Deed.END, Deed.DESTROY), "void", [2]),
    ((C, STOCK, Deed.REPLACE, SELL, Deed.DESTROY), "replaced", [3, 4]),
    ((C, Deed.EXPORT, SELL), "exported", [2]),
]  # fmt: skip


@pytest.mark.parametrize(("deeds", "state", "wrong"), COURSES)
def test_events_come_to_a_state_and_what_may_not_follow_changes_nothing(
    deeds: tuple[Deed, ...], state: str | None, wrong: list[int]
) -> None:
    course = follow(way(*deeds), Around(dict.fromkeys(range(9), HERE)))
    assert (course.last and course.last.state) == state
    assert [one.event_seq for one in course.wrong] == wrong


def test_a_sale_is_undone_at_its_own_premises_in_time_and_unless_recalled() -> None:
    sold = way(C, STOCK, SELL, BACK)
    for places, recalled, state in (
        ({2: HERE, 3: HERE}, None, "available"),
        ({2: HERE, 3: THERE}, None, "sold"),
        ({}, None, "sold"),
        ({2: HERE, 3: HERE}, BEGIN, "sold"),
    ):
        last = follow(sold, Around(places, recalled)).last
        assert last is not None and last.state == state
    late = [*sold[:3], replace(sold[3], event_time=BEGIN + timedelta(days=11))]
    assert [one.code for one in follow(late, Around({2: HERE, 3: HERE})).wrong] == ["unlawful-step"]


def test_what_is_inside_goes_where_its_case_and_pallet_go_and_no_further() -> None:
    item = [fact(0, C), fact(1, Deed.PACK, CASE), fact(7, Deed.UNPACK, CASE), fact(9, SELL)]
    parents = {
        CASE: [fact(2, Deed.PACK, PALLET), fact(5, STOCK), fact(6, Deed.UNPACK_ALL), fact(8, SHIP)],
        PALLET: [fact(3, SHIP), fact(4, Deed.UNPACK_ALL), fact(10, Deed.DESTROY)],
    }
    way = along(item, parents)
    assert [one.event_seq for one in way if one.deed in (SHIP, STOCK, Deed.DESTROY)] == [3, 5]
    course = follow(way, Around())
    assert course.last is not None and (course.last.state, course.wrong) == ("sold", ())


def test_what_was_packed_over_and_over_is_gone_along_once() -> None:
    class Counted(dict[bytes, list[Fact]]):
        asked = 0

        def __getitem__(self, key: bytes) -> list[Fact]:
            self.asked += 1
            return super().__getitem__(key)

    keys = [bytes([level]) * 16 for level in range(5)]
    packed = {key: [fact(n, Deed.PACK, over) for n in range(8)] for key, over in pairwise(keys)}
    parents = Counted({**packed, keys[-1]: [fact(9, SHIP)]})
    assert [one.event_seq for one in along(packed[keys[0]], parents)][-1] == 9
    assert parents.asked == 4


def test_neither_a_claim_nor_an_end_is_taken_back_by_events() -> None:
    assert settled(State.GENERATED, State.SOLD) == "sold"
    assert settled(State.ACTIVATED, State.SOLD) == "activated"
    assert settled(State.ACTIVATED, State.STOLEN) == "stolen"
    assert settled(State.ACTIVATED, None) == "activated"
    assert settled(State.VOID, State.AVAILABLE) == settled(State.VOID, State.DESTROYED) == "void"


def test_an_event_that_contradicts_something_is_not_named_twice() -> None:
    known, wrong = [Contradiction("sold-twice", 4)], [Contradiction("unlawful-step", n) for n in (4, 5)]
    assert [one.event_seq for one in contradictions_beside(known, wrong)] == [5]


@pytest.mark.parametrize(
    ("told", "deed"),
    [
        (("ADD", "commissioning", None), Deed.COMMISSION), (("OBSERVE", "commissioning", None), Deed.NONE),
        (("OBSERVE", "shipping", "in_transit"), SHIP), (("OBSERVE", "void_shipping", None), Deed.UNSHIP),
        (("OBSERVE", "receiving", "in_progress"), STOCK), (("OBSERVE", "receiving", "damaged"), Deed.LOCK),
        (("OBSERVE", "receiving", "returned"), BACK), (("OBSERVE", "retail_selling", "retail_sold"), SELL),
        (("DELETE", "destroying", None), Deed.DESTROY), (("DELETE", "decommissioning", None), Deed.END),
        (("OBSERVE", None, "stolen"), Deed.STEAL), (("OBSERVE", "inspecting", "recalled"), Deed.RECALL),
        (("OBSERVE", "shipping", "https://brand.example/disp/exported"), Deed.EXPORT),
        (("OBSERVE", "shipping", "https://brand.example/disp/unexported"), SHIP),
        (("OBSERVE", "inspecting", None), Deed.NONE), (("OBSERVE", None, None), Deed.NONE),
    ],
)  # fmt: skip
def test_action_step_and_disposition_say_what_is_done(
    told: tuple[str, str | None, str | None], deed: Deed
) -> None:
    assert deed_of(*told) == deed
