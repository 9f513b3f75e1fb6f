"""Programmes as the operator keeps them: terms with their notice, terms of a pair, the calendar, the end."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Field, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    Json,
    bps,
    called,
    code,
    instant,
    listed,
    micros,
    number,
    programme,
    shows,
    state,
)
from ledger_service.web.screen import Problem, Screen, Visit, roles
from ledger_service.web.screens.programme_parts import ending, liability, terms_rows

OPERATOR = roles("operator")
LOOKERS = roles("operator", "auditor")
_HOME = "/operator/programmes"


def overview(visit: Visit) -> Sheet:
    """Every programme with the terms in force."""
    names = names_of(visit)
    found, more = listed(visit, "/v1/programmes", "programmes", _HOME)
    rows = [
        [code(one["programme"], f"{_HOME}/{one['programme']}"), Cell(one["name"]),
         Cell(called(names, one["merchant"])), state(one["expiry"]), *_latest(visit, one)]
        for one in found
    ]  # fmt: skip
    headings = (
        "col.programme",
        "col.name",
        "col.merchant",
        "col.expiry",
        "col.from",
        "col.point_value",
        "col.fee",
    )
    return Sheet(
        "programmes.title", [Rows("programmes.all", headings, rows, more)], lead="programmes.operator_lead"
    )


def _latest(visit: Visit, one: Json) -> list[Cell]:
    terms = one["terms"][-1]
    return [
        instant(visit, terms["effective_from"]),
        micros(visit, terms["point_value_micros"]),
        Cell(bps(terms["fee_bps"]), "number"),
    ]  # fmt: skip


def one(visit: Visit) -> Sheet:
    """One programme, with what is outstanding and what may be published next.

    Raises:
        Problem: there is none of this code.
    """
    wanted = visit.path["code"]
    found = programme(visit, wanted)
    if found is None:
        raise Problem(visit.ask(f"/v1/programmes/{wanted}/outstanding"))
    here, last = f"{_HOME}/{wanted}", found["terms"][-1]
    blocks: list[Block] = [
        *liability(visit, found, here), *ending(visit, found), terms_rows(visit, found),
        _pairs(visit, wanted),
    ]  # fmt: skip
    if visit.me.role == "operator":
        values = {name: str(last[name]) for name in ("fee_bps", "issuance_cap", "validity_epochs")}
        forms = [
            TERMS.form(visit, values, code=wanted),
            PAIR.form(visit, code=wanted),
            CALENDAR.form(visit, code=wanted),
        ]
        if found["end"] is None:
            forms.append(END.form(visit, code=wanted))
        blocks.append(Acts(forms))
    return Sheet("programme.title", blocks, f"{found['name']} · {wanted}", back=_HOME)


def _pairs(visit: Visit, wanted: str) -> Rows:
    names = names_of(visit)
    told = visit.get(f"/v1/programmes/{wanted}/pair-terms", limit="50")
    rows = [
        [Cell(called(names, one["acceptor"])), number(visit, one["version"]),
         instant(visit, one["effective_from"]), micros(visit, one["point_value_micros"]),
         Cell(bps(one["fee_bps"]), "number"), state("ends" if one["ends"] else "applies")]
        for one in told["pair_terms"]
    ]  # fmt: skip
    headings = ("col.acceptor", "col.version", "col.from", "col.point_value", "col.fee", "col.state")
    return Rows("programme.pairs", headings, rows, empty="programme.no_pairs")


_FROM = Field("effective_from", "instant", "field.effective_from", about="field.notice")
_VALUE = Field("point_value_micros", "micros", "field.point_value", about="field.point_value_about")
_FEE = Field("fee_bps", "int", "field.fee_bps", about="field.fee_about")
TERMS = Deed(
    "publish-terms", f"{_HOME}/<code>/terms", "/v1/programmes/{code}/terms", OPERATOR, f"{_HOME}/{{code}}",
    one,
    (_FROM, _VALUE, _FEE, Field("issuance_cap", "int", "field.cap"),
     Field("validity_epochs", "int", "field.validity")),
    risky=True,
)  # fmt: skip
PAIR = Deed(
    "publish-pair", f"{_HOME}/<code>/pair-terms", "/v1/programmes/{code}/pair-terms", OPERATOR,
    f"{_HOME}/{{code}}",
    one, (Field("acceptor", "merchant", "field.acceptor"), _FROM, _VALUE, _FEE), risky=True,
)  # fmt: skip
CALENDAR = Deed(
    "continue-calendar", f"{_HOME}/<code>/epochs", "/v1/programmes/{code}/epochs", OPERATOR,
    f"{_HOME}/{{code}}", one,
    (Field("count", "int", "field.epochs", value="12"),), risky=True,
)  # fmt: skip
END = Deed(
    "announce-end", f"{_HOME}/<code>/end", "/v1/programmes/{code}/end", OPERATOR, f"{_HOME}/{{code}}", one,
    (Field("target", "text", "field.end_target"),
     Field("issues_until", "instant", "field.end_issues_until", about="field.end_notice"),
     Field("ends_at", "instant", "field.end_ends_at"),
     Field("spread_bps", "int", "field.end_spread", value="0")),
    risky=True, danger=True,
)  # fmt: skip
SCREENS = (
    Screen("GET", _HOME, "operator-programmes", LOOKERS, shows(overview)),
    Screen("GET", f"{_HOME}/<code>", "operator-programme", LOOKERS, shows(one)),
    *screens_of(TERMS, PAIR, CALENDAR, END),
)
