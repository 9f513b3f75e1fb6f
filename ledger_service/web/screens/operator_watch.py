"""What the operator keeps an eye on: a review in full, decisions of risk, imports, cases of accounts."""

from __future__ import annotations

import json

from ledger_service.web.office.blocks import Acts, Block, Cell, Check, Facts, Field, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import choices_of, names_of
from ledger_service.web.office.reading import (
    Json,
    called,
    code,
    doer,
    instant,
    listed,
    number,
    shows,
    state,
    worded,
)
from ledger_service.web.screen import Screen, Visit, roles

OPERATOR, LOOKERS = roles("operator"), roles("operator", "auditor")
RISK = roles("operator", "auditor", "merchant")
_REVIEWS, _CASES, _IMPORTS, _RISK = (
    "/operator/reviews",
    "/operator/cases",
    "/operator/imports",
    "/operator/decisions",
)
STEPS = ("release", "reverse", "approve", "decline", "uphold")
_ACTS = "/acts"
# What a rule's figures are in; the others count times.
_UNITS = {
    "amount": "minor", "permit_cap": "minor", "refund_share": "bps", "concentration": "bps",
    "dormant": "seconds", "new_device": "seconds",
}  # fmt: skip
_UNDER_WAY = ("open", "approved", "notice")


def review(visit: Visit) -> Sheet:
    """A review with the decision behind it, in full, and every step so far."""
    wanted = visit.path["review"]
    told = visit.get(f"/v1/risk/reviews/{wanted}")
    one, decision = told["review"], told["decision"]
    names = names_of(visit)
    facts = Facts([
        ("col.state", worded(visit, one["state"])), ("col.reason", worded(visit, one["reason"])),
        ("col.merchant", called(names, one["merchant"])),
        ("col.until", visit.formats.instant(one["until"])),
    ])  # fmt: skip
    steps = [[state(step["kind"]), doer(visit, names, step["by"]), Cell(worded(visit, step["reason"])),
              instant(visit, step["at"])] for step in told["events"]]  # fmt: skip
    hits = [] if decision is None else [hit_cells(visit, hit) for hit in decision["hits"]]
    blocks: list[Block] = [
        facts, Rows("review.steps", ("col.what", "col.by", "col.reason", "col.at"), steps),
        Rows("review.hits", ("col.rule", "col.why"), hits, empty="review.no_decision"),
        Acts([STEP.form(visit, review=wanted)]),
    ]  # fmt: skip
    return Sheet("review.title", blocks, wanted[:8], "review.lead", back=_REVIEWS)


def hit_cells(visit: Visit, hit: Json) -> list[Cell]:
    """A rule that hit, and what was found beside what it allows."""
    rule = code(str(hit.get("rule", hit.get("code", "–"))))
    if "actual" not in hit:
        rest = {name: value for name, value in hit.items() if name not in ("rule", "code")}
        return [rule, Cell(json.dumps(rest, ensure_ascii=False), "code") if rest else Cell("–")]
    signal = str(hit.get("signal", "–"))
    figures = {
        name: _counted(visit, signal, hit.get(key)) for name, key in (("actual", "actual"), ("most", "limit"))
    }
    return [rule, Cell(visit.say("review.hit", signal=worded(visit, signal), **figures))]


def _counted(visit: Visit, signal: str, value: int | None) -> str:
    """What a signal counts: money, a share of 10,000, seconds, or times."""
    if value is None or signal not in _UNITS:
        return visit.formats.number(value)
    if _UNITS[signal] == "minor":
        return visit.formats.money(value)
    return f"{value / 100:g} %" if _UNITS[signal] == "bps" else f"{visit.formats.number(value)} s"


def decisions(visit: Visit) -> Sheet:
    """What rules asked again, held or refused."""
    found, more = listed(visit, "/v1/risk/decisions", "decisions", _RISK)
    names = names_of(visit)
    rows = [
        [instant(visit, one["decided_at"]), state(one["outcome"]),
         Cell("–" if one["merchant"] is None else called(names, one["merchant"])),
         Cell(", ".join(str(hit.get("rule", hit.get("code", "–"))) for hit in one["hits"]), "code")]
        for one in found
    ]  # fmt: skip
    table = Rows(
        "decisions.all", ("col.at", "col.outcome", "col.merchant", "col.rule"), rows, more, "decisions.none"
    )
    return Sheet("decisions.title", [table], lead="decisions.lead")


def cases(visit: Visit) -> Sheet:
    """Accounts that are to move, with what waits for a second person."""
    found, more = listed(visit, "/v1/cases", "cases", _CASES)
    rows = [
        [code(one["case"][:8], f"{_CASES}/{one['case']}"), state(one["kind"]), state(one["state"]),
         instant(visit, one["notice_ends"])]
        for one in found
    ]  # fmt: skip
    table = Rows(
        "cases.all", ("col.case", "col.kind", "col.state", "cases.notice_ends"), rows, more, "cases.none"
    )
    return Sheet("cases.title", [table], lead="cases.lead")


