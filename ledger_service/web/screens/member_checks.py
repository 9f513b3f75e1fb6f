"""A member's pages of what was asked, held or refused at a till, and of points that are missing."""

from __future__ import annotations

from typing import Any

from ledger_service.web.office.blocks import Field
from ledger_service.web.office.deeds import body_of
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import called
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Go, Page, Screen, Visit
from ledger_service.web.screens.member import MEMBER, mine

_ROWS = "25"
_CONFIRM, _CHECKS, _CLAIMS = "/me/confirm", "/me/checks", "/me/claims"
_RECEIPT = (
    Field("store", "text", "field.store"), Field("sold_on", "day", "field.sold_on"),
    Field("reference", "text", "field.reference"), Field("amount_minor", "money", "field.amount"),
    Field("code", "text", "field.receipt_code", optional=True),
)  # fmt: skip


def _page(visit: Visit, template: str, shown: dict[str, Any], answer: Answer | None) -> Page:
    """The page with what was done before, or with the refusal of what was sent from it."""
    good = answer is None or answer.good
    done = f"checks.done_{visit.query.get('done', '')}"
    said = {
        "done": done if good and visit.say(done) != done else "", "typed": {} if good else visit.form,
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page(template, shown | said, 200 if answer is None or good else answer.status)


def confirm(visit: Visit) -> Page:
    """The payments that the phone is asked about now, each with its merchant and amount."""
    return _confirm(visit, None)


def _confirm(visit: Visit, answer: Answer | None) -> Page:
    asked, names = visit.get(mine(visit, "/challenges"))["challenges"], names_of(visit)
    rows = [one | {"shop": called(names, one["merchant"])} for one in asked]
    return _page(visit, "member/confirm.html", {"asked": rows}, answer)


def answers(visit: Visit) -> Page | Go:
    """Yes or no to one payment."""
    says = visit.form.get("says", "")
    path = mine(visit, f"/challenges/{visit.path['challenge']}/answer")
    answer = visit.do(path, {"confirm": says == "yes"} if says in ("yes", "no") else {})
    if not answer.good:
        return _confirm(visit, answer)
    return Go(f"{_CONFIRM}?done={answer.document['state']}")


def checks(visit: Visit) -> Page:
    """Points that somebody looks at, and what rules refused, each with its reason and the way to appeal."""
    return _checks(visit, None)


def _checks(visit: Visit, answer: Answer | None) -> Page:
    query = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    told = visit.get(mine(visit, "/refusals"), limit=_ROWS, **query)
    names, language = names_of(visit), visit.formats.language
    shown = {
        "reviews": [] if query else visit.get(mine(visit, "/reviews"))["reviews"],
        "refusals": told["refusals"], "cursor": told["next_cursor"],
        "words": {one["reason"]: one["member"][language] for one in visit.get("/v1/risk/reasons")["reasons"]},
        "shop": lambda gln: called(names, gln) if gln else "",
    }  # fmt: skip
    return _page(visit, "member/checks.html", shown, answer)


def appeal_review(visit: Visit) -> Page | Go:
    """Another person decides about the points."""
    return _appealed(visit, f"/reviews/{visit.path['review']}/appeal")


def appeal_refusal(visit: Visit) -> Page | Go:
    """A person answers why it was refused."""
    return _appealed(visit, f"/refusals/{visit.path['decision']}/appeal")


def _appealed(visit: Visit, rest: str) -> Page | Go:
    answer = visit.do(mine(visit, rest), {"reason": visit.form.get("reason", "").strip()})
    return Go(f"{_CHECKS}?done=appealed") if answer.good else _checks(visit, answer)


def claims(visit: Visit) -> Page:
    """Receipts whose points are missing, what became of each, and the form for a further one."""
    return _claims(visit, None)


def _claims(visit: Visit, answer: Answer | None) -> Page:
    query = {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}
    told = visit.get(mine(visit, "/claims"), limit=_ROWS, **query)
    names = names_of(visit)
    rows = [one | {"shop": called(names, one["merchant"])} for one in told["claims"]]
    return _page(visit, "member/claims.html", {"claims": rows, "cursor": told["next_cursor"]}, answer)


def file_claim(visit: Visit) -> Page | Go:
    """The receipt is claimed; where its sale is known the answer is there at once."""
    answer = visit.do(mine(visit, "/claims"), body_of(visit.form, _RECEIPT, visit.formats.exponent))
    return Go(f"{_CLAIMS}?done=claimed") if answer.good else _claims(visit, answer)


SCREENS = (
    Screen("GET", _CONFIRM, "member-confirm", MEMBER, confirm),
    Screen("POST", f"{_CONFIRM}/<challenge>", "member-answer", MEMBER, answers),
    Screen("GET", _CHECKS, "member-checks", MEMBER, checks),
    Screen("POST", f"{_CHECKS}/reviews/<review>", "member-appeal-review", MEMBER, appeal_review),
    Screen("POST", f"{_CHECKS}/refusals/<decision>", "member-appeal-refusal", MEMBER, appeal_refusal),
    Screen("GET", _CLAIMS, "member-claims", MEMBER, claims),
    Screen("POST", _CLAIMS, "member-file-claim", MEMBER, file_claim),
)
