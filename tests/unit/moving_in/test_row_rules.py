"""Rows of an old programme's files, judged one by one; no lot lives shorter than was promised (INV-11)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.errors import MalformedField
from ledger_service.members.identities import Identity
from ledger_service.moving_in.lifetimes import epoch_of_earned_on, lifetime_of
from ledger_service.moving_in.manifest import parse_manifest
from ledger_service.moving_in.rules import (
    Frame,
    RowRefused,
    parse_card,
    parse_lot,
    parse_member,
    parse_past,
    parse_sale,
    readable_points,
)
from ledger_service.points.catalogue import Programme
from ledger_service.points.rules import Cycle, EarnRule, Terms, epoch_ends

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
CYCLES = [Cycle.WEEK, Cycle.MONTH, Cycle.QUARTER]


def programme(cycle: Cycle = Cycle.MONTH, validity: int = 12, count: int = 40) -> Programme:
    ends = tuple(epoch_ends(AT - timedelta(days=90), cycle, ZONE, count))
    terms = (Terms(1, 0, 10_000, 100, 10**9, validity),)
    rules = (EarnRule(1, 0, 1, 100),)
    return Programme(1, "GROC", 7, "P", "USD", ZONE.key, 0, terms, ends, rules, None, cycle.value)


FRAME = Frame("oldcard", {"GROC": programme()}, frozenset([4006381333931]), AT)
LOT = {"external_id": "M1", "programme": "GROC", "points": "12", "last_day": "2026-08-15"}


def refusal(act: object, row: dict[str, str]) -> tuple[str, str]:
    with pytest.raises(RowRefused) as refused:
        act(row, FRAME)  # type: ignore[operator]
    return refused.value.field, refused.value.code


def test_personal_data_take_the_form_that_enrolment_gives_them() -> None:
    row = {"external_id": " M1 ", "name": "Jose\u0301", "phone": "+49 151 1234567", "email": "A.B@Exämple.DE",
           "language": "pt-BR", "consent_sms": "1", "consent_post": "", "consent_email": "TRUE"}  # fmt: skip
    told = parse_member(row, FRAME)
    assert told.enrol.display_name == "José"
    assert told.enrol.identities == (
        Identity("social:oldcard", "M1"), Identity("phone", "+491511234567"),
        Identity("email", "a.b@xn--exmple-cua.de"),
    )  # fmt: skip
    assert (told.language, told.consents) == ("pt-BR", ("email", "sms"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"external_id": ""}, "external_id"),
        ({"external_id": "a\x00b"}, "external_id"),
        ({"name": "bad \udcff bytes"}, "name"),
        ({"phone": "0151 1234567"}, "phone"),
        ({"email": "nobody"}, "email"),
        ({"language": "German"}, "language"),
        ({"consent_sms": "maybe"}, "consent_sms"),
    ],
)
def test_a_member_is_refused_by_the_field_that_is_wrong(change: dict[str, str], field: str) -> None:
    assert refusal(parse_member, {"external_id": "M1", **change}) == (field, "malformed-field")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"points": "0"}, ("points", "points-not-positive")),
        ({"points": "-5"}, ("points", "malformed-field")),
        ({"points": "1.5"}, ("points", "malformed-field")),
        ({"points": "١٢"}, ("points", "malformed-field")),
        ({"points": "9007199254740992"}, ("points", "malformed-field")),
        ({"programme": "FUEL"}, ("programme", "programme-unknown")),
        ({"last_day": ""}, ("last_day", "one-date-needed")),
        ({"earned_on": "2026-01-01"}, ("last_day", "one-date-needed")),
        ({"last_day": "15.08.2026"}, ("last_day", "malformed-field")),
        ({"last_day": "2026-02-30"}, ("last_day", "malformed-field")),
        ({"last_day": "2026-03-09"}, ("last_day", "lot-expired")),
        ({"last_day": "2031-01-01"}, ("last_day", "calendar-too-short")),
        ({"last_day": "", "earned_on": "2026-03-11"}, ("earned_on", "in-the-future")),
        ({"last_day": "", "earned_on": "2025-02-28"}, ("earned_on", "lot-expired")),
    ],
)
def test_a_lot_is_refused_by_the_field_that_is_wrong(change: dict[str, str], told: tuple[str, str]) -> None:
    assert refusal(parse_lot, {**LOT, **change}) == told


def test_the_key_of_a_lot_follows_from_the_row_and_not_from_the_file_or_its_points() -> None:
    key = parse_lot(LOT, FRAME).key
    assert parse_lot({**LOT, "points": "99", "earned_on": ""}, FRAME).key == key
    for change in ({"lot_id": "2"}, {"external_id": "M2"}, {"last_day": "2026-08-16"}):
        assert parse_lot({**LOT, **change}, FRAME).key != key


def test_points_of_a_broken_row_are_told_where_they_can_be() -> None:
    assert readable_points({**LOT, "last_day": "?"}, FRAME) == ("GROC", 12)
    assert readable_points({**LOT, "points": "?"}, FRAME) is None
    assert readable_points({}, FRAME) is None


@given(st.dates(date(2026, 3, 10), date(2029, 2, 28)), st.sampled_from(CYCLES))
def test_a_lot_can_be_spent_on_its_last_day_and_no_earlier_epoch_would_do(day: date, cycle: Cycle) -> None:
    one = programme(cycle, count=200)
    epoch = lifetime_of(one, day.isoformat(), "", AT).epoch
    last_moment = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZONE)
    assert last_moment < instant_of_seconds(one.epoch_ends[epoch - 1])
    assert epoch == 1 or instant_of_seconds(one.epoch_ends[epoch - 2]) <= last_moment


@given(st.dates(date(2025, 1, 1), date(2026, 3, 10)))
def test_points_earned_long_ago_end_with_the_epoch_that_such_an_earn_would_have_had(earned: date) -> None:
    one, long_ago = programme(), programme(count=1)
    epoch = epoch_of_earned_on(one, earned, one.terms[0])
    local = datetime(earned.year, earned.month, earned.day, 12, tzinfo=ZONE)
    month = local.year * 12 + local.month - 1 + 13  # the first month after validity of twelve more
    wanted = datetime(month // 12, month % 12 + 1, 1, tzinfo=ZONE)
    first = instant_of_seconds(one.epoch_ends[0])
    assert epoch is not None
    assert instant_of_seconds(one.epoch_ends[epoch - 1]) == max(wanted, first)
    assert epoch_of_earned_on(long_ago, date(2026, 3, 1), one.terms[0]) is None


def test_cards_bookings_and_sales_say_what_they_are() -> None:
    assert parse_card({"external_id": "M1", "card_number": "60 01 ab"}, FRAME).card.value == "6001AB"
    assert refusal(parse_card, {"external_id": "M1", "card_number": "é123"})[0] == "card_number"
    past = {"external_id": "M1", "entry_id": "7", "programme": "GROC", "kind": "redeem", "points": "-20",
            "occurred_at": "2020-01-01T00:00:00+01:00"}  # fmt: skip
    assert parse_past(past, FRAME).points == -20
    assert refusal(parse_past, {**past, "occurred_at": "2026-03-10T12:00:01Z"})[1] == "in-the-future"
    assert refusal(parse_past, {**past, "kind": "Redeem!"})[0] == "kind"
    sale = {"merchant": "4006381333931", "reference": "r", "total_minor": "5",
            "occurred_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    assert parse_sale(sale, FRAME).external is None
    assert refusal(parse_sale, {**sale, "merchant": "9501101530003"})[1] == "merchant-unknown"
    assert refusal(parse_sale, {**sale, "total_minor": "5.00"})[0] == "total_minor"


@pytest.mark.parametrize(
    "document",
    [
        "[]", "{", '{"import": "a", "source": "b"}', '{"import": "a", "source": "B!", "files": {}}',
        '{"import": "a", "source": "b", "files": {"members": {"file": "../x.csv", "rows": 1}}}',
        '{"import": "a", "source": "b", "files": {"members": {"file": "x.xlsx", "rows": 1}}}',
        '{"import": "a", "source": "b", "files": {"members": {"file": "x.csv", "rows": -1}}}',
        '{"import": "a", "source": "b", "files": {"lots": {"file": "x.csv", "rows": 1}}}',
    ],
)  # fmt: skip
def test_a_manifest_that_says_no_totals_or_leads_out_of_its_folder_is_refused(document: str) -> None:
    with pytest.raises(MalformedField):
        parse_manifest(document)


def test_a_manifest_reads_back_as_it_was_written() -> None:
    raw = ('{"import": "a", "source": "b", "files": {"lots": {"file": "l.csv", "rows": 3, "points": {"X": 5}'
           '}, "members": {"file": "m.csv", "rows": 1}}}')  # fmt: skip
    manifest = parse_manifest(raw)
    assert [f.kind for f in manifest.files] == ["members", "lots"], "in the order of loading"
    assert parse_manifest(manifest.text()) == manifest
