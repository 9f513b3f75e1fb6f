"""Links of every key and kind of value, and their neighbours that are none, as the standards have them."""

from __future__ import annotations

import pytest

from ledger_service.kernel.digital_link.building import build_digital_link, canonical_uri
from ledger_service.kernel.digital_link.checks import check_pair
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.gs1 import with_check_digit

GTIN = with_check_digit("0950600013435")
GLN = with_check_digit("950600013435")
SSCC, GSRN = with_check_digit("09506000134352001"), with_check_digit("95060001343520001")
GSIN, GRAI = with_check_digit("9506000134352001"), f"0{GLN}"
ITIP = f"{GTIN}0102"
GMN = "9506000ABC12" + check_pair("9506000ABC12")
AT = "https://id.gs1.org"


def wrong(key: str) -> str:
    """The same key with another check digit."""
    return key[:-1] + str((int(key[-1]) + 1) % 10)


# Behind the host, and what a bar code holds of it: ^ is FNC1, which only follows what has no known length.
GOOD = [
    (f"/00/{SSCC}", f"^00{SSCC}"), (f"/01/{GTIN}", f"^01{GTIN}"), (f"/253/{GLN}DOC-1", f"^253{GLN}DOC-1"),
    (f"/255/{GLN}000", f"^255{GLN}000"), ("/401/9506000ABC%2F1", "^4019506000ABC/1"),
    (f"/402/{GSIN}", f"^402{GSIN}"), (f"/414/{GLN}", f"^414{GLN}"), (f"/417/{GLN}", f"^417{GLN}"),
    (f"/415/{GLN}/8020/INV-1", f"^415{GLN}8020INV-1"), (f"/8003/{GRAI}A1", f"^8003{GRAI}A1"),
    ("/8004/9506000X-1", "^80049506000X-1"), (f"/8006/{ITIP}", f"^8006{ITIP}"),
    ("/8010/9506000AB%23-1", "^80109506000AB#-1"), (f"/8013/{GMN}", f"^8013{GMN}"),
    (f"/8017/{GSRN}", f"^8017{GSRN}"), (f"/8018/{GSRN}/8019/7", f"^8018{GSRN}^80197"),
    # Qualifiers, each at its place; one of another sequence is an attribute where that may be.
    (f"/01/{GTIN}/22/V1/10/L1/21/S1", f"^01{GTIN}22V1^10L1^21S1"),
    (f"/01/{GTIN}/22/V1/21/S1", f"^01{GTIN}22V1^21S1"), (f"/01/{GTIN}/235/T%21P", f"^01{GTIN}235T!P"),
    (f"/01/{GTIN}/235/T?10=L1", f"^01{GTIN}235T^10L1"), (f"/414/{GLN}/254/A%2FB", f"^414{GLN}254A/B"),
    (f"/414/{GLN}/7040/1ABc", f"^414{GLN}70401ABc"), (f"/8006/{ITIP}/22/V/10/L/21/S",
                                                      f"^8006{ITIP}^22V^10L^21S"),
    ("/8010/9506000A/8011/12", "^80109506000A^801112"),
    ("/8004/9506000A/7040/9Zz_", "^80049506000A^70409Zz_"),
    # Escapes of either case, plus signs, fragments, stems that look like keys.
    (f"/01/{GTIN}/10/A%2fB%2FC", f"^01{GTIN}10A/B/C"),
    (f"/01/{GTIN}/10/A+B?240=C%2BD", f"^01{GTIN}10A+B^240C+D"),
    # A percent sign that begins no escape is itself.
    (f"/01/{GTIN}/21/%41%62", f"^01{GTIN}21Ab"), (f"/01/{GTIN}/21/A%GG", f"^01{GTIN}21A%GG"),
    (f"/01/{GTIN}#21/S", f"^01{GTIN}"),
    (f"/01/{wrong(GTIN)}/01/{GTIN}", f"^01{GTIN}"), (f"/some/21/01/{GTIN}/21/S", f"^01{GTIN}21S"),
    # Dates: a day of 00 is the whole month, February has 29 days in leap years of this century alone.
    *((f"/01/{GTIN}?17={day}", f"^01{GTIN}17{day}") for day in ("260200", "240229", "000229", "991231")),
    (f"/01/{GTIN}?7003=2602282359", f"^01{GTIN}70032602282359"),
    (f"/01/{GTIN}?8008=26022823&17=260300", f"^01{GTIN}800826022823^17260300"),
    (f"/01/{GTIN}?8008=260228235959", f"^01{GTIN}8008260228235959"),
    (f"/01/{GTIN}?7007=260101260131", f"^01{GTIN}7007260101260131"), (f"/00/{SSCC}?4324=2602002359",
                                                                     f"^00{SSCC}43242602002359"),
    (f"/8018/{GSRN}?7250=19000101", f"^8018{GSRN}^725019000101"),
    # Amounts: the last digit of the identifier says where the point is.
    (f"/01/{GTIN}?3100=000001&3105=000001", f"^01{GTIN}31000000013105000001"),
    (f"/01/{GTIN}?3922=1&30=2", f"^01{GTIN}39221^302"), (f"/01/{GTIN}?3932=978123&3103=000195",
                                                         f"^01{GTIN}3932978123^3103000195"),
    (f"/255/{GLN}?3940=0150", f"^255{GLN}^39400150"), (f"/01/{GTIN}?3950=000100&17=260101",
                                                       f"^01{GTIN}3950000100^17260101"),
    # What GS1 does not know of a query is left alone.
    (f"/01/{GTIN}?linkType=gs1:pip&utm_source=a&x", f"^01{GTIN}"), (f"/01/{GTIN}?&&", f"^01{GTIN}"),
    (f"/01/{GTIN}?421=276ABC&422=276", f"^01{GTIN}421276ABC^422276"), (f"/01/{GTIN}?8200X=1", f"^01{GTIN}"),
]  # fmt: skip

