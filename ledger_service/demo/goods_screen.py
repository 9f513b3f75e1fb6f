"""What a run says of its goods, what an auditor proves of one sold item, and how a forged row is found."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from ledger_service.demo.forger import forge
from ledger_service.demo.goods_journey import item_name
from ledger_service.demo.goods_story import Goods
from ledger_service.demo.replay import Replay
from ledger_service.demo.screen import Screen
from ledger_service.demo.stack import Stack, run_command

_COUNTED = ("items made", "events captured", "checkouts with items", "items sold", "items claimed")


async def show_goods(screen: Screen, stack: Stack, replay: Replay, goods: Goods) -> bool:
    """The figures, one item's proof and a forged row that is named; whether all of it held."""
    counts = replay.counts
    if replay.town.goods is None:
        screen.say("\nGoods: this run began before there were any")
        return True
    rows = [(name, f"{counts[name]:,}") for name in _COUNTED]
    rows.insert(0, ("products of real manufacturers", f"{len(goods.plan.lots):,}"))
    screen.table("Goods from the works to the basket", ["", "so far"], rows)
    if not goods.told.get("claims"):
        return True
    proven = await _show_proof(screen, stack, goods)
    await _show_recall(screen, goods)
    return await asyncio.to_thread(_show_forgery, screen, stack) and proven


async def _show_proof(screen: Screen, stack: Stack, goods: Goods) -> bool:
    """An auditor with a chain URL, the published addresses and one file goes the item's whole way."""
    gtin, index, household, programme, points, operation = min(goods.told["claims"])
    serial = goods.codes[gtin].serials[index]
    folder = Path(stack.settings["ALLIANCE_STATE_DIR"]) / "goods"
    folder.mkdir(exist_ok=True)
    path = folder / f"{gtin}-{serial}.json"
    path.write_text(json.dumps(await goods.desk.bundle(gtin, serial)))
    facts = await goods.desk.service.get("/v1/alliance", "")
    code = item_name(gtin, serial)
    told = json.loads(await asyncio.to_thread(
        run_command, {"ALLIANCE_STATE_DIR": str(folder / "stranger")}, "verify", "item", code,
        "--rpc", stack.chain_url, "--bundle", str(path), "--items", facts["item_registry"],
        "--log", facts["transparency_log"], "--clearing-house", facts["clearing_house"], "--json",
        good=(0, 1, 3, 4),
    ))  # fmt: skip
    screen.say(f"\nalliance verify item {code}: {told['standing']}, {told['events']} events")
    for line in (*(finding["what"] for finding in told["findings"]), *told["facts"]):
        screen.say(f"  {line}")
    screen.say(f"  household {household} has {points} {programme} for it by operation {operation}")
    number = goods.number_of(household)
    for who, verdict in (("the phone that claimed it", await goods.desk.verdict(code, number)),
                         ("anybody else", await goods.desk.verdict(code))):  # fmt: skip
        screen.say(f"  a scan tells {who}: {verdict['verdict']} ({', '.join(verdict['reasons'])})")
    return bool(told["standing"] == "genuine")


async def _show_recall(screen: Screen, goods: Goods) -> None:
    if not goods.told.get("recalled"):
        return
    lot = goods.recalled
    batch = goods.told["batches"][lot.gtin]
    touched = (await goods.desk.get(f"/v1/batches/{batch}/recall?limit=200")).document
    verdict = await goods.desk.verdict(item_name(lot.gtin, goods.codes[lot.gtin].serials[0]))
    points = sum(one["points"] for one in touched["settlement"])
    screen.say(
        f"\nRecalled: {lot.name} of manufacturer {lot.manufacturer}: {touched['items']} items,"
        f" {len(touched['claims'])} claimed, {points} {lot.merchant} issued; a scan says {verdict['verdict']}"
    )


def _show_forgery(screen: Screen, stack: Stack) -> bool:
    """A row of a copy of the database is rewritten, guards and all; the log names it."""
    forged = forge(stack)
    if forged is None:
        screen.say("A forged row is shown where the database is SQLite: only a copy is ever forged")
        return True
    settings, event = forged
    out = run_command(settings, "verify", "log", "--rpc", stack.chain_url, "--json", good=(0, 1))
    told: dict[str, Any] = json.loads(out)
    altered = [one for one in told["findings"] if one["event"] is not None]
    screen.say(
        f"\nA row forged in a copy of the database, event {event}: `alliance verify log` finds"
        f" {len(altered)} of {told['events']:,} events altered"
    )
    for one in altered:
        screen.say(f"  event {one['event']} ({one['event_id']}): {', '.join(one['parts'])}: {one['what']}")
    screen.say(
        f"  checkpoints after it, here and on the chain: {len(told['findings']) - len(altered)} betray it"
    )
    return [one["event"] for one in altered] == [event]
