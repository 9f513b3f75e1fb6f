"""Passkeys on the pages: a member's list, a further one, its end; and the door that they open."""

from __future__ import annotations

import json
from typing import Any

import orjson

from ledger_service.web.ports import Answer
from ledger_service.web.screen import PUBLIC, Download, Go, Page, Problem, Screen, Visit, own_path
from ledger_service.web.screens.door import begun, door
from ledger_service.web.screens.member import MEMBER, mine
from ledger_service.web.sessions.rules import device_class

_HERE = "/me/passkeys"
_API = "/passkeys"
_NO_OFFER = ("passkeys-not-offered", "passkey-limit-reached")


def listed(visit: Visit) -> Page:
    """What opens the member's pages beside codes and PIN."""
    return _listed(visit, None)


def _listed(visit: Visit, answer: Answer | None) -> Page:
    bad = answer is not None and not answer.good
    done = f"passkey.{visit.query.get('done', '')}"
    shown = {
        "passkeys": visit.get(mine(visit, _API))["passkeys"],
        "problem": answer.document if answer is not None and bad else None,
        "new": "new" in visit.query,
        "done": done if not bad and done in ("passkey.made", "passkey.ended") else "",
    }  # fmt: skip
    return Page("member/passkeys.html", shown, answer.status if answer is not None and bad else 200)


def new(visit: Visit) -> Page:
    """The form for a further one, with what the device is to be asked; the log-in must be a moment ago."""
    visit.step_up()
    return _new(visit, None)


def _new(visit: Visit, refused: Answer | None) -> Page:
    offered = visit.do(mine(visit, f"{_API}/options"), {})
    if not offered.good and offered.document.get("code") not in _NO_OFFER:
        raise Problem(offered)
    problem = refused if refused is not None else None if offered.good else offered
    shown = {
        "options": offered.document.get("options"), "typed": visit.form,
        "device": visit.say(f"devices.{device_class(visit.agent)}"),
        "problem": None if problem is None else problem.document,
    }  # fmt: skip
    return Page("member/passkey_new.html", shown, 200 if refused is None else refused.status)


def keep(visit: Visit) -> Page | Go:
    """The passkey is the member's."""
    visit.step_up()
    body = {"label": visit.form.get("label", "").strip(), "credential": _credential(visit)}
    answer = visit.do(mine(visit, _API), body)
    return Go(f"{_HERE}?done=made") if answer.good else _new(visit, answer)


def end(visit: Visit) -> Page | Go:
    """The passkey opens nothing any more."""
    answer = visit.do(mine(visit, f"{_API}/{visit.path['passkey']}/end"), {})
    return Go(f"{_HERE}?done=ended") if answer.good else _listed(visit, answer)


def asked(visit: Visit) -> Download:
    """What the device is to be asked at the door; fetched when the button is pressed, for it soon ends.

    Raises:
        Problem: passkeys are not offered here.
    """
    answer = visit.do("/v1/passkey-challenges", {})
    if not answer.good:
        raise Problem(answer)
    return Download(orjson.dumps(answer.document["options"]), "application/json")


def enter(visit: Visit) -> Page | Go:
    """A member's session begins by what its device has signed."""
    to = own_path(visit.form.get("to"), "")
    answer = visit.do("/v1/logins", {"passkey": _credential(visit)})
    who = visit.api.identify(answer.document["token"], visit.address) if answer.good else None
    if who is None:
        return door(to, answer.status, whom="member", problem=answer.document)
    return begun(visit, who, to)


def _credential(visit: Visit) -> Any:
    """What the page's script has put into the form; what is no JSON goes on, so that the API refuses it."""
    typed = visit.form.get("credential", "")
    try:
        return json.loads(typed)
    except (ValueError, RecursionError):
        return typed


SCREENS = (
    Screen("GET", _HERE, "member-passkeys", MEMBER, listed),
    Screen("GET", f"{_HERE}/new", "member-passkey-new", MEMBER, new),
    Screen("POST", _HERE, "member-keep-passkey", MEMBER, keep),
    Screen("POST", f"{_HERE}/<passkey>/end", "member-end-passkey", MEMBER, end),
    Screen("GET", "/enter/passkey", "enter-passkey-file", PUBLIC, asked),
    Screen("POST", "/enter/passkey", "enter-passkey", PUBLIC, enter),
)
