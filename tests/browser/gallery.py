"""`scripts/screenshots`: the tour and every page of a running product as pictures in docs/screenshots."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, expect

from ledger_service.demo.guests import LOGINS
from ledger_service.web.screen import HOMES, Screen
from tests.browser.album import Album
from tests.browser.door import LOCALES, PAGES, PHONE, WIDE, Look, log_in, opened, started
from tests.browser.tour import Guests, walk

_READY = "serving on"
_PATIENCE_SECONDS = 3_600
# What is asked for on a page that shows nothing by itself.
_ASKED = {"audit-operation": "operation"}
_EVERYBODY, _TOUR = "everybody", "tour-"
_PLACES = "places.json"
# What the run itself leaves to be looked at: the place of a path, who may list it, and the list that has one.
_LISTS = {
    "case": ("operator", "/v1/cases"), "review": ("operator", "/v1/risk/reviews"),
    "claim": ("operator", "/v1/claims"), "decision": ("operator", "/v1/risk/appeals"),
    "campaign": ("merchant", "/v1/share/campaigns"), "gtin": ("merchant", "/v1/products"),
    "segment": ("merchant", "/v1/segments"), "webhook": ("merchant", "/v1/webhooks"),
    "reward": ("member", "/v1/share/rewards"), "hold": ("cashier", "/v1/authorisations"),
}  # fmt: skip
# What the id of a row is called where it is not called like the place.
_IDS = {"campaign": "code", "hold": "hold_id"}


def main(argv: Sequence[str]) -> int:
    """Take the pictures; 0 when every page was."""
    options = _parser().parse_args(argv)
    album, whole = Album(options.into), not options.only
    if whole:
        _begin_anew(options.into, keep=_TOUR if options.no_tour else "")
    with _product(options) as url, started() as browser:
        guests = Guests(url, json.loads((options.state / LOGINS).read_text()))
        kept = options.state / _PLACES
        if not options.no_tour:
            kept.write_text(json.dumps(walk(browser, guests, album)))
        # What the tour made is named by the last one that was walked over this state.
        made = json.loads(kept.read_text()) if kept.exists() else {}
        places, people = made | found(guests), People(browser, guests)
        for number, screen in enumerate(PAGES):
            if options.only and screen.name not in options.only:
                continue
            _show(people, (screen, number, places), album)
        if whole:
            _refused(browser, guests, album)
    if whole:
        _of_furnished_pages(options.into)
    pictures = list(options.into.glob("*.png"))
    kib = sum(one.stat().st_size for one in pictures) // 1024
    print(f"{len(pictures)} pictures, {kib:,} KiB, in {options.into}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    add = parser.add_argument
    add("--into", type=Path, default=Path("docs/screenshots"), help="the folder (default docs/screenshots)")
    add("--state", type=Path, default=Path("var/screenshots"), help="of the run (default var/screenshots)")
    add("--days", type=int, default=2, help="of the data's year (default 2)")
    add("--port", type=int, default=8090, help="of the service (default 8090)")
    add("--chain-port", type=int, default=8590, help="of the chain (default 8590)")
    add("--running", action="store_true", help="the run with this state and port serves already")
    add("--only", nargs="+", default=(), metavar="SCREEN", help="the pages of these names")
    add("--no-tour", action="store_true", help="the pages alone")
    return parser


@contextmanager
def _product(options: argparse.Namespace) -> Iterator[str]:
    """The address of a product that serves."""
    url = f"http://127.0.0.1:{options.port}"
    if options.running:
        yield url
        return
    command = [
        sys.executable, "-m", "ledger_service.demo", "run", "--days", str(options.days), "--state",
        str(options.state), "--port", str(options.port), "--chain-port", str(options.chain_port),
    ]  # fmt: skip
    options.state.mkdir(parents=True, exist_ok=True)
    log = options.state / "screenshots.log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as run:
        try:
            _wait_until_serving(run, log)
            yield url
        finally:
            run.send_signal(signal.SIGTERM)


def _wait_until_serving(run: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _READY not in log.read_text():
        if run.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the run does not serve; it said:\n{log.read_text()[-2000:]}")
        time.sleep(1)


def found(guests: Guests) -> dict[str, str]:
    """One of each thing that the run has, by the place in paths where it stands."""
    places = {}
    for place, (who, path) in _LISTS.items():
        own = {"Authorization": f"Bearer {guests.key(who)}"}
        answer = requests.get(guests.url + path, headers=own, params={"limit": "1"}, timeout=30).json()
        rows = next((rows for rows in answer.values() if isinstance(rows, list) and rows), [])
        if rows:
            places[place] = str(rows[0][_IDS.get(place, place)])
    return places


def _begin_anew(into: Path, keep: str) -> None:
    """No picture of a page that is no more is there; those whose names begin with ``keep`` stay."""
    for one in into.glob("*.png"):
        if not (keep and one.name.startswith(keep)):
            one.unlink()


def _name_of(screen: Screen) -> str:
    """What the pictures of a page are called, before their size; by the first of the roles that it is for."""
    role = min(screen.roles, key=list(HOMES).index) if screen.roles else _EVERYBODY
    return f"{role}-{screen.name.replace(' ', '-')}"


def _refused(browser: Browser, guests: Guests, album: Album) -> None:
    """What a refusal looks like, and a form that was sent after its session had ended and lost nothing."""
    looks = {"wide": Look(WIDE, "zh-Hant"), "phone": Look(PHONE, "zh-Hans", dark=True)}
    for size, look in looks.items():
        page = log_in(browser, guests.url, guests.key("member"), look)
        page.goto("/me/coupons")
        page.locator("#code").fill("NO-SUCH-CODE")
        page.locator("#code").press("Enter")
        expect(page.locator(".alert")).to_be_visible()
        album.add(page, f"member-refused-{size}", 1)
        page.goto("/me/items")
        page.goto("/me/coupons")
        page.locator("#code").fill("WELCOME-2017")
        page.context.clear_cookies()
        page.locator("#code").press("Enter")
        expect(page.get_by_text("WELCOME-2017")).to_be_visible()
        album.add(page, f"everybody-kept-{size}", 1)
        page.context.close()


def _of_furnished_pages(into: Path) -> None:
    """Pages for which a run of some days has nothing to show, as the browsers' tests furnish them."""
    missing = [one.name for one in PAGES if not (into / f"{_name_of(one)}-wide.png").exists()]
    if missing:
        chosen = " or ".join(f"({name.replace(' ', ' and ')})" for name in missing)
        tests = ["-m", "pytest", "-q", "tests/browser/test_pages.py", "-k", chosen]
        own = os.environ | {"ALLIANCE_ALBUM": str(into.resolve())}
        subprocess.run([sys.executable, *tests], env=own, check=True)


