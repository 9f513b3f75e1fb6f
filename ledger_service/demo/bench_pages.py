"""How fast every page answers beside millions of entries, and how much a browser loads to show it first.

Each page is asked for by each role that may see it, one request after another under a real session's cookie;
the time is that of the whole answer, so the server's own is less. The first view is the page with the style
sheets and scripts that it names, as they go over the wire; images and what a browser had before not counted.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ledger_service.demo.bench_figures import Figures, millis
from ledger_service.demo.bench_size import fill
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.guests import GROCER, House, invite
from ledger_service.demo.progress import Progress
from ledger_service.web.screen import HOMES, Screen
from ledger_service.web.screens import SCREENS

_TIMES, _SLOWEST = 20, 8
_TOO_MANY, _PATIENCE_SECONDS = 429, 60
_FORMS = {"Content-Type": "application/x-www-form-urlencoded"}
_HIDDEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_PARTS = re.compile(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"')
# Of each place in a path, a list that tells one of them: path, name of the list, field.
_LISTS = {
    "case": ("/v1/cases", "cases", "case"), "review": ("/v1/risk/reviews", "reviews", "review"),
    "claim": ("/v1/claims", "claims", "claim"), "decision": ("/v1/risk/appeals", "appeals", "decision"),
    "operation": ("/v1/members/{number}/entries", "entries", "operation"),
}  # fmt: skip


@dataclass
class Visitor:
    """A browser of one role: a connection, and the cookie of its session."""

    host: str
    port: int
    cookie: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    _line: http.client.HTTPConnection | None = None

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and bytes of a page; who asks too much too fast has waited."""
        for _ in range(_PATIENCE_SECONDS):
            status, raw, _ = self._ask("GET", path)
            if status != _TOO_MANY:
                break
            time.sleep(1)
        return status, raw

    def once(self, path: str) -> int:
        """The status of a page, at once."""
        return self._ask("GET", path)[0]

    def enter(self, key: str) -> None:
        """Logged in with this key."""
        _, raw, cookie = self._ask("GET", "/enter")
        self.cookie = cookie
        csrf = _HIDDEN.findall(raw.decode())
        body = urlencode({"key": key, "csrf": csrf[0] if csrf else ""})
        _, _, self.cookie = self._ask("POST", "/enter", body)

    def first_view(self, raw: bytes) -> int:
        """How many bytes a browser loads that was never here."""
        for part in set(_PARTS.findall(raw.decode())) - self.parts.keys():
            self.parts[part] = len(self.get(part)[1])
        return len(raw) + sum(self.parts[part] for part in set(_PARTS.findall(raw.decode())))

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes, str]:
        self._line = self._line or http.client.HTTPConnection(self.host, self.port, timeout=60)
        headers = ({"Cookie": self.cookie} if self.cookie else {}) | (_FORMS if body else {})
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        given = answer.headers.get("Set-Cookie", "").partition(";")[0]
        return answer.status, answer.read(), given or self.cookie


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as a role saw it: microseconds of each answer in order, bytes of the first view."""

    name: str
    micros: list[int]
    view: int

    def at(self, percent: int) -> int:
        """A percentile."""
        return percentile(self.micros, percent)


def percentile(micros: list[int], percent: int) -> int:
    """The value that so many of a hundred do not exceed; the list may be in any order."""
    return sorted(micros)[max(0, -(-len(micros) * percent // 100) - 1)]


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Every page, beside so many entries more."""
    state = Path(stage.stack.settings["ALLIANCE_STATE_DIR"])
    progress = Progress(state / "progress.db")
    house = House(stage.stack, stage.service, progress, stage.bench.begins)
    logins = await invite(house)
    keys = {one["opens"]: one["key"] for one in reversed(logins["logins"])}
    number = await _known_best(stage)
    wanted = {"role": "member", "subject": number}
    member = (await house.write("/v1/keys", wanted, "pages:member"))["token"]
    await stage.observer.caught_up(PATIENCE_SECONDS)
    entries = await asyncio.to_thread(fill, stage, options.entries)
    places = await _places(stage, number)
    by_role = {role: keys.get(home, member) for role, home in HOMES.items()} | {"member": member}
    figures = Figures(stage.name)
    seen = await asyncio.to_thread(lambda: list(_seen(stage, by_role, places, figures)))
    _add(figures, seen, entries)
    return figures


async def _known_best(stage: Stage) -> str:
    """The number of a member with a long history: of the copies, each entry's member has the same share."""
    phones = [phone for phone in stage.bench.phones.values() if phone.joined]
    return str(max(phones, key=lambda phone: phone.counter).number)


async def _places(stage: Stage, number: str) -> dict[str, str]:
    found = {"number": number, "code": GROCER, "period": "1"}
    for place, (path, name, its) in _LISTS.items():
        told: Mapping[str, Any] = await stage.service.get(path.format(**found), stage.stack.operator_key)
        if told[name]:
            found[place] = str(told[name][0][its])
    return found


def _seen(
    stage: Stage, keys: Mapping[str, str], places: Mapping[str, str], figures: Figures
) -> Iterator[Seen]:
    for role in ("", *HOMES):
        visitor = Visitor(stage.stack.host, stage.stack.port)
        if role:
            visitor.enter(keys[role])
        for screen in SCREENS:
            path = _path(screen, places)
            if screen.method == "GET" and path and (role in screen.roles if role else not screen.roles):
                yield _timed(visitor, f"{role or 'everybody'} {screen.path}", path, figures)


def _path(screen: Screen, places: Mapping[str, str]) -> str:
    """Where the screen stands, or nothing where this run has no such thing, and for files and images."""
    if screen.name.endswith(("-image", "-file")):
        return ""
    path = re.sub(r"<(\w+)>", lambda one: places.get(one[1], "<"), screen.path)
    return "" if "<" in path else path


def _timed(visitor: Visitor, name: str, path: str, figures: Figures) -> Seen:
    status, raw = visitor.get(path)
    if status not in (200, 303):
        figures.failures.append(f"{name}: {status}")
    view = visitor.first_view(raw)
    micros: list[int] = []
    while len(micros) < _TIMES:
        begun = time.perf_counter_ns()
        if visitor.once(path) == _TOO_MANY:
            time.sleep(1)
        else:
            micros.append((time.perf_counter_ns() - begun) // 1_000)
    return Seen(name, micros, view)


def _add(figures: Figures, seen: list[Seen], entries: int) -> None:
    every = [one for page in seen for one in page.micros]
    slow = sorted(seen, key=lambda page: -page.at(95))
    figures.rows["entries"] = f"{entries:,}"
    figures.rows["pages, each role's counted"] = f"{len(seen)}"
    for percent in (50, 95, 99):
        figures.rows[f"answer p{percent} ms"] = millis(percentile(every, percent))
    figures.rows["slowest page p95 ms"] = millis(slow[0].at(95))
    figures.rows["pages with p95 over 100 ms"] = str(sum(page.at(95) > 100_000 for page in seen))
    large = max(seen, key=lambda page: page.view)
    figures.rows["largest first view, bytes"] = f"{large.view:,}"
    figures.notes.append(f"{figures.name}: largest first view: {large.name}")
    figures.notes += [f"{figures.name}: p95 {millis(page.at(95))} ms {page.name}" for page in slow[:_SLOWEST]]
