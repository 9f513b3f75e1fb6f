"""What a member decides of its data: who may read what, who has read, everything in one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import called
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Download, Go, Page, Screen, Visit
from ledger_service.web.screens.member import MEMBER, mine

PURPOSES = ("service", "analytics", "marketing", "research")
_ROWS, _FEW, _EXPORTED = "25", "5", "200"
_HERE, _QUIET = "/me/consents", "/quiet-hours"


def consents(visit: Visit) -> Page:
    """What the member lets whom read, and who has read last."""
    return _consents(visit, None)


def _consents(visit: Visit, answer: Answer | None) -> Page:
    told = visit.get(mine(visit, "/consents"), limit=_ROWS, **_cursor(visit))
    names = names_of(visit)
    good = answer is None or answer.good
    done = f"consent.done_{visit.query.get('done', '')}"
    shown = {
        "consents": told["consents"], "cursor": told["next_cursor"], "names": names, "purposes": PURPOSES,
        "reads": _readings(visit, names, _FEW)[0], "typed": visit.form,
        "quiet": visit.get(mine(visit, _QUIET)),
        "done": done if good and visit.say(done) != done else "",
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/consents.html", shown, 200 if answer is None or good else answer.status)


def _cursor(visit: Visit) -> dict[str, str]:
    return {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}


def _readings(
    visit: Visit, names: dict[str, str], limit: str, **query: str
) -> tuple[list[dict[str, Any]], str | None]:
    """Who has read, in the member's words: ``who`` is a merchant's name or an office of the alliance."""
    told = visit.get(mine(visit, "/reads"), limit=limit, **query)
    rows = [one | {"who": _reader(visit, one, names)} for one in told["reads"]]
    return rows, told["next_cursor"]


def _reader(visit: Visit, one: dict[str, Any], names: dict[str, str]) -> str:
    office = str(one["by_whom"]).partition(":")[0]
    return called(names, one["reader"]) if one["reader"] else visit.say(f"read.by_{office}")


def reads(visit: Visit) -> Page:
    """Everybody who has read, newest first."""
    rows, cursor = _readings(visit, names_of(visit), _ROWS, **_cursor(visit))
    return Page("member/reads.html", {"reads": rows, "cursor": cursor})


def give(visit: Visit) -> Page | Go:
    """One merchant may read what another one knows, for one purpose."""
    body = {name: visit.form.get(name, "") for name in ("owner", "reader", "purpose")}
    answer = visit.do(mine(visit, "/consents"), body)
    return Go(f"{_HERE}?done=given") if answer.good else _consents(visit, answer)


def revoke(visit: Visit) -> Page | Go:
    """The next reading is refused."""
    answer = visit.do(mine(visit, f"/consents/{visit.path['consent']}/revoke"), {})
    return Go(f"{_HERE}?done=revoked") if answer.good else _consents(visit, answer)


def quiet(visit: Visit) -> Page | Go:
    """Nothing unasked comes at these hours, nor more than so much in a day; without hours at any."""
    form = {name: visit.form.get(name, "").strip() for name in ("from", "until", "timezone", "most_a_day")}
    hours = {name: form[name] or None for name in ("from", "until", "timezone")}
    if not form["from"] and not form["until"]:
        hours["timezone"] = None
    most = {"most_a_day": int(form["most_a_day"])} if form["most_a_day"].isdecimal() else {}
    answer = visit.do(mine(visit, _QUIET), {**hours, **most})
    return Go(f"{_HERE}?done=quiet") if answer.good else _consents(visit, answer)


def export(visit: Visit) -> Download:
    """Everything that is held of the member, as one JSON array of tables' rows."""
    visit.step_up()
    path = mine(visit, "/export")
    first = visit.get(path, limit=_EXPORTED)
    return Download(_parts(visit, path, first), "application/json", f"member-{visit.me.subject}.json")


def _parts(visit: Visit, path: str, first: dict[str, Any]) -> Iterator[bytes]:
    """The rows page by page; a page that fails breaks the file off, and its missing end is seen."""
    told, before = first, b"[\n"
    while True:
        for row in told["rows"]:
            yield before + orjson.dumps(row)
            before = b",\n"
        if told["next_cursor"] is None:
            break
        told = visit.get(path, limit=_EXPORTED, cursor=told["next_cursor"])
    yield b"\n]\n"


SCREENS = (
    Screen("GET", _HERE, "member-consents", MEMBER, consents),
    Screen("POST", _HERE, "member-give-consent", MEMBER, give),
    Screen("POST", f"{_HERE}/<consent>/revoke", "member-revoke-consent", MEMBER, revoke),
    Screen("POST", "/me/quiet-hours", "member-quiet-hours", MEMBER, quiet),
    Screen("GET", "/me/reads", "member-reads", MEMBER, reads),
    Screen("POST", "/me/export", "member-export", MEMBER, export),
)
