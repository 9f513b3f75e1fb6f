"""The JSON door: bytes in, one object with one meaning out, or a refusal.

Exactly one parse and one serialisation of the body happen per request: the serialisation has its keys
sorted, so it is both the check for repeated fields and what the idempotency hash is taken of.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import orjson

from ledger_service.api.errors import BodyTooLarge, MalformedBody, MediaTypeUnsupported
from ledger_service.kernel.errors import MalformedField

MOST_BODY_BYTES = 64 * 1024
JSON_TYPE = "application/json"
_PLAIN = "identity"


class Readable(Protocol):
    """The body stream of a WSGI request."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes."""


@dataclass(frozen=True, slots=True)
class Body:
    """A parsed body: its fields and the hash under which an idempotency key remembers it.

    ``raw`` holds the bytes as they came, where the route's dialect keeps them: for a signature over them.
    """

    fields: dict[str, Any]
    digest: bytes
    raw: bytes = b""


def read_body(environ: dict[str, Any], most: int = MOST_BODY_BYTES) -> bytes:
    """Return the raw body of a WSGI request.

    Raises:
        BodyTooLarge: more than ``most`` bytes announced or sent; no more than those are read.
        MalformedField: a Content-Length that is no number.
        MalformedBody: the caller went away before the announced end, or before the first of its chunks.
        MediaTypeUnsupported: a body that says that it is packed.
    """
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced and not (announced.isascii() and announced.isdigit()):
        raise MalformedField("Content-Length", "must be a number")
    # Python reads no number of thousands of digits; one of more than nine is too many bytes anyway.
    if len(announced.lstrip("0")) > 9 or int(announced or "0") > most:
        raise BodyTooLarge(most)
    stream: Readable = environ["wsgi.input"]
    raw = stream.read(int(announced) if announced else most + 1)
    if len(raw) > most:
        raise BodyTooLarge(most)
    if announced and len(raw) < int(announced):
        raise MalformedBody("must be as long as its Content-Length says")
    if not raw and not announced and environ.get("HTTP_TRANSFER_ENCODING"):
        # The HTTP server hands out broken and cut chunks as the end of the body.
        raise MalformedBody("must not be empty where it comes in chunks")
    if raw and environ.get("HTTP_CONTENT_ENCODING", _PLAIN).lower() != _PLAIN:
        # Nothing here unpacks bodies: the limit of their length is one of what is read.
        raise MediaTypeUnsupported(f"{JSON_TYPE} without Content-Encoding")
    return raw


def parse_body(raw: bytes, content_type: str, route: str, also: tuple[str, ...] = ()) -> Body:
    """Return the object in a JSON body; an empty body is the empty object.

    Args:
        raw: the bytes as they came.
        content_type: the header, may hold parameters.
        route: method and path, part of the digest, so a key reused on another resource is seen.
        also: media types that are JSON here, beside application/json.

    Raises:
        MediaTypeUnsupported: a body that is not announced as JSON in UTF-8.
        MalformedBody: not UTF-8, not JSON, not an object, a field named twice, a NUL character.
    """
    if not raw:
        return Body({}, _digest(route, b"{}"))
    if not _is_json(content_type, also):
        raise MediaTypeUnsupported(JSON_TYPE)
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise MalformedBody(_reason(raw)) from None
    if type(fields) is not dict:
        raise MalformedBody("must be a JSON object")
    try:
        plain = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise MalformedBody("must not nest so deeply") from None
    if b"\\" in raw:
        _refuse_doubles_and_nul(raw)
    elif raw.count(b":") != plain.count(b":"):
        # Without a backslash no string is escaped in either text, so both hold each string's colons
        # alike, and one colon per field: a difference is a field that the parser dropped.
        raise MalformedBody("must not name a field twice")
    return Body(fields, _digest(route, plain))


def _digest(route: str, plain: bytes) -> bytes:
    return sha256(route.encode() + b"\n" + plain).digest()


def _is_json(content_type: str, also: tuple[str, ...]) -> bool:
    if content_type == JSON_TYPE:
        return True
    kind, _, parameters = content_type.lower().partition(";")
    return kind.strip() in (JSON_TYPE, *also) and parameters.strip().replace('"', "") in ("", "charset=utf-8")


def _reason(raw: bytes) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "must be UTF-8"
    return "must not hold NUL characters" if b"\0" in raw else "must be JSON (RFC 8259)"


def _refuse_doubles_and_nul(raw: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise MalformedBody("must not name a field twice")
        return fields

    try:
        nul = _holds_nul(json.loads(raw, object_pairs_hook=once, parse_int=_nothing, parse_float=_nothing))
    except RecursionError:
        raise MalformedBody("must not nest so deeply") from None
    if nul:
        raise MalformedBody("must not hold NUL characters")


def _nothing(_digits: str) -> int:
    return 0


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in name or _holds_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)
