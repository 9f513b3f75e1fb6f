"""The auditor's pages, all of them read only: items, operations, periods, the state of the two books."""

from __future__ import annotations

from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import nets_of
from ledger_service.web.screen import Page, Screen, Visit, roles

AUDITOR = roles("auditor", "operator")


def home(visit: Visit) -> Page:
    """How far chain and ledger are together, and the periods."""
    cursor = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    told = visit.get("/v1/settlement/periods", **cursor)
    shown = {
        "status": visit.get("/v1/chain/status"), "periods": told["periods"], "cursor": told["next_cursor"],
    }  # fmt: skip
    return Page("audit/home.html", shown)


def item(visit: Visit) -> Page:
    """The way of a thing, backwards and forwards."""
    epc = visit.query.get("epc", "").strip()
    history = None
    if epc:
        history = visit.ask(f"/epcis/epcs/{epc.replace('/', '%2F')}/history")
    return Page("audit/item.html", {"epc": epc, "history": history})


def period(visit: Visit) -> Page:
    """A period with every net; they add up to nothing (INV-5)."""
    told = visit.get(f"/v1/settlement/periods/{visit.path['period']}")
    standing = visit.ask(f"/v1/settlement/periods/{visit.path['period']}/standing")
    names = names_of(visit)
    shown = {
        "period": told, "names": names, "nets": nets_of(told, names),
        "standing": standing.document if standing.good else None,
        "sum": sum(int(one["net_micros"]) for one in told["nets"]),
    }  # fmt: skip
    return Page("audit/period.html", shown)


SCREENS = (
    Screen("GET", "/audit", "audit-home", AUDITOR, home),
    Screen("GET", "/audit/item", "audit-item", AUDITOR, item),
    Screen("GET", "/audit/period/<period>", "audit-period", AUDITOR, period),
)
