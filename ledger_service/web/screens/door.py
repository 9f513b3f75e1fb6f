"""The door: where somebody says who they are and in which language; and the sessions of one key."""

from __future__ import annotations

from ledger_service.web.screen import HOMES, PUBLIC, Go, Page, Screen, Visit, own_path, roles
from ledger_service.web.wording import LANGUAGES

ALL = roles(*HOMES)


def welcome(visit: Visit) -> Page | Go:
    """Whoever is logged in goes home; everybody else sees what there is."""
    if visit.who is not None:
        return Go(HOMES.get(visit.who.role, "/enter"))
    return Page("welcome.html")


def ask(visit: Visit) -> Page:
    """The form of the key."""
    shown = {"to": own_path(visit.query.get("to"), ""), "again": "again" in visit.query, "wrong": False}
    return Page("enter.html", shown)


def enter(visit: Visit) -> Page | Go:
    """A session begins under the key that was entered."""
    token, to = visit.form.get("key", "").strip(), own_path(visit.form.get("to"), "")
    who = visit.api.identify(token) if token else None
    if who is None or who.role not in HOMES:
        return Page("enter.html", {"to": to, "again": False, "wrong": True}, 403)
    if visit.session is not None:
        visit.sessions.end(visit.session.key_id, visit.session.session_id, visit.at)
    cookie = visit.sessions.begin(who, visit.agent, visit.at)
    return Go(to or HOMES[who.role], begins=cookie)


def leave(visit: Visit) -> Go:
    """The session is over, here and for whoever has copied its cookie."""
    if visit.session is not None:
        visit.sessions.end(visit.session.key_id, visit.session.session_id, visit.at)
    return Go("/", ends=True)


def speak(visit: Visit) -> Go:
    """The pages speak another language from now on."""
    wanted = visit.form.get("language", "")
    return Go(own_path(visit.form.get("to"), "/"), language=wanted if wanted in LANGUAGES else None)


def devices(visit: Visit) -> Page:
    """Where the key is in use."""
    return Page("devices.html", {"sessions": visit.sessions.of_key(visit.me.key_id, visit.at)})


def end_device(visit: Visit) -> Go:
    """One of those sessions is over."""
    visit.sessions.end(visit.me.key_id, visit.form.get("session", ""), visit.at)
    return Go("/devices")


SCREENS = (
    Screen("GET", "/", "welcome", PUBLIC, welcome),
    Screen("GET", "/enter", "enter", PUBLIC, ask),
    Screen("POST", "/enter", "enter", PUBLIC, enter),
    Screen("POST", "/leave", "leave", ALL, leave),
    Screen("POST", "/language", "language", PUBLIC, speak),
    Screen("GET", "/devices", "devices", ALL, devices),
    Screen("POST", "/devices", "devices", ALL, end_device),
)
