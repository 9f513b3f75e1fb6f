"""A member's page of what others want to do with its account, where it objects."""

from __future__ import annotations

from ledger_service.web.ports import Answer
from ledger_service.web.screen import Page, Screen, Visit
from ledger_service.web.screens.member import MEMBER, mine

_ROWS = "25"


def cases(visit: Visit) -> Page:
    """Recoveries and merges of the member's account, those first that it can stop."""
    return _shown(visit, None)


def _shown(visit: Visit, answer: Answer | None) -> Page:
    query = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    told = visit.get(mine(visit, "/cases"), limit=_ROWS, **query)
    good = answer is None or answer.good
    shown = {
        "cases": sorted(told["cases"], key=lambda one: not one["may_object"]), "cursor": told["next_cursor"],
        "done": answer is not None and good,
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/cases.html", shown, 200 if answer is None or good else answer.status)


def objects(visit: Visit) -> Page:
    """The case will not be carried out."""
    return _shown(visit, visit.do(f"/v1/cases/{visit.path['case']}/objection", {}))


SCREENS = (
    Screen("GET", "/me/cases", "member-cases", MEMBER, cases),
    Screen("POST", "/me/cases/<case>/objection", "member-object", MEMBER, objects),
)
