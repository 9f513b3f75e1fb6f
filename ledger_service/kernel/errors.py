"""Domain errors: a stable code, a category and typed parameters, and no text built where they are raised.

The HTTP front door is the only place that turns one into a document (RFC 9457), and
``docs/errors.md`` is generated from ``registered_errors``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar

type_registry: dict[str, type[DomainError]] = {}


class Category(IntEnum):
    """What kind of refusal it is; the value is the HTTP status that every front door uses."""

    MALFORMED = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    MISSING = 404
    WRONG_METHOD = 405
    NOT_ACCEPTABLE = 406
    TOO_SLOW = 408
    CONFLICT = 409
    GONE = 410
    TOO_LARGE = 413
    ADDRESS_TOO_LONG = 414
    WRONG_MEDIA_TYPE = 415
    REFUSED = 422
    THROTTLED = 429
    UNAVAILABLE = 503


class DomainError(Exception):
    """The base of every refusal that a caller can cause or meet.

    A subclass is a dataclass (``@dataclass(eq=False)``) whose fields are its parameters and which
    sets ``code`` (stable, kebab-case), ``category``, ``why`` and ``fix`` (one sentence each).
    """

    code: ClassVar[str] = ""
    category: ClassVar[Category] = Category.REFUSED
    why: ClassVar[str] = ""
    fix: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not cls.code:
            return
        known = type_registry.get(cls.code)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"error code {cls.code} is taken by {known.__qualname__}")
        type_registry[cls.code] = cls

    @property
    def params(self) -> dict[str, int | str | None]:
        """The typed parameters by name, ready for a problem document."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]  # subclasses are dataclasses

    def __str__(self) -> str:
        return f"{self.code} {self.params}"


def registered_errors() -> list[type[DomainError]]:
    """Every error class that has been imported, in the order of their codes."""
    return [type_registry[code] for code in sorted(type_registry)]


@dataclass(eq=False)
class MalformedField(DomainError):
    """A field that is absent, of a wrong type, out of range or not text we accept."""

    field: str
    reason: str

    code = "malformed-field"
    category = Category.MALFORMED
    why = "A field of the request is missing, has the wrong type or form, or is out of range."
    fix = "Correct the field named in `field` as `reason` says and send the request again."
