"""The screens wired: the API in the same process, sessions in the same database, one application of both."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Flask
from sqlalchemy import select

from ledger_service.api.errors import CredentialsRefused, RateLimited
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.pipeline import PRINCIPAL, Environ
from ledger_service.bootstrap.clocks import SystemClock
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.serving import Serving
from ledger_service.bootstrap.url_rules import FoundRule
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.models import member
from ledger_service.merchants.rules import Principal
from ledger_service.web.app import Parts, create_pages
from ledger_service.web.ports import Answer, Ask, Limited, Who
from ledger_service.web.screens import SCREENS
from ledger_service.web.sessions.service import Sessions

_FILE = re.compile(r'filename="([^"]+)"')
Wsgi = Callable[[Environ, Any], Iterable[bytes]]
_FIRST_PARTS = frozenset(
    {"", *(screen.path.split("/")[1] for screen in SCREENS), "static", "service-worker.js", "icon.svg"}
)


class InProcessApi:
    """Fulfils ``web.ports.Api`` over the application's own way of a request."""

    def __init__(self, wsgi: Wsgi, serving: Serving) -> None:
        """Take the API and the keys in force."""
        self._wsgi = wsgi
        self._keyring = serving.keyring
        self._pipeline = serving.pipeline
        self._read = serving.foundations.database.read

    def identify(self, token: str, address: str) -> Who | None:
        """Whose key this text is, while it is in force; wrong ones are counted as the API counts them."""
        try:
            return self._who(self._pipeline.identify(token, address))
        except CredentialsRefused:
            return None
        except RateLimited as limited:
            raise Limited(limited.retry_after_seconds) from None

    def known(self, key_id: str) -> Who | None:
        """Who a key speaks for that was entered before."""
        found = self._keyring.known(key_id)
        return None if found is None else self._who(found)

    def call(self, who: Who | None, ask: Ask, address: str = "") -> Answer:
        """The answer of the declared route; what stands before it stands before this too."""
        raw = _written(ask.body or {})
        environ: Environ = {
            # A path comes over WSGI as bytes that are written as Latin-1 (PEP 3333), whatever it is in.
            "REQUEST_METHOD": ask.method, "PATH_INFO": ask.path.encode().decode("latin-1"), "SCRIPT_NAME": "",
            "QUERY_STRING": urlencode(ask.query), "SERVER_NAME": "pages", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(raw),
            "wsgi.errors": io.StringIO(), "REMOTE_ADDR": address, "CONTENT_TYPE": "application/json",
            PRINCIPAL: None if who is None else who.principal,
        }  # fmt: skip
        if ask.method != "GET":
            environ["CONTENT_LENGTH"] = str(len(raw))
        if ask.key:
            environ["HTTP_IDEMPOTENCY_KEY"] = ask.key
        return self._answered(environ)

    def _answered(self, environ: Environ) -> Answer:
        told: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _exc: object = None) -> None:
            told[:] = [int(status.split(" ", 1)[0]), dict(headers)]

        raw = b"".join(self._wsgi(environ, start))
        media_type = str(told[1].get("Content-Type", ""))
        document = orjson.loads(raw) if raw and "json" in media_type else {}
        named = _FILE.search(str(told[1].get("Content-Disposition", "")))
        file = named and named[1]
        return Answer(told[0], document if isinstance(document, dict) else {}, media_type, raw, file)

    def _who(self, found: Principal) -> Who:
        subject = found.subject_id if found.member_id is None else self._number_of(found.member_id)
        merchant, store = _gln(found.merchant_id), _gln(found.store_gln)
        return Who(found.key_id, found.role, subject, merchant, store, found)

    def _number_of(self, member_id: int) -> str:
        with self._read() as conn:
            found = conn.execute(select(member.c.member_number).where(member.c.member_id == member_id))
            return str(found.scalar_one_or_none() or "")


def _gln(number: int | None) -> str | None:
    return None if number is None else gln_text(number)


def with_pages(api: Flask, serving: Serving) -> Flask:
    """The API with the screens beside it: a path that begins like a page's is one, all else is the API's."""
    alliance = serving.foundations.alliance
    sessions = Sessions(serving.foundations.database.read, serving.writer.run, SystemRandom())
    inside = InProcessApi(api.wsgi_app, serving)
    replay = serving.foundations.settings.replay
    house, registry = hex_text(alliance.clearing_house), hex_text(alliance.registry)
    desk = "" if alliance.settlement_desk is None else f"--desk {hex_text(alliance.settlement_desk)}"
    parts = Parts(
        inside, sessions, SystemClock(), alliance.currency, serving.desk.exponent, alliance.name,
        f"--clearing-house {house} --registry {registry}", desk, replay, serving.pipeline.log.failure,
    )  # fmt: skip
    api.extensions["alliance_pages"] = create_pages(parts, SCREENS, FoundRule)
    api.wsgi_app = _Doors(api.wsgi_app, api.extensions["alliance_pages"].wsgi_app)  # type: ignore[method-assign]
    return api


class _Doors:
    """Tells pages from the API by the first part of a path, which costs a till one look-up."""

    def __init__(self, api: Wsgi, pages: Wsgi) -> None:
        self._api = api
        self._pages = pages

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        first = path.split("/", 2)[1] if path.startswith("/") else None  # "*" and "host:port" are no pages
        page = first in _FIRST_PARTS and not path.startswith("/v1/")
        return (self._pages if page else self._api)(environ, start_response)


def _written(body: Mapping[str, Any]) -> bytes:
    """The body as JSON; what a form may hold but no JSON of ours (numbers without end, half a character) goes
    on as it is, so that the API refuses it as it refuses anybody's.
    """
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body).encode()
