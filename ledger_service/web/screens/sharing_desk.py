"""Campaigns of sharing at the desk: asked for, approved, live; from links to purchases; how they spread."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ledger_service.web.drawing import Step, funnel
from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Form, Note, Picture, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    Json,
    code,
    doer,
    instant,
    listed,
    money,
    number,
    shows,
    state,
    worded,
)
from ledger_service.web.screen import Download, Screen, Visit, roles
from ledger_service.web.screens.member import picture

OWNERS, LOOKERS = roles("merchant", "operator"), roles("merchant", "operator", "auditor")
_API, _HOME = "/v1/share/campaigns", "/sharing"
_ONE, _API_ONE = f"{_HOME}/{{campaign}}", f"{_API}/{{campaign}}"
COLOURS = ("channel", "place")
TRIGGERS = ("first-purchase", "nth-purchase", "basket", "item-scan")
_WAYS = ("links", "touches", "followed", "enrolled")
_TOPS = ("influence", "reach", "strength")


def overview(visit: Visit) -> Sheet:
    """The campaigns of sharing, a merchant's own or all, and the form for the next."""
    found, more = listed(visit, _API, "campaigns", _HOME)
    rows = [
        [code(one["code"], f"{_HOME}/{one['code']}"), Cell(one["name"]), state(one["state"]),
         number(visit, one["budget"]["used_points"]), number(visit, one["budget"]["points"]),
         instant(visit, one["live_at"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.code", "col.name", "col.state", "sharing.promised", "sharing.budget", "col.from")
    blocks: list[Block] = [Rows("sharing.all", headings, rows, more, "sharing.none")]
    if visit.me.role == "merchant":
        blocks.append(Acts([ASK.form(visit)]))
    return Sheet("sharing.title", blocks, lead="sharing.lead")


def one(visit: Visit) -> Sheet:
    """A campaign: its terms, how far it led, who stands in its network, and how that spread."""
    wanted = visit.path["campaign"]
    told = visit.get(f"{_API}/{wanted}")
    campaign, way = told["campaign"], visit.get(f"{_API}/{wanted}/funnel")
    budget, count = campaign["budget"], visit.formats.number
    blocks: list[Block] = [
        Facts([("col.state", worded(visit, campaign["state"])),
               ("sharing.promised", count(budget["used_points"])),
               ("sharing.budget", count(budget["points"])),
               ("sharing.rewards", f"{count(budget['used_rewards'])} / {count(budget['rewards'])}")]),
        *_way(visit, way), *_network(visit, wanted), _versions(visit, told["versions"]),
    ]  # fmt: skip
    forms = _forms(visit, campaign, told["versions"])
    return Sheet("sharing.one", [*blocks, *([Acts(forms)] if forms else [])],
                 f"{campaign['name']} · {wanted}", back=_HOME)  # fmt: skip


def _way(visit: Visit, told: Json) -> list[Block]:
    channels, bought = told["channels"], told["purchases"]
    counted = [(visit.say(f"sharing.{step}"), sum(one[step] for one in channels)) for step in _WAYS]
    counted.append((visit.say("sharing.first"), sum(one["first"] for one in bought)))
    steps = [Step(name, value) for name, value in counted]
    by_channel = [
        [Cell(visit.say(f"channel.{one['channel']}")), *(number(visit, one[step]) for step in _WAYS)]
        for one in channels
    ]
    outcomes = [
        [Cell(visit.say(f"outcome.{one['outcome']}")), number(visit, one["first"]),
         number(visit, one["repeated"]), money(visit, one["amount_minor"])] for one in bought
    ]  # fmt: skip
    return [
        Picture("sharing.way_about", funnel(steps, visit.say("sharing.way"), visit.formats.number)),
        Rows("sharing.channels", ("col.channel", *(f"sharing.{step}" for step in _WAYS)), by_channel,
             empty="sharing.no_links"),
        Rows("sharing.purchases", ("col.outcome", "sharing.first", "sharing.repeated", "col.amount"),
             outcomes, empty="sharing.no_purchases"),
    ]  # fmt: skip


def _network(visit: Visit, wanted: str) -> list[Block]:
    """How the campaign spread, as pictures, and what its network was last measured to be."""
    drawn: list[Block] = [
        Picture(f"sharing.by_{by}", _image(f"{_HOME}/{wanted}/spread/{by}", visit.say(f"sharing.by_{by}")))
        for by in COLOURS
    ]
    measured = visit.ask(f"{_API}/{wanted}/network")
    if not measured.good:
        return [*drawn, Note("sharing.unmeasured", "note")]
    return [*drawn, *_measures(visit, measured.document)]


def _image(address: str, said: str) -> Markup:
    """A drawing that the API made, with a link to it in full."""
    return Markup('<a href="{0}"><img src="{0}" alt="{1}" loading="lazy" width="1000"></a>').format(
        address, said
    )


def _measures(visit: Visit, told: Json) -> list[Block]:
    count, groups = visit.formats.number, told.get("communities", {})
    facts = [
        ("sharing.measured", visit.formats.instant(told["measured_at"])),
        ("sharing.members", count(told["members"])), ("sharing.ties", count(told["ties"])),
        ("sharing.communities", count(groups.get("count"))),
    ]  # fmt: skip
    tops = [
        Rows(f"sharing.{name}", ("col.member", "col.value"),
             [[code(one["member"]), Cell(_thousandths(one["value"]) if name == "influence"
                                         else count(one["value"]), "number")] for one in told[name][:10]])
        for name in _TOPS if told.get(name)
    ]  # fmt: skip
    levels = [[number(visit, level), number(visit, people)]
              for level, people in enumerate(told.get("levels", []))]  # fmt: skip
    by_level = Rows("sharing.levels", ("sharing.level", "col.members"), levels, empty="sharing.nobody")
    return [Facts(facts), *tops, by_level]


def _thousandths(value: int) -> str:
    whole, rest = divmod(value, 1_000)
    return f"{whole}.{rest:03d}"


def _versions(visit: Visit, versions: list[Json]) -> Rows:
    names = names_of(visit)
    rows = [
        [number(visit, one["version"]), state(one["state"]), Cell(_terms(visit, one["terms"])),
         doer(visit, names, one["asked_by"]), instant(visit, one["asked_at"])]
        for one in reversed(versions)
    ]  # fmt: skip
    return Rows("sharing.versions", ("col.version", "col.state", "col.terms", "col.asked_by", "col.at"), rows)


def _terms(visit: Visit, terms: dict[str, Any]) -> str:
    """What is not nothing, each under its word where there is one."""
    told = []
    for name, value in terms.items():
        if value and not isinstance(value, list | dict):
            key = f"terms.{name}"
            word = visit.say(key)
            told.append(f"{name if word == key else word}: {worded(visit, str(value))}")
    return "; ".join(told) or "–"


def _forms(visit: Visit, campaign: Json, versions: list[Json]) -> list[Form]:
    if visit.me.role == "auditor":
        return []
    waits = any(one["state"] == "draft" for one in versions)
    deeds = [APPROVE, DECLINE] if waits else []
    deeds += [START] if campaign["state"] == "approved" else []
    deeds += [END] if campaign["state"] == "live" else []
    typed = {name: str(campaign["budget"][name]) for name in ("points", "rewards", "coupons")}
    forms = [deed.form(visit, campaign=campaign["code"]) for deed in deeds]
    return [*forms, BUDGET.form(visit, typed, campaign=campaign["code"])]


def spread(visit: Visit) -> Download:
    """The picture of who brought whom; nobody is named in it."""
    by = "place" if visit.path["by"] == "place" else "channel"
    return picture(visit.ask(f"{_API}/{visit.path['campaign']}/spread", by=by))


def _risky(name: str, rest: str, fixed: dict[str, object], *, danger: bool = False) -> Deed:
    to = f"{_HOME}/<campaign>/{name.rpartition('-')[0]}"
    return Deed(name, to, f"{_API_ONE}/{rest}", OWNERS, _ONE, one, fixed=fixed, risky=True, danger=danger)


ASK = Deed(
    "ask-sharing", _HOME, _API, roles("merchant"), _HOME, overview,
    (Field("code", "text", "field.code", about="field.code_about"), Field("name", "text", "field.name"),
     Field("programme", "text", "field.programme"),
     Field("terms.trigger", "choice", "terms.trigger", options=TRIGGERS, value="first-purchase"),
     Field("terms.sharer_points", "int", "terms.sharer_points", value="0"),
     Field("terms.newcomer_points", "int", "terms.newcomer_points", value="0"),
     Field("terms.second_points", "int", "terms.second_points", optional=True),
     Field("terms.least_minor", "money", "terms.least_minor", optional=True),
     Field("terms.vest_days", "int", "terms.vest_days", value="14"),
     Field("budget.points", "int", "sharing.budget"), Field("budget.rewards", "int", "sharing.rewards")),
    own="merchant",
)  # fmt: skip
APPROVE = _risky("approve-sharing", "decision", {"approve": True})
DECLINE = _risky("decline-sharing", "decision", {"approve": False}, danger=True)
START = _risky("start-sharing", "state", {"state": "live"})
END = _risky("end-sharing", "state", {"state": "ended"}, danger=True)
BUDGET = Deed(
    "budget-sharing", f"{_HOME}/<campaign>/budget", f"{_API_ONE}/budget", OWNERS, _ONE, one,
    (Field("points", "int", "sharing.budget"), Field("rewards", "int", "sharing.rewards"),
     Field("coupons", "int", "sharing.coupons")), risky=True,
)  # fmt: skip
SCREENS = (
    Screen("GET", _HOME, "sharing-campaigns", LOOKERS, shows(overview)),
    Screen("GET", f"{_HOME}/<campaign>", "sharing-campaign", LOOKERS, shows(one)),
    Screen("GET", f"{_HOME}/<campaign>/spread/<by>", "sharing-spread-file", LOOKERS, spread),
    *screens_of(ASK, APPROVE, DECLINE, START, END, BUDGET),
)
