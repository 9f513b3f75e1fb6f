"""Where a share link leads: what it offers, and one tap for a member to take it."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from ledger_service.web.ports import Ask
from ledger_service.web.screen import PUBLIC, Go, Page, Problem, Screen, Visit, roles


def arrive(visit: Visit) -> Go:
    """The visitor gets a number of its own, under which coming back to the page counts once."""
    return Go(f"/s/{quote(visit.path['link'], safe='')}/{secrets.token_hex(16)}")


def look(visit: Visit) -> Page:
    """The offer; that somebody has opened the link is recorded."""
    return _page(visit, _touch(visit), taken=False)


def take(visit: Visit) -> Page:
    """The member follows the link: from now on nobody can say that another brought it."""
    touch = _touch(visit)
    visit.must("/v1/share/follows", {"touch": touch})
    return _page(visit, touch, taken=True)


def _touch(visit: Visit) -> str:
    body = {"link": visit.path["link"], "visit": visit.path["visit"], "agent": visit.agent[:400]}
    answer = visit.api.call(None, Ask("POST", "/v1/share/touches", body), visit.address)
    if not answer.good:
        raise Problem(answer)
    return str(answer.document["touch"])


def _page(visit: Visit, touch: str, *, taken: bool) -> Page:
    offer = visit.get(f"/v1/share/links/{quote(visit.path['link'], safe='')}/offer")
    return Page("landing.html", {
        "offer": offer, "touch": touch, "taken": taken, "link": visit.path["link"],
        "member": visit.who is not None and visit.who.role == "member",
    })  # fmt: skip


SCREENS = (
    Screen("GET", "/s/<link>", "share link", PUBLIC, arrive),
    Screen("GET", "/s/<link>/<visit>", "share link", PUBLIC, look),
    Screen("POST", "/s/<link>/<visit>", "share link", roles("member"), take),
)
