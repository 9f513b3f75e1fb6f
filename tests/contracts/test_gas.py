"""Gas per operation at batches of 200, printed, and kept in `contracts/gas-snapshot.json`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.contracts.alliance import Alliance
from tests.contracts.gas import OPERATIONS, TARGETS, measure

SNAPSHOT = Path(__file__).parents[2] / "contracts" / "gas-snapshot.json"
TOLERANCE = 25  # gas an operation; the data of the cases is fixed, so this is for other versions of the EVM


def test_gas_is_as_committed(prepared: tuple[Alliance, Any], capsys: Any) -> None:
    """Set ALLIANCE_UPDATE_SNAPSHOT=1 to write the figures anew, and commit what changed with its reason."""
    alliance, mark = prepared
    alliance.back_to(mark)
    figures = measure(alliance)
    with capsys.disabled():
        sys.stdout.write(f"\ngas per operation, batches of {OPERATIONS}, every check on\n")
        for case, gas in figures.items():
            target = TARGETS.get(case)
            sys.stdout.write(f"  {case:<50}{gas:>8,}" + (f"   target {target:,}\n" if target else "\n"))
    if os.environ.get("ALLIANCE_UPDATE_SNAPSHOT"):
        kept = json.loads(SNAPSHOT.read_text()) | {"operations": OPERATIONS, "gas": figures}
        SNAPSHOT.write_text(json.dumps(kept, indent=1) + "\n")
    committed = json.loads(SNAPSHOT.read_text())["gas"]
    assert committed.keys() == figures.keys()
    changed = {c: (committed[c], figures[c]) for c in figures if abs(committed[c] - figures[c]) > TOLERANCE}
    assert not changed


def test_the_documented_table_is_the_snapshot() -> None:
    text = (SNAPSHOT.parents[1] / "docs" / "alliance-points-standard.md").read_text()
    for case, gas in json.loads(SNAPSHOT.read_text())["gas"].items():
        target = f"{TARGETS[case]:,}" if case in TARGETS else ""
        assert f"| {case} | {gas:,} | {target} |" in text


def test_the_documented_cost_of_a_leg_is_the_snapshots() -> None:
    text = (SNAPSHOT.parents[1] / "docs" / "performance.md").read_text()
    gas = json.loads(SNAPSHOT.read_text())["gas"]
    one = gas["redeem, used nonce word"]
    further = {"same storage word": "2 legs in one word", "other word": "2 legs in two words"}
    for name, case in (further | {"other programme": "2 programmes"}).items():
        assert f"| further leg, {name} | +{gas[f'redeem, used nonce word, {case}'] - one:,} |" in text
    assert f"| issue to a holder with that epoch | {gas['issue, holder with that epoch']:,} |" in text
