"""The QR pay code: one text per permit, every alteration refused, every refusal with its own error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel import base45
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode import (
    LIFE_SECONDS,
    PayCode,
    check_validity,
    decode_pay_code,
    encode_pay_code,
    sign_pay_code,
    signer_of,
)
from ledger_service.kernel.paycode_errors import (
    PayCodeExpired,
    PayCodeForeign,
    PayCodeMalformed,
    PayCodeTooLongLived,
    PayCodeVersionUnknown,
)
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, SpendPermit
from ledger_service.kernel.secp256k1 import address_of_key
from ledger_service.members.code_images import qr_matrix
from tests.unit.paycode.sample import DOMAIN, KEY, NOW, PERMIT, TEXT, accepts


def test_a_signed_code_is_read_back_and_names_its_signer() -> None:
    code = decode_pay_code(TEXT)
    assert code.permit == PERMIT
    assert code.lane == 3
    assert accepts(TEXT)
    assert len(TEXT) == 171


def test_the_qr_code_has_version_7() -> None:
    modules = len(qr_matrix(TEXT)) - 8
    assert (modules - 17) // 4 == 7


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**40 - 1),
    st.binary(min_size=65, max_size=65),
)
def test_any_permit_survives_the_text(nonce: int, value: int, until: int, signature: bytes) -> None:
    code = PayCode(b"\x01\x02\x03\x04", SpendPermit(b"\xbb" * 20, nonce, value, until), signature)
    assert decode_pay_code(encode_pay_code(code)) == code


@pytest.mark.parametrize(
    "code",
    [
        PayCode(b"123", PERMIT, bytes(65)),
        PayCode(b"1234", PERMIT, bytes(64)),
        PayCode(b"1234", SpendPermit(b"\xaa" * 19, 1, 1, 1), bytes(65)),
        PayCode(b"1234", SpendPermit(b"\xaa" * 20, 2**64, 1, 1), bytes(65)),
        PayCode(b"1234", SpendPermit(b"\xaa" * 20, 1, -1, 1), bytes(65)),
        PayCode(b"1234", SpendPermit(b"\xaa" * 20, 1, 1, 2**40), bytes(65)),
    ],
)
def test_what_does_not_fit_is_not_encoded(code: PayCode) -> None:
    with pytest.raises(ValueError):
        encode_pay_code(code)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "marker"),
        ("al1:" + TEXT[4:], "marker"),
        ("AL2:" + TEXT[4:], "marker"),
        (TEXT.lower(), "marker"),
        (" " + TEXT, "marker"),
        (TEXT + "\n", "base45"),
        (TEXT[:-1] + "ä", "base45"),
        (TEXT[:-1], "base45"),
        (TEXT[:-2], "length"),
        (TEXT + "00", "base45"),
        ("AL1:", "length"),
        ("AL1:" + "0" * 10_000, "length"),
        ("AL1:" + base45.encode(base45.decode(TEXT[4:]) + b"\0"), "length"),
        ("AL1:" + base45.encode(base45.decode(TEXT[4:])[:-1]), "length"),
    ],
)
def test_a_malformed_text_is_refused_with_where_reading_stopped(text: str, reason: str) -> None:
    with pytest.raises(PayCodeMalformed) as refusal:
        decode_pay_code(text)
    assert refusal.value.reason == reason


def test_a_version_that_is_not_ours_is_refused_as_such() -> None:
    raw = base45.decode(TEXT[4:])
    with pytest.raises(PayCodeVersionUnknown) as refusal:
        decode_pay_code("AL1:" + base45.encode(b"\x02" + raw[1:]))
    assert refusal.value.version == 2


def test_a_code_of_another_alliance_is_foreign_even_when_it_would_verify_there() -> None:
    other = Domain(31337, b"\xdd" * 20)
    code = sign_pay_code(KEY, other, PERMIT)
    with pytest.raises(PayCodeForeign):
        check_validity(code, DOMAIN, NOW)
    # A forged tag does not help: the digest holds the whole domain.
    forged = PayCode(DOMAIN.tag, code.permit, code.signature)
    check_validity(forged, DOMAIN, NOW)
    assert signer_of(forged, DOMAIN) != address_of_key(KEY)


def test_the_last_valid_second_counts_and_the_next_does_not() -> None:
    code = decode_pay_code(TEXT)
    check_validity(code, DOMAIN, PERMIT.valid_until)
    with pytest.raises(PayCodeExpired):
        check_validity(code, DOMAIN, PERMIT.valid_until + 1)


def test_a_code_may_not_live_longer_than_its_minute_and_the_clock_skew() -> None:
    latest = NOW + LIFE_SECONDS + CLOCK_SKEW_SECONDS
    check_validity(sign_pay_code(KEY, DOMAIN, SpendPermit(b"\xaa" * 20, 1, 1, latest)), DOMAIN, NOW)
    with pytest.raises(PayCodeTooLongLived):
        check_validity(sign_pay_code(KEY, DOMAIN, SpendPermit(b"\xaa" * 20, 1, 1, latest + 1)), DOMAIN, NOW)
