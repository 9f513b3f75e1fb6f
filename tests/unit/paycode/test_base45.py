"""Base45 against the examples of RFC 9285, and its strictness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel import base45


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (b"AB", "BB8"),
        (b"Hello!!", "%69 VD92EX0"),
        (b"base-45", "UJCLQE7W581"),
        (b"ietf!", "QED8WEX0"),
        (b"", ""),
    ],
)
def test_it_agrees_with_the_examples_of_the_rfc(plain: bytes, text: str) -> None:
    assert base45.encode(plain) == text
    assert base45.decode(text) == plain


@given(st.binary(max_size=200))
def test_what_was_encoded_decodes_to_the_same_bytes(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@given(st.text(alphabet=base45.ALPHABET, max_size=60))
def test_no_two_texts_decode_to_the_same_bytes(text: str) -> None:
    try:
        data = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(data) == text


@pytest.mark.parametrize("text", ["GGW", ":::", "A", "ABCD", "::", "U6", "bb8", "ＡＢＣ", "AB8\n"])
def test_overflowing_groups_odd_lengths_and_strange_characters_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        base45.decode(text)
