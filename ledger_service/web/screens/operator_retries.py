"""What the chain refused, why, and trying it again: one operator asks, another decides."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Check, Facts, Field, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    Json,
    code,
    doer,
    instant,
    link,
    listed,
    number,
    shows,
    state,
    worded,
)
from ledger_service.web.screen import Screen, Visit, roles

OPERATOR = roles("operator")
_LIST = "/operator/set-aside"
_ONE = f"{_LIST}/<refused>"
_API = "/v1/chain/set-aside/{refused}/retries"


def set_aside(visit: Visit) -> Sheet:
    """Every refused operation with the contract's reason, and whether it can be tried again."""
    found, more = listed(visit, "/v1/chain/set-aside", "set_aside", _LIST)
    rows = [
        [code(one["operation"], f"{_LIST}/{one['operation']}"), state(one["kind"]), Cell(_reason(one)),
         Cell(_again(visit, one)), number(visit, one["tries"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.operation", "col.kind", "col.reason", "aside.again", "aside.tries")
    table = Rows("aside.all", headings, rows, more, "aside.none")
    return Sheet("aside.title", [table, Check("alliance audit")], lead="aside.lead")


def one_aside(visit: Visit) -> Sheet:
    """One of them, who asked for a retry so far, and what this operator may do."""
    wanted = visit.path["refused"]
    told = visit.get(f"/v1/chain/set-aside/{wanted}")
    names = names_of(visit)
    says = [
        [Cell(visit.say("aside.contract_says")), Cell(told["reason"] or "–", "code")],
        [Cell(visit.say("aside.means")), Cell(_meaning(visit, told))],
        [Cell(visit.say("aside.again")), Cell(_again(visit, told))],
        [Cell(visit.say("aside.proof")), link(wanted, f"/audit/operation?operation={wanted}")],
    ]
    history = [
        [Cell(one["note"]), doer(visit, names, one["requested_by"]), instant(visit, one["requested_at"]),
         state(one["state"]),
         Cell("–") if one["decided_by"] is None else doer(visit, names, one["decided_by"])]
        for one in told["retries"]
    ]  # fmt: skip
    headings = ("col.note", "col.asked_by", "col.at", "col.state", "aside.decided_by")
    blocks: list[Block] = [
        Facts([("col.kind", worded(visit, told["kind"])),
               ("aside.tries", visit.formats.number(told["tries"]))]),
        Rows("aside.contract_says", ("col.what", "col.value"), says),
        Rows("aside.history", headings, history, empty="aside.no_history"),
    ]  # fmt: skip
    asked = told["asked"]
    if asked is not None:
        forms = [deed.form(visit, refused=wanted, retry=asked["retry"]) for deed in (APPROVE, DECLINE)]
        blocks.append(Acts(forms))
    elif told["hopeless"] is None:
        blocks.append(Acts([ASK.form(visit, refused=wanted)]))
    return Sheet("aside.one", blocks, wanted[:8], back=_LIST)


def _reason(one: Json) -> str:
    return str(one["reason"] or "–").partition("(")[0]


def _meaning(visit: Visit, one: Json) -> str:
    key = f"refused.{_reason(one)}"
    said = visit.say(key)
    return "–" if said == key else said


def _again(visit: Visit, one: Json) -> str:
    if one["hopeless"] is not None:
        return visit.say(f"hopeless.{one['hopeless']}")
    return visit.say("aside.possible" if one["asked"] is None else "aside.waits")


ASK = Deed("ask-retry", f"{_ONE}/retries", _API, OPERATOR, f"{_LIST}/{{refused}}", one_aside,
           (Field("note", "long", "retry.note"),), risky=True)  # fmt: skip
APPROVE = Deed("approve-retry", f"{_ONE}/retries/<retry>/approval", f"{_API}/{{retry}}/decision", OPERATOR,
               _LIST, one_aside, fixed={"approve": True}, risky=True)  # fmt: skip
DECLINE = Deed("decline-retry", f"{_ONE}/retries/<retry>/refusal", f"{_API}/{{retry}}/decision", OPERATOR,
               _LIST, one_aside, fixed={"approve": False}, danger=True)  # fmt: skip
SCREENS = (
    Screen("GET", _LIST, "operator-set-aside", OPERATOR, shows(set_aside)),
    Screen("GET", _ONE, "operator-set-aside-one", OPERATOR, shows(one_aside)),
    *screens_of(ASK, APPROVE, DECLINE),
)
