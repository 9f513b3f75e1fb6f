"""Where a share link leads: what it offers, one tap for a member, and how to become one by the phone."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from ledger_service.web.ports import Ask
from ledger_service.web.screen import PUBLIC, Go, Page, Problem, Screen, Visit, roles
from ledger_service.web.screens.door import begun


def arrive(visit: Visit) -> Go:
    """The visitor gets a number of its own, under which coming back to the page counts once."""
    return Go(f"/s/{quote(visit.path['link'], safe='')}/{secrets.token_hex(16)}")


def look(visit: Visit) -> Page:
    """The offer; that somebody has opened the link is recorded."""
    return _page(visit, _touch(visit), taken="joined" in visit.query)


def take(visit: Visit) -> Page:
    """The member follows the link: from now on nobody can say that another brought it."""
    touch = _touch(visit)
    visit.must("/v1/share/follows", {"touch": touch})
    return _page(visit, touch, taken=True)


def join(visit: Visit) -> Page | Go:
    """A newcomer becomes a member: the phone's number first, then the code that came to it."""
    touch, form = _touch(visit), visit.form
    phone, code = form.get("phone", "").strip(), form.get("code", "").replace(" ", "")
    if not code:
        answer = visit.do("/v1/share/enrolment-codes", {"touch": touch, "phone": phone})
        sent = answer.good or answer.document.get("code") == "codes-too-often"
        problem = None if answer.good else answer.document
        return _page(visit, touch, phone=phone, asked=sent, problem=problem, status=answer.status)
    answer = visit.do("/v1/share/enrolments", {"touch": touch, "phone": phone, "code": code})
    who = visit.api.identify(answer.document["token"], visit.address) if answer.good else None
    if who is None:
        return _page(visit, touch, phone=phone, asked=True, problem=answer.document, status=answer.status)
    return begun(visit, who, f"/s/{visit.path['link']}/{visit.path['visit']}?joined")


def _touch(visit: Visit) -> str:
    body = {"link": visit.path["link"], "visit": visit.path["visit"], "agent": visit.agent[:400]}
    answer = visit.api.call(None, Ask("POST", "/v1/share/touches", body), visit.address)
    if not answer.good:
        raise Problem(answer)
    return str(answer.document["touch"])


def _page(visit: Visit, touch: str, *, status: int = 200, **more: object) -> Page:
    offer = visit.get(f"/v1/share/links/{quote(visit.path['link'], safe='')}/offer")
    return Page("landing.html", {
        "page": f"/s/{quote(visit.path['link'], safe='')}/{quote(visit.path['visit'], safe='')}",
        "offer": offer, "touch": touch, "link": visit.path["link"],
        "member": visit.who is not None and visit.who.role == "member",
        "taken": False, "asked": False, "problem": None, "phone": "",
    } | more, status)  # fmt: skip


SCREENS = (
    Screen("GET", "/s/<link>", "share link", PUBLIC, arrive),
    Screen("GET", "/s/<link>/<visit>", "share link", PUBLIC, look),
    Screen("POST", "/s/<link>/<visit>", "share link", roles("member"), take),
    Screen("POST", "/s/<link>/<visit>/join", "share link", PUBLIC, join),
)
