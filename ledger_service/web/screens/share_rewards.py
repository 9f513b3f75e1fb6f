"""Rewards of sharing that a person looks at: the member's objection, and the desk that decides."""

from __future__ import annotations

from datetime import timedelta

from ledger_service.kernel.clock import parse_instant
from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Rows, Search, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import Json, code, doer, instant, listed, number, shows, state, worded
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Go, Page, Screen, Visit, roles
from ledger_service.web.screens.member import MEMBER

FUNDERS, LOOKERS = roles("merchant", "operator"), roles("merchant", "operator", "auditor")
_API, _HOME, _MINE = "/v1/share/rewards", "/approvals/rewards", "/me/rewards"
APPEAL_DAYS = 14
REASONS = (
    "same-device", "same-payment", "same-phone", "same-address", "same-household", "velocity", "star-burst",
    "ring", "cashier", "instant", "rush", "one-person", "found-out", "click-burst",
)  # fmt: skip
STATES = ("appealed", "held", "refused", "due", "promised", "granted", "void", "clawed", "left")


def mine(visit: Visit) -> Page:
    """A reward of the member's own, what happened to it, and the form to object to a refusal."""
    return _mine(visit, None)


def _mine(visit: Visit, answer: Answer | None) -> Page:
    told = visit.get(f"{_API}/{visit.path['reward']}")
    reward, good = told["reward"], answer is None or answer.good
    until = parse_instant(reward["until"], "until") + timedelta(days=APPEAL_DAYS)
    shown = {
        "reward": reward, "events": told["events"], "until": until, "may": reward["state"] == "refused",
        "done": "reward.appealed" if good and "done" in visit.query else "", "typed": visit.form,
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/reward.html", shown, 200 if answer is None or good else answer.status)


def appeal(visit: Visit) -> Page | Go:
    """The member objects; somebody else than who refused decides."""
    wanted = visit.path["reward"]
    answer = visit.do(f"{_API}/{wanted}/appeal", {"reason": visit.form.get("reason", "").strip()})
    return Go(f"{_MINE}/{wanted}?done=1") if answer.good else _mine(visit, answer)


def overview(visit: Visit) -> Sheet:
    """Rewards of one state, first those that members object to."""
    only = visit.query.get("state", "")
    only = only if only in STATES else STATES[0]
    found, more = listed(visit, _API, "rewards", f"{_HOME}?state={only}", state=only)
    rows = [
        [code(one["reward"][:8], f"{_HOME}/{one['reward']}"), Cell(one["campaign"]),
         number(visit, one["points"]), Cell(_reasons(visit, one)), instant(visit, one["until"])]
        for one in found
    ]  # fmt: skip
    headings = ("rewards.reward", "rewards.campaign", "col.points", "col.why", "rewards.until")
    blocks: list[Block] = [
        Search(_HOME, "state", "col.state", only, STATES),
        Rows("rewards.all", headings, rows, more, "rewards.none"),
    ]
    return Sheet("rewards.title", blocks, lead="rewards.lead")


def _reasons(visit: Visit, one: Json) -> str:
    return ", ".join(visit.say(f"suspicion.{reason}") for reason in one["reasons"]) or "–"


def one(visit: Visit) -> Sheet:
    """A reward with the reasons why it waits, every step so far, and the step that is next."""
    wanted = visit.path["reward"]
    told = visit.get(f"{_API}/{wanted}")
    reward = told["reward"]
    waits = reward["state"] in ("held", "appealed")
    until = [("rewards.until", visit.formats.instant(reward["until"]))] if waits else []
    facts = Facts([
        ("col.state", worded(visit, reward["state"])), ("col.points", visit.formats.number(reward["points"])),
        ("rewards.role", worded(visit, reward["role"])), ("rewards.campaign", reward["campaign"]),
        ("rewards.sold", visit.formats.day(reward["sold_at"])), *until,
    ])  # fmt: skip
    reasons = [[code(reason), Cell(visit.say(f"suspicion.{reason}"))] for reason in reward["reasons"]]
    names = names_of(visit)
    steps = [[state(step["kind"]), doer(visit, names, step["by"]), Cell(worded(visit, step["reason"])),
              instant(visit, step["at"])] for step in told["events"]]  # fmt: skip
    blocks: list[Block] = [
        facts, Rows("rewards.reasons", ("col.reason", "col.what"), reasons, empty="rewards.no_reasons"),
        Rows("review.steps", ("col.what", "col.by", "col.reason", "col.at"), steps),
    ]  # fmt: skip
    if visit.me.role != "auditor" and waits:
        blocks.append(Acts([STEP.form(visit, reward=wanted)]))
    return Sheet("rewards.one", blocks, wanted[:8], "rewards.one_lead", back=_HOME)


STEP = Deed(
    "step-reward", f"{_HOME}/<reward>", f"{_API}/{{reward}}/steps", FUNDERS, f"{_HOME}/{{reward}}", one,
    (Field("step", "choice", "field.step", options=("release", "refuse")),
     Field("reason", "long", "field.why", about="rewards.why_about")),
)  # fmt: skip
MINE = (
    Screen("GET", f"{_MINE}/<reward>", "member-reward", MEMBER, mine),
    Screen("POST", f"{_MINE}/<reward>", "member-appeal", MEMBER, appeal),
)
SCREENS = (
    Screen("GET", _HOME, "share-rewards", LOOKERS, shows(overview)),
    Screen("GET", f"{_HOME}/<reward>", "share-reward", LOOKERS, shows(one)),
    *screens_of(STEP),
)
