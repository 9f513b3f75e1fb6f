"""Codes: patterns, the check character, drawing without repetition, tags."""

from __future__ import annotations

from io import BytesIO
from itertools import combinations

import pytest
from pypdf import PdfReader

from ledger_service.coupons.codes.errors import CodeListNotReady, CodePatternRefused
from ledger_service.coupons.codes.rules import (
    ALPHABET,
    Drawing,
    Pattern,
    Tagger,
    chain_id_of,
    check_character,
    leaf_of,
    normal_code,
    opening_of,
    parse_pattern,
    serial_text,
)
from ledger_service.coupons.codes.sheets import write_pdf
from ledger_service.kernel.coupon_operations import code_leaf, commitment_of, coupon_id
from ledger_service.kernel.merkle import proof_of, root_of, verify

SEED = bytes(range(32))
LONG = "####-####-####-####-*"


def test_no_character_is_taken_for_another() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("01IO") & set(ALPHABET)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_list_of_every_possible_code_has_each_of_them_once(length: int) -> None:
    drawing = Drawing(SEED, length)
    drawn = [drawing.at(position) for position in range(32**length)]
    assert len(set(drawn)) == 32**length
    assert all(len(one) == length and set(one) <= set(ALPHABET) for one in drawn)


def test_codes_follow_from_the_seed_and_neighbours_share_nothing() -> None:
    one, other = Drawing(SEED, 16), Drawing(bytes(32), 16)
    assert [one.at(i) for i in range(5)] == [Drawing(SEED, 16).at(i) for i in range(5)]
    assert one.at(0) != other.at(0)
    same = sum(a == b for a, b in zip(one.at(0), one.at(1), strict=True))
    assert same < 6


def test_any_wrong_character_and_any_two_that_changed_places_are_noticed() -> None:
    drawn = Drawing(SEED, 12).at(7)
    right = check_character(drawn)
    for place in range(12):
        for letter in ALPHABET:
            if letter != drawn[place]:
                assert check_character(drawn[:place] + letter + drawn[place + 1 :]) != right
    for i, j in combinations(range(12), 2):
        swapped = list(drawn)
        swapped[i], swapped[j] = drawn[j], drawn[i]
        assert (check_character("".join(swapped)) == right) == (drawn[i] == drawn[j])


def test_a_code_is_the_same_however_it_is_typed() -> None:
    code = Pattern(LONG).code(Drawing(SEED, 16).at(0))
    assert len(code) == len(LONG)
    assert normal_code(code.lower().replace("-", " ")) == code.replace("-", "")
    assert normal_code("ä" * 10) is None
    assert normal_code("") is None


@pytest.mark.parametrize(("text", "size", "reason"), [
    ("abc####", 1, "form"),
    ("####-####-####-####-**", 1, "form"),
    ("SUMMER-2026", 1, "random-characters"),
    ("#" * 33 + "*", 1, "random-characters"),
    ("SUMMER-########", 1, "check-character"),
    ("SUMMER-######-*", 1_000_000, "guessable"),
])  # fmt: skip
def test_patterns_that_give_unsafe_codes_are_refused(text: str, size: int, reason: str) -> None:
    with pytest.raises(CodePatternRefused) as refused:
        parse_pattern(text, size)
    assert refused.value.reason == reason


def test_eighty_bits_are_open_and_fewer_are_closed() -> None:
    assert not parse_pattern(LONG, 1_000_000).closed
    short = parse_pattern("SUMMER-####-####-*", 1_000_000)
    assert short.closed
    assert short.guesses_per_hit(1_000_000) == 1_099_511


def test_patterns_meet_where_one_code_could_be_of_both() -> None:
    summer = Pattern("SUMMER-####-####-*")
    assert summer.meets(Pattern("SUMM-######-####*"))
    assert not summer.meets(Pattern("WINTER-####-####-*"))
    assert not summer.meets(Pattern("SUMMER-####-###-*"))


def test_open_and_closed_tags_differ_and_only_closed_ones_need_the_secret() -> None:
    one, other = Tagger(b"a" * 32), Tagger(b"b" * 32)
    assert one.tag("CODE", closed=False) == other.tag("CODE", closed=False)
    assert one.tag("CODE", closed=True) != other.tag("CODE", closed=True)
    assert one.both("co-de") == (one.tag("CODE", closed=False), one.tag("CODE", closed=True))
    assert one.both("\x00") == one.both("")  # no code, and still as much work


def test_a_till_proves_a_code_with_the_root_alone() -> None:
    tagger = Tagger(bytes(32))
    codes = [Pattern(LONG).code(Drawing(SEED, 16).at(i)) for i in range(11)]
    leaves = [leaf_of(9_501_234_567_891, 40 + i, tagger.both(code)[0]) for i, code in enumerate(codes)]
    root = root_of(leaves)
    for i, code in enumerate(codes):
        leaf = leaf_of(9_501_234_567_891, 40 + i, tagger.both(code)[0])
        assert verify(leaf, proof_of(leaves, i), root)
        assert not verify(leaf, proof_of(leaves, (i + 1) % 11), root)


def test_ids_and_leaves_are_those_of_the_chain() -> None:
    gcn, tag = 9_501_234_567_891, bytes(range(16))
    coupon = coupon_id(gcn, serial_text(7))
    assert chain_id_of(gcn, 7) == coupon
    assert leaf_of(gcn, 7, tag) == code_leaf(coupon, commitment_of(opening_of(tag)))
    assert chain_id_of(9_501_234_567_891, 7) == 9_501_234_567_891 << 64 | 12 << 56 | 7
    assert opening_of(b"\x01" * 16) == b"\x01" * 16 + bytes(16)


def test_sheets_show_every_code_and_are_the_same_each_time() -> None:
    codes = [Pattern(LONG).code(Drawing(SEED, 16).at(i)) for i in range(25)]
    listed = {"name": "Poster", "size": 25, "gcn": 9_501_234_567_891, "first": 40}
    first, again = BytesIO(), BytesIO()
    write_pdf(first, listed, iter(codes))  # type: ignore[arg-type]  # as much of a row as it reads
    write_pdf(again, listed, iter(codes))  # type: ignore[arg-type]
    assert first.getvalue() == again.getvalue()
    pages = PdfReader(first).pages
    text = "".join(page.extract_text() for page in pages)
    assert len(pages) == 2
    for code in codes:
        assert code.replace("-", "") in text.replace("-", "").replace("\n", "")
    assert "9501234567891 000000000064" in text
    with pytest.raises(CodeListNotReady, match="too-long"):
        write_pdf(BytesIO(), {**listed, "size": 5_001}, iter(codes))  # type: ignore[arg-type]