BAD = [
    # Check digits and lengths of every key that has one.
    *(f"/{ai}/{wrong(key)}" for ai, key in (
        ("00", SSCC), ("01", GTIN), ("402", GSIN), ("414", GLN), ("417", GLN), ("253", GLN), ("255", GLN),
        ("8003", GRAI), ("8017", GSRN), ("8018", GSRN))),
    f"/01/{GTIN[1:]}", f"/01/0{GTIN}", f"/8006/{GTIN}0201", f"/8006/{GTIN}0001", f"/8006/{GTIN}01",
    f"/8013/{GMN[:-1]}", f"/8013/{GMN[:-1]}{'3' if GMN[-1] == '2' else '2'}", f"/8003/1{GLN}", "/8004/95X",
    "/401/ABCDEFG", f"/255/{GLN}X", f"/255/{GLN}{'1' * 13}", f"/253/{GLN}{'A' * 18}", "/8010/9506000ab",
    f"/415/{GLN}/8020/", "/8010/9506000A/8011/012", f"/8018/{GSRN}/8019/12345678901",
    "/8004/9506000A/7040/1AB!",
    # Qualifiers out of order, of another key, or where an attribute stands.
    f"/01/{GTIN}/21/S/10/L", f"/01/{GTIN}/10/L/22/V", f"/01/{GTIN}/235/T/21/S", f"/01/{GTIN}/254/A",
    f"/417/{GLN}/254/A", f"/01/{GTIN}/17/260101", f"/01/{GTIN}?21=S", f"/01/{GTIN}/10/L?22=V",
    f"/01/{GTIN}/10/L/10/L", f"/01/{GTIN}?17=260101&17=260101", f"/01/{GTIN}/21/S?01={GTIN}",
    # Slashes, emptiness, letters for numbers, characters that no value or URI has.
    f"/01/{GTIN}/", f"/01//{GTIN}", f"/01/{GTIN}/21/", f"/01/{GTIN}/21", f"/01/{GTIN}?10=", f"/gtin/{GTIN}",
    f"/1/{GTIN}", f"/01/{GTIN}/21/%C3%A9", f"/01/{GTIN}/21/A%20B", f"/01/{GTIN}/21/A%00", f"/01/{GTIN}/21/é",
    f"/01/{GTIN}/21/A B", f"/01/{GTIN}/21/A%5EB", f"/01/{GTIN}/21/{'A' * 21}",
    f"/01/{GTIN}?999=1", f"/01/{GTIN}?89=1", f"/01/{GTIN}?240=A+B", f"/01/{GTIN}/21/１２",
    # Dates and times that the calendar does not have.
    *(f"/01/{GTIN}?17={day}" for day in ("260230", "250229", "261301", "260001", "26010", "2601011")),
    *(f"/01/{GTIN}?7003={at}" for at in ("2602002359", "2602282460", "2602282400", "260228")),
    *(f"/01/{GTIN}?8008={at}" for at in ("260228", "26022824", "2602282360", "260228235960", "26020023")),
    f"/01/{GTIN}?7007=26010126013", f"/8018/{GSRN}?7250=20260230", f"/00/{SSCC}?4326=260200",
    # Amounts, codes and lists.
    f"/01/{GTIN}?3100=00001", f"/01/{GTIN}?3106=000001", f"/01/{GTIN}?3932=000123", f"/01/{GTIN}?3932=978",
    f"/01/{GTIN}?392=1", f"/01/{GTIN}?3922={'1' * 16}", f"/01/{GTIN}?422=000", f"/01/{GTIN}?422=27",
    f"/01/{GTIN}?423=276999", f"/00/{SSCC}?4307=XX", f"/00/{SSCC}?4321=2", f"/255/{GLN}?3940=150",
    # Compressed links hold their elements in one unreadable part.
    "/AQnYUc1gmiERBhQ", "/ARFKk4XB0CDKWcnpq", "/01/ARFKk4XB0CDKWcnpq",
]  # fmt: skip


