"""The desk's side of appeals against refusals: what the member says, why it was refused, and the answer."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import called, code, instant, link, listed, shows, worded
from ledger_service.web.screen import Screen, Visit
from ledger_service.web.screens.operator_watch import OPERATOR, hit_cells

_APPEALS = "/operator/appeals"
ANSWERS = ("stands", "lifted")


def appeals(visit: Visit) -> Sheet:
    """What waits for an answer."""
    found, more = listed(visit, "/v1/risk/appeals", "appeals", _APPEALS)
    rows = [
        [code(one["decision"][:8], f"{_APPEALS}/{one['decision']}"), Cell(one["said"]),
         code(one["member"], f"/care/{one['member']}"), instant(visit, one["until"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.code", "col.said", "col.member", "col.due")
    return Sheet("appeals.title", [Rows("appeals.all", headings, rows, more, "appeals.none")],
                 lead="appeals.lead")  # fmt: skip


def appeal(visit: Visit) -> Sheet:
    """One appeal with the rule that hit; the way to the member's desk, where points are given."""
    wanted = visit.path["decision"]
    told = visit.get(f"/v1/risk/appeals/{wanted}")
    said, decision = told["appeal"], told["decision"] or {"hits": [], "merchant": None}
    facts = Facts([
        ("col.state", worded(visit, said["state"])), ("col.due", visit.formats.instant(said["until"])),
        ("col.merchant", called(names_of(visit), decision["merchant"] or "–")),
    ])  # fmt: skip
    member = link(visit.say("appeal.care"), f"/care/{told['member']}/desk")
    blocks: list[Block] = [
        facts,
        Rows("appeal.title", ("col.said", "col.member"), [[Cell(said["said"]), member]]),
        Rows("review.hits", ("col.rule", "col.why"), [hit_cells(visit, hit) for hit in decision["hits"]]),
    ]
    if said["state"] == "open":
        blocks.append(Acts([ANSWER.form(visit, decision=wanted)]))
    return Sheet("appeal.title", blocks, wanted[:8], "appeal.lead", back=_APPEALS)


ANSWER = Deed(
    "answer-appeal", f"{_APPEALS}/<decision>", "/v1/risk/appeals/{decision}/answer", OPERATOR,
    f"{_APPEALS}/{{decision}}", appeal,
    (Field("answer", "choice", "field.answer", options=ANSWERS), Field("words", "long", "field.words")),
)  # fmt: skip
SCREENS = (
    Screen("GET", _APPEALS, "appeals", OPERATOR, shows(appeals)),
    Screen("GET", f"{_APPEALS}/<decision>", "appeal", OPERATOR, shows(appeal)),
    *screens_of(ANSWER),
)
