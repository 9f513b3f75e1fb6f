"""A deed: a write of the API with the form that asks for it, declared once.

From one declaration come the form on the page, the screen that takes it,
and the body that goes to the API. What is
wrong with a body only the API says; the page shows its answer and keeps what was typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ledger_service.web.office.blocks import Field, Form, Note, Sheet
from ledger_service.web.office.names import choices_of
from ledger_service.web.screen import Download, Go, Page, Screen, Visit

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_MONEY = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_MICROS, _BPS = 6, 2
Body = dict[str, Any]
Maker = Callable[[Visit], Sheet]


@dataclass(frozen=True, slots=True)
class Deed:
    """One write of the API as people do it.

    Attributes:
        name: the screen's, and part of keys: ``deed.NAME`` for the button, ``done.NAME`` afterwards.
        path: of the screen; its placeholders, and ``merchant`` for the caller's own, fill ``api``.
        api: the declared route's path.
        roles: who may send it.
        back: where one is afterwards.
        page: makes the page that the form stands on, for when the API refuses.
        fields: of the form.
        asks: fields that fill ``api`` instead of the body.
        fixed: of the body, whatever is typed.
        own: name of the body's field that is the caller's merchant, if any.
        hidden: names of fields that the page fills in, not the reader.
        risky: the key must have been entered a moment ago.
        completes: adds to the body what is not typed.
        method: of the API.
        shown: makes a page of the answer where it can be seen only once.
        file: makes a file of the answer, which is fetched while the page stays.
    """

    name: str
    path: str
    api: str
    roles: frozenset[str]
    back: str
    page: Maker
    fields: tuple[Field, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    asks: tuple[Field, ...] = ()
    own: str = ""
    hidden: tuple[str, ...] = ()
    risky: bool = False
    danger: bool = False
    completes: Callable[[Visit, Body], None] | None = None
    method: str = "POST"
    shown: Callable[[Visit, Body], Sheet] | None = None
    file: Callable[[Visit, Body], Download] | None = None

    def form(self, visit: Visit, values: Mapping[str, str] | None = None, **places: str) -> Form:
        """The form for this place; what was typed and refused stands in it again."""
        given = values or {}
        to = self.path
        for name, value in places.items():
            to = to.replace(f"<{name}>", value)
        again = visit.form if visit.form.get("deed") == self.name else {}
        fields = tuple(
            replace(
                one,
                value=again.get(one.name, given.get(one.name, one.value)),
                named=choices_of(visit, one.kind) or {},
            )
            for one in (*self.asks, *self.fields)
            if one.name not in self.hidden
        )
        hidden = {name: given[name] for name in self.hidden if name in given}
        title, button = f"deed.{self.name}", f"deed.{self.name}"
        return Form(
            to, title, button, fields, {**hidden, "deed": self.name}, self.risky, self.danger, bool(again),
            self.file is not None,
        )  # fmt: skip

    def screen(self) -> Screen:
        """What takes the form."""
        labels = {one.name: one.label for one in (*self.asks, *self.fields)}
        return Screen("POST", self.path, self.name, self.roles, self.handle, labels)

    def handle(self, visit: Visit) -> Page | Go | Download:
        """The write is done once for the form's key, or the page says why not."""
        if self.risky:
            visit.step_up()
        places = {**visit.path, "merchant": visit.me.merchant or "", **self._asked(visit)}
        answer = visit.do(filled(self.api, places), self.body(visit), self.method)
        if not answer.good:
            return page_of(visit, self.page(visit), answer.document, answer.status)
        if self.file is not None:
            return self.file(visit, answer.document)
        if self.shown is not None:
            return page_of(visit, self.shown(visit, answer.document))
        return Go(f"{filled(self.back, places)}?done={self.name}")

    def _asked(self, visit: Visit) -> dict[str, str]:
        """What was typed for the API's path; a slash would make it another path."""
        return {one.name: visit.form.get(one.name, "").strip().replace("/", "") for one in self.asks}

    def body(self, visit: Visit) -> Body:
        """What goes to the API."""
        found = body_of(visit.form, self.fields, visit.formats.exponent)
        for name, value in self.fixed.items():
            put(found, name, value)
        if self.own:
            put(found, self.own, visit.me.merchant)
        if self.completes is not None:
            self.completes(visit, found)
        return found


def filled(pattern: str, places: Mapping[str, str]) -> str:
    """The path with its places filled in; a place that nothing fills stays, and no route answers it."""
    for name, value in places.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


def page_of(visit: Visit, sheet: Sheet, problem: Body | None = None, status: int = 200) -> Page:
    """The page of a sheet, with what was done before or what was refused."""
    done = f"done.{visit.query.get('done', '')}"
    notes = [Note(done)] if problem is None and visit.say(done) != done else []
    return Page("office/page.html", {"sheet": sheet, "notes": notes, "problem": problem}, status)


def body_of(form: Mapping[str, str], fields: Iterable[Field], exponent: int) -> Body:
    """The body that a form describes; what cannot be read goes on as it was typed, so that the API names it.

    Args:
        form: as sent.
        fields: which of it are meant.
        exponent: decimals of the alliance's money.
    """
    body: Body = {}
    for one in fields:
        typed = form.get(one.name, "").strip()
        if one.kind == "flag":
            put(body, one.name, typed == "yes")
        elif typed:
            put(body, one.name, _read(one.kind, typed, exponent))
        elif one.kind == "nullable":
            put(body, one.name, None)
        elif not one.optional:
            put(body, one.name, [] if one.kind in ("list", "ints") else "")
    return body


def _read(kind: str, typed: str, exponent: int) -> Any:
    if kind == "int":
        return int(typed) if _WHOLE.fullmatch(typed) else typed
    if kind in ("money", "micros"):
        return _scaled(typed, exponent if kind == "money" else _MICROS)
    if kind == "percent":
        return _scaled(typed, _BPS)
    if kind == "instant":
        return f"{typed}:00Z" if _LOCAL_TIME.fullmatch(typed) else typed
    if kind in ("list", "ints"):
        parts = [part for part in re.split(r"[\s,，、]+", typed) if part]
        return parts if kind == "list" else [_read("int", part, exponent) for part in parts]
    return _json(typed) if kind == "json" else typed


def _scaled(typed: str, decimals: int) -> int | str:
    match = _MONEY.fullmatch(typed)
    if match is None or len(match[2] or "") > decimals:
        return typed
    return int(match[1] + (match[2] or "").ljust(decimals, "0"))


def _json(typed: str) -> Any:
    try:
        return json.loads(typed)
    except (ValueError, RecursionError):
        return typed


def put(body: Body, name: str, value: Any) -> None:
    """The value stands in the body under its dotted name."""
    *outer, last = name.split(".")
    for part in outer:
        body = body.setdefault(part, {})
    body[last] = value


def screens_of(*deeds: Deed) -> tuple[Screen, ...]:
    """The screens that take the deeds' forms."""
    return tuple(deed.screen() for deed in deeds)
