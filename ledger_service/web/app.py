"""The pages as one WSGI application: session, language, form, handler, template; refusals are pages too."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from ledger_service.db.errors import passes
from ledger_service.kernel.clock import Clock
from ledger_service.kernel.errors import Category, DomainError
from ledger_service.web import security, wording
from ledger_service.web.answers import LANGUAGE, answered, gone, redirect, secure, unanswered_form, wait_of
from ledger_service.web.drawing.bars import bars
from ledger_service.web.formats import Formats
from ledger_service.web.kept import kept, once_of, typed_in
from ledger_service.web.navigation import LINKS, entry_of
from ledger_service.web.ports import Answer, Api, Who
from ledger_service.web.screen import (
    HOMES,
    ONCE,
    Download,
    Go,
    Page,
    Problem,
    Screen,
    StepUp,
    Visit,
    own_path,
)
from ledger_service.web.sessions.rules import Session, csrf_token
from ledger_service.web.sessions.service import Sessions
from ledger_service.web.statics import Static, load_statics

MOST_FORM_BYTES = 64 * 1024
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Parts:
    """What the pages are made of: the API in process, sessions, the real clock, and the alliance's money.

    ``contracts`` are the arguments by which a command finds the alliance on a chain, ``desk`` that by which
    it finds its settlement desk; empty where there is none.
    """

    api: Api
    sessions: Sessions
    clock: Clock
    currency: str
    exponent: int
    alliance: str
    contracts: str
    desk: str
    replay: bool
    log: Callable[[Exception, str], None]


@dataclass(frozen=True, slots=True)
class _Visitor:
    cookie: bytes | None
    session: Session | None
    who: Who | None


_NOBODY = _Visitor(None, None, None)


@cache
def _templates() -> Environment:
    """One for the process: a template is compiled once, and its file not looked at again."""
    made = Environment(
        loader=PackageLoader("ledger_service.web"), autoescape=select_autoescape(), trim_blocks=True,
        lstrip_blocks=True, undefined=StrictUndefined, auto_reload=False,
    )  # fmt: skip
    made.globals["bars"] = bars
    return made


def create_pages(parts: Parts, screens: Sequence[Screen], rule: type[Rule] = Rule) -> Flask:
    """The application that answers the declared screens, the static files, and nothing else."""
    app = Flask("ledger_service.web", static_folder=None)
    app.url_rule_class = rule
    app.config["MAX_CONTENT_LENGTH"] = MOST_FORM_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MOST_FORM_BYTES
    pages = Pages(parts, load_statics(), screens)
    for screen in screens:
        app.add_url_rule(
            screen.path, f"{screen.method} {screen.path}", pages.view(screen), methods=[screen.method],
            provide_automatic_options=False,
        )  # fmt: skip
    app.add_url_rule("/static/<mark>/<name>", "static", pages.static, methods=["GET"])
    app.add_url_rule("/service-worker.js", "worker", pages.worker, methods=["GET"])
    app.add_url_rule("/icon.svg", "icon", pages.icon, methods=["GET"])
    app.register_error_handler(HTTPException, pages.lost)
    app.register_error_handler(Exception, pages.failed)
    app.extensions["alliance_screens"] = tuple(screens)
    return app


class Pages:
    """Turns requests into visits and what handlers give back into answers."""

    def __init__(self, parts: Parts, statics: Mapping[str, Static], screens: Sequence[Screen]) -> None:
        self._parts = parts
        self._statics = statics
        self._templates = _templates()
        self._fields = {f"{one.method} {one.path}": one.labels for one in screens}

    def view(self, screen: Screen) -> Callable[..., Response]:
        """The function that Flask calls for a screen."""

        def answer(**path: str) -> Response:
            return answered(handled(path))

        def handled(path: Mapping[str, str]) -> Response:
            visitor = self._visitor()
            refused = self._refused(screen, visitor)
            if refused is not None:
                return refused
            visit = self._visit(visitor, path)
            try:
                return self._answer(visit, visitor, screen.handler(visit))
            except StepUp:
                return self._again(visitor)
            except Problem as problem:
                return self._problem(visit, visitor, problem.answer)

        return answer

    def static(self, mark: str, name: str) -> Response:
        """A file that never changes under its address."""
        found = self._statics.get(name)
        if found is None or found.path != f"/static/{mark}/{name}":
            return self.lost(None)
        return Response(found.raw, 200, [("Content-Type", found.media_type), ("Cache-Control", _FOREVER),
                                         ("X-Content-Type-Options", "nosniff")])  # fmt: skip

    def worker(self) -> Response:
        """The script that lets a phone install the pages; it must stand at the root, and keeps nothing."""
        found = self._statics["service-worker.js"]
        return Response(found.raw, 200, [("Content-Type", found.media_type), ("Cache-Control", "no-cache")])

    def icon(self) -> Response:
        """The icon under the one address that a manifest can name."""
        found = self._statics["icon.svg"]
        return Response(
            found.raw, 200, [("Content-Type", found.media_type), ("Cache-Control", "max-age=86400")]
        )

    def lost(self, error: HTTPException | None) -> Response:
        """A page that there is not, a method that it has not, or a form that is too long."""
        status = 404 if error is None or error.code is None else error.code
        if status not in (404, 405):
            return self._stopped(_NOBODY, status, "stopped.request")
        visitor = self._visitor()
        return self._answer(self._visit(visitor, {}), visitor, Page("lost.html", status=status))

    def failed(self, error: Exception) -> Response:
        """A database out of reach, which passes, or a bug: a page says so, and nothing of what it was."""
        request_id = secrets.token_hex(8)
        self._parts.log(error, request_id)
        full = isinstance(error, DomainError) and error.category is Category.UNAVAILABLE
        status = 503 if full or passes(error) else 500
        kept_form = unanswered_form(request_id, status, self._labels())
        page = kept_form or Page("failed.html", {"id": request_id}, status)
        # Whose session it is would be asked of the database that may be what failed.
        return self._answer(self._visit(_NOBODY, {}, read=False), _NOBODY, page)

    def _visitor(self) -> _Visitor:
        text = request.cookies.get(security.cookie_name(secure()))
        try:
            cookie = bytes.fromhex(text or "")
        except ValueError:
            cookie = b""
        session = self._parts.sessions.find(cookie, self._parts.clock.now()) if len(cookie) == 32 else None
        who = None if session is None else self._parts.api.known(session.key_id)
        if session is None or who is None:
            return _NOBODY
        return _Visitor(cookie, session, who)

    def _refused(self, screen: Screen, visitor: _Visitor) -> Response | None:
        """What stands before the handler: who may come here, and whether a form is our own."""
        if screen.method == "POST" and not security.own_origin(request.headers.get("Origin"), request.host):
            return self._stopped(visitor, 403, "stopped.origin")
        if not screen.roles:
            return None
        if visitor.who is None or visitor.cookie is None:
            if screen.method == "POST" and typed_in(request.form):
                return self._keep(_NOBODY, "kept.ended", "/enter", 401)
            wanted = request.path if screen.method == "GET" else ""
            return redirect("/enter?" + urlencode({"to": wanted}) if wanted else "/enter")
        if visitor.who.role not in screen.roles:
            return self._stopped(visitor, 403, "stopped.role")
        if screen.method == "POST" and not security.right_token(visitor.cookie, request.form.get("csrf", "")):
            if request.headers.get("Origin") and typed_in(request.form):
                return self._keep(visitor, "kept.again", "", 403)
            return self._stopped(visitor, 403, "stopped.form")
        return None

    def _visit(self, visitor: _Visitor, path: Mapping[str, str], *, read: bool = True) -> Visit:
        parts = self._parts
        language = wording.best_language(
            request.cookies.get(LANGUAGE), request.headers.get("Accept-Language", "")
        )
        formats = Formats(language, parts.currency, parts.exponent)
        form = request.form.to_dict() if read and request.method == "POST" else {}
        return Visit(
            parts.api, parts.sessions, visitor.who, visitor.session, formats, parts.clock.now(), path,
            request.args.to_dict(), form, request.remote_addr or "", request.headers.get("User-Agent", ""),
            parts.contracts, parts.desk,
        )  # fmt: skip

    def _answer(self, visit: Visit, visitor: _Visitor, given: Page | Go | Download) -> Response:
        if isinstance(given, Go):
            return gone(given)
        if isinstance(given, Download):
            headers = [*security.HEADERS, ("Content-Type", given.media_type), ("Cache-Control", "no-store")]
            if given.name is not None:
                headers.append(("Content-Disposition", f'attachment; filename="{given.name}"'))
            return Response(given.raw, 200, headers)
        template = self._templates.get_template(given.template)
        once = once_of(visit.form, given.status)
        html = template.render(self._shown(visit, visitor), once=once, **given.shown)
        headers = [
            *security.HEADERS, ("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"),
            ("Content-Language", visit.formats.language), ("Vary", "Cookie, Accept-Language"),
            *wait_of(given),
        ]  # fmt: skip
        return Response(html, given.status, headers)

    def _shown(self, visit: Visit, visitor: _Visitor) -> dict[str, Any]:
        """What every template has."""
        role = visitor.who.role if visitor.who else ""
        return {
            "t": visit.say, "f": visit.formats, "me": visitor.who, "now": visit.at, "visit": visit,
            "language": visit.formats.language, "languages": wording.NAMES, "here": request.path,
            "stay": self._stay(),
            "alliance": self._parts.alliance, "replay": self._parts.replay,
            "contracts": self._parts.contracts, "desk": self._parts.desk,
            "static": {name: one.path for name, one in self._statics.items()},
            "csrf": "" if visitor.cookie is None else csrf_token(visitor.cookie),
            "ONCE": ONCE,
            "nav_links": LINKS.get(role, ()), "nav_current": entry_of(role, request.path),
            "home": HOMES.get(role, "/"),
        }  # fmt: skip

    def _labels(self) -> Mapping[str, str]:
        """What the fields of the form that was sent are called."""
        return self._fields.get(request.endpoint or "", {})

    def _stay(self) -> str:
        """Where one stays when the language changes or a list goes on: here, or at the nearest page above."""
        path, pages = request.path, current_app.url_map.bind("")
        while request.method != "GET" and path != "/" and not pages.test(path, "GET"):
            path = path.rpartition("/")[0] or "/"
        return path

    def _again(self, visitor: _Visitor) -> Response:
        before = security.path_of(request.referrer)
        wanted = request.path if request.method == "GET" else own_path(before, "/")
        enter = "/enter?" + urlencode({"again": "1", "to": wanted})
        if request.method == "POST" and typed_in(request.form):
            return self._keep(visitor, "kept.step_up", enter, 403)
        return redirect(enter)

    def _keep(self, visitor: _Visitor, why: str, enter: str, status: int) -> Response:
        page = kept(request.form, why, enter, status, self._labels())
        return self._answer(self._visit(visitor, {}, read=False), visitor, page)

    def _stopped(self, visitor: _Visitor, status: int, why: str) -> Response:
        page = Page("stopped.html", {"why": why}, status)
        return self._answer(self._visit(visitor, {}, read=False), visitor, page)

    def _problem(self, visit: Visit, visitor: _Visitor, answer: Answer) -> Response:
        page = Page("problem.html", {"problem": answer.document}, answer.status)
        if answer.status >= 500:
            request_id = answer.document.get("request_id", "")
            page = unanswered_form(request_id, answer.status, self._labels()) or page
        return self._answer(visit, visitor, page)
