"""GS1 Digital Link against the vectors of GS1's syntax engine, and there and back."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.digital_link.building import build_digital_link, canonical_uri
from ledger_service.kernel.digital_link.checks import check_pair
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.identifiers import identifiers
from ledger_service.kernel.digital_link.pairing import check_pairing
from ledger_service.kernel.digital_link.parsing import LONGEST_URI, parse_digital_link
from ledger_service.kernel.gs1 import with_check_digit

VECTORS = Path(__file__).parents[2] / "vectors" / "digital_link.json"
GTIN = "09506000134352"
# There it is both, by whether identifiers that nobody has assigned are let through: here they are not.
UNASSIGNED = "https://example.com/01/09520123456788?99=XYZ&89=ABC123"
SET_82 = "!\"%&'()*+,-./:;<=>?_" + string.digits + string.ascii_letters


def vectors() -> list[Any]:
    cases = json.loads(VECTORS.read_text())["cases"]
    return [c for c in cases if not (c["uri"] == UNASSIGNED and c["valid"])]


@pytest.mark.parametrize("case", vectors(), ids=lambda case: case["uri"])
def test_uris_as_gs1_reads_them(case: dict[str, Any]) -> None:
    if not case["valid"]:
        with pytest.raises(LinkMalformed):
            parse_digital_link(case["uri"])
        return
    assert parse_digital_link(case["uri"]).element_string() == case["element_string_caret"]


def test_a_link_tells_its_stem_its_key_and_what_gs1_does_not_know() -> None:
    uri = f"https://shop.example/01/x/01/{GTIN}/10/A%2FB/21/7?17=261231&linkType=gs1:pip&utm_source=line#top"
    link = parse_digital_link(uri)
    assert link.stem == "https://shop.example/01/x"
    assert link.key == ("01", GTIN)
    assert (link.find("10"), link.find("17"), link.find("22")) == ("A/B", "261231", None)
    assert link.others == ("linkType=gs1:pip", "utm_source=line")
    assert canonical_uri(link) == f"https://id.gs1.org/01/{GTIN}/10/A%2FB/21/7?17=261231"


serials = st.text(SET_82, min_size=1, max_size=20)


@given(serials, serials, st.sampled_from(["https://id.gs1.org", "HTTPS://EXAMPLE.COM/A", "http://a/00/b"]))
def test_what_is_written_is_read_again(lot: str, serial: str, stem: str) -> None:
    elements = [("17", "261231"), ("21", serial), ("01", GTIN), ("10", lot)]
    link = parse_digital_link(build_digital_link(elements, stem))
    assert link.stem == stem
    assert link.path == (("01", GTIN), ("10", lot), ("21", serial))
    assert link.attributes == (("17", "261231"),)


def test_a_stem_may_end_with_a_slash_and_what_is_said_twice_is_said_once() -> None:
    twice = [("01", GTIN), ("21", "7"), ("01", GTIN), ("99", "X"), ("99", "X")]
    assert build_digital_link(twice, "https://a.example/") == f"https://a.example/01/{GTIN}/21/7?99=X"
    with pytest.raises(LinkMalformed, match="twice"):
        build_digital_link([("01", GTIN), ("99", "X"), ("99", "Y")])


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for uri in (text, f"https://a/01/{GTIN}/21/{text}", f"https://a/01/{GTIN}?{text}"):
        try:
            link = parse_digital_link(uri)
        except LinkMalformed:
            continue
        assert parse_digital_link(canonical_uri(link)).find(link.key[0]) == link.key[1]


@pytest.mark.parametrize(("ai", "value"), [
    ("8112", "001234561234560123456"), ("8110", "106141416543213150110120"),
    ("255", with_check_digit("950600013435")), ("255", with_check_digit("950600013435") + "0"),
    ("8018", with_check_digit("95060001343520001")), ("3103", "000195"), ("7007", "260101260131"),
    ("8007", "GB82WEST12345698765432"), ("8006", GTIN + "0203"), ("8013", "1987654Ad4X4bL5ttr2310c2K"),
    ("7258", "1/3"), ("4309", "02790858483015297971"), ("11", "260200"),
    ("8030", "aB-_9"), ("8030", "aB-_9="), ("8030", "a=="),
])  # fmt: skip
def test_values_that_hold(ai: str, value: str) -> None:
    identifiers()[ai].check(value)


@pytest.mark.parametrize(("ai", "value"), [
    ("8112", "201234561234560123456"), ("8112", "071234567890123123456012345"),
    ("8112", "0012345612345601234567"),
    ("8110", "10614141654321315011012"), ("01", "09506000134353"), ("01", "9506000134352"), ("21", ""),
    ("21", "x" * 21), ("21", "a b"), ("21", "é"), ("17", "260230"), ("17", "261301"), ("7007", "2601012601"),
    ("8007", "GB82WEST12345698765431"), ("8006", GTIN + "0302"), ("8013", "1987654Ad4X4bL5ttr2310c2L"),
    ("8030", "aB-_="), ("8030", "ab=="), ("8030", "==="), ("8030", "a=b"), ("8030", "a===bc"),
    ("421", "000123"), ("7258", "4/3"), ("4309", "18000000013015297971"), ("391", "1"), ("7252", "3"),
])  # fmt: skip
def test_values_that_do_not(ai: str, value: str) -> None:
    known = identifiers().get(ai) or identifiers()["3910"]
    with pytest.raises(LinkMalformed):
        known.check(value)


def test_no_uri_is_endless() -> None:
    with pytest.raises(LinkMalformed, match="longer"):
        parse_digital_link(f"https://a/01/{GTIN}?x=" + "y" * LONGEST_URI)


@pytest.mark.parametrize(("elements", "why"), [
    ([], "no primary key"), ([("10", "A")], "no primary key"),
    ([("89", "A"), ("01", GTIN)], "no application"),
    ([("01", GTIN), ("254", "A")], "may not be an attribute"), ([("01", GTIN), ("10", "")], "empty|short"),
    ([("01", GTIN), ("10", "A"), ("235", "B"), ("22", "C")], "may not be an attribute"),
])  # fmt: skip
def test_what_cannot_be_written_is_refused(elements: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(LinkMalformed, match=why):
        build_digital_link(elements)


def test_a_code_in_capitals_stays_in_capitals() -> None:
    """So that a QR code takes its alphanumeric mode."""
    uri = build_digital_link([("01", GTIN), ("21", "7K3M9QZT4V2X")], "HTTPS://ID.EXAMPLE.COM")
    assert uri == uri.upper()


def test_the_check_pair_of_the_general_specifications() -> None:
    assert check_pair("1987654Ad4X4bL5ttr2310c") == "2K"


@pytest.mark.parametrize("ais", [
    ["01"], ["01", "10", "17"], ["255", "8111"], ["01", "30", "3920"], ["00", "02", "37"],
])  # fmt: skip
def test_what_may_stand_together(ais: list[str]) -> None:
    check_pairing(ais)


@pytest.mark.parametrize(("ais", "why"), [
    (["21"], "(21) must stand beside"), (["255", "3900", "8111"], "(3900) may not stand beside"),
    (["01", "3100", "3101"], "(3100) may not"), (["01", "3920"], "(3920) must stand beside"),
    (["01", "255"], "may not stand beside"), (["01", "250"], "01+21"),
])  # fmt: skip
def test_what_may_not(ais: list[str], why: str) -> None:
    with pytest.raises(LinkMalformed, match=re.escape(why)):
        check_pairing(ais)
