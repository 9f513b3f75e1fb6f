"""A merchant's segments: rules over its own books, tried before they count, and who was in one when."""

from __future__ import annotations

from ledger_service.web.drawing import Slice, ageing
from ledger_service.web.office.blocks import (
    Acts,
    Block,
    Cell,
    Facts,
    Field,
    Note,
    Picture,
    Rows,
    Search,
    Sheet,
)
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.reading import Json, code, instant, listed, number, shows
from ledger_service.web.screen import Problem, Screen, Visit, roles

MERCHANT = roles("merchant")
_HOME, _API = "/merchant/segments", "/v1/segments"
_EXAMPLE = """{"all": [
 {"fact": "frequency", "at_least": 3},
 {"not": {"stage": ["lapsed"]}}
]}"""
# What a rule may ask, in the order in which docs/segments.md has it; each has a sentence of its own.
FACTS = (
    "recency_days", "tenure_days", "frequency", "monetary_minor", "average_minor", "recency_score",
    "frequency_score", "monetary_score", "links", "brought", "followed", "friends", "friends_of_friends",
    "claims", "coupons", "items", "lifetime_value_minor",
)  # fmt: skip
STAGES = ("prospect", "new", "active", "at-risk", "lapsed")
BEHAVIOURS = ("creator", "conversationalist", "critic", "collector", "joiner", "spectator", "inactive")


def overview(visit: Visit) -> Sheet:
    """The segments with their sizes, and the forms to try a rule and to write one."""
    return _overview(visit, [])


def _overview(visit: Visit, before: list[Block]) -> Sheet:
    found, more = listed(visit, _API, "segments", _HOME)
    rows = [
        [code(one["code"], f"{_HOME}/{one['segment']}"), Cell(one["name"]), number(visit, one["version"]),
         number(visit, one["size"]), instant(visit, one["counted_at"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.code", "col.name", "col.version", "col.members", "segments.counted")
    # What was tried stands in the form that writes it, too.
    typed = {name: visit.form[name] for name in ("rule", "window_days") if visit.form.get(name)}
    blocks: list[Block] = [
        *before, Rows("segments.all", headings, rows, more, "segments.none"),
        Acts([TRY.form(visit), WRITE.form(visit, typed)]), *_value(visit), _asked(visit),
    ]  # fmt: skip
    return Sheet("segments.title", blocks, lead="segments.lead")


def _value(visit: Visit) -> list[Block]:
    """The model that foretells, and how well it would have; nothing where none was fitted."""
    answer = visit.ask(f"/v1/merchants/{visit.me.merchant}/value-model")
    if not answer.good:
        return []
    told, say = answer.document, visit.formats
    figures = [
        ("segments.value_fitted", say.instant(told["fitted_at"])),
        ("segments.value_customers", say.number(told["customers"])),
        ("segments.value_back", say.number(told["came_back"])),
    ]
    tested = told["tested"]
    if tested is not None:
        money = "spent_expected_minor", "spent_minor", "missed_minor", "missed_by_same_again_minor"
        expected, spent, missed, same = (say.money(tested[name]) for name in money)
        often = f"{say.number(tested['purchases_expected'])} / {say.number(tested['purchases'])}"
        figures += [
            ("segments.value_often", often), ("segments.value_spent", f"{expected} / {spent}"),
            ("segments.value_missed", f"{missed} / {same}"),
        ]  # fmt: skip
    rows = [[Cell(visit.say(name)), Cell(text)] for name, text in figures]
    return [Rows("segments.value", ("col.what", "col.value"), rows)]


def _asked(visit: Visit) -> Rows:
    facts = [[code(f'"fact": "{one}"'), Cell(visit.say(f"fact.{one}"))] for one in FACTS]
    words = [
        [code(f'"{kind}": "{one}"'), Cell(visit.say(f"{kind}.{one}"))]
        for kind, known in (("stage", STAGES), ("behaviour", BEHAVIOURS)) for one in known
    ]  # fmt: skip
    tag = [[code('"tag": "vip"'), Cell(visit.say("segments.tag"))]]
    return Rows("segments.asks", ("col.rule", "col.what"), [*facts, *words, *tag])


def tried(visit: Visit, told: Json) -> Sheet:
    """How many the rule would take in now, by stage of life; nothing was written."""
    slices = [Slice(visit.say(f"stage.{one}"), told["stages"][one]) for one in STAGES if told["stages"][one]]
    figures = [("segments.size", visit.formats.number(told["size"]))]
    figures += [(f"stage.{one}", visit.formats.number(told["stages"][one])) for one in STAGES]
    drawn = ageing(slices, visit.say("segments.by_stage"), visit.formats.number)
    return _overview(
        visit, [Note("segments.tried", "note"), Facts(figures), Picture("segments.by_stage", drawn)]
    )


def members(visit: Visit) -> Sheet:
    """Who was in a segment at an instant; now where none is named."""
    wanted, at = visit.path["segment"], visit.query.get("at", "").strip()
    here = f"{_HOME}/{wanted}" + (f"?at={at}" if at else "")
    asked = {"at": f"{at}:00Z" if len(at) == len("2017-03-01T12:00") else at} if at else {}
    found, more = listed(visit, f"{_API}/{wanted}/members", "members", here, **asked)
    told = _segment(visit, wanted)
    rows = [[code(one["number"])] for one in found]
    blocks: list[Block] = [
        Facts([("col.version", visit.formats.number(told["version"])),
               ("segments.size", visit.formats.number(told["size"])),
               ("segments.counted", visit.formats.instant(told["counted_at"]))]),
        Search(f"{_HOME}/{wanted}", "at", "segments.at", at, what="datetime-local"),
        Rows("segments.members", ("col.member",), rows, more, "segments.nobody"),
    ]  # fmt: skip
    return Sheet("segments.title", blocks, f"{told['name']} · {told['code']}", back=_HOME)


def _segment(visit: Visit, wanted: str) -> Json:
    """The segment; a merchant has no more of them than stand on one page of the API."""
    for one in visit.get(_API, limit="200")["segments"]:
        if one["segment"] == wanted:
            return dict(one)
    raise Problem(visit.ask(f"{_API}/{wanted}/members"))


_RULE = (
    Field("rule", "json", "field.rule", value=_EXAMPLE, about="field.rule_about"),
    Field("window_days", "int", "field.window_days", optional=True, about="field.window_days_about"),
)
TRY = Deed("try-segment", f"{_HOME}/trial", f"{_API}/dry-run", MERCHANT, _HOME, overview, _RULE,
           own="merchant", shown=tried)  # fmt: skip
WRITE = Deed(
    "write-segment", _HOME, _API, MERCHANT, _HOME, overview,
    (Field("code", "text", "field.code", about="field.segment_code_about"),
     Field("name", "text", "field.name"), *_RULE),
    own="merchant",
)  # fmt: skip
SCREENS = (
    Screen("GET", _HOME, "merchant-segments", MERCHANT, shows(overview)),
    Screen("GET", f"{_HOME}/<segment>", "merchant-segment", MERCHANT, shows(members)),
    *screens_of(TRY, WRITE),
)