@pytest.mark.parametrize(("path", "elements"), GOOD)
def test_a_link_that_is_right(path: str, elements: str) -> None:
    for stem in (AT, "http://a.example:8080/stem", "HTTPS://ID.EXAMPLE"):
        assert parse_digital_link(stem + path).element_string() == elements
    link = parse_digital_link(AT + path)
    again = parse_digital_link(canonical_uri(link))
    assert (again.stem, again.path, sorted(again.attributes)) == (AT, link.path, sorted(link.attributes))
    assert canonical_uri(again) == canonical_uri(link)


@pytest.mark.parametrize("path", BAD)
def test_a_link_that_is_wrong(path: str) -> None:
    with pytest.raises(LinkMalformed):
        parse_digital_link(AT + path)


@pytest.mark.parametrize("whole", [
    f"Https://id.gs1.org/01/{GTIN}", f"ftp://id.gs1.org/01/{GTIN}", f"//id.gs1.org/01/{GTIN}", f"/01/{GTIN}",
    f"https:///01/{GTIN}", f"https://01/{GTIN}", f"https://a b/01/{GTIN}", f"https://a@b/01/{GTIN}",
    f" https://a/01/{GTIN}", f"https://a/01/{GTIN}\n", f"https://a/01/{GTIN}\x00", f"https://a?01={GTIN}",
    f"https://\u0430/01/{GTIN}",  # a letter of another script that looks like the first one
])  # fmt: skip
def test_what_stands_around_a_key_must_be_a_uri(whole: str) -> None:
    with pytest.raises(LinkMalformed):
        parse_digital_link(whole)


def test_attributes_of_a_known_length_are_written_first() -> None:
    given = [("01", GTIN), ("99", "A"), ("10", "L"), ("17", "260101"), ("3103", "000195"), ("98", "B")]
    link = build_digital_link(given)
    assert link == f"{AT}/01/{GTIN}/10/L?17=260101&3103=000195&99=A&98=B"
    assert parse_digital_link(link).element_string() == f"^01{GTIN}10L^17260101310300019599A^98B"
