"""Cases written from the standards' own rules: EPC URIs as Digital Links, what an event's hash is made of,
links at the edges of their grammar. What is expected is written out, not computed.
"""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.kernel.digital_link.building import build_digital_link, canonical_uri
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.epcis.epc_uris import normalised_epc
from ledger_service.kernel.epcis.event_hash import Hasher

AT = "https://id.gs1.org"
# EPC Tag Data Standard, 6.3, and CBV 2.0, 8.9.2: the indicator or extension digit goes to the front, the
# check digit is computed, serials are unescaped and escaped anew, what a key does not need is left out.
NAMES = [
    ("urn:epc:id:sgtin:9506000.013435.S1", "/01/09506000134352/21/S1"),
    ("urn:epc:id:sgtin:9506000.113435.S1", "/01/19506000134359/21/S1"),
    ("urn:epc:id:sgtin:950600013435.0.7", "/01/09506000134352/21/7"),
    ("urn:epc:id:sgtin:950600.0013435.%2Fa%25", "/01/09506000134352/21/%2Fa%25"),
    ("urn:epc:id:sgtin:9506000.013435.a!b(c)", "/01/09506000134352/21/a%21b%28c%29"),
    ("urn:epc:id:sgtin:9506000.013435.", None), ("urn:epc:id:sgtin:9506000.13435.1", None),
    ("urn:epc:id:sgtin:95060.00013435.1", None), ("urn:epc:id:SGTIN:9506000.013435.1", None),
    ("urn:epc:id:sgtin:9506000.013435.a/b", None), ("urn:epc:id:sgtin:9506000.013435", None),
    ("urn:epc:id:sscc:9506000.0134352001", "/00/095060001343520017"),
    ("urn:epc:id:sscc:9506000.3134352001", "/00/395060001343520018"),
    ("urn:epc:id:sscc:9506000.134352001", None),
    ("urn:epc:id:sgln:9506000.13435.0", "/414/9506000134352"),
    ("urn:epc:id:sgln:9506000.13435.0.1", "/414/9506000134352/254/0.1"),
    ("urn:epc:id:sgln:9506000.13435.32a%2Fb", "/414/9506000134352/254/32a%2Fb"),
    ("urn:epc:id:sgln:950600013435..12", "/414/9506000134352/254/12"),
    ("urn:epc:id:pgln:9506000.13435", "/417/9506000134352"), ("urn:epc:id:pgln:9506000.1343", None),
    ("urn:epc:id:grai:9506000.13435.A1", "/8003/09506000134352A1"),
    ("urn:epc:id:grai:950600013435..400", "/8003/09506000134352400"),
    ("urn:epc:id:giai:9506000.X-1", "/8004/9506000X-1"), ("urn:epc:id:giai:9506000.", None),
    ("urn:epc:id:gsrn:9506000.0134352001", "/8018/950600001343520011"),
    ("urn:epc:id:gsrnp:9506000.0134352001", "/8017/950600001343520011"),
    ("urn:epc:id:gdti:9506000.13435.DOC-1", "/253/9506000134352DOC-1"),
    ("urn:epc:id:sgcn:9506000.13435.0001", "/255/95060001343520001"),
    ("urn:epc:id:cpi:9506000.AB%23-1.12", "/8010/9506000AB%23-1/8011/12"),
    ("urn:epc:id:cpi:9506000.ab.12", None), ("urn:epc:id:cpi:9506000.AB.x", None),
    ("urn:epc:id:ginc:9506000.ABC%2F1", "/401/9506000ABC%2F1"),
    ("urn:epc:id:gsin:9506000.134352001", "/402/95060001343520017"),
    ("urn:epc:id:itip:9506000.013435.01.02.S", "/8006/095060001343520102/21/S"),
    ("urn:epc:id:upui:9506000.013435.T!P", "/01/09506000134352/235/T%21P"),
    ("urn:epc:class:lgtin:9506000.013435.L1", "/01/09506000134352/10/L1"),
    ("urn:epc:idpat:sgtin:9506000.013435.*", "/01/09506000134352"), ("urn:epc:idpat:sgtin:9506000.*.*", None),
    ("urn:epc:idpat:grai:9506000.13435.*", "/8003/09506000134352"),
    ("urn:epc:id:gid:95100000.12345.400", None), ("urn:epc:id:bic:CSQU3054383", None), ("urn:uuid:1", None),
    ("https://brand.example/a/b/01/09506000134352/22/V/10/L/21/S?17=260101#x", "/01/09506000134352/21/S"),
    ("http://brand.example/01/09506000134352/22/V", "/01/09506000134352"),
    ("https://brand.example/01/9506000134352/10/L", "/01/09506000134352/10/L"),
    ("https://brand.example/gtin/09506000134352/ser/S", "/01/09506000134352/21/S"),
    ("https://brand.example/414/9506000134352/254/E%2FX", "/414/9506000134352/254/E%2FX"),
    ("https://brand.example/01/09506000134352/99/S", None), ("https://brand.example/01/0950600013435X", None),
    ("ftp://brand.example/01/09506000134352", None), ("HTTPS://BRAND.EXAMPLE/01/09506000134352", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path"), NAMES)
def test_a_name_has_one_form(name: str, path: str | None) -> None:
    wanted = None if path is None else AT + path
    assert normalised_epc(name) == wanted
    assert normalised_epc(name) == wanted  # kept the second time
    if wanted is not None:
        assert normalised_epc(wanted) == wanted


def test_a_long_name_is_read_and_not_kept() -> None:
    assert normalised_epc("https://" + "a" * 300 + "/01/09506000134352") == f"{AT}/01/09506000134352"


CONTEXT = [{"ex": "https://ns.example/e/", "b": "https://b.example/x#"}]
HEAD = "eventType=ObjectEventeventTime=2024-05-06T07:08:09.000ZeventTimeZoneOffset=+00:00"


def event(**parts: Any) -> dict[str, Any]:
    plain = {"type": "ObjectEvent", "eventTime": "2024-05-06T07:08:09Z", "eventTimeZoneOffset": "+00:00"}
    return plain | parts


TIMES = [
    ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09.000Z"),
    ("2024-05-06T09:08:09+02:00", "2024-05-06T07:08:09.000Z"),
    ("2024-02-29T23:30:00-05:30", "2024-03-01T05:00:00.000Z"),
    ("2024-05-06T07:08:09.1Z", "2024-05-06T07:08:09.100Z"),
    ("2024-05-06T07:08:09.1234Z", "2024-05-06T07:08:09.123Z"),
    ("2024-05-06T07:08:09.1236Z", "2024-05-06T07:08:09.124Z"),
    ("2024-12-31T23:59:59.999999Z", "2025-01-01T00:00:00.000Z"),
    ("2024-01-01T00:00:00+14:00", "2023-12-31T10:00:00.000Z"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "hashed"), TIMES)
def test_times_are_hashed_in_utc_to_the_millisecond(told: str, hashed: str) -> None:
    prehash = Hasher.of_context(CONTEXT).prehash(event(eventTime=told))
    assert prehash == f"eventType=ObjectEventeventTime={hashed}eventTimeZoneOffset=+00:00"


LOT = "urn:epc:class:lgtin:9506000.013435.L"
HASHED: list[tuple[dict[str, Any], str]] = [
    ({"recordTime": "2024-05-07T00:00:00Z", "eventID": "urn:x:1"}, ""),
    ({"errorDeclaration": {"declarationTime": "2024-05-07T00:00:00Z", "ex:why": "x"}}, ""),
    ({"comment": "seen", "rdfs:comment": "seen"}, ""),
    ({"epcList": ["urn:epc:id:sgtin:9506000.013435.2", f"{AT}/01/09506000134352/21/1"]},
     f"epcListepc={AT}/01/09506000134352/21/1epc={AT}/01/09506000134352/21/2"),
    ({"epcList": []}, ""),
    ({"bizStep": "shipping"}, "bizStep=https://ref.gs1.org/cbv/BizStep-shipping"),
    ({"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}, "bizStep=https://ref.gs1.org/cbv/BizStep-shipping"),
    ({"bizStep": "https://own.example/step"}, "bizStep=https://own.example/step"),
    ({"disposition": "in_transit", "action": "OBSERVE"},
     "action=OBSERVEdisposition=https://ref.gs1.org/cbv/Disp-in_transit"),
    ({"readPoint": {"id": "urn:epc:id:sgln:9506000.13435.0"}}, f"readPointid={AT}/414/9506000134352"),
    ({"bizLocation": {"id": "urn:epc:id:sgln:9506000.13435.7", "ex:hall": "B"}},
     f"bizLocationid={AT}/414/9506000134352/254/7{{https://ns.example/e/}}hall=B"),
    *(({"quantityList": [{"epcClass": LOT, "quantity": told}]},
       f"quantityListquantityElementepcClass={AT}/01/09506000134352/10/Lquantity={hashed}")
      for told, hashed in ((10, "10"), (10.0, "10"), (0.5, "0.5"), (1e3, "1000"), (12.50, "12.5"), (0, "0"))),
    ({"quantityList": [{"uom": "KGM", "quantity": 2, "epcClass": LOT}, {"epcClass": LOT, "quantity": 1}]},
     "quantityList" + "".join(f"quantityElementepcClass={AT}/01/09506000134352/10/L{rest}"
                              for rest in ("quantity=1", "quantity=2uom=KGM"))),
    ({"bizTransactionList": [{"bizTransaction": "urn:x:b", "type": "po"},
     {"type": "inv", "bizTransaction": "urn:x:a"}]},
     "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-invbizTransaction=urn:x:a"
     "type=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:x:b"),
    ({"sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9506000.13435"}]},
     f"sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource={AT}/417/9506000134352"),
    ({"persistentDisposition": {"unset": ["damaged"], "set": ["conformant", "available"]}},
     "persistentDispositionset=https://ref.gs1.org/cbv/Disp-availableset=https://ref.gs1.org/cbv/Disp-conformant"
     "unset=https://ref.gs1.org/cbv/Disp-damaged"),
    ({"ex:b": "2", "ex:a": "1", "b:z": "9"},
     "{https://b.example/x#}z=9{https://ns.example/e/}a=1{https://ns.example/e/}b=2"),
    ({"ex:list": ["3", "1"]}, "{https://ns.example/e/}list=1{https://ns.example/e/}list=3"),
    ({"ex:o": {"ex:z": {"b:q": "1"}, "ex:a": "x"}},
     "{https://ns.example/e/}o{https://ns.example/e/}a=x{https://ns.example/e/}z{https://b.example/x#}q=1"),
    ({"ex:n": "007", "ex:s": "  padded  "}, "{https://ns.example/e/}n=7{https://ns.example/e/}s=padded"),
    ({"ex:flag": True}, "{https://ns.example/e/}flag=true"),
    ({"action": "ADD", "ilmd": {"ex:lot": "A", "ex:best": "2025-01-01"}},
     "action=ADDilmd{https://ns.example/e/}best=2025-01-01{https://ns.example/e/}lot=A"),
    ({"ex:ref": "urn:epc:id:sscc:9506000.0134352001"},
     f"{{https://ns.example/e/}}ref={AT}/00/095060001343520017"),
    ({"sensorElementList": [{"sensorReport": [{"uom": "CEL", "value": 26.0, "type": "Temperature"}],
                             "sensorMetadata": {"time": "2024-05-06T09:08:09+02:00"}}]},
     "sensorElementListsensorElementsensorMetadatatime=2024-05-06T07:08:09.000Z"
     "sensorReporttype=https://gs1.org/voc/Temperaturevalue=26uom=CEL"),
    ({"certificationInfo": ["https://c.example/2", "https://c.example/1"]},
     "certificationInfo=https://c.example/1certificationInfo=https://c.example/2"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "hashed"), HASHED)
def test_what_an_event_says_is_hashed_in_one_form(parts: dict[str, Any], hashed: str) -> None:
    hasher = Hasher.of_context(CONTEXT)
    assert hasher.prehash(event(**parts)) == HEAD + hashed
    # The order of names in JSON says nothing.
    assert hasher.prehash(dict(reversed(event(**parts).items()))) == HEAD + hashed


RIGHT = [
    ("http://a/01/09506000134352", "/01/09506000134352"),
    ("HTTP://A.EXAMPLE/01/09506000134352", "/01/09506000134352"),
    ("https://a:8443/x/01/09506000134352/21/S", "/01/09506000134352/21/S"),
    ("https://a/01/09506000134352/21/%7e", None),
    ("https://a/01/09506000134352/21/%2B", "/01/09506000134352/21/%2B"),
    ("https://a/01/09506000134352/21/a+b", "/01/09506000134352/21/a%2Bb"),
    ("https://a/01/09506000134352/21/12345678901234567890", "/01/09506000134352/21/12345678901234567890"),
    ("https://a/01/09506000134352/21/123456789012345678901", None),
    ("https://a/01/09506000134352/10/L?17=260200", "/01/09506000134352/10/L?17=260200"),
    ("https://a/01/09506000134352?17=260229", None), ("https://a/01/09506000134352?17=261301", None),
    ("https://a/01/09506000134352?11=240229&10=L", None), ("https://a/01/09506000134352/", None),
    ("https://a/01/09506000134352/21/", None), ("https://a/01/09506000134352/21", None),
    ("https://a/gtin/09506000134352", None), ("https://a/01/9506000134352", None),
    ("https://a/01/٠٩٥٠٦٠٠٠١٣٤٣٥٢", None), ("https://a/01/０9506000134352", None),
    ("https://a/01/09506000134352/21/\u0421", None), ("https://a/01/09506000134352/21/%D0%A1", None),
    ("https://a/01/09506000134352?21=S", None), ("https://a/01/09506000134352?4000=1", None),
    ("https://a/01/09506000134352?x4000=1&linkType=all", "/01/09506000134352"),
    ("https://a/414/9506000134352/254/01234567890123456789", "/414/9506000134352/254/01234567890123456789"),
    ("https://a/414/9506000134352/254/012345678901234567890", None),
    ("https://a/8006/095060001343520201", None),
    ("https://a/8006/095060001343520202/21/S", "/8006/095060001343520202/21/S"),
    ("https://a/8017/950600001343520011/8019/1234567890", "/8017/950600001343520011/8019/1234567890"),
    ("https://a/8018/950600001343520010", None),
    ("https://a/402/95060001343520017", "/402/95060001343520017"),
    ("https://a/253/9506000134352", "/253/9506000134352"),
    ("https://a/255/9506000134352000000000001", "/255/9506000134352000000000001"),
    ("https://a/401/950", None), ("https://a/8004/9506000%20X", None),
    ("https://a/00/095060001343520018", None),
]  # fmt: skip


@pytest.mark.parametrize(("uri", "path"), RIGHT)
def test_a_link_is_read_or_refused(uri: str, path: str | None) -> None:
    if path is None:
        with pytest.raises(LinkMalformed):
            parse_digital_link(uri)
        return
    link = parse_digital_link(uri)
    assert canonical_uri(link) == AT + path
    assert build_digital_link((*link.path, *link.attributes)) == AT + path