def case(visit: Visit) -> Sheet:
    """A case with its events; who asked does not approve."""
    wanted = visit.path["case"]
    told = visit.get(f"/v1/cases/{wanted}")
    facts = Facts([("col.state", worded(visit, told["state"])),
                   ("col.kind", worded(visit, told["kind"])),
                   ("cases.notice_ends", visit.formats.instant(told["notice_ends"]))])  # fmt: skip
    accounts = [
        [Cell(visit.say(f"cases.{name}")), code(told[name])] for name in ("account", "successor", "evidence")
    ]
    events = [[state(one["kind"]), doer(visit, {}, one["by"]), instant(visit, one["at"])]
              for one in told["events"]]
    blocks: list[Block] = [
        facts, Rows("cases.accounts", ("col.what", "col.value"), accounts),
        Rows("cases.events", ("col.what", "col.by", "col.at"), events),
    ]  # fmt: skip
    if visit.me.role == "operator" and told["state"] in _UNDER_WAY:
        blocks.append(Acts([deed.form(visit, case=wanted) for deed in (APPROVE, OBJECT)]))
    return Sheet("cases.one", blocks, wanted[:8], back=_CASES)


def imports(visit: Visit) -> Sheet:
    """Running programmes that move in, and how far each file is."""
    told = visit.get("/v1/imports")["imports"]
    rows = [
        [Cell(one["name"]), state(one["state"]), state(file["kind"]), number(visit, file["rows_done"]),
         number(visit, file["rows"]), number(visit, file["rejected"]), instant(visit, one["changed_at"])]
        for one in told for file in one["files"]
    ]  # fmt: skip
    headings = (
        "col.name",
        "col.state",
        "col.kind",
        "imports.done",
        "imports.rows",
        "imports.rejected",
        "col.at",
    )
    table = Rows("imports.all", headings, rows, empty="imports.none")
    blocks: list[Block] = [_work(visit), table, Check("alliance import compare NAME FILE")]
    return Sheet("imports.title", blocks, lead="imports.lead")


def _work(visit: Visit) -> Rows:
    """What the bridge works through, and how far it is."""
    codes = {str(one["programme_id"]): one["programme"]
             for one in visit.get("/v1/programmes", limit="200")["programmes"]}  # fmt: skip
    rows = [
        [Cell(visit.say(f"job.{one['job']}")), _subject(visit, codes, one), number(visit, one["done"]),
         number(visit, one["of"]), instant(visit, one["begun_at"]), instant(visit, one["ended_at"])]
        for one in visit.get("/v1/jobs")["jobs"]
    ]  # fmt: skip
    headings = ("col.what", "col.subject", "imports.done", "job.of", "job.begun", "job.ended")
    return Rows("job.all", headings, rows)


def _subject(visit: Visit, codes: dict[str, str], job: Json) -> Cell:
    """What a job is about; of a recount the programme's code and what is counted."""
    if job["job"] != "tiers":
        return code(job["subject"])
    programme, _, kind = job["subject"].partition(" ")
    return Cell(f"{codes.get(programme, programme)}: {visit.say(f'job.of_{kind}')}")


def _target(names: dict[str, str], target: str | None) -> Cell:
    """What the act's path named, each part by its name where it has one."""
    parts = (target or "").split("/")
    if not any(part in names for part in parts):
        return code(target)
    return Cell(" / ".join(names.get(part, part) for part in parts))


def _act(visit: Visit, name: str) -> Cell:
    """What the act is called; one of a route that is no more goes by the route's name."""
    key = f"act.{name}"
    said = visit.say(key)
    return code(name) if said == key else Cell(said)


def _by(visit: Visit, names: dict[str, str], one: Json) -> Cell:
    """Who did it: role and name, and which of its keys, as it is called."""
    who = doer(visit, names, one["by"]).text
    return Cell(f"{who} ({one['key_label']})" if one["key_label"] else who)


def acts(visit: Visit) -> Sheet:
    """Who of operators and merchants did what, the newest first; a merchant sees its own."""
    found, more = listed(visit, "/v1/acts", "acts", _ACTS)
    names = {**(choices_of(visit, "store") or {}), **names_of(visit)}
    rows = [
        [instant(visit, one["at"]), _act(visit, one["name"]), _target(names, one["target"]),
         _by(visit, names, one),
         Cell("–" if one["merchant"] is None else called(names, one["merchant"])), code(one["key"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.at", "col.what", "acts.target", "col.by", "col.merchant", "col.key")
    return Sheet("acts.title", [Rows("acts.all", headings, rows, more, "acts.none")], lead="acts.lead")


STEP = Deed(
    "review-step", f"{_REVIEWS}/<review>/steps", "/v1/risk/reviews/{review}/steps", OPERATOR,
    f"{_REVIEWS}/{{review}}", review,
    (Field("step", "choice", "field.step", options=STEPS), Field("reason", "long", "field.why")), risky=True,
)  # fmt: skip
APPROVE = Deed("approve-case", f"{_CASES}/<case>/approval", "/v1/cases/{case}/approval", OPERATOR,
               f"{_CASES}/{{case}}", case, risky=True)  # fmt: skip
OBJECT = Deed("object-to-case", f"{_CASES}/<case>/objection", "/v1/cases/{case}/objection", OPERATOR,
              f"{_CASES}/{{case}}", case, danger=True)  # fmt: skip
SCREENS = (
    Screen("GET", f"{_REVIEWS}/<review>", "operator-review", OPERATOR, shows(review)),
    Screen("GET", _RISK, "operator-decisions", RISK, shows(decisions)),
    Screen("GET", _CASES, "operator-cases", LOOKERS, shows(cases)),
    Screen("GET", f"{_CASES}/<case>", "operator-case", LOOKERS, shows(case)),
    Screen("GET", _ACTS, "acts", RISK, shows(acts)),
    Screen("GET", _IMPORTS, "operator-imports", LOOKERS, shows(imports)),
    *screens_of(STEP, APPROVE, OBJECT),
)
