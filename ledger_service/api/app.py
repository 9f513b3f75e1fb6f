"""The Flask application: declared routes, the short way for the busiest of them, and refusals of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.routing import Rule

from ledger_service.api.errors import MalformedBody, MethodNotAllowed, RouteUnknown
from ledger_service.api.pipeline import Answered, Environ, Pipeline
from ledger_service.api.problems import reason_phrase
from ledger_service.api.routes import Served

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]


def create_app(pipeline: Pipeline, served: Sequence[Served], rule: type[Rule] = Rule) -> Flask:
    """Return the application that answers the declared routes and nothing else.

    A route that is not declared cannot be added by accident: the URL map holds only what stands in
    ``served``, and each of those carries its roles.
    """
    app = Flask("ledger_service.api", static_folder=None)
    app.url_rule_class = rule
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    for one in served:
        _register(app, pipeline, one)

    def refused(error: HTTPException) -> Response:
        return _response(pipeline.refuse(request.environ, _domain_error(error)))

    app.register_error_handler(HTTPException, refused)
    app.extensions["alliance_routes"] = {one.route.name: one.route for one in served}
    # One assignment is Flask's own way to put middleware in front.
    app.wsgi_app = _ShortWay(app.wsgi_app, pipeline, served)  # type: ignore[method-assign]
    return app


class _ShortWay:
    """Answers declared routes by one or two dictionary look-ups; what is not declared goes through Flask.

    Flask's own machinery (two contexts, routing, a response object) costs about 150 µs of a checkout's
    CPU time; what it does for our paths, which have one parameter at most, is finding this entry.
    """

    def __init__(self, flask_wsgi: Wsgi, pipeline: Pipeline, served: Sequence[Served]) -> None:
        self._flask_wsgi = flask_wsgi
        self._pipeline = pipeline
        self._fixed = {(s.route.method, s.route.path): s for s in served if "<" not in s.route.path}
        self._methods = _methods_by_path(self._fixed)
        # A part that may hold slashes is Flask's to find.
        named = [s for s in served if s.route.path.count("<") == 1 and "<path:" not in s.route.path]
        self._named = dict(map(_named, named))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        found, methods = self._fixed.get((method, path)), self._methods.get(path)
        if found is not None:
            answered = self._pipeline.answer(environ, found, {})
        elif methods is None or method in methods:
            before, value, after = _cut(path)
            named = self._named.get((method, before, after)) if value and methods is None else None
            if named is None:
                return self._flask_wsgi(environ, start_response)
            answered = self._pipeline.answer(environ, named[0], {named[1]: value})
        else:
            # A literal path wins over one with parameters, as in OpenAPI: what the latter takes is refused.
            refusal = MethodNotAllowed(_shown(method), ", ".join(sorted(methods)))
            answered = self._pipeline.refuse(environ, refusal)
        start_response(reason_phrase(answered.status), answered.headers)
        # A list: the HTTP server asks any other iterable for its items one by one.
        return [answered.body]


def _named(one: Served) -> tuple[tuple[str, str, str], tuple[Served, str]]:
    before, _, rest = one.route.path.partition("<")
    name, _, after = rest.partition(">")
    return (one.route.method, before, after), (one, name)


def _cut(path: str) -> tuple[str, str, str]:
    """A path as the part up to its third segment, that segment, and the rest."""
    parts = path.split("/", 4)
    if len(parts) < 4:
        return path, "", ""
    return "/".join(parts[:3]) + "/", parts[3], "".join(f"/{part}" for part in parts[4:])


def _methods_by_path(fixed: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for method, path in fixed:
        found.setdefault(path, set()).update({method, "HEAD"} if method == "GET" else {method})
    return found


def _shown(method: str) -> str:
    return method if len(method) <= 16 else "other"


def _register(app: Flask, pipeline: Pipeline, served: Served) -> None:
    def view(**path: str) -> Response:
        return _response(pipeline.answer(request.environ, served, path))

    route = served.route
    app.add_url_rule(route.path, route.name, view, methods=[route.method], provide_automatic_options=False)


def _response(answered: Answered) -> Response:
    return Response(answered.body, answered.status, answered.headers)


def _domain_error(error: HTTPException) -> RouteUnknown | MethodNotAllowed | MalformedBody:
    if isinstance(error, WrongMethod):
        return MethodNotAllowed(_shown(request.method), ", ".join(sorted(error.valid_methods or ())))
    if isinstance(error, NotFound):
        return RouteUnknown()
    return MalformedBody("must be a plain HTTP request")
