"""What sharing came to in a run: the funnel, rewards and what went back, who moved most, the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger_service.demo.alliance_plan import MERCHANTS, POINT_VALUES
from ledger_service.demo.screen import Screen, dollars
from ledger_service.demo.share_desk import Offices
from ledger_service.demo.share_rules import CAMPAIGNS, FRIENDS

# A run that goes on stands where its data stood: before the moment at which its networks were measured.
_LATEST = "2018-12-31T00:00:00Z"
_STEPS = ("links", "touches", "machines", "followed", "enrolled")
_STANDING = ("due", "promised", "granted")
_MOST_SHOWN = 10
_BEHAVIOURS = (
    "creator", "conversationalist", "critic", "collector", "joiner", "spectator", "inactive",
)  # fmt: skip
NAMES = {merchant.gln: merchant.name for merchant in MERCHANTS}
SEGMENTS: dict[str, dict[str, Any]] = {
    **{f"behaviour {one}": {"behaviour": one} for one in _BEHAVIOURS},
    "best fifth by recency, frequency and money": {
        "all": [{"fact": f"{one}_score", "at_least": 5} for one in ("recency", "frequency", "monetary")]
    },
    "brought friends of friends": {"fact": "friends_of_friends", "at_least": 1},
    "expected to spend $500 or more in a year": {"fact": "lifetime_value_minor", "at_least": 50_000},
}


async def show_sharing(screen: Screen, offices: Offices, ring: Sequence[str], folder: Path) -> bool:
    """The report, and a picture of each campaign in a folder; returns whether the ring got nothing.

    Args:
        screen: where it is told.
        offices: who may ask.
        ring: the numbers of the members that only refer each other.
        folder: for the pictures.
    """
    rewards = await offices.rewards(None)
    for code in CAMPAIGNS:
        funnel = await offices.told(code, "/funnel")
        campaign = (await offices.told(code, ""))["campaign"]
        show_funnel(screen, funnel, campaign["budget"])
        show_network(screen, code, await offices.told(code, f"/network?at={_LATEST}"))
        path = folder / f"sharing-{code.lower()}.svg"
        path.write_text(await offices.drawn(code), encoding="utf-8")
        screen.say(f"  picture of its spread: {path}")
    show_rewards(screen, rewards)
    await show_funders(screen, offices, rewards)
    got = [one for one in rewards if one["member"] in ring and one["state"] in _STANDING]
    caught = sum(one["member"] in ring for one in rewards)
    screen.say(f"  a ring of {len(ring)} that refer each other: {caught} rewards held, {len(got)} paid")
    return not got


async def show_segments(screen: Screen, offices: Offices, at: datetime) -> None:
    """Sizes of a merchant's segments: by stage of life, by behaviour, by value."""
    merchant = CAMPAIGNS[FRIENDS]["merchant"]
    everybody = await offices.size(merchant, {"fact": "tenure_days", "at_least": 0}, at) or {}
    rows: list[list[Any]] = [[f"stage {one}", size] for one, size in everybody["stages"].items() if size]
    sizes = {name: await offices.size(merchant, rule, at) for name, rule in SEGMENTS.items()}
    rows += [[name, found["size"]] for name, found in sizes.items() if found]
    title = f"Segments of {NAMES[merchant]}, {everybody['size']:,} customers"
    screen.table(title, ["segment", "members"], rows)
    for name in (name for name, found in sizes.items() if not found):
        screen.say(f"  {name}: too few came back to tell")


def show_funnel(screen: Screen, funnel: Mapping[str, Any], budget: Mapping[str, int]) -> None:
    """From links to purchases, by channel, then what came of the purchases."""
    rows = [[one["channel"], *(one[step] for step in _STEPS)] for one in funnel["channels"]]
    rows.append(["all", *(sum(one[step] for one in funnel["channels"]) for step in _STEPS)])
    screen.table(f"Sharing: {funnel['campaign']}, from links to members", ["channel", *_STEPS], rows)
    bought = [
        [one["outcome"], one["first"], one["repeated"], dollars(one["amount_minor"])]
        for one in funnel["purchases"]
    ]
    screen.table("and their purchases", ["outcome", "first", "later", "amount"], bought)
    used = f"{budget['used_points']:,} of {budget['points']:,} points"
    screen.say(f"  budget used: {used}, {budget['used_rewards']:,} of {budget['rewards']:,} rewards")


def show_rewards(screen: Screen, rewards: Sequence[Mapping[str, Any]]) -> None:
    """Rewards and points by campaign and state, and why some were held."""
    count: Counter[tuple[str, str]] = Counter()
    points: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for one in rewards:
        key = one["campaign"], one["state"]
        count[key] += 1
        points[key] += one["points"]
        reasons.update(one["reasons"])
    rows = [[*key, count[key], points[key]] for key in sorted(count)]
    screen.table("Rewards", ["campaign", "state", "rewards", "points"], rows)
    told = ", ".join(f"{reason} {times:,}" for reason, times in sorted(reasons.items()))
    screen.say(f"  held, whatever was decided then: {told or 'none'}")


async def show_funders(screen: Screen, offices: Offices, rewards: Sequence[Mapping[str, Any]]) -> None:
    """What each funder's rewards add to what it owes: points of its own, paid where they are spent."""
    nets = await offices.nets()
    rows = []
    for code, campaign in CAMPAIGNS.items():
        programme, merchant = campaign["programme"], campaign["merchant"]
        points: Counter[str] = Counter()
        for one in rewards:
            points[one["state"]] += one["points"] if one["campaign"] == code else 0
        given, back = points["granted"] + points["clawed"], points["clawed"]
        worth = dollars((given - back) * POINT_VALUES[programme] // 10_000)
        rows.append([
            NAMES[merchant], code, given, back, worth, await offices.issued(programme),
            dollars(nets[merchant] // 10_000),
        ])  # fmt: skip
    header = ["funder", "campaign", "points given", "taken back", "to be settled", "issued in all", "its net"]
    screen.table("Rewards in settlement, by funder", header, rows)


def show_network(screen: Screen, code: str, report: Mapping[str, Any]) -> None:
    """The shape of the campaign's network, and who moved most."""
    screen.say(f"\nNetwork of {code}: {report['members']:,} members, {report['ties']:,} ties")
    if not report["members"]:
        return
    clustering, division = report["clustering"], report["communities"]
    widest = max(one["value"] for one in report["degrees"])
    deepest = len(report["deepest"])
    screen.say(f"  greatest out-degree {widest}, deepest chain {deepest} members, levels {report['levels']}")
    screen.say(
        f"  clustering {clustering['mean_ppm']:,} ppm, {division['count']:,} communities"
        f" (modularity {division['modularity_ppm']:,} ppm, largest {division['largest'][:5]}),"
        f" greatest core {max(one['value'] for one in report['cores'])}"
    )
    reach = {one["member"]: one["value"] for one in report["reach"]}
    between = {one["member"]: one["value"] for one in report["betweenness"]["top"]}
    rows = [
        [one["member"] or "erased", one["value"], reach.get(one["member"], 0), between.get(one["member"], 0)]
        for one in report["influence"][:_MOST_SHOWN]
    ]
    header = ["member", "influence (thousandths)", "reach", "betweenness ppm"]
    screen.table("Who moved most", header, rows)
