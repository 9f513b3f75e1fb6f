"""A member's own pages, for a phone first: what it has, its pay code, its coupons, its history, its data."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger_service.kernel.clock import parse_instant
from ledger_service.web.drawing.series import Point, series
from ledger_service.web.office.reading import entry_said
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Download, Go, Page, Problem, Screen, Visit, roles

MEMBER = roles("member")
_ROWS = "25"


def mine(visit: Visit, rest: str = "") -> str:
    """The path of the member's own things in the API."""
    return f"/v1/members/{visit.me.subject}{rest}"


def names_of(visit: Visit) -> dict[str, str]:
    """What the programmes are called, by their codes."""
    return {p["programme"]: p["name"] for p in visit.get("/v1/programmes")["programmes"]}


def home(visit: Visit) -> Page:
    """What the member has, and what goes next."""
    balances = [b for b in visit.get(mine(visit, "/balance"))["balances"] if _has_any(b)]
    notices = visit.ask(mine(visit, "/notices"), limit="3")
    rests = visit.ask(mine(visit, "/converted-rests"), limit="3")
    tiers = visit.ask(mine(visit, "/tiers"))
    cases = visit.ask(mine(visit, "/cases")).document.get("cases", [])
    asked = visit.ask(mine(visit, "/challenges")).document.get("challenges", [])
    shown = {
        "balances": balances, "names": names_of(visit),
        "ends": {b["programme"]: _next_end(b) for b in balances},
        "notices": notices.document.get("notices", []), "rests": rests.document.get("converted", []),
        "cases": [one for one in cases if one["may_object"]],
        "asked": [one for one in asked if one["state"] == "open"],
        "tiers": [one for one in tiers.document.get("tiers", []) if one["next_tier"]],
    }  # fmt: skip
    return Page("member/home.html", shown)


def _has_any(balance: dict[str, Any]) -> bool:
    return any(balance[part] for part in ("available", "held", "pending", "debt"))


def _next_end(balance: dict[str, Any]) -> dict[str, Any] | None:
    lots = [lot for lot in balance["lots"] if lot["available"]]
    return min(lots, key=lambda lot: str(lot["expires_at"]), default=None)


def pay(visit: Visit) -> Page:
    """The code of this half minute; or what to do where the member's own phone signs."""
    answer = visit.ask(mine(visit, "/code"))
    if answer.document.get("code") == "device-unknown":
        return Page("member/pay_not_yet.html")
    if not answer.good:
        raise Problem(answer)
    until = parse_instant(answer.document["valid_until"], "valid_until")
    step = int(answer.document["step_seconds"])
    known = visit.ask("/v1/alliance")
    left = (until - visit.at) // timedelta(seconds=1)
    digits = str(answer.document["digits"])
    asked = visit.ask(mine(visit, "/challenges")).document.get("challenges", [])
    shown = {
        "asked": [one for one in asked if one["state"] == "open"],
        "digits": " ".join(digits[n : n + 3] for n in range(0, 18, 3)),
        "step": step,
        # A replay has a clock of its own: then the whole step is counted down.
        "left": left if 0 < left <= 2 * step else step,
        "most": known.document.get("custodial_per_permit_micros"),
    }
    return Page("member/pay.html", shown)


def pay_image(visit: Visit) -> Download:
    """The same as a QR code."""
    return picture(visit.ask(mine(visit, "/code-image"), form="svg"))


def picture(answer: Answer) -> Download:
    """The image that the API drew.

    Raises:
        Problem: it drew none.
    """
    if not answer.good:
        raise Problem(answer)
    return Download(answer.raw, answer.media_type)


def allow_digits(visit: Visit) -> Go:
    """From tomorrow on the member pays with digits too."""
    visit.step_up()
    visit.must(mine(visit, "/digits"), {})
    return Go("/me/pay")


def history(visit: Visit) -> Page:
    """What was booked, newest first."""
    query = {"limit": _ROWS} | ({"cursor": visit.query["cursor"]} if "cursor" in visit.query else {})
    told = visit.get(mine(visit, "/entries"), **query)
    entries = [one | {"said": entry_said(visit, one)} for one in told["entries"]]
    shown = {"entries": entries, "cursor": told["next_cursor"], "names": names_of(visit)}
    drawn = "" if "cursor" in visit.query else over_time(visit, mine(visit, "/past-points"))
    return Page("member/history.html", {**shown, "drawn": drawn})


