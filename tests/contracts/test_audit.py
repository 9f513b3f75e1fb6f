"""What other people's tools say of the contracts: every accepted finding has its reason, the rest is none."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCEPTED = json.loads((ROOT / "contracts" / "audit-accepted.json").read_text())
SOURCE = "\n".join(path.read_text() for path in (ROOT / "contracts" / "src").rglob("*.sol"))
PROOFS = "\n".join(path.read_text() for path in (ROOT / "contracts" / "test" / "proofs").glob("*.sol"))


def test_every_accepted_finding_has_its_reason_and_its_place() -> None:
    reasons = [entry["reason"] for entry in ACCEPTED["slither"].values()] + list(ACCEPTED["solhint"].values())
    assert all(len(reason) > 20 for reason in reasons)
    names = {name for e in ACCEPTED["slither"].values() for w in e["where"] for name in w.split(".")}
    assert {name for name in names if not re.search(rf"\b{name}\b", SOURCE)} == set()


def test_the_invariants_of_the_contracts_have_proofs() -> None:
    wanted = {"INV4", "INV5", "INV6", "INV7", "INV9", "INV10", "INV11", "INV12", "INV14", "INV15"}
    assert set(re.findall(r"check_(INV\d+)_", PROOFS)) == wanted


@pytest.mark.deep
@pytest.mark.parametrize("step", ["solhint", "slither", "halmos"])
def test_an_audit_is_clean(step: str) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "audit"), step], capture_output=True, text=True, check=False
    )
    if done.returncode == 2:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
