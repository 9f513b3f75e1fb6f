"""The points of an item's claim by the word of a bundle, and by that of a ClearingHouse."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ledger_service.chain.issue_reading import points_issued
from tests.chain.hostile_bundles import ALTERED, MISSING, PLACE
from tests.chain.items import Tracing


def hold_points_against_the_chain(
    tracing: Tracing, claimed: tuple[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The claimed item (serial and bundle), with operations that issued as many points, others, or none."""
    sold, document = claimed
    world = tracing.world
    issue = world.issue(world.members[0], 1, 5)
    world.enqueue(issue)
    bridge, house = world.bridge(), world.keys.domain.clearing_house
    for _ in range(2_000):
        if points_issued(world.node, house, {issue.op_id}, 0):
            break
        bridge.step()
        time.sleep(0.005)
    asked = ("--clearing-house", f"0x{house.hex()}")
    assert tracing.verify(sold, document, "--json", *asked) == MISSING
    assert _codes(capsys.readouterr().out) == ["claim-unissued"]
    for points, owed, exit_code, text in (
        (5, 0, 0, "the chain has issued 5"), (7, 2, 0, "7 points by operation"),
        (6, 0, ALTERED, "claim-differs"),
    ):  # fmt: skip
        document["claim"] = {"operation": f"0x{issue.op_id.hex()}", "points": points, "owed": owed}
        assert tracing.verify(sold, document, *asked) == exit_code
        assert text in capsys.readouterr().out
    document["claim"]["operation"] = "0x" + "ab" * 16
    assert tracing.verify(sold, document, *asked) == MISSING
    assert "the chain does not say so" in capsys.readouterr().out
    # Nobody asked the chain: it is told whose word that is.
    assert tracing.verify(sold, document) == 0
    assert "the ledger's word" in capsys.readouterr().out
    assert tracing.verify(sold, document, "--json", "--clearing-house", PLACE) == MISSING
    assert _codes(capsys.readouterr().out) == ["contract-missing"]


def _codes(out: str) -> list[str]:
    return [finding["code"] for finding in json.loads(out)["findings"]]