def over_time(visit: Visit, path: str) -> str:
    """A picture of all points, whatever programme, now and some months back; empty where none were."""
    past = visit.ask(path).document.get("past", [])
    points = [Point(visit.formats.day(one["as_of"]), max(0, one["points"])) for one in past]
    if not any(one.value for one in points):
        return ""
    return series(points, visit.say("history.over_time"), visit.formats.number)


def receipt(visit: Visit) -> Page:
    """What the shop sold, as it stands on its receipt, with the operations behind it."""
    told = visit.get(mine(visit, f"/receipts/{visit.path['receipt']}"))
    return Page("member/receipt.html", {**told, "names": names_of(visit)})


def proof(visit: Visit) -> Page:
    """Where the chain has an operation of the member."""
    answer = visit.ask(f"/v1/operations/{visit.path['operation']}/proof")
    return Page("member/proof.html", {"operation": visit.path["operation"], "answer": answer})


def proof_file(visit: Visit) -> Download:
    """The same as a file, which a command holds against the chain without us."""
    return saved(visit, visit.path["operation"])


def saved(visit: Visit, operation: str) -> Download:
    """The proof of an operation as the API tells it.

    Raises:
        Problem: there is no such operation for this visitor.
    """
    answer = visit.ask(f"/v1/operations/{operation}/proof")
    if not answer.good:
        raise Problem(answer)
    return Download(answer.raw, answer.media_type, f"proof-{answer.document['operation'][:12]}.json")


def coupons(visit: Visit) -> Page:
    """The wallet."""
    return _wallet(visit, None)


def _wallet(visit: Visit, answer: Answer | None, done: str = "") -> Page:
    query = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    told = visit.get(mine(visit, "/coupons"), **query)
    good = answer is None or answer.good
    shown = {
        "coupons": told["coupons"], "cursor": told["next_cursor"], "done": done if good else "",
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/coupons.html", shown, 200 if answer is None or good else answer.status)


def coupon(visit: Visit) -> Page:
    """One coupon to be shown: until when, how a till takes it, what became of it."""
    told = visit.get(mine(visit, f"/coupons/{visit.path['coupon']}"))
    return Page("member/coupon.html", {"coupon": told["coupon"], "events": told["events"]})


def claim(visit: Visit) -> Page:
    """A coupon that came as a code is in the wallet."""
    answer = visit.do(mine(visit, "/coupons"), {"code": visit.form.get("code", "").strip()})
    return _wallet(visit, answer, "coupon.taken")


def give(visit: Visit) -> Page:
    """A coupon is a friend's, at once."""
    path = mine(visit, f"/coupons/{visit.path['coupon']}/gift")
    answer = visit.do(path, {"recipient": visit.form.get("to", "").strip()})
    return _wallet(visit, answer, "coupon.given")


def data(visit: Visit) -> Page:
    """What is kept, which devices speak for the member, and the way out."""
    return Page("member/data.html", {"member": visit.get(mine(visit)), "problem": None})


def erase(visit: Visit) -> Page | Go:
    """Asked twice: the member writes its own number."""
    if visit.form.get("number", "").strip() != visit.me.subject:
        shown = {"member": visit.get(mine(visit)), "problem": {"code": "number-differs", "title": ""}}
        return Page("member/data.html", shown, 422)
    visit.step_up()
    answer = visit.do(mine(visit, "/erase"), {})
    if not answer.good:
        return Page(
            "member/data.html", {"member": visit.get(mine(visit)), "problem": answer.document}, answer.status
        )
    return Go("/", ends=True)


SCREENS = (
    Screen("GET", "/me", "member-home", MEMBER, home),
    Screen("GET", "/me/pay", "member-pay", MEMBER, pay),
    Screen("GET", "/me/pay/image", "member-pay-image", MEMBER, pay_image),
    Screen("POST", "/me/pay/digits", "member-allow-digits", MEMBER, allow_digits),
    Screen("GET", "/me/history", "member-history", MEMBER, history),
    Screen("GET", "/me/receipts/<receipt>", "member-receipt", MEMBER, receipt),
    Screen("GET", "/me/history/<operation>", "member-proof", MEMBER, proof),
    Screen("GET", "/me/history/<operation>/file", "member-proof-file", MEMBER, proof_file),
    Screen("GET", "/me/coupons", "member-coupons", MEMBER, coupons),
    Screen("GET", "/me/coupons/<coupon>", "member-coupon", MEMBER, coupon),
    Screen("POST", "/me/coupons", "member-claim-coupon", MEMBER, claim),
    Screen("POST", "/me/coupons/<coupon>/gift", "member-give-coupon", MEMBER, give),
    Screen("GET", "/me/data", "member-data", MEMBER, data),
    Screen("POST", "/me/erase", "member-erase", MEMBER, erase),
)
