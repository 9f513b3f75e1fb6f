"""The facts that the mirror keeps are events that the contracts have."""

from __future__ import annotations

from ledger_service.chain.artifacts import load, type_of
from ledger_service.chain.decode import SIGNATURES
from ledger_service.chain.encode import CONVERT_SELECTOR, EXTEND_SELECTOR, MOVE_SELECTOR, SUBMIT_SELECTOR


def test_every_decoded_event_stands_in_the_compiled_contracts() -> None:
    entries = [
        e for name in ("AllianceRegistry", "ClearingHouse") for e in load(name).abi if e["type"] == "event"
    ]
    known = {f"{e['name']}({','.join(type_of(p) for p in e['inputs'])})" for e in entries}
    assert set(SIGNATURES) <= known


def test_the_calldata_is_for_the_compiled_function() -> None:
    assert load("ClearingHouse").selector("submitBatch") == SUBMIT_SELECTOR
    assert load("ClearingHouse").selector("moveAccounts") == MOVE_SELECTOR
    assert load("ClearingHouse").selector("extendPoints") == EXTEND_SELECTOR
    assert load("ClearingHouse").selector("convertPoints") == CONVERT_SELECTOR
