"""How fast every page answers beside millions of entries, and how much a browser loads to show it first.

Each role logs in and follows the links of its pages, as people do, a few of each kind; every page is asked
for again and again, one request after another. The time is that of the whole answer, so the server's own is
less. The first view is the page with the style sheets and scripts that it names, as they go over the wire.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from ledger_service.demo.bench_figures import Figures, millis
from ledger_service.demo.bench_size import fill
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.guests import House, invite
from ledger_service.demo.progress import Progress

_TIMES, _SLOWEST, _OF_A_KIND = 20, 8, 2
_TOO_MANY, _PATIENCE = 429, 60
_FORMS = {"Content-Type": "application/x-www-form-urlencoded"}
_HOMES = {"/": "everybody", "/me": "member", "/till": "cashier", "/merchant": "merchant", "/audit": "auditor",
          "/operator": "operator"}  # fmt: skip
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_PARTS = re.compile(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"')
_LINKS = re.compile(r'<a [^>]*href="(/[^"#]*)"([^>]*)>')
# What stands for one of many in an address: an id, a number, a code after the list that it is of.
_ONE_OF_MANY = re.compile(
    r"(?<=[/=])(?:[0-9a-f]{12,}|[0-9][0-9A-Za-z-]*|[A-Z][A-Z0-9-]+|t[0-9a-f]{8,})(?=/|$|&)"
)
_PAGE = b"<!doctype html>"


@dataclass
class Visitor:
    """A browser of one role: a connection, and the cookies that it was given."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    _line: http.client.HTTPConnection | None = None

    def enter(self, key: str) -> None:
        """Logged in with this key."""
        _, raw = self.get("/enter")
        csrf = _CSRF.findall(raw.decode())
        self._ask("POST", "/enter", urlencode({"key": key, "csrf": csrf[0] if csrf else ""}))

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and bytes of a page; who asks too much too fast has waited."""
        status, raw = self.once(path)
        for _ in range(_PATIENCE):
            if status != _TOO_MANY:
                break
            time.sleep(1)
            status, raw = self.once(path)
        return status, raw

    def once(self, path: str) -> tuple[int, bytes]:
        """Status and bytes of a page, at once."""
        return self._ask("GET", path)

    def first_view(self, raw: bytes) -> int:
        """How many bytes a browser loads that was never here."""
        named = set(_PARTS.findall(raw.decode(errors="replace")))
        for part in named - self.parts.keys():
            self.parts[part] = len(self.get(part)[1])
        return len(raw) + sum(self.parts[part] for part in named)

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        self._line = self._line or http.client.HTTPConnection(self.host, self.port, timeout=_PATIENCE)
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = ({"Cookie": kept} if kept else {}) | (_FORMS if body else {})
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.read()


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


def kind_of(path: str) -> str:
    """The address with a star for whatever is one of many."""
    return re.sub(r"cursor=[^&]+", "cursor=*", _ONE_OF_MANY.sub("*", path))


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Every page, beside so many entries more."""
    progress = Progress(Path(stage.stack.settings["ALLIANCE_STATE_DIR"]) / "progress.db")
    house = House(stage.stack, stage.service, progress, stage.bench.begins)
    logins = await invite(house)
    keys = {one["opens"]: str(one["key"]) for one in reversed(logins["logins"])}
    # A member of the data, whose history the copies make as long as the others'.
    phone = next(phone for phone in stage.bench.phones.values() if phone.joined and phone.counter)
    wanted = {"role": "member", "subject": str(phone.number)}
    keys["/me"] = str((await house.write("/v1/keys", wanted, "pages:member"))["token"])
    await stage.observer.caught_up(PATIENCE_SECONDS)
    entries = await asyncio.to_thread(fill, stage, options.entries)
    # Pages of a member that no list leads to.
    of_member = [f"/care/{phone.number}", f"/care/{phone.number}/desk", f"/audit/members/{phone.number}"]
    figures = Figures(stage.name)
    seen = await asyncio.to_thread(lambda: list(_seen(stage, keys, {"/operator": of_member}, figures)))
    _add(figures, seen, entries)
    return figures


def _seen(
    stage: Stage, keys: Mapping[str, str], further: Mapping[str, list[str]], figures: Figures
) -> Iterator[Seen]:
    for home, role in _HOMES.items():
        visitor = Visitor(stage.stack.host, stage.stack.port)
        if home in keys:
            visitor.enter(keys[home])
        ahead, kinds = [home, *further.get(home, [])], Counter[str]()
        known = set(ahead)
        while ahead:
            path = ahead.pop(0)
            status, raw = visitor.get(path)
            if status != http.HTTPStatus.OK:
                figures.failures += (
                    [] if status == http.HTTPStatus.SEE_OTHER else [f"{role} {path}: {status}"]
                )
                continue
            if not raw.lstrip().startswith(_PAGE):
                continue  # a paper, a label sheet, a picture
            yield Seen(f"{role} {kind_of(path)}", _timed(visitor, path), visitor.first_view(raw))
            ahead += _fresh(_links(raw), known, kinds)


def _fresh(links: list[str], known: set[str], kinds: Counter[str]) -> list[str]:
    """Links that were not followed before, a few of each kind; they are known from now on."""
    found = []
    for link in links:
        if link not in known and kinds[kind_of(link)] < _OF_A_KIND:
            known.add(link)
            kinds[kind_of(link)] += 1
            found.append(link)
    return found


def _links(raw: bytes) -> list[str]:
    """Where the page leads, but for files, the API and what is signed."""
    found = _LINKS.findall(raw.decode())
    away = ("/v1/", "/static/", "/openapi", "/docs")
    return [to.replace("&amp;", "&") for to, rest in found
            if "download" not in rest and not to.startswith(away) and "papers/" not in to]  # fmt: skip


def _timed(visitor: Visitor, path: str) -> list[int]:
    micros: list[int] = []
    while len(micros) < _TIMES:
        begun = time.perf_counter_ns()
        status, _ = visitor.once(path)
        if status == _TOO_MANY:
            time.sleep(1)
            continue
        micros.append((time.perf_counter_ns() - begun) // 1_000)
    return micros


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
