from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.rules import Change, State, may_follow, why_not_undone

KEY = codes.batch_key(b"m" * 32, b"s" * 16)
GTIN = "09506000134352"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
HERE, THERE = 9506000000013, 9506000000020


def test_serials_are_twelve_characters_all_different_and_the_same_when_made_again() -> None:
    made = [codes.serial_of(KEY, i) for i in range(5_000)]
    assert len(set(made)) == 5_000
    assert all(len(s) == 12 and set(s) <= set(codes.ALPHABET) for s in made)
    assert made[4_000:] == [codes.serial_of(KEY, i) for i in range(4_000, 5_000)]
    assert codes.serial_of(KEY, 7, 1) != made[7]
    assert codes.serial_of(codes.batch_key(b"m" * 32, b"t" * 16), 7) != made[7]
    assert {s[0] for s in made} == set(codes.ALPHABET) == {s[11] for s in made}


def test_a_pin_is_right_for_its_own_item_alone() -> None:
    serial, pin = codes.serial_of(KEY, 1), codes.pin_of(KEY, 1)
    stored = codes.pin_hash(b"m" * 32, GTIN, serial, pin)
    assert codes.is_right_pin(b"m" * 32, (GTIN, serial), stored, pin)
    wrong = f"{(int(pin) + 1) % 10**8:08d}"
    assert not codes.is_right_pin(b"m" * 32, (GTIN, serial), stored, wrong)
    assert not codes.is_right_pin(b"m" * 32, (GTIN, codes.serial_of(KEY, 2)), stored, pin)
    assert not codes.is_right_pin(b"n" * 32, (GTIN, serial), stored, pin)
    assert not codes.is_right_pin(b"m" * 32, (GTIN, serial), None, pin)


def test_a_typed_serial_is_forgiven_lookalikes_and_small_letters_only() -> None:
    assert codes.parse_serial("oiL456789abc", "serial") == "011456789ABC"
    for odd in ("", "A" * 11, "A" * 13, "U23456789ABC", "А23456789ABC", "1' OR 1=1 --", "../../../etc", 12):
        with pytest.raises(MalformedField):
            codes.parse_serial(odd, "serial")


@pytest.mark.parametrize("odd", ["", "1234567", "123456789", "1234567a", "١٢٣٤٥٦٧٨", 12345678])
def test_a_pin_of_another_form_is_malformed(odd: object) -> None:
    with pytest.raises(MalformedField):
        codes.parse_item_pin(odd, "pin")


@pytest.mark.parametrize("last", [State.DESTROYED, State.STOLEN, State.RECALLED, State.VOID])
def test_what_lasts_for_ever_leads_nowhere_and_is_never_undone(last: State) -> None:
    assert not any(may_follow(last, wanted) for wanted in State)
    change = Change(State.AVAILABLE, last, HERE, NOW)
    assert why_not_undone(change, HERE, NOW, frozenset()) == "irreversible"


def test_an_item_goes_its_way_and_no_other() -> None:
    way = [State.GENERATED, State.PRINTED, State.COMMISSIONED, State.IN_TRANSIT, State.AVAILABLE, State.SOLD,
           State.ACTIVATED]  # fmt: skip
    assert all(may_follow(a, b) for a, b in pairwise(way))
    assert not may_follow(State.GENERATED, State.SOLD)
    assert not may_follow(State.ACTIVATED, State.SOLD)
    assert may_follow(State.LOCKED, State.STOLEN) and not may_follow(State.LOCKED, State.SOLD)


def test_a_change_is_undone_at_its_premises_within_ten_days_unless_barred() -> None:
    sold = Change(State.AVAILABLE, State.SOLD, HERE, NOW)
    last = NOW + timedelta(days=10)
    assert why_not_undone(sold, HERE, last, frozenset()) is None
    assert why_not_undone(sold, HERE, last + timedelta(microseconds=1), frozenset()) == "too-late"
    assert why_not_undone(sold, HERE, NOW - timedelta(seconds=1), frozenset()) == "too-late"
    assert why_not_undone(sold, THERE, last, frozenset()) == "other-premises"
    for state in (State.EXPIRED, State.RECALLED, State.STOLEN):
        assert why_not_undone(sold, HERE, NOW, frozenset({state})) == "barred"
