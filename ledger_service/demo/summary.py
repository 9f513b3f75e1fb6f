"""What a run says at its end: what was replayed, points, who owes whom, the verdict, the addresses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ledger_service.demo.alliance_plan import MERCHANTS
from ledger_service.demo.coupons_screen import show_coupons
from ledger_service.demo.processes import Fleet
from ledger_service.demo.replay import Replay
from ledger_service.demo.screen import Screen, dollars
from ledger_service.demo.second_opinion import disagreements
from ledger_service.demo.service_client import Service
from ledger_service.demo.settling import payments
from ledger_service.demo.shop_screen import show_shop_day
from ledger_service.demo.stack import Stack, run_command
from ledger_service.demo.story_screen import show_story, show_tiers

_COUNTED = (
    "baskets", "checkouts", "lines", "lines of zero cents", "lines without a product row", "members",
    "checkouts paid with points", "refunds", "epoch ends",
)  # fmt: skip
_MONEY = ("paid cents", "cents paid with points", "refunded cents")
_FIGURES = ("issued", "redeemed", "restored", "clawed_back", "expired", "outstanding")
_NAMES = {merchant.key: merchant.name for merchant in MERCHANTS}


async def show_result(screen: Screen, stack: Stack, replay: Replay, parts: tuple[Service, Fleet]) -> bool:
    """The whole report; returns whether database, chain and phones tell the same, and nobody was robbed."""
    service, fleet = parts
    show_replay(screen, replay.counts, replay.refusals)
    verdict = json.loads(run_command(stack.settings, "audit", "--json", good=(0, 1)))
    kept_faith = show_story(screen, replay.counts, replay.town.pending.story)
    kept_faith = show_shop_day(screen, replay.counts) and kept_faith
    accounted = show_coupons(screen, replay.counts)
    show_programmes(screen, verdict["programmes"])
    show_nets(screen, verdict["nets"])
    gone = replay.town.merged
    joined = [phone for phone in replay.phones.values() if phone.joined and phone.household not in gone]
    await show_tiers(screen, service, stack.operator_key, joined, replay.clock)
    differing = await disagreements(service, stack.operator_key, joined, replay.clock)
    show_verdict(screen, verdict, (len(joined), differing))
    screen.say(f"  memory: {fleet.peak_kib // 1024:,} MiB at most, all processes of the product")
    return bool(verdict["clean"]) and not differing and kept_faith and accounted


def show_replay(screen: Screen, counts: Counter[str], refusals: Sequence[str]) -> None:
    """What went over the wire, and every kind of refusal: nothing is left out silently."""
    rows = [(name, f"{counts[name]:,}") for name in _COUNTED]
    rows += [(name.replace("cents", "").strip().capitalize(), dollars(counts[name])) for name in _MONEY]
    rows += [(name, f"{counts[name]:,}") for name in sorted(counts) if name.startswith("refused ")]
    screen.table("What was replayed", ["", "so far"], rows)
    for refusal in refusals[:5]:
        screen.say(f"  refused: {refusal}")


def show_programmes(screen: Screen, programmes: Sequence[Mapping[str, Any]]) -> None:
    """Points issued, redeemed, expired and outstanding, per programme, as the chain counts them."""
    rows = [
        [_NAMES.get(p["programme"], ""), p["programme"], *(p[name] for name in _FIGURES)] for p in programmes
    ]
    header = ["merchant", "points", *(name.replace("_", " ") for name in _FIGURES)]
    screen.table("Points per programme", header, rows)


def show_nets(screen: Screen, nets: Sequence[Mapping[str, Any]]) -> None:
    """Who owes and who is owed for points of others that were accepted; the sum is nought (INV-5)."""
    micros: Counter[str] = Counter()
    for net in nets:
        micros[net["name"] or net["merchant"]] += int(net["net_micros"])
    rows = [
        (name, "is owed" if net >= 0 else "owes", dollars(abs(net) // 10_000))
        for name, net in sorted(micros.items(), key=lambda item: -item[1])
    ]
    screen.table("Who owes whom, net of fees, as the contract added it up", ["merchant", "", "amount"], rows)
    screen.say(f"  sum of all positions: {sum(micros.values())} micros")
    due = [(p.debtor, "pays", p.creditor, dollars(p.micros // 10_000)) for p in payments(micros)]
    screen.table("Payments that settle it", ["merchant", "", "to", "amount"], due)


def show_verdict(screen: Screen, verdict: Mapping[str, Any], phones: tuple[int, Sequence[str]]) -> None:
    """Whether the books agree; every difference by name."""
    members, differing = phones
    word = "database = chain" if verdict["clean"] else "database ≠ chain"
    screen.say(
        f"\nAudit: {word}: {verdict['operations']:,} operations, {verdict['balances']:,} balances,"
        f" block {verdict['block_number']:,}, {len(verdict['findings'])} differences"
    )
    for f in verdict["findings"][:20]:
        screen.say(f"  {f['check']}: {f['subject']}: expected {f['expected']}, found {f['actual']}")
    agreed = "as the service says" if not differing else f"{len(differing)} differ"
    screen.say(f"Phones: what {members:,} members read off their receipts is what they hold: {agreed}")
    for text in differing[:5]:
        screen.say(f"  {text}")
