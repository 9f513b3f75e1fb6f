"""Who may tell of a case or pallet: whoever has it, whoever it was shipped to, and what it was packed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ledger_service.traceability.epcis.contradictions import Fact
from ledger_service.traceability.epcis.things import Deed, Role
from ledger_service.traceability.moving.custody import Custody, Telling, custody

MAKER, SHOP, RIVAL = 1, 2, 3
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def told(
    *steps: tuple[int | None, Deed, int],
    to: tuple[int, ...] = (),
    inside: set[int] | None = None,
    prefix_of: int | None = None,
    brand: int | None = None,
    let_go: bool = False,
) -> Custody:
    """Events as captured: who, what, at which hour; what is packed goes into ``inside``'s container."""
    tellings = [
        Telling(Fact(seq, NOON + timedelta(hours=hour), Role.EPC, deed, b"p" if deed == Deed.PACK else None),
                who, frozenset(to) if deed == Deed.SHIP else frozenset())
        for seq, (who, deed, hour) in enumerate(steps)
    ]  # fmt: skip
    return custody(tellings, lambda _key: Custody(parties=inside or set(), let_go=let_go), prefix_of, brand)


def strangers(found: Custody) -> list[tuple[int, int | None]]:
    return [(one.event_seq, one.other_seq) for one in found.foreign]


def test_only_who_has_it_tells_of_it() -> None:
    found = told(
        (MAKER, Deed.COMMISSION, 0), (RIVAL, Deed.DESTROY, 1), (MAKER, Deed.LOCK, 2), (None, Deed.STEAL, 3)
    )
    assert (strangers(found), found.parties) == ([(1, 0)], {MAKER})
    assert [fact.event_seq for fact in found.counted] == [0, 2, 3]


def test_what_is_shipped_is_taken_by_whom_it_goes_to() -> None:
    to_anybody = told((MAKER, Deed.SHIP, 0), (RIVAL, Deed.STOCK, 1), (SHOP, Deed.STOCK, 2))
    assert strangers(to_anybody) == [(2, 1)]
    to_the_shop = told((MAKER, Deed.SHIP, 0), (RIVAL, Deed.STOCK, 1), (SHOP, Deed.STOCK, 2), to=(SHOP,))
    assert (strangers(to_the_shop), to_the_shop.parties) == ([(1, 0)], {MAKER, SHOP})
    # What was taken back, or has arrived, is not on its way any more.
    for held in ((MAKER, Deed.UNSHIP, 1), (MAKER, Deed.STOCK, 1)):
        assert strangers(told((MAKER, Deed.SHIP, 0), held, (SHOP, Deed.STOCK, 2))) == [(2, 1)]


def test_who_had_it_tells_late_what_was_before_and_nothing_of_afterwards() -> None:
    found = told(
        (MAKER, Deed.SHIP, 1), (SHOP, Deed.STOCK, 4), (MAKER, Deed.LOCK, 0), (MAKER, Deed.DESTROY, 5)
    )
    assert strangers(found) == [(3, 1)]
    assert [fact.event_seq for fact in found.counted] == [2, 0, 1]


def test_what_is_inside_goes_along() -> None:
    packed = (
        (MAKER, Deed.COMMISSION, 0),
        (MAKER, Deed.PACK, 1),
        (SHOP, Deed.UNPACK_ALL, 2),
        (RIVAL, Deed.LOCK, 3),
    )
    found = told(*packed, inside={MAKER, SHOP})
    assert (strangers(found), found.parties) == ([(3, 2)], {MAKER, SHOP})


def test_nobody_takes_the_numbers_of_another_before_they_are_used() -> None:
    taken = (RIVAL, Deed.COMMISSION, 0), (SHOP, Deed.STOCK, 4)
    used = (MAKER, Deed.COMMISSION, 1), (MAKER, Deed.LOCK, 2), (MAKER, Deed.SHIP, 3)
    found = told(*taken, *used, to=(SHOP,), prefix_of=MAKER)
    assert (strangers(found), found.parties) == ([(0, 4)], {MAKER, SHOP})
    # The shop told sooner of what had come to it, and that counts.
    assert [fact.event_seq for fact in found.counted] == [2, 3, 4, 1]
    # Of a maker that tells nothing they tell each other.
    assert strangers(told((SHOP, Deed.SHIP, 0), (RIVAL, Deed.STOCK, 1), prefix_of=MAKER)) == []


def test_what_the_operator_ships_to_somebody_is_taken_by_nobody_else() -> None:
    steps = (None, Deed.SHIP, 0), (RIVAL, Deed.STOCK, 1), (SHOP, Deed.STOCK, 2)
    assert strangers(told(*steps, to=(SHOP,))) == [(1, 0)]
    # Where nobody is named the first has it, as of what nobody ships.
    assert strangers(told(*steps)) == [(2, 1)]
    assert strangers(told(*steps[1:])) == [(1, 0)]


def test_a_brand_tells_of_its_items_wherever_they_are() -> None:
    steps = (MAKER, Deed.SHIP, 0), (SHOP, Deed.STOCK, 1), (MAKER, Deed.RECALL, 2), (SHOP, Deed.DESTROY, 3)
    assert strangers(told(*steps, prefix_of=MAKER, brand=MAKER)) == []
    assert strangers(told(*steps, prefix_of=MAKER)) == [(2, 1)]


def test_what_was_let_go_of_with_its_case_is_taken_out_by_whoever_got_it() -> None:
    steps = (MAKER, Deed.PACK, 0), (SHOP, Deed.SELL, 1), (RIVAL, Deed.DESTROY, 2)
    assert strangers(told(*steps, inside={MAKER}, let_go=True)) == [(2, 1)]
    assert strangers(told(*steps, inside={MAKER})) == [(1, 0), (2, 0)]
