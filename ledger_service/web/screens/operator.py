"""The operator's pages and those of the care desk: what waits for somebody, and who is who."""

from __future__ import annotations

from ledger_service.web.office.reading import entry_said
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Go, Page, Screen, Visit, roles
from ledger_service.web.screens.member import names_of

OPERATOR = roles("operator")


def _cursor(visit: Visit) -> dict[str, str]:
    return {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}


def home(visit: Visit) -> Page:
    """Lag, alarms, what was set aside, what waits for a person."""
    shown = {
        "status": visit.get("/v1/chain/status"),
        "reviews": visit.get("/v1/risk/reviews", limit="10")["reviews"],
        "adjustments": visit.get("/v1/adjustments", limit="10")["adjustments"],
        "claims": visit.get("/v1/claims", limit="10")["claims"],
    }  # fmt: skip
    return Page("operator/home.html", shown)


def merchants(visit: Visit) -> Page:
    """Who is in the alliance."""
    told = visit.get("/v1/merchants", **_cursor(visit))
    return Page("operator/merchants.html", {"merchants": told["merchants"], "cursor": told["next_cursor"]})


def suspend(visit: Visit) -> Go:
    """A merchant does no business, or does again."""
    visit.step_up()
    body = {"suspended": visit.form.get("suspended") == "yes"}
    visit.must(f"/v1/merchants/{visit.path['gln']}/suspension", body)
    return Go("/operator/merchants")


def reviews(visit: Visit) -> Page:
    """What was booked under a rule and waits to be looked at."""
    told = visit.get("/v1/risk/reviews", **_cursor(visit))
    shown = {"reviews": told["reviews"], "cursor": told.get("next_cursor")}
    return Page("operator/reviews.html", shown)


def care(visit: Visit) -> Page:
    """The form that finds a member."""
    return Page("operator/care.html", {"problem": None})


def find(visit: Visit) -> Page | Go:
    """By number, phone, e-mail or card."""
    text = visit.form.get("who", "").strip()
    if text.isdecimal() and len(text) == 18:
        return Go(f"/care/{text}")
    kind = "email" if "@" in text else "phone" if text.startswith("+") else "card"
    answer = visit.do("/v1/members/identify", {"kind": kind, "value": text})
    if not answer.good:
        return Page("operator/care.html", {"problem": answer.document}, answer.status)
    return Go(f"/care/{answer.document['number']}")


def member(visit: Visit) -> Page:
    """A member as the desk sees it: standing, points, history with reasons, claims."""
    return _member(visit, None)


def _member(visit: Visit, answer: Answer | None, done: str = "") -> Page:
    path = f"/v1/members/{visit.path['number']}"
    entries = visit.get(f"{path}/entries", limit="25", **_cursor(visit))
    refused = answer is not None and not answer.good
    shown = {
        "member": visit.get(path), "balances": visit.get(f"{path}/balance")["balances"],
        "entries": [one | {"said": entry_said(visit, one)} for one in entries["entries"]],
        "cursor": entries["next_cursor"], "names": names_of(visit),
        "claims": visit.get(f"{path}/claims")["claims"],
        "problem": answer.document if answer and refused else None, "done": "" if refused else done,
    }  # fmt: skip
    return Page("operator/member.html", shown, answer.status if answer and refused else 200)


def freeze(visit: Visit) -> Page:
    """A member's account rests at once, or works again."""
    frozen = visit.form.get("frozen") == "yes"
    answer = visit.do(f"/v1/members/{visit.path['number']}/freeze", {"frozen": frozen})
    done = "care.frozen" if frozen else "care.thawed"
    return _member(visit, answer, done)


def open_case(visit: Visit) -> Page:
    """A recovery is asked for, or a merge where another number is named; a second person approves it."""
    visit.step_up()
    form, number = visit.form, visit.path["number"]
    evidence = form.get("evidence", "").strip()
    if form.get("kind") == "merge":
        answer = visit.do(
            "/v1/merges", {"member": number, "into": form.get("into", "").strip(), "evidence": evidence}
        )
    else:
        answer = visit.do("/v1/cases", {"member": number, "kind": form.get("kind", ""), "evidence": evidence})
    return _member(visit, answer, "care.case_opened")


SCREENS = (
    Screen("GET", "/operator", "operator-home", OPERATOR, home),
    Screen("GET", "/operator/merchants", "operator-merchants", OPERATOR, merchants),
    Screen("POST", "/operator/merchants/<gln>/suspension", "operator-suspend", OPERATOR, suspend),
    Screen("GET", "/operator/reviews", "operator-reviews", OPERATOR, reviews),
    Screen("GET", "/care", "care", OPERATOR, care),
    Screen("POST", "/care", "care-find", OPERATOR, find),
    Screen("GET", "/care/<number>", "care-member", OPERATOR, member),
    Screen("POST", "/care/<number>/freeze", "care-freeze", OPERATOR, freeze),
    Screen("POST", "/care/<number>/case", "care-case", OPERATOR, open_case),
)
