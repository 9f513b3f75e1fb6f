"""The door: where somebody says who they are and in which language; and the sessions of one person or key."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ledger_service.web.ports import Limited, Who
from ledger_service.web.screen import HOMES, ONCE, PUBLIC, Go, Page, Screen, Visit, own_path, roles
from ledger_service.web.wording import LANGUAGES

ALL = roles(*HOMES)


def welcome(visit: Visit) -> Page | Go:
    """Whoever is logged in goes home; everybody else sees what there is."""
    if visit.who is not None:
        return Go(HOMES.get(visit.who.role, "/enter"))
    return Page("welcome.html")


def ask(visit: Visit) -> Page:
    """The forms of those who may come in: a member's own, and that of a key."""
    whom, to = visit.query.get("as", ""), own_path(visit.query.get("to"), "")
    if not whom and (to == "/me" or to.startswith("/me/")):
        whom = "member"
    return door(to, whom=whom if whom in HOMES else "", again="again" in visit.query)


def door(to: str, status: int = 200, **more: Any) -> Page:
    """The page of the forms, again where one of them was refused."""
    shown = {"to": to, "whom": "", "again": False, "wrong": False, "problem": None, "typed": {}}
    return Page("enter.html", shown | more, status)


def enter(visit: Visit) -> Page | Go:
    """A session begins under the key that was entered."""
    token, to = visit.form.get("key", "").strip(), own_path(visit.form.get("to"), "")
    try:
        who = visit.api.identify(token, visit.address) if token else None
    except Limited as limited:
        return door(to, 429, whom="merchant", problem=_waits(limited))
    if who is None or who.role not in HOMES:
        return door(to, 403, whom="merchant", wrong=True)
    return begun(visit, who, to)


def _waits(limited: Limited) -> Mapping[str, Any]:
    return {"code": "rate-limited", "title": "", "params": {"retry_after_seconds": limited.wait_seconds}}


def begun(visit: Visit, who: Who, to: str) -> Go:
    """A session of theirs begins, and the one before it is over."""
    if visit.session is not None and visit.who is not None:
        visit.sessions.end(visit.who.owner, visit.session.session_id, visit.at)
    return Go(to or HOMES[who.role], begins=visit.sessions.begin(who, visit.agent, visit.at))


def send_code(visit: Visit) -> Page:
    """A code is on its way to the phone, if a member has it; the form for it."""
    phone, to = visit.form.get("phone", "").strip(), own_path(visit.form.get("to"), "")
    answer = visit.do("/v1/login-codes", {"phone": phone})
    if not answer.good and answer.document.get("code") != "codes-too-often":
        return door(to, answer.status, whom="member", problem=answer.document, typed=visit.form)
    problem = None if answer.good else answer.document
    return Page("enter_code.html", {"phone": phone, "to": to, "problem": problem}, answer.status)


def enter_member(visit: Visit) -> Page | Go:
    """A member's session begins: by the code that came, or by card and PIN."""
    form, to = visit.form, own_path(visit.form.get("to"), "")
    names = ("phone", "code") if "code" in form else ("card", "pin")
    answer = visit.do("/v1/logins", {name: form.get(name, "").replace(" ", "") for name in names})
    who = visit.api.identify(answer.document["token"], visit.address) if answer.good else None
    if who is not None:
        return begun(visit, who, to)
    if "code" in form:
        shown = {"phone": form.get("phone", ""), "to": to, "problem": answer.document}
        return Page("enter_code.html", shown, answer.status)
    return door(to, answer.status, whom="member", problem=answer.document, typed=form)


def enrol(visit: Visit) -> Page | Go:
    """Whoever comes is a member from now on, and is led to what lets them come back: a passkey."""
    form = visit.form
    # Nobody else knows the form's key, so nobody else gets the answer of a form that is sent again.
    body = {"secret": sha256(f"enrolment {form.get(ONCE, '')}".encode()).hexdigest()}
    name = form.get("name", "").strip()
    answer = visit.do("/v1/enrolments", {**body, **({"display_name": name} if name else {})})
    who = visit.api.identify(answer.document["token"], visit.address) if answer.good else None
    if who is None:
        return door("", answer.status, whom="member", problem=answer.document, typed=form)
    return begun(visit, who, own_path(form.get("to"), "") or "/me/passkeys?new=1")


def leave(visit: Visit) -> Go:
    """The session is over, here and for whoever has copied its cookie."""
    if visit.session is not None:
        visit.sessions.end(visit.me.owner, visit.session.session_id, visit.at)
    return Go("/", ends=True)


def speak(visit: Visit) -> Go:
    """The pages speak another language from now on."""
    wanted = visit.form.get("language", "")
    return Go(own_path(visit.form.get("to"), "/"), language=wanted if wanted in LANGUAGES else None)


def devices(visit: Visit) -> Page:
    """Where the member is logged in, or the key is in use."""
    return Page("devices.html", {"sessions": visit.sessions.of_owner(visit.me.owner, visit.at)})


def end_device(visit: Visit) -> Go:
    """One of those sessions is over."""
    visit.sessions.end(visit.me.owner, visit.form.get("session", ""), visit.at)
    return Go("/devices")


SCREENS = (
    Screen("GET", "/", "welcome", PUBLIC, welcome),
    Screen("GET", "/enter", "enter", PUBLIC, ask),
    Screen("POST", "/enter", "enter", PUBLIC, enter),
    Screen("POST", "/enter/code", "send-code", PUBLIC, send_code),
    Screen("POST", "/enter/member", "enter-member", PUBLIC, enter_member),
    Screen("POST", "/enter/new", "enrol", PUBLIC, enrol),
    Screen("POST", "/leave", "leave", ALL, leave),
    Screen("POST", "/language", "language", PUBLIC, speak),
    Screen("GET", "/devices", "devices", ALL, devices),
    Screen("POST", "/devices", "devices", ALL, end_device),
)
