"""What a run says of its settled months, and what a stranger with a chain URL and two addresses says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger_service.demo.alliance_plan import CURRENCY
from ledger_service.demo.screen import Screen, dollars
from ledger_service.demo.stack import run_command

_HEADER = ["month", "lines", "pairs", "gross obligations", "held out", "confirmed", "payouts", "paid out",
           "statements"]  # fmt: skip


def show_months(screen: Screen, months: Sequence[Mapping[str, Any]], told: Mapping[int, Any]) -> bool:
    """The netting table and the stranger's verdict; whether he comes to the same nets, to the unit.

    Args:
        screen: where it is said.
        months: the settled ones, as the run kept them.
        told: what the stranger said of each period.
    """
    if not months:
        screen.say("\nSettlement: no month has ended yet; the first one is closed at its end")
        return True
    rows = [
        (m["period"], f"{m['lines']:,}", m["pairs"], dollars(m["gross_micros"] // 10_000),
         dollars(m["held_micros"] // 10_000), f"{m['confirmed']} of {m['merchants']}",
         f"{m['paid']} of {m['payouts']}", dollars(m["payouts_minor"]), m["statements"])
        for m in months
    ]  # fmt: skip
    screen.table("Months settled: gross obligations against payouts", _HEADER, rows)
    held = [m for m in months if m["held_micros"]]
    still = sum(m["open_disputes"] for m in held)
    screen.say(
        f"  disputes: in {len(held)} months, {still} still open; papers and bank files are in settlement/"
    )
    differing = [m["period"] for m in months if not _same(m, told[m["period"]])]
    word = "the same nets, to the cent" if not differing else f"other figures for periods {differing}"
    screen.say(f"  a stranger with a chain URL and two addresses finds {word}")
    return not differing


def stranger(
    chain_url: str, addresses: tuple[str, str], periods: Sequence[int], nowhere: Path
) -> dict[int, Any]:
    """`alliance verify settlement` in a process that knows no database, no key and no word of ours.

    Args:
        chain_url: of the node.
        addresses: registry and ClearingHouse.
        periods: which; the chain is read once for all.
        nowhere: an empty folder for its settings.
    """
    if not periods:
        return {}
    asked = [part for period in periods for part in ("--period", str(period))]
    answer = json.loads(run_command(
        {"ALLIANCE_STATE_DIR": str(nowhere)}, "verify", "settlement", "--rpc", chain_url,
        "--registry", addresses[0], "--clearing-house", addresses[1], "--currency", CURRENCY, "--json",
        *asked, good=(0, 1),
    ))  # fmt: skip
    return {one["period"]: one for one in answer.get("periods", [answer])}


def _same(month: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    nets = {n["merchant"]: n["net_minor"] for n in told["nets"] if n["net_minor"]}
    return bool(told["agrees"] and told["desk"]["netted"]) and nets == month["nets"]
