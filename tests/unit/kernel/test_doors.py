"""What the kernel lets in: text, integers, times, ids, GS1 keys, currencies, canonical JSON."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel import canonical, clock, gs1, ids, money, text
from ledger_service.kernel.errors import MalformedField


@pytest.mark.parametrize(
    "key", ["02345673", "416000336108", "1234567890128", "12345678901231", "123456789012345675"]
)
def test_the_published_check_digits_hold(key):
    assert gs1.is_key(key, len(key))
    assert not gs1.is_key(key[:-1] + str((int(key[-1]) + 1) % 10), len(key))


def test_a_gln_keeps_its_leading_zeros_as_text():
    gln = gs1.with_check_digit("001234567890")
    assert gs1.gln_text(gs1.parse_gln(gln, "gln")) == gln


@pytest.mark.parametrize(
    "bad", [None, 5, "", "１２３４５６７８９０１２８", "1234567890127", "123456789012", " 1234567890128"]
)
def test_a_wrong_gln_is_refused(bad):
    with pytest.raises(MalformedField):
        gs1.parse_gln(bad, "gln")


@pytest.mark.parametrize("good", ["王小明", "陳大文 🛒", "Zoë", "e\u0301"])
def test_names_of_any_script_pass_in_nfc(good):
    assert text.clean_text(f"  {good} ", "name", 40) in (good, "é")


@pytest.mark.parametrize("bad", [None, 1, "", "   ", "a\x00b", "a\ud800", "a\nb", "x" * 41])
def test_text_that_is_no_name_is_refused(bad):
    with pytest.raises(MalformedField):
        text.clean_text(bad, "name", 40)


@pytest.mark.parametrize("bad", [True, 1.0, "1", None, float("nan"), -1, 11, 10**30])
def test_only_integers_in_range_are_integers(bad):
    with pytest.raises(MalformedField):
        text.clean_integer(bad, "amount", 0, 10)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)))
def test_an_instant_comes_back_from_text_and_from_micros(naive):
    instant = naive.replace(tzinfo=UTC)
    assert clock.parse_instant(clock.format_instant(instant), "t") == instant
    assert clock.instant_of_micros(clock.micros_of(instant)) == instant


def test_an_offset_is_turned_into_utc_and_seconds_round_down():
    instant = clock.parse_instant("2024-02-29T08:00:00.900000+08:00", "t")
    assert instant == datetime(2024, 2, 29, 0, 0, 0, 900000, UTC)
    assert clock.instant_of_seconds(clock.seconds_floor(instant)) == instant.replace(microsecond=0)
    assert clock.seconds_floor(clock.EPOCH_ZERO - timedelta(microseconds=1)) == -1
    east = timezone(timedelta(hours=8))
    assert clock.format_instant(datetime(2024, 1, 1, tzinfo=east)) == "2023-12-31T16:00:00Z"


@pytest.mark.parametrize(
    "bad", ["2024-02-30T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01", 5, None, "9999-99-99T99:99:99Z"]
)
def test_a_time_that_does_not_exist_is_refused(bad):
    with pytest.raises(MalformedField):
        clock.parse_instant(bad, "t")


@pytest.mark.parametrize(
    "bad", ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00+00:01", "0001-01-01T00:00:00+14:00",
            "5000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_a_time_that_no_block_can_carry_is_refused(bad):
    with pytest.raises(MalformedField):
        clock.parse_instant(bad, "t")
    assert clock.parse_instant("1970-01-01T00:00:00Z", "t") == clock.EPOCH_ZERO
    assert clock.parse_instant("4999-12-31T23:59:59Z", "t") < clock.DOORS_END


def test_a_naive_datetime_never_becomes_an_instant():
    with pytest.raises(ValueError, match="naive"):
        clock.micros_of(datetime(2024, 1, 1))


def test_derived_ids_do_not_run_parts_together():
    assert ids.derive_id("a", "bc") != ids.derive_id("ab", "c")
    assert ids.derive_id("a", 1) == ids.derive_id("a", 1)
    assert ids.parse_id(ids.id_text(ids.derive_id("x")), "id") == ids.derive_id("x")
    for bad in ("", "0" * 31, "G" * 32, "A" * 32, None):
        with pytest.raises(MalformedField):
            ids.parse_id(bad, "id")


def test_currencies_keep_their_exponent():
    assert [money.exponent_of(c) for c in ("USD", "CNY", "TWD", "JPY", "KWD")] == [2, 2, 2, 0, 3]
    assert money.minor_of_micros_floor(1_999_999, 2) == 199
    assert money.minor_of_micros_floor(1_999_999, 0) == 1
    assert money.micros_of_minor(5, 3) == 5_000
    with pytest.raises(MalformedField):
        money.exponent_of("usd")


@given(st.integers(0, 10**9), st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_shares_of_any_split_sum_to_the_share_of_the_whole(total, parts):
    whole, done, given_out = sum(parts), 0, 0
    for part in parts:
        given_out += money.share_floor(total, done + part, whole) - money.share_floor(total, done, whole)
        done += part
    assert given_out == (total if whole else 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_canonical_json_is_that_of_rfc_8785(value):
    assert canonical.canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("bad", [1.5, {"a": 0.0}, 2**53, [object()], {1: 2}])
def test_what_has_no_canonical_form_is_refused(bad):
    with pytest.raises((ValueError, TypeError)):
        canonical.canonical_json(bad)
