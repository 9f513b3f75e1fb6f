"""What a second person decides: adjustments, their limits, claims. Who asked is refused by the API."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Form, Rows, Search, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    Json,
    acts,
    called,
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
from ledger_service.web.screen import Screen, Visit, roles

OPERATOR, FUNDERS = roles("operator"), roles("operator", "merchant")
LOOKERS = roles("operator", "merchant", "auditor")
_ADJUSTMENTS, _LIMITS, _CLAIMS = "/approvals/adjustments", "/approvals/limits", "/approvals/claims"
ANSWERS = ("not-found", "has-member", "not-eligible", "returned", "amount-differs", "already-claimed")
STATES = ("requested", "approved", "declined")


def adjustments(visit: Visit) -> Sheet:
    """Goodwill, corrections and extensions with who asked and who decided; a merchant sees what it funds."""
    found, more = listed(visit, "/v1/adjustments", "adjustments", _ADJUSTMENTS)
    names = names_of(visit)
    rows = [
        [Cell(one["member"] or "–", "code", _member(visit, one["member"])),
         Cell(f"{visit.formats.number(one['points'])} {one['programme']}", "number"), state(one["reason"]),
         Cell(one["note"]), Cell(called(names, one["funder"])), doer(visit, names, one["requested_by"]),
         state(one["state"]), acts(*_decisions(visit, one))]
        for one in found
    ]  # fmt: skip
    headings = ("col.member", "col.points", "col.reason", "col.note", "col.funder", "col.asked_by",
                "col.state",
                "col.act")  # fmt: skip
    table = Rows("adjustments.all", headings, rows, more, "adjustments.none")
    return Sheet("adjustments.title", [table], lead="adjustments.lead")


def _member(visit: Visit, member: str | None) -> str:
    if not member or visit.me.role == "merchant":
        return ""
    return f"/care/{member}" if visit.me.role == "operator" else f"/audit/members/{member}"


def _decisions(visit: Visit, one: Json) -> list[Form]:
    if visit.me.role != "operator" or one["decided_by"] is not None:
        return []
    return [deed.form(visit, adjustment=one["adjustment"]) for deed in (APPROVE, DECLINE)]


def limits(visit: Visit) -> Sheet:
    """How much may be given, proposed and in force."""
    found, more = listed(visit, "/v1/adjustment-limits", "limits", _LIMITS)
    names = names_of(visit)
    figures = ("per_case", "per_agent_day", "per_member_month", "per_funder_day")
    rows = [
        [Cell(visit.say("limits.everybody") if one["funder"] is None else called(names, one["funder"])),
         *(number(visit, one[name]) for name in figures), doer(visit, names, one["proposed_by"]),
         state(one["state"]), acts(*_of_limit(visit, one))]
        for one in found
    ]  # fmt: skip
    headings = ("col.funder", *(f"limits.{name}" for name in figures), "col.asked_by", "col.state", "col.act")
    blocks: list[Block] = [Rows("limits.all", headings, rows, more, "limits.none")]
    if visit.me.role != "auditor":
        blocks.append(Acts([PROPOSE.form(visit, {"funder": visit.me.merchant or ""})]))
    return Sheet("limits.title", blocks, lead="limits.lead")


def _of_limit(visit: Visit, one: Json) -> list[Form]:
    if visit.me.role == "auditor" or one["decided_by"] is not None:
        return []
    return [deed.form(visit, limit=one["limit"]) for deed in (ENACT, DROP)]


def claims(visit: Visit) -> Sheet:
    """Receipts that members say were theirs; those that wait or are late first, by choice."""
    only = visit.query.get("only", "")
    query = {"only": only} if only in ("waiting", "escalated") else {}
    here = f"{_CLAIMS}?only={only}" if query else _CLAIMS
    found, more = listed(visit, "/v1/claims", "claims", here, **query)
    names = names_of(visit)
    rows = [
        [code(one["reference"], f"{_CLAIMS}/{one['claim']}"),
         Cell(called(names, one["merchant"])),
         Cell(visit.formats.date(one["sold_on"])), money(visit, one["amount_minor"]), state(one["state"]),
         instant(visit, one["answer_due_at"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.reference", "col.merchant", "col.sold_on", "col.amount", "col.state", "col.due")
    blocks: list[Block] = [
        Search(_CLAIMS, "only", "claims.only", only or "all", ("all", "waiting", "escalated")),
        Rows("claims.all", headings, rows, more, "claims.none"),
    ]
    return Sheet("claims.title", blocks, lead="claims.lead")


def claim(visit: Visit) -> Sheet:
    """A claim, what happened to it, and the two answers."""
    wanted = visit.path["claim"]
    told = visit.get(f"/v1/claims/{wanted}")
    points = "–" if told["points"] is None else f"{visit.formats.number(told['points'])} {told['programme']}"
    facts = Facts([
        ("col.state", worded(visit, told["state"])), ("col.amount",
                                                            visit.formats.money(told["amount_minor"])),
        ("col.points", points), ("col.due", visit.formats.instant(told["answer_due_at"])),
    ])  # fmt: skip
    names = names_of(visit)
    rows = [[state(one["kind"]), state(one["reason"] or "–"), doer(visit, names, one["by"]),
             instant(visit, one["at"])] for one in told["events"]]  # fmt: skip
    events = Rows("claim.events", ("col.what", "col.reason", "col.by", "col.at"), rows)
    blocks: list[Block] = [facts, events]
    if visit.me.role != "auditor":
        blocks.append(Acts([deed.form(visit, claim=wanted) for deed in (GRANT, REFUSE)]))
    return Sheet("claim.title", blocks, told["reference"], back=_CLAIMS)


_DECISION = "/v1/adjustments/{adjustment}/decision"
_LIMIT = "/v1/adjustment-limits/{limit}/decision"
APPROVE = Deed("approve-adjustment", f"{_ADJUSTMENTS}/<adjustment>/approval", _DECISION, OPERATOR,
               _ADJUSTMENTS,
               adjustments, fixed={"approve": True}, risky=True)  # fmt: skip
DECLINE = Deed("decline-adjustment", f"{_ADJUSTMENTS}/<adjustment>/refusal", _DECISION, OPERATOR,
               _ADJUSTMENTS,
               adjustments, fixed={"approve": False}, danger=True)  # fmt: skip
PROPOSE = Deed(
    "propose-limits", _LIMITS, "/v1/adjustment-limits", FUNDERS, _LIMITS, limits,
    (Field("funder", "nullable", "field.funder", optional=True, about="field.funder_about"),
     Field("per_case", "int", "limits.per_case"), Field("per_agent_day", "int", "limits.per_agent_day"),
     Field("per_member_month", "int", "limits.per_member_month"),
     Field("per_funder_day", "int", "limits.per_funder_day")),
    risky=True,
)  # fmt: skip
ENACT = Deed("enact-limits", f"{_LIMITS}/<limit>/approval", _LIMIT, FUNDERS, _LIMITS, limits,
             fixed={"approve": True}, risky=True)  # fmt: skip
DROP = Deed("drop-limits", f"{_LIMITS}/<limit>/refusal", _LIMIT, FUNDERS, _LIMITS, limits,
            fixed={"approve": False}, danger=True)  # fmt: skip
GRANT = Deed(
    "grant-claim", f"{_CLAIMS}/<claim>/grant", "/v1/claims/{claim}/grant", FUNDERS, f"{_CLAIMS}/{{claim}}",
    claim,
    (Field("programme", "text", "field.programme"), Field("points", "int", "field.points"),
     Field("note", "long", "field.note", optional=True)),
    risky=True,
)  # fmt: skip
REFUSE = Deed("refuse-claim", f"{_CLAIMS}/<claim>/refusal", "/v1/claims/{claim}/refusal", FUNDERS,
              f"{_CLAIMS}/{{claim}}", claim, (Field("reason", "choice", "field.reason", options=ANSWERS),),
              danger=True)  # fmt: skip
SCREENS = (
    Screen("GET", _ADJUSTMENTS, "adjustments", LOOKERS, shows(adjustments)),
    Screen("GET", _LIMITS, "limits", LOOKERS, shows(limits)),
    Screen("GET", _CLAIMS, "claims", LOOKERS, shows(claims)),
    Screen("GET", f"{_CLAIMS}/<claim>", "claim", FUNDERS, shows(claim)),
    *screens_of(APPROVE, DECLINE, PROPOSE, ENACT, DROP, GRANT, REFUSE),
)
