"""A merchant's webhooks: who is told what, how deliveries stand, secrets, and facts told again."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Form, Note, Rows, Search, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.reading import (
    Json,
    acts,
    code,
    instant,
    link,
    listed,
    number,
    shows,
    state,
    worded,
)
from ledger_service.web.screen import Problem, Screen, Visit, roles

MERCHANT = roles("merchant")
_HOME, _API = "/merchant/webhooks", "/v1/webhooks"
FACTS = (
    "sale.recorded", "sale.refunded", "points.changed", "points.ending", "value_card.changed",
    "ticket.changed", "coupon.changed", "reward.changed", "claim.changed", "share.followed",
    "consent.changed", "segment.changed", "tier.changed", "item.changed", "case.changed",
    "settlement.closed", "member.enrolled", "member.erased",
)  # fmt: skip
_DELIVERED = ("all", "pending", "delivered", "dead")


def overview(visit: Visit) -> Sheet:
    """The endpoints, each with what waits and what went wrong."""
    found, more = listed(visit, _API, "webhooks", _HOME)
    rows = [
        [link(one["url"], f"{_HOME}/{one['webhook']}"), state(one["state"]), number(visit, one["waiting"]),
         instant(visit, one["failing_since"]), Cell(one["last_error"] or "–"), acts(*_moves(visit, one))]
        for one in found
    ]  # fmt: skip
    headings = (
        "webhooks.url",
        "col.state",
        "webhooks.waiting",
        "webhooks.failing",
        "webhooks.error",
        "col.act",
    )
    table = Rows("webhooks.all", headings, rows, more, "webhooks.none")
    return Sheet("webhooks.title", [table, _carried(visit), Acts([MAKE.form(visit)])], lead="webhooks.lead")


def _carried(visit: Visit) -> Rows:
    """What each kind of fact says, so that nobody has to subscribe to find out."""
    rows = [[code(kind), Cell(visit.say(f"fact.{kind}.when")), Cell(visit.say(f"fact.{kind}.data"), "code")]
            for kind in FACTS]  # fmt: skip
    return Rows("webhooks.facts", ("col.kind", "webhooks.when", "webhooks.data"), rows)


def _moves(visit: Visit, one: Json) -> list[Form]:
    first = PAUSE if one["state"] == "active" else RESUME
    return [deed.form(visit, webhook=one["webhook"]) for deed in (first, END)]


def endpoint(visit: Visit) -> Sheet:
    """One endpoint and its deliveries."""
    wanted, told = visit.path["webhook"], _endpoint(visit, visit.path["webhook"])
    only = visit.query.get("state", "all")
    only = only if only in _DELIVERED else "all"
    here = f"{_HOME}/{wanted}?state={only}"
    asked = {} if only == "all" else {"state": only}
    found, more = listed(visit, f"{_API}/{wanted}/deliveries", "deliveries", here, **asked)
    rows = [
        [number(visit, one["number"]), code(one["type"]), instant(visit, one["occurred_at"]),
         state(one["state"]), number(visit, one["attempts"]), Cell(str(one["last_status"] or "–"), "number"),
         instant(visit, one["done_at"]), acts(AGAIN.form(visit, _only(one), webhook=wanted))]
        for one in found
    ]  # fmt: skip
    headings = ("webhooks.number", "col.kind", "col.at", "col.state", "webhooks.attempts", "webhooks.status",
                "webhooks.done", "col.act")  # fmt: skip
    blocks: list[Block] = [
        _facts(visit, told), Search(f"{_HOME}/{wanted}", "state", "col.state", only, _DELIVERED),
        Rows("webhooks.deliveries", headings, rows, more, "webhooks.nothing_yet"),
        Acts([deed.form(visit, webhook=wanted) for deed in (REPLAY, ROTATE)]),
    ]  # fmt: skip
    return Sheet("webhooks.one", blocks, told["url"], back=_HOME)


def _only(one: Json) -> dict[str, str]:
    return {"since": str(one["number"]), "until": str(one["number"])}


def _facts(visit: Visit, told: Json) -> Facts:
    kinds = ", ".join(told["kinds"]) or visit.say("word.all")
    return Facts([
        ("col.state", worded(visit, told["state"])),
        ("webhooks.waiting", visit.formats.number(told["waiting"])),
        ("webhooks.rests", visit.formats.instant(told["rests_until"])), ("webhooks.kinds", kinds),
    ])  # fmt: skip


def _endpoint(visit: Visit, wanted: str) -> Json:
    """The endpoint; a merchant has no more of them than stand on one page of the API."""
    for one in visit.get(_API, limit="200")["webhooks"]:
        if one["webhook"] == wanted:
            return dict(one)
    raise Problem(visit.ask(f"{_API}/{wanted}/deliveries"))


def _secret(visit: Visit, told: Json) -> Sheet:
    """The secret, this once."""
    return Sheet("webhooks.title", [Note("webhooks.secret", "note", told["secret"])], told["endpoint"]["url"],
                 back=_HOME)  # fmt: skip


def _moves_to(name: str, to: str, *, danger: bool = False) -> Deed:
    return Deed(f"{name}-webhook", f"{_HOME}/<webhook>/{name}", f"{_API}/{{webhook}}/state", MERCHANT, _HOME,
                overview, fixed={"state": to}, danger=danger, risky=danger)  # fmt: skip


MAKE = Deed(
    "make-webhook", _HOME, _API, MERCHANT, _HOME, overview,
    (Field("url", "text", "webhooks.url", about="webhooks.url_about"),
     Field("kinds", "list", "webhooks.kinds", optional=True, about="webhooks.kinds_about")),
    own="merchant", shown=_secret, risky=True,
)  # fmt: skip
PAUSE, RESUME, END = (
    _moves_to("pause", "paused"), _moves_to("resume", "active"), _moves_to("end", "ended", danger=True),
)  # fmt: skip
ROTATE = Deed("rotate-webhook", f"{_HOME}/<webhook>/secret", f"{_API}/{{webhook}}/secret", MERCHANT, _HOME,
              endpoint, shown=_secret, risky=True)  # fmt: skip
REPLAY = Deed(
    "replay-webhook", f"{_HOME}/<webhook>/replay", f"{_API}/{{webhook}}/replay", MERCHANT,
    f"{_HOME}/{{webhook}}", endpoint,
    (Field("since", "int", "webhooks.since"), Field("until", "int", "webhooks.until", optional=True)),
)  # fmt: skip
# The same for one delivery, from its own line.
AGAIN = replace(REPLAY, name="again-webhook", path=f"{_HOME}/<webhook>/again", hidden=("since", "until"))
SCREENS = (
    Screen("GET", _HOME, "merchant-webhooks", MERCHANT, shows(overview)),
    Screen("GET", f"{_HOME}/<webhook>", "merchant-webhook", MERCHANT, shows(endpoint)),
    *screens_of(MAKE, PAUSE, RESUME, END, ROTATE, REPLAY, AGAIN),
)
