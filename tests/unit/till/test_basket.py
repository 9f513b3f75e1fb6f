"""Whatever the till acknowledges the service can read: the till's check is nowhere looser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.offline.parsing import parse_item
from ledger_service.kernel.errors import MalformedField
from ledger_service.till.basket import checked
from ledger_service.till.refusals import TillRefused

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**11), st.text(max_size=70), st.floats(allow_nan=False),
    st.sampled_from(["", " ", "a\0b", "12345678", "4006381333115", "ü" * 33, "x" * 65]),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip
LINE: dict[str, Any] = {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 100}
NAMES = st.sampled_from([*LINE, "sku", "gtin", "other"])


def accepted(request: dict[str, Any]) -> bool:
    try:
        checked(request)
    except TillRefused:
        return False
    return True


def item(request: dict[str, Any]) -> dict[str, Any]:
    sale = {"store": "4006381333115", "currency": "USD", "reference": request.get("reference") or "k"}
    given = {name: request[name] for name in ("lines", "member") if request.get(name) is not None}
    return {"key": request.get("key") or "k", "sold_at": "2026-03-10T12:00:00Z", "sale": sale | given}


@given(st.lists(st.dictionaries(NAMES, ODD, max_size=2), min_size=1, max_size=3), st.data())
def test_what_the_till_takes_the_service_reads(changes: list[dict[str, Any]], data: st.DataObject) -> None:
    lines = [{**LINE, "line": str(number), **change} for number, change in enumerate(changes)]
    request: dict[str, Any] = {"lines": lines}
    for name in ("reference", "key"):
        if data.draw(st.booleans()):
            request[name] = data.draw(ODD)
    if data.draw(st.booleans()):
        request["member"] = {"number": data.draw(ODD | st.just("000000000000000017"))}
    if not accepted(request):
        return
    parse_item(item(request))


def test_the_property_sees_a_looser_till() -> None:
    with pytest.raises(MalformedField):
        parse_item(item({"lines": [{**LINE, "quantity": 0}]}))
    assert not accepted({"lines": [{**LINE, "quantity": 0}]})
    assert accepted({"lines": [LINE], "member": {"number": "000000000000000017"}})
