"""Gas of coupons at batches of 200, kept in ``contracts/gas-snapshot.json`` and told in the documents."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.contracts.alliance import Alliance
from tests.contracts.couponing import Codes, Couponing
from tests.contracts.test_gas import SNAPSHOT, TOLERANCE

DOCUMENT = SNAPSHOT.parents[1] / "docs" / "coupons-on-chain.md"
OPERATIONS = 200


def measure(alliance: Alliance) -> dict[str, int]:
    """Gas of the one list, and per operation of each case; proofs of a list of 1,024 have ten nodes."""
    coupons, codes, figures = Couponing(alliance), Codes(1_024), dict[str, int]()

    def run(case: str, operations: list[Any]) -> list[Any]:
        coupons.applied(*operations)
        figures[case] = -(-coupons.receipt.gas // len(operations))
        return operations

    run("type", [coupons.type(cap=2_000)])
    run("list of codes, any size", [coupons.root(codes)])
    run("code, alone in its batch", [coupons.consume(codes, 1_000)])
    used = run("code, of a dense list", [coupons.consume(codes, at) for at in range(OPERATIONS)])
    run("consumption taken back", [coupons.reverse(operation) for operation in used])
    return figures


def test_gas_of_coupons_is_as_committed(prepared: tuple[Alliance, Any]) -> None:
    """Set ALLIANCE_UPDATE_SNAPSHOT=1 to write the figures anew, and commit what changed with its reason."""
    alliance, mark = prepared
    alliance.back_to(mark)
    figures = measure(alliance)
    committed = json.loads(SNAPSHOT.read_text())
    if os.environ.get("ALLIANCE_UPDATE_SNAPSHOT"):
        committed["coupons"] = figures
        SNAPSHOT.write_text(json.dumps(committed, indent=1) + "\n")
    assert committed["coupons"].keys() == figures.keys()
    told = committed["coupons"]
    changed = {c: (told[c], figures[c]) for c in figures if abs(told[c] - figures[c]) > TOLERANCE}
    assert not changed


def test_the_documented_figures_are_the_snapshots() -> None:
    text = DOCUMENT.read_text()
    for case, gas in json.loads(SNAPSHOT.read_text())["coupons"].items():
        assert f"| {case} | {gas:,} |" in text
