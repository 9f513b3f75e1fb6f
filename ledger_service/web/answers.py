"""What goes back to a browser besides a page's text: redirects, cookies, which form has its answer."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request
from werkzeug.exceptions import HTTPException

from ledger_service.web import security
from ledger_service.web.kept import answered_of, unanswered
from ledger_service.web.screen import ONCE, Go, Page

LANGUAGE = "language"
_ANSWERED = "answered"
_YEAR_SECONDS = 365 * 86_400


def unanswered_form(request_id: str, status: int, labels: Mapping[str, str]) -> Page | None:
    """The form that was sent, to be sent once more; None where none of a session of ours was.

    Args:
        request_id: of the log.
        status: of the answer, 500 or more.
        labels: of the screen's fields.
    """
    if request.method != "POST" or not security.own_origin(request.headers.get("Origin"), request.host):
        return None
    try:
        form = request.form.to_dict()
    except HTTPException:
        return None
    if not (form.get("csrf") and form.get(ONCE)):
        return None
    return unanswered(form, request_id, status, labels)


def answered(response: Response) -> Response:
    """The page's script is told which form has its answer: no other is offered to be sent once more."""
    form = request.form if request.method == "POST" and "csrf" in request.form else {}
    if key := answered_of(form, response.status_code):
        response.set_cookie(_ANSWERED, key, secure=secure(), samesite="Lax", path="/")
    return response


def wait_of(page: Page) -> list[tuple[str, str]]:
    """Retry-After, where what is shown is a refusal that says when a later try may do."""
    problem = page.shown.get("problem") or {}
    wait = problem.get("params", {}).get("retry_after_seconds")
    return [] if wait is None else [("Retry-After", str(wait))]


def secure() -> bool:
    """Whether cookies may only travel encrypted."""
    return security.needs_secure(request.host, request.scheme)


def redirect(to: str) -> Response:
    """To another page, by GET."""
    return Response("", 303, [("Location", to), ("Cache-Control", "no-store"), *security.HEADERS])


def gone(given: Go) -> Response:
    """To another page, with the cookies that begin or end a session or choose a language."""
    response, encrypted = redirect(given.to), secure()
    name = security.cookie_name(encrypted)
    if given.begins is not None or given.ends:
        value, age = ("", 0) if given.begins is None else (given.begins.hex(), _YEAR_SECONDS)
        response.set_cookie(
            name, value, max_age=age, secure=encrypted, httponly=True, samesite="Lax", path="/"
        )
    if given.language is not None:
        response.set_cookie(
            LANGUAGE, given.language, max_age=_YEAR_SECONDS, secure=encrypted, samesite="Lax", path="/"
        )
    return response
