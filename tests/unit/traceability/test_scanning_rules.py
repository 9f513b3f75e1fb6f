"""What a scanned text says, how far places are apart, what claims and cases count: pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ledger_service.traceability.cases.rules import kinds_of
from ledger_service.traceability.claiming.rules import (
    CAPS,
    Recovered,
    Terms,
    Whence,
    is_past,
    reached,
    recover,
    scopes_of,
    why_not,
)
from ledger_service.traceability.epcis.things import Deed
from ledger_service.traceability.goods.codes import tag_of
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.scanning.distance import Place, metres_at_least
from ledger_service.traceability.scanning.knowledge import most_sales
from ledger_service.traceability.scanning.marks import mark_of
from ledger_service.traceability.scanning.reading import Told, is_right_tag, read_code
from ledger_service.traceability.scanning.rules import Judgement, Known, Seen, Verdict, judge

GTIN, SERIAL = "09506000134352", "0123456789AB"
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_code_in_capitals_says_the_same_as_one_of_gs1s_own_address() -> None:
    for text in (f"HTTPS://EXAMPLE.COM/01/{GTIN}/21/{SERIAL}", f"https://id.gs1.org/01/{GTIN}/21/{SERIAL}"):
        assert read_code(text) == Told(GTIN, SERIAL)


def test_an_o_that_was_typed_for_a_zero_is_one() -> None:
    assert read_code(f"https://a.example/01/{GTIN}/21/OI234567B9ab") == Told(GTIN, "01234567B9AB")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        f"https://a.example/01/{GTIN[1:]}/21/A",
        "https://a.example/01/x' OR 1",
        f"https://a.example/01/{GTIN}/21/%00",
        f"https://a.example/01/{GTIN}/../21/A",
        f"https://a.example/01/{GTIN}/21/А",
        "https://a.example/00/106141412345678908",
    ],
)
def test_what_is_no_code_of_an_item_is_told_why(text: str) -> None:
    assert isinstance(read_code(text), str)


def test_a_tag_counts_only_where_there_is_one() -> None:
    right = tag_of(b"m", GTIN, SERIAL)
    for tag, wanted in ((None, True), (right, True), ("00000000", False), (right[:7], False)):
        assert is_right_tag(b"m", Told(GTIN, SERIAL, tag=tag)) is wanted


def test_a_day_between_two_cities_is_a_journey_and_an_hour_is_none() -> None:
    paris, hong_kong = Place("FR", 489, 24), Place("HK", 223, 1142)
    metres = metres_at_least(paris, hong_kong)
    assert 9_500_000 < metres < 9_700_000
    known = Known(State.SOLD, "L1")
    assert judge(known, (None, None), Seen(1, 2, metres, 86_400)).verdict is Verdict.GENUINE_AGAIN
    assert judge(known, (None, None), Seen(1, 2, metres, 3_600)).reasons == ("impossible-travel",)


def test_neighbouring_cells_and_unknown_places_are_no_journey() -> None:
    assert metres_at_least(Place("HK", 223, 1142), Place("HK", 224, 1143)) == 0
    assert metres_at_least(Place("HK"), Place("FR", 489, 24)) == 0


def test_a_mark_links_no_two_items_and_no_two_periods() -> None:
    marks = {mark_of(salt, item, "phone") for salt in (b"a" * 16, b"b" * 16) for item in (1, 2)}
    assert len(marks) == 4


def test_an_item_that_came_back_in_between_was_sold_once_at_a_time() -> None:
    sell, back = int(Deed.SELL), int(Deed.TAKE_BACK)
    deeds = [(NOW + timedelta(hours=n), deed) for n, deed in enumerate((sell, back, sell))]
    assert most_sales(deeds) == 1
    assert most_sales([*deeds, (NOW + timedelta(days=1), sell)]) == 2


def test_what_a_scan_finds_opens_a_case_of_its_kind_and_a_first_scan_none() -> None:
    found = Judgement(Verdict.RISK, ("impossible-travel",), ("outside-market",))
    assert kinds_of(found) == ("impossible-travel", "diversion")
    assert kinds_of(Judgement(Verdict.GENUINE_FIRST, ("first-scan",))) == ()


@pytest.mark.parametrize(
    ("expiry", "past"),
    [
        (None, False),
        ("260430", True),
        ("260501", False),
        ("260400", True),
        ("260500", False),
        ("991231", True),
        ("270101", False),
    ],
)
def test_an_expiry_is_past_when_its_day_or_month_is_over(expiry: str | None, past: bool) -> None:
    assert is_past(expiry, NOW.date()) is past


@pytest.mark.parametrize(("state", "recalled", "expiry", "why"), [
    (State.PRINTED, False, None, None), (State.SOLD, False, "270101", None),
    (State.SOLD, True, None, "recalled"),
    (State.VOID, False, None, "void"), (State.ACTIVATED, False, None, "activated"),
    (State.SOLD, False, "250101", "expired"), (State.STOLEN, False, None, "stolen"),
])  # fmt: skip
def test_only_what_is_in_trade_can_be_claimed(
    state: State, recalled: bool, expiry: str | None, why: str | None
) -> None:
    assert why_not(state, recalled, expiry, date(2026, 5, 1)) == why


def test_a_cap_of_nought_is_none_and_the_first_that_is_full_is_named() -> None:
    terms = Terms(1, 1, 5, {"member": 2, "device": 3, "place": 0, "channel": 0})
    assert reached(terms, dict.fromkeys(CAPS, 99)) == "member"
    assert reached(terms, {"member": 1, "device": 3, "place": 99, "channel": 99}) == "device"
    assert reached(terms, {"member": 1, "device": 2}) is None
    assert set(scopes_of(GTIN, 7, Whence(bytes(8), "", "app"), 1)) == set(CAPS)


@pytest.mark.parametrize(("points", "pending", "available", "wanted"), [
    (10, 10, 10, Recovered(10, 0, 0)), (10, 0, 10, Recovered(0, 10, 0)), (10, 4, 3, Recovered(4, 3, 3)),
    (10, 0, 0, Recovered(0, 0, 10)),
])  # fmt: skip
def test_a_return_recovers_every_point_in_the_programmes_order(
    points: int, pending: int, available: int, wanted: Recovered
) -> None:
    assert recover(points, pending, available) == wanted
