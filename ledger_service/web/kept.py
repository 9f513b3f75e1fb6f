"""What somebody typed into a form that could not be taken: kept on the page that says so, but for secrets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace

from ledger_service.web.screen import ONCE, Page

# A page's own key, and what tells the forms of one page apart.
_ONCE = re.compile("([0-9a-f]{32})(?:2|-[0-9a-f]{12})?")
# What a page fills in by itself, and what must stand on no page.
_OWN = frozenset({"csrf", ONCE, "deed"})
_SECRET = frozenset({"csrf", "key", "pin", "card_pin", "credential", "password"})
_NUMBERED = re.compile("(.+_)([0-9]{1,3})")
# What a field is called where its screen does not say it.
_LABELS = {
    "member": "till.member", "points": "till.points", "cashier": "till.cashier", "card": "till.card",
    "card_amount": "till.card_amount", "amount": "paid.amount", "code": "coupon.code", "to": "coupon.to",
    "reason": "checks.why", "label": "passkey.label", "number": "data.erase_number", "who": "care.who",
    "store": "myclaims.store", "sold_on": "myclaims.day", "reference": "myclaims.reference",
    "amount_minor": "myclaims.amount", "from": "quiet.from", "until": "quiet.until",
    "timezone": "quiet.zone", "most_a_day": "quiet.most", "into": "care.into", "evidence": "care.evidence",
    "held": "settlement.held", "name": "enter.name", "phone": "enter.phone",
    "article_": "till.article", "quantity_": "till.quantity", "amount_": "till.price",
    "back_": "returns.back",
}  # fmt: skip


def typed_in(form: Mapping[str, str]) -> dict[str, str]:
    """The fields that a person may have filled in, secrets left out."""
    return {name: text for name, text in form.items() if text and name not in _OWN | _SECRET}


def called(form: Mapping[str, str], labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What a person filled in: key of the field's name, its number among several, what was typed.

    Choices and what a page filled in are no words of the visitor's, and are left out.
    """
    known, rows = _LABELS | dict(labels), []
    for name, text in typed_in(form).items():
        many = _NUMBERED.fullmatch(name)
        stem, number = (many[1], many[2]) if many and name not in known else (name, "")
        if stem in known:
            rows.append((known[stem], number, text))
    return rows


def kept(form: Mapping[str, str], why: str, enter: str, status: int, labels: Mapping[str, str]) -> Page:
    """Nothing was done, and what was typed can be sent once more after logging in.

    The key under which the write is done once stays the same, so it is done once whatever is pressed.

    Args:
        form: as sent.
        why: key of the sentence that says what happened.
        enter: where one logs in.
        status: of the answer.
        labels: of the screen's fields, keys of what they are called.
    """
    again = {name: text for name, text in form.items() if name not in _SECRET}
    shown = {"why": why, "enter": enter, "typed": called(form, labels), "again": again, "id": ""}
    return Page("kept.html", shown, status)


def unanswered(form: Mapping[str, str], request_id: str, status: int, labels: Mapping[str, str]) -> Page:
    """Whether it was done is not known; sent once more under its key, it is done once.

    The page carries the form's own token, since a failing database tells nothing of the session: it is judged
    when it comes.

    Args:
        form: as sent, of a session.
        request_id: of the log.
        status: of the answer.
        labels: of the screen's fields.
    """
    page = kept(form, "kept.unanswered", "", status, labels)
    return replace(page, shown={**page.shown, "id": request_id, "csrf": form["csrf"]})


def answered_of(form: Mapping[str, str], status: int) -> str:
    """The key of a form that has its answer now, good or not; empty after a 5xx, and where there is none."""
    sent = form.get(ONCE, "")
    return sent if status < 500 and _ONCE.fullmatch(sent) else ""


def once_of(form: Mapping[str, str], status: int) -> str:
    """The key for the forms of a page: a fresh one for each page, under which a write is done once.

    After a 5xx nobody knows whether the write was done. Then the key that was sent stands there again:
    whoever presses the button once more gets the first answer, not a second sale.

    Args:
        form: as sent; empty where the page was only asked for.
        status: of the page's answer.
    """
    sent = _ONCE.fullmatch(form.get(ONCE, ""))
    return sent[1] if status >= 500 and sent else secrets.token_hex(16)
