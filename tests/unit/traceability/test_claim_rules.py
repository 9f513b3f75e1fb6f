"""What a bundle tells of an item's claim and its label, against what the chain and the events say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from ledger_service.traceability.proofs.bundle import Bundle, ClaimPart, EventPart, ItemPart, Place
from ledger_service.traceability.proofs.claim_rules import judge_claim, replaced_by

GTIN, OLD, NEW = "09506000134352", "0123456789AB", "0123456789CD"
ITEM = ItemPart(GTIN, OLD, "L1", 0, bytes(32), bytes(32), 1, ())
BARE = Bundle(Place(1, bytes(20), bytes(20)), ITEM, (), None)


def claimed(points: int, owed: int = 0) -> Bundle:
    return replace(BARE, claim=ClaimPart(b"o" * 16, points, owed))


@pytest.mark.parametrize(
    ("bundle", "by_chain", "issued", "codes"),
    [
        (BARE, False, None, []), (BARE, True, None, ["claim-unissued"]),
        (claimed(5), True, 5, []), (claimed(5), True, None, ["claim-unissued"]),
        (claimed(5), True, 4, ["claim-differs"]), (claimed(5, 2), True, 3, []),
        (claimed(5, 2), True, 5, ["claim-differs"]), (claimed(5, 5), True, None, []),
        (claimed(5, 6), True, None, ["claim-differs"]), (claimed(0), True, None, []),
    ],
)  # fmt: skip
def test_the_points_of_a_claim_are_those_that_the_chain_issued(
    bundle: Bundle, by_chain: bool, issued: int | None, codes: list[str]
) -> None:
    assert [one.code for one in judge_claim(bundle, by_chain, issued)] == codes


def events(*told: dict[str, Any] | bytes) -> Bundle:
    parts = [one if isinstance(one, bytes) else orjson.dumps(one) for one in told]
    return replace(BARE, events=tuple(EventPart(seq, body, ()) for seq, body in enumerate(parts)))


def relabelled(old: str, new: str, step: str = "replacing") -> dict[str, Any]:
    names = [[f"https://id.gs1.org/01/{GTIN}/21/{serial}"] for serial in (old, new)]
    return {"type": "TransformationEvent", "eventID": "urn:uuid:1", "bizStep": step,
            "inputEPCList": names[0], "outputEPCList": names[1]}  # fmt: skip


def test_an_old_label_is_known_by_the_event_that_replaced_it() -> None:
    gone = replaced_by(events(relabelled(OLD, NEW)))
    assert [(one.code, one.event) for one in gone] == [("item-replaced", 0)]
    assert replaced_by(events(relabelled(NEW, OLD))) == []
    assert replaced_by(events(relabelled(OLD, NEW, "repackaging"))) == []
    declared = relabelled(OLD, NEW) | {"errorDeclaration": {"reason": "did_not_occur"}}
    assert replaced_by(events(relabelled(OLD, NEW), declared)) == []
    for odd in (b"{", b"[]", b"{}", b'{"type":"TransformationEvent","inputEPCList":[1]}'):
        assert replaced_by(events(odd)) == []
