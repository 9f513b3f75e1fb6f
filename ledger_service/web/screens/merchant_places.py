"""A merchant's further tills, and which of its cashiers are members themselves."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Cell, Field, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.names import choices_of, names_of
from ledger_service.web.office.reading import acts, called, code, listed, shows, state
from ledger_service.web.screen import Screen, Visit, roles

MERCHANT = roles("merchant")
_TILLS, _STAFF, _LOSSES = "/merchant/tills", "/merchant/staff", "/merchant/losses"


def tills(visit: Visit) -> Sheet:
    """The tills, each with what it may do, and a form for the next."""
    found, more = listed(visit, "/v1/terminals", "terminals", _TILLS)
    stores = choices_of(visit, "store") or {}
    rows = [
        [code(one["terminal"], f"/merchant/keys?role=cashier&subject={one['terminal']}"), Cell(one["label"]),
         Cell(stores.get(one["store"], one["store"])), state(one.get("kind", "till")),
         state("training" if one.get("training") else "sells")]
        for one in found
    ]  # fmt: skip
    table = Rows("tills.all", ("col.till", "col.label", "col.store", "col.kind", "col.state"), rows, more)
    return Sheet(
        "tills.title",
        [table, Acts([ADD.form(visit), ALLOW.form(visit), MODE.form(visit)])],
        lead="tills.lead",
    )


def staff(visit: Visit) -> Sheet:
    """The cashiers who are members: their own card at their own till is seen."""
    found, more = listed(visit, "/v1/staff-links", "staff_links", _STAFF)
    rows = [
        [code(one["cashier"]), code(one["member"]), acts(PART.form(visit, cashier=one["cashier"]))]
        for one in found
    ]
    table = Rows("staff.all", ("col.cashier", "col.member", "col.act"), rows, more, "staff.none")
    return Sheet("staff.title", [table, _watched(visit), Acts([LINK.form(visit)])], lead="staff.lead")


def _watched(visit: Visit) -> Rows:
    told = visit.get("/v1/attachments/cashiers", limit="25")
    rows = [
        [code(one["cashier"]), Cell(visit.formats.number(one["attaches"]), "number"),
         Cell(visit.formats.number(one["members"]), "number"),
         Cell(visit.formats.money(one["total_minor"]), "number"),
         Cell(visit.formats.number(one["to_staff"]), "number")]
        for one in told["cashiers"]
    ]  # fmt: skip
    headings = ("col.cashier", "col.attaches", "col.members", "col.amount", "col.to_staff")
    return Rows("staff.attaches", headings, rows, empty="staff.no_attaches")


def losses(visit: Visit) -> Sheet:
    """What of sales without a connection nobody paid for, and who bears it."""
    found, more = listed(visit, "/v1/offline-losses", "losses", _LOSSES)
    names = names_of(visit)
    rows = [
        [code(one["sale_id"]), state(one["cause"]), Cell(called(names, one["borne_by"])),
         state("flagged" if one["member_flagged"] else "clear")]
        for one in found
    ]  # fmt: skip
    table = Rows(
        "losses.all", ("col.sale", "col.cause", "col.borne_by", "col.member"), rows, more, "losses.none"
    )
    return Sheet("losses.title", [table], lead="losses.lead")


ADD = Deed(
    "add-till", _TILLS, "/v1/terminals", MERCHANT, _TILLS, tills,
    (Field("store", "store", "field.store"), Field("label", "text", "field.label"),
     Field("till_key", "text", "field.till_key", optional=True, about="field.till_key_about"),
     Field("kind", "choice", "field.till_kind", True, ("till", "self_checkout"))),
    risky=True,
)  # fmt: skip
ALLOW = Deed(
    "allow-offline", f"{_TILLS}/allowance", "/v1/terminals/{terminal}/offline-allowance", MERCHANT, _TILLS,
    tills,
    (Field("allowance_micros", "micros", "field.allowance"),
     Field("window_seconds", "int", "field.window", value="86400")),
    risky=True, asks=(Field("terminal", "text", "field.till"),),
)  # fmt: skip
MODE = Deed(
    "train-till", f"{_TILLS}/mode", "/v1/terminals/{terminal}/mode", MERCHANT, _TILLS, tills,
    (Field("kind", "choice", "field.till_kind", True, ("till", "self_checkout")),
     Field("training", "flag", "field.training")),
    risky=True, asks=(Field("terminal", "text", "field.till"),),
)  # fmt: skip
LINK = Deed(
    "link-staff", _STAFF, "/v1/staff-links", MERCHANT, _STAFF, staff,
    (Field("cashier", "text", "field.cashier"), Field("member", "text", "field.member")), own="merchant",
)  # fmt: skip
PART = Deed("part-staff", f"{_STAFF}/<cashier>/end", "/v1/staff-links/{cashier}/end", MERCHANT, _STAFF, staff,
            own="merchant", danger=True)  # fmt: skip
SCREENS = (
    Screen("GET", _TILLS, "merchant-tills", MERCHANT, shows(tills)),
    Screen("GET", _STAFF, "merchant-staff", MERCHANT, shows(staff)),
    Screen("GET", _LOSSES, "merchant-losses", MERCHANT, shows(losses)),
    *screens_of(ADD, ALLOW, MODE, LINK, PART),
)
