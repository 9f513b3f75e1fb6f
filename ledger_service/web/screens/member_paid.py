"""What a member has paid for: its stored-value cards with their ledgers, its tickets with their passes."""

from __future__ import annotations

from ledger_service.web.office.names import names_of
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Download, Page, Screen, Visit
from ledger_service.web.screens.member import MEMBER, mine, picture

_ROWS = "50"


def paid(visit: Visit) -> Page:
    """The member's cards and tickets."""
    return _paid(visit, None)


def _paid(visit: Visit, answer: Answer | None, done: str = "") -> Page:
    good = answer is None or answer.good
    query = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    tickets = visit.get(mine(visit, "/tickets"), limit=_ROWS, **query)
    shown = {
        "cards": visit.get(mine(visit, "/value-cards"), limit=_ROWS)["cards"],
        "tickets": tickets["tickets"], "cursor": tickets["next_cursor"], "names": names_of(visit),
        "done": done if good else "",
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/paid.html", shown, 200 if answer is None or good else answer.status)


def ledger(visit: Visit) -> Page:
    """What moved one card's money."""
    query = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    told = visit.get(mine(visit, f"/value-cards/{visit.path['card']}/entries"), **query)
    shown = {"entries": told["entries"], "cursor": told["next_cursor"]}
    return Page("member/paid_card.html", shown)


def shown_pass(visit: Visit) -> Download:
    """A ticket's pass as a QR code."""
    return picture(visit.ask(mine(visit, f"/tickets/{visit.path['ticket']}/qr")))


def give(visit: Visit) -> Page:
    """A ticket is a friend's, at once."""
    path = mine(visit, f"/tickets/{visit.path['ticket']}/gift")
    answer = visit.do(path, {"recipient": visit.form.get("to", "").strip()})
    return _paid(visit, answer, "coupon.given")


SCREENS = (
    Screen("GET", "/me/paid", "member-paid", MEMBER, paid),
    Screen("GET", "/me/paid/cards/<card>", "member-paid-card", MEMBER, ledger),
    Screen("GET", "/me/paid/tickets/<ticket>/image", "member-ticket-image", MEMBER, shown_pass),
    Screen("POST", "/me/paid/tickets/<ticket>/gift", "member-give-ticket", MEMBER, give),
)
