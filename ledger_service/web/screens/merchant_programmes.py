"""A merchant's programmes: what is owed in points and until when, terms, rules of earning, coverage."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Note, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.reading import (
    Json,
    bps,
    code,
    instant,
    listed,
    number,
    programme,
    shows,
    state,
)
from ledger_service.web.screen import Problem, Screen, Visit, roles
from ledger_service.web.screens.programme_parts import ending, liability, terms_rows

MERCHANT = roles("merchant")
_HOME = "/merchant/programmes"


def overview(visit: Visit) -> Sheet:
    """Every programme of the alliance, one's own with what can be done."""
    found, more = listed(visit, "/v1/programmes", "programmes", _HOME)
    rows = [
        [code(one["programme"],
              f"{_HOME}/{one['programme']}" if one["merchant"] == visit.me.merchant else ""),
         Cell(one["name"]), state("own" if one["merchant"] == visit.me.merchant else "partner"),
         state(one["expiry"]), number(visit, len(one["terms"]))]
        for one in found
    ]  # fmt: skip
    headings = ("col.programme", "col.name", "col.whose", "col.expiry", "col.version")
    return Sheet("programmes.title", [Rows("programmes.all", headings, rows, more)], lead="programmes.lead")


def one(visit: Visit) -> Sheet:
    """One of the merchant's own programmes.

    Raises:
        Problem: it is another merchant's, or there is none of this code.
    """
    wanted = visit.path["code"]
    found = programme(visit, wanted)
    if found is None or found["merchant"] != visit.me.merchant:
        raise Problem(visit.ask(f"/v1/programmes/{wanted}/outstanding"))
    here = f"{_HOME}/{wanted}"
    blocks: list[Block] = [
        *liability(visit, found, here), *ending(visit, found), *_coverage(visit),
        terms_rows(visit, found), _rules(visit, found),
        Acts([TRY.form(visit, code=wanted), EARN.form(visit, visit.form, code=wanted),
              NOTICES.form(visit, _noticed(found), code=wanted)]),
    ]  # fmt: skip
    return Sheet("programme.title", blocks, f"{found['name']} · {wanted}", back=_HOME)


def _coverage(visit: Visit) -> list[Block]:
    answer = visit.ask("/v1/coverage", limit="200")
    mine = [one for one in answer.document.get("coverage", []) if one["merchant"] == visit.me.merchant]
    return [
        Facts([("coverage.required", bps(one["required_bps"])),
               ("coverage.now", bps(one.get("coverage_bps"))),
               ("coverage.as_of", visit.formats.instant(one.get("as_of"))),
               ("coverage.default", visit.say("word.yes" if one["in_default"] else "word.no"))])
        for one in mine
    ]  # fmt: skip


def _rules(visit: Visit, found: Json) -> Rows:
    rows = [
        [number(visit, one["version"]), instant(visit, one["effective_from"])]
        for one in reversed(found["rules"][-8:])
    ]
    return Rows("programme.rules", ("col.version", "col.from"), rows)


def _noticed(found: Json) -> dict[str, str]:
    return {"notice_days": ", ".join(str(days) for days in found["notice_days"])}


def tried(visit: Visit, told: Json) -> Sheet:
    """What the rule would have given on past baskets, and the same rule in the form that publishes it."""
    sheet, count = one(visit), visit.formats.number
    more = told["would_be"] - told["points"]
    sign = "+" if more > 0 else ""
    facts = Facts([
        ("trial.baskets", count(told["baskets"])), ("trial.members", count(told["members"])),
        ("trial.first", visit.formats.day(told["first"])), ("trial.last", visit.formats.day(told["last"])),
        ("trial.points", count(told["points"])), ("trial.would_be", count(told["would_be"])),
        ("trial.difference", f"{sign}{count(more)}"),
        ("trial.worth", f"{sign}{visit.formats.micros(more * told['point_value_micros'])}"),
        ("trial.more", count(told["more"])), ("trial.fewer", count(told["fewer"])),
        ("trial.capped", count(told["capped"])),
    ])  # fmt: skip
    return Sheet(
        sheet.title, [Note("trial.about", "note"), facts, *sheet.blocks], sheet.subject, back=sheet.back
    )


_RULE = (
    Field("effective_from", "instant", "field.effective_from", about="field.utc"),
    Field("earn.points", "int", "field.earn_points"),
    Field("earn.per_minor", "money", "field.earn_per"),
    Field("earn.daily_cap", "int", "field.daily_cap", optional=True),
    Field("earn.excluded", "list", "field.excluded", optional=True, about="field.list_about"),
)
_RULES = "/v1/programmes/{code}/earn-rules"
TRY = Deed(
    "try-earn-rule", f"{_HOME}/<code>/earn-rules/trial", f"{_RULES}/trial", MERCHANT, f"{_HOME}/{{code}}",
    one, _RULE, shown=tried,
)  # fmt: skip
EARN = Deed(
    "earn-rule", f"{_HOME}/<code>/earn-rules", _RULES, MERCHANT, f"{_HOME}/{{code}}", one, _RULE, risky=True,
)  # fmt: skip
NOTICES = Deed(
    "expiry-notices", f"{_HOME}/<code>/notices", "/v1/programmes/{code}/notices", MERCHANT,
    f"{_HOME}/{{code}}", one,
    (Field("notice_days", "ints", "field.notice_days", about="field.list_about"),),
)  # fmt: skip
SCREENS = (
    Screen("GET", _HOME, "merchant-programmes", MERCHANT, shows(overview)),
    Screen("GET", f"{_HOME}/<code>", "merchant-programme", MERCHANT, shows(one)),
    *screens_of(TRY, EARN, NOTICES),
)
