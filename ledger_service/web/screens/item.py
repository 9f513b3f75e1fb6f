"""The public page of an item: what a scan of its code says, where the item has been, and its claim."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ledger_service.web.screen import PUBLIC, Go, Page, Screen, Visit, roles

_MEMBER = roles("member")
_GOOD = frozenset({"genuine-first", "genuine-again"})
_BAD = frozenset({"recalled", "not-for-sale", "repeat", "mismatch"})


def show(visit: Visit) -> Page:
    """A scan: recorded as any other, judged by what was known before it."""
    code = visit.query.get("code", "").strip()
    # The code of a resolver's redirect has its tag, lot or expiry behind it.
    if "?" not in code and any(visit.query.get(name) for name in ("10", "17", "98")):
        parts = "&".join(f"{n}={visit.query[n]}" for n in ("10", "17", "98") if visit.query.get(n))
        code = f"{code}?{parts}"
    return _page(visit, code, None)


def claim(visit: Visit) -> Page | Go:
    """The member's, where the PIN is right: once, and its points with it."""
    code = visit.form.get("code", "").strip()
    body = {
        "code": code,
        # A label has it in two groups.
        "pin": visit.form.get("pin", "").replace(" ", ""),
        "channel": "web",
        "device": _device(visit),
    }
    return _page(visit, code, visit.do(f"/v1/members/{visit.me.subject}/item-claims", body))


def _page(visit: Visit, code: str, claimed: Any) -> Page:
    verdict = visit.must("/v1/scans", {"code": code, "device": _device(visit)}) if code else None
    known = verdict is not None and verdict["names"] is not None
    journey: Any = visit.get("/v1/scans/journey", code=code) if known else {"stops": [], "cut": False}
    tone = "good" if verdict and verdict["verdict"] in _GOOD else "note"
    if verdict and verdict["verdict"] in _BAD:
        tone = "bad"
    places = {stop["place"]: stop["name"] for stop in journey["stops"] if stop["place"]}
    shown = {"code": code, "verdict": verdict, "tone": tone, "stops": journey["stops"],
             "cut": journey["cut"], "places": places, "claimed": claimed}  # fmt: skip
    return Page("item.html", shown)


def _device(visit: Visit) -> str:
    """What tells a browser apart for this item; the service keeps a keyed hash of it, for a month."""
    return sha256(f"{visit.address}|{visit.agent}".encode()).hexdigest()


SCREENS = (
    Screen("GET", "/item", "item", PUBLIC, show),
    Screen("POST", "/item", "item-claim", _MEMBER, claim),
)