def _show(people: People, what: tuple[Screen, int, dict[str, str]], album: Album) -> None:
    """A page wide in one language and on a phone in the next one, there dark for every other page."""
    screen, number, places = what
    path = re.sub(
        r"<(\w+)>",
        lambda found: places.get(f"{screen.name}.{found[1]}", places.get(found[1], "")),
        screen.path,
    )
    if "//" in path or (path.endswith("/") and path != "/"):
        print(f"left to the tests, since the run has none: {screen.path}")
        return
    asked = _ASKED.get(screen.name, "")
    path += f"?{asked}={places[asked]}" if asked in places else ""
    role = min(screen.roles, key=list(HOMES).index) if screen.roles else ""
    languages = list(LOCALES)
    looks = {
        "wide": Look(WIDE, languages[number % 3]),
        "phone": Look(PHONE, languages[(number + 1) % 3], dark=number % 2 == 1),
    }
    for size, look in looks.items():
        page = people.page(role, look)
        page.goto(path)
        album.add(page, f"{_name_of(screen)}-{size}")


class People:
    """Whoever looks: logged in once for each role and look."""

    def __init__(self, browser: Browser, guests: Guests) -> None:
        self._browser, self._guests = browser, guests
        self._pages: dict[tuple[str, Look], Page] = {}

    def page(self, role: str, look: Look) -> Page:
        """The page of a role; of a stranger for none."""
        place = role, look
        if place not in self._pages:
            url = self._guests.url
            self._pages[place] = (
                log_in(self._browser, url, self._guests.key(role), look)
                if role else opened(self._browser, url, look)
            )  # fmt: skip
        return self._pages[place]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
