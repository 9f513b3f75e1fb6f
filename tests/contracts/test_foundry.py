"""The Foundry suite of ``contracts/test/foundry``: fuzzing of operations, invariants over random sequences.

It needs npm's forge and the compiler, and deploys the committed artifacts, as the service does. The seed stands in
``contracts/foundry.toml``; the deep run takes another each time, and its message gives the seed again.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CONTRACTS = Path(__file__).parents[2] / "contracts"
SOURCES = CONTRACTS / "test" / "foundry"
TEST = re.compile(r"function ((?:testFuzz|test|invariant)_\w+)\(")
NAMES = sorted(name for path in SOURCES.glob("*.t.sol") for name in TEST.findall(path.read_text()))
INVARIANTS = {"INV4", "INV5", "INV6", "INV7", "INV9", "INV10", "INV11", "INV12", "INV14", "INV15"}
DEEP = {"FOUNDRY_FUZZ_RUNS": "2000", "FOUNDRY_INVARIANT_RUNS": "40", "FOUNDRY_INVARIANT_DEPTH": "200"}


def forge_binary() -> str | None:
    """The native forge: named by the environment, of npm's platform package, or on the PATH."""
    named = os.environ.get("ALLIANCE_FORGE")
    installed = sorted(CONTRACTS.glob("node_modules/@foundry-rs/forge-*/bin/forge"))
    return named or (str(installed[0]) if installed else shutil.which("forge"))


def run(**settings: str) -> dict[str, dict[str, Any]]:
    """What forge says of every test, by the test's name."""
    forge = forge_binary()
    if forge is None:
        pytest.skip("forge is not installed (npm install in contracts/, or name it in ALLIANCE_FORGE)")
    if not (CONTRACTS / "node_modules" / "solc").exists():
        pytest.skip("the compiler is not installed (npm install in contracts/)")
    done = subprocess.run(
        [forge, "test", "--json"], cwd=CONTRACTS,
        env=os.environ | {"FOUNDRY_PROFILE": "suites"} | settings, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    assert told, f"forge gave no results: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    suites = json.loads(told).values()
    return {name.split("(")[0]: result for s in suites for name, result in s["test_results"].items()}


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    return run()


@pytest.mark.parametrize("name", NAMES)
def test_foundry(results: dict[str, dict[str, Any]], name: str) -> None:
    assert results[name]["status"] == "Success", (results[name]["reason"], results[name]["counterexample"])


def test_every_invariant_of_the_contracts_is_checked_over_sequences() -> None:
    assert {name.split("_")[1] for name in NAMES if name.startswith("invariant_")} == INVARIANTS


@pytest.mark.deep
def test_foundry_deeply_with_a_new_seed() -> None:
    seed = str(secrets.randbits(64))
    results = run(FOUNDRY_FUZZ_SEED=seed, **DEEP)
    failed = {n: (r["reason"], r["counterexample"]) for n, r in results.items() if r["status"] != "Success"}
    assert not failed, f"FOUNDRY_FUZZ_SEED={seed} gives it again"
    assert set(results) == set(NAMES)
