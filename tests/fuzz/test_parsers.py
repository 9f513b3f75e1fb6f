"""Every reader of outside text under Hypothesis: it returns what it was sent or raises its own refusal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import rlp
from hypothesis import example, given
from hypothesis import strategies as st

from ledger_service.api.door import MOST_BODY_BYTES, parse_body, read_body
from ledger_service.api.errors import CursorRefused
from ledger_service.api.hexadecimal import hex_text, parse_address, parse_signature
from ledger_service.api.paging import Cursors
from ledger_service.chain.node.codec import parse_data, parse_quantity
from ledger_service.chain.node.errors import RpcError
from ledger_service.chain.node.transactions import decode_transaction
from ledger_service.config import PREFIX, ConfigurationError, Settings, settings_of
from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln, parse_gsrn, parse_gtin, with_check_digit
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.otp import parse_digits
from ledger_service.kernel.paycode import decode_pay_code, encode_pay_code
from ledger_service.kernel.paycode_errors import PayCodeMalformed, PayCodeVersionUnknown
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.members.identities import parse_identity
from ledger_service.merchants.rules import parse_token
from tests.unit.paycode.sample import TEXT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
DIGITS = st.text("0123456789", min_size=7, max_size=20) | st.text("0123456789٣３", max_size=20)
NUMERALS = DIGITS | DIGITS.map(with_check_digit)


def near(good: str) -> st.SearchStrategy[str]:
    """A good text with a piece of it replaced."""
    cut = st.integers(0, len(good))
    return st.builds(
        lambda a, b, piece: good[: min(a, b)] + piece + good[max(a, b) :], cut, cut, st.text(max_size=6)
    )


INSTANTS = (
    near("2024-02-29T08:00:00.900000+08:00")
    | st.datetimes().map(lambda d: d.isoformat() + "Z")
    | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})\Z")
)
HEX = st.text("0123456789abcdefx", max_size=140) | st.binary(max_size=70).map(hex_text)


def same_instant(value: str) -> str:
    instant = parse_instant(value, "t")
    assert parse_instant(format_instant(instant), "t") == instant
    return value


def back(parse: Callable[..., Any], write: Callable[[Any], str]) -> Callable[[Any], str]:
    """A reader and its writer, whose result must be what was read."""
    return lambda value: write(parse(value, "f"))


# Reader of a value that must come back as it was sent, and where such values come from.
READERS: dict[str, tuple[Callable[[Any], Any], st.SearchStrategy[Any]]] = {
    "gln": (back(parse_gln, gln_text), NUMERALS),
    "gsrn": (back(parse_gsrn, str), NUMERALS),
    "id": (back(parse_id, id_text), HEX | near("0" * 32)),
    "instant": (same_instant, INSTANTS),
    "amount": (lambda v: clean_integer(v, "f", 0, 2**53 - 1), st.integers() | st.floats()),
    "address": (back(parse_address, hex_text), HEX | near("0x" + "0a" * 20)),
    "signature": (back(parse_signature, hex_text), HEX | near("0x" + "0a" * 65)),
}


@pytest.mark.parametrize("name", READERS)
@given(st.data())
def test_what_a_reader_takes_it_takes_whole_and_all_else_is_a_malformed_field(name: str, data: Any) -> None:
    read, likely = READERS[name]
    value = data.draw(likely | JSON | st.text())
    try:
        taken = read(value)
    except MalformedField as refusal:
        assert refusal.field  # noqa: PT017 - either outcome is right, an unnamed field is not
    else:
        assert taken == value
        assert type(taken) is type(value)


@given(NUMERALS | JSON)
@example("0" * 8)
def test_a_gtin_is_right_or_refused(value: Any) -> None:
    try:
        gtin = parse_gtin(value, "f")
    except MalformedField:
        return
    assert len(gtin) == 14
    assert gtin.endswith(value)
    assert with_check_digit(gtin[:-1]) == gtin


@given(st.text() | JSON)
def test_cleaned_text_is_clean_and_stays_so(value: Any) -> None:
    try:
        text = clean_text(value, "f", 20)
    except MalformedField:
        return
    assert clean_text(text, "f", 20) == text
    text.encode()


@given(near(TEXT) | st.text(max_size=200) | st.binary(max_size=120).map(lambda b: "AL1:" + b.hex().upper()))
def test_any_text_is_the_one_text_of_its_pay_code_or_refused(text: str) -> None:
    try:
        code = decode_pay_code(text)
    except (PayCodeMalformed, PayCodeVersionUnknown):
        return
    assert encode_pay_code(code) == text


@given(NUMERALS | near(with_check_digit("71" + "1" * 15)))
def test_any_text_is_eighteen_digits_with_their_parts_or_refused(text: str) -> None:
    try:
        parts = parse_digits(text)
    except PayCodeMalformed:
        return
    assert with_check_digit("71" + parts.device_number + parts.one_time_part) == text


@given(st.text() | near("alk_" + "0" * 16 + "_" + "0" * 64))
def test_any_text_is_an_api_key_or_none(text: str) -> None:
    token = parse_token(text)
    assert token is None or (text.startswith(f"alk_{token.key_id}_") and len(text) == 85)


@given(st.sampled_from(["phone", "email", "social:x", "social:", "fax"]) | JSON,
       st.text(max_size=40) | near("+44 20 7946 0018") | near("jane.doe@example.com") | JSON)  # fmt: skip
def test_the_normal_form_of_an_identity_is_its_own_normal_form(kind: Any, value: Any) -> None:
    try:
        known = parse_identity(kind, value)
    except MalformedField:
        return
    assert parse_identity(known.kind, known.value) == known


@given(st.text(max_size=220) | near(Cursors(b"s" * 32).seal("entries", "77")))
def test_a_cursor_opens_only_as_it_was_sealed(text: str) -> None:
    cursors = Cursors(b"s" * 32)
    try:
        position = cursors.open("entries", text)
    except CursorRefused:
        return
    assert cursors.seal("entries", str(position)) == text


BODIES = near('{"a":"b\\n","c":[1]}').map(lambda t: t.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()) | BODIES)
def test_a_body_means_what_every_json_reader_makes_of_it_or_is_refused(raw: bytes) -> None:
    try:
        body = parse_body(raw, "application/json", "POST /x")
    except DomainError:
        return
    assert body.fields == (json.loads(raw) if raw else {})


class Stream:
    def read(self, size: int) -> bytes:
        return b"{}"[:size]


@given(st.text(max_size=10) | st.integers().map(str))
@example("9" * 5_000)
@example(str(MOST_BODY_BYTES + 1))
def test_an_announced_length_is_a_number_or_refused(announced: str) -> None:
    try:
        raw = read_body({"CONTENT_LENGTH": announced, "wsgi.input": Stream()})
    except DomainError:
        return
    assert len(raw) <= MOST_BODY_BYTES


@given(JSON)
def test_canonical_json_says_the_value_in_one_way(value: Any) -> None:
    try:
        text = canonical_json(value)
    except (TypeError, ValueError):
        return
    again = json.loads(text)
    assert again == value
    assert canonical_json(again) == text


NAMES = st.sampled_from([*(PREFIX + f.name.upper() for f in fields(Settings)), PREFIX + "TYPO", "HOME"])
VALUES = st.integers().map(str) | st.text(max_size=20) | st.just("9" * 5_000)


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_an_environment_is_settings_or_a_configuration_error(environment: dict[str, str]) -> None:
    try:
        settings = settings_of(environment)
    except ConfigurationError as refusal:
        assert PREFIX in str(refusal)  # noqa: PT017 - either outcome is right, an unnamed variable is not
        return
    assert os.path.isabs(settings.state_dir)


@given(st.binary(max_size=300) | st.lists(st.binary(max_size=40), min_size=9, max_size=12).map(rlp.encode))
def test_any_bytes_are_a_transaction_or_refused(raw: bytes) -> None:
    with pytest.raises(RpcError):
        decode_transaction(raw, 31337)


@given(JSON | HEX | NUMERALS)
def test_the_nodes_quantities_and_data_are_read_or_refused(value: Any) -> None:
    for read in (parse_quantity, parse_data):
        try:
            taken = read(value, "f")
        except RpcError:
            continue
        assert (hex(taken) if isinstance(taken, int) else hex_text(taken)) == value.lower()
