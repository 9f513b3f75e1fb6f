"""What a member's points come to in another programme: rate, spread and what it gets, before it signs."""

from __future__ import annotations

from typing import Any

from ledger_service.kernel.clock import parse_instant
from ledger_service.web.screen import Page, Screen, Visit
from ledger_service.web.screens.member import MEMBER, mine

# A member has points of few programmes; the page asks for the ways out of each.
_MOST_PROGRAMMES = 12
_PAGE = "200"


def convert(visit: Visit) -> Page:
    """The ways from what the member has, and a quote for the one that it asks about.

    Nothing is converted here: the member's phone signs the points and the least that must come of them.
    """
    balances = [b for b in visit.get(mine(visit, "/balance"))["balances"] if b["available"]]
    asked = {name: visit.query.get(name, "").strip() for name in ("way", "points")}
    ways = [way for b in balances[:_MOST_PROGRAMMES] for way in _ways(visit, b["programme"])]
    chosen = next((way for way in ways if _name(way) == asked["way"]), None)
    answer = None
    if chosen is not None and asked["points"]:
        query = {"target": chosen["target"], "points": asked["points"]}
        answer = visit.ask(f"/v1/programmes/{chosen['programme']}/conversion-quote", **query)
    good = answer is not None and answer.good
    known = {p["programme_id"]: p for p in visit.get("/v1/programmes", limit=_PAGE)["programmes"]}
    available = {b["programme"]: b["available"] for b in balances}
    shown: dict[str, Any] = {
        "ways": [(_name(way), way) for way in ways], "asked": asked, "percent": percent,
        "names": {p["programme"]: p["name"] for p in known.values()},
        "ends": [_end(p, known) for p in known.values() if p["end"] and p["programme"] in available],
        "available": available,
        "quote": answer.document if answer is not None and good else None,
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/convert.html", shown, 200 if answer is None or good else answer.status)


def percent(bps: int) -> str:
    """Hundredths of a percent as a person reads them, without zeros at the end."""
    whole, part = divmod(bps, 100)
    return f"{whole}.{part:02}".rstrip("0").rstrip(".")


def _end(leaving: dict[str, Any], known: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """What becomes of the points of a programme that leaves."""
    end = leaving["end"]
    into = known[end["converts_into"]]["name"] if end["converts_into"] in known else ""
    spread = percent(end["spread_bps"])
    return {"name": leaving["name"], "ends_at": end["ends_at"], "into": into, "percent": spread}


def _name(way: dict[str, Any]) -> str:
    return f"{way['programme']}:{way['target']}"


def _ways(visit: Visit, programme: str) -> list[dict[str, Any]]:
    """The terms in force into each target, without those that ended."""
    told = visit.get(f"/v1/programmes/{programme}/conversions", limit=_PAGE)["conversions"]
    begun = [t for t in told if parse_instant(t["effective_from"], "effective_from") <= visit.at]
    newest = {t["target"]: t for t in begun}
    return [t for t in newest.values() if not t["ends"]]


SCREENS = (Screen("GET", "/me/convert", "member-convert", MEMBER, convert),)
