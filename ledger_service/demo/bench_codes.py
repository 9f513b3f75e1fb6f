"""Coupon codes: a list made and anchored, and another one taken over from a file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_import import Run, timed
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.service_client import Frame
from ledger_service.demo.stack import run_command
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.kernel.clock import format_instant

DEFINITION = "BENCH"
_ASK_EVERY_SECONDS = 0.5
_ON_CHAIN = ("mined", "final")


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """So many codes generated, stored and on the chain; then as many read from a file."""
    figures, codes, settings = Figures(stage.name), options.requests, stage.stack.settings
    await _define(stage)
    owner = ("--merchant", MERCHANT_OF["GROC"].gln, "--definition", DEFINITION)
    begun = time.monotonic_ns()
    made = await asyncio.to_thread(
        timed, settings, ("coupons", "generate", "MADE", *owner, "--count", str(codes))
    )
    await _until_anchored(stage, "MADE")
    figures.rows["codes"] = f"{codes:,}"
    _add(figures, "generated and stored", made)
    figures.rows["... and anchored, s"] = hundredths((time.monotonic_ns() - begun) // 1_000_000, 1_000)
    file = Path(settings["ALLIANCE_STATE_DIR"]) / "codes.csv"
    with file.open("w", encoding="ascii") as out:
        out.writelines(f"BENCH{number * 7919:012d}\n" for number in range(codes))
    _add(figures, "imported", await asyncio.to_thread(
        timed, settings, ("coupons", "import", "TAKEN", *owner, str(file))
    ))  # fmt: skip
    figures.rows["all processes at last, MiB"] = f"{stage.fleet.memory_kib() // 1024:,}"
    return figures


def _add(figures: Figures, label: str, run: Run) -> None:
    figures.rows[f"{label}, s"] = f"{run.seconds_tenths // 10}.{run.seconds_tenths % 10}"
    figures.rows[f"{label}, CPU s"] = f"{run.cpu_tenths // 10}.{run.cpu_tenths % 10}"
    figures.rows[f"{label}, command MiB"] = f"{run.peak_mib:,}"


async def _define(stage: Stage) -> None:
    """A definition whose first version another operator has approved."""
    second = run_command(stage.stack.settings, "keys", "issue", "operator", "second").split()[0]
    gln, at, seed = MERCHANT_OF["GROC"].gln, stage.bench.begins, stage.bench.seed
    base = f"/v1/merchants/{gln}/coupon-definitions"
    terms = {
        "benefit": {"type": "AmountOff", "minor": 50}, "funders": [{"party": gln, "bps": 10_000}],
        "window": {"starts_at": format_instant(at), "ends_at": format_instant(stage.bench.spend_until),
                   "zone": "UTC"},
    }  # fmt: skip
    body = {"code": DEFINITION, "names": {"en": "Fifty cents"}}
    versions = f"{base}/{DEFINITION}/versions"
    first = stage.stack.operator_key
    await stage.service.demand(base, body, Frame(first, f"{seed}:define", at))
    await stage.service.demand(versions, {"terms": terms}, Frame(first, f"{seed}:terms", at))
    await stage.service.demand(f"{versions}/1/approval", {}, Frame(second, f"{seed}:approve", at))


async def _until_anchored(stage: Stage, name: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = run_command(stage.stack.settings, "coupons", "lists").splitlines()
        if any(line.split()[0] == name and line.endswith(_ON_CHAIN) for line in lines):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} was not anchored: {lines}")
        await asyncio.sleep(_ASK_EVERY_SECONDS)
