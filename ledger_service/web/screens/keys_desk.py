"""API keys, for merchants and operators alike: whose there are, a new one, one in its place, none."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Field, Form, Note, Rows, Search, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    ROWS,
    Json,
    acts,
    called,
    code,
    instant,
    listed,
    shows,
    state,
    words,
)
from ledger_service.web.screen import Screen, Visit, roles

_OVERLAP_SECONDS = 86_400


def desk(home: str, role: str, given: tuple[str, ...]) -> tuple[Screen, ...]:
    """The screens of the keys that a role gives out.

    Args:
        home: their path.
        role: whose screens they are.
        given: the roles whose keys it may give.
    """

    def sheet(visit: Visit) -> Sheet:
        wanted = visit.query.get("role", given[0])
        wanted = wanted if wanted in given else given[0]
        subject = visit.query.get("subject", "").strip() or _own_subject(visit, wanted)
        blocks: list[Block] = [Search(home, "role", "keys.role", wanted, given)]
        if subject:
            here = f"{home}?role={wanted}&subject={subject}"
            blocks.append(_table(visit, (wanted, subject), here, (rotate, revoke)))
        blocks.append(Search(home, "subject", "keys.subject", subject, keep={"role": wanted}))
        blocks.append(Acts([issue.form(visit, {"role": wanted, "subject": subject})]))
        return Sheet("keys.title", blocks, called(names_of(visit), subject), "keys.lead")

    def once(visit: Visit, told: Json) -> Sheet:
        token = Note("keys.token", "note", told["token"])
        return Sheet("keys.new", [token], told["key_id"], "keys.once", back=home)

    issue = Deed(
        f"{role}-issue-key", home, "/v1/keys", roles(role), home, sheet,
        (Field("role", "choice", "keys.role", options=given), Field("subject", "text", "keys.subject"),
         Field("label", "text", "field.label", optional=True),
         Field("expires_at", "instant", "field.expires_at", optional=True, about="field.utc")),
        risky=True, shown=once,
    )  # fmt: skip
    rotate = Deed(f"{role}-rotate-key", f"{home}/<key>/rotation", "/v1/keys/{key}/rotate", roles(role), home,
                  sheet,
                  fixed={"overlap_seconds": _OVERLAP_SECONDS}, risky=True, shown=once)  # fmt: skip
    revoke = Deed(f"{role}-revoke-key", f"{home}/<key>/revocation", "/v1/keys/{key}/revoke", roles(role),
                  home,
                  sheet, risky=True, danger=True)  # fmt: skip
    look = Screen("GET", home, f"{role}-keys", roles(role), shows(sheet))
    return (look, *screens_of(issue, rotate, revoke))


def _own_subject(visit: Visit, role: str) -> str:
    return visit.me.subject if role == visit.me.role else ""


def _table(visit: Visit, whose: tuple[str, str], here: str, deeds: tuple[Deed, Deed]) -> Rows:
    rotate, revoke = deeds
    found, more = listed(visit, "/v1/keys", "keys", here, role=whose[0], subject=whose[1], limit=ROWS)
    rows = [
        [code(one["key_id"]), Cell(one["label"] or "–"), state(one["status"]),
         instant(visit, one.get("expires_at")),
         words(one["scopes"]), acts(*_possible(visit, one, rotate, revoke))]
        for one in found
    ]  # fmt: skip
    headings = ("col.key", "col.label", "col.state", "col.until", "col.scopes", "col.act")
    return Rows("keys.theirs", headings, rows, more, "keys.none")


def _possible(visit: Visit, one: Json, rotate: Deed, revoke: Deed) -> list[Form]:
    if one["status"] != "active":
        return []
    return [deed.form(visit, key=one["key_id"]) for deed in (rotate, revoke)]


SCREENS = (
    *desk("/merchant/keys", "merchant", ("merchant", "cashier")),
    *desk("/operator/keys", "operator", ("operator", "merchant", "cashier", "auditor", "member")),
)
