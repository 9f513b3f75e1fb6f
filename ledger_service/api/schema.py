"""A small schema language: one value that both checks a JSON body and describes it in OpenAPI.

A check refuses what it does not know; it never converts. Services still parse what they receive, so
a mistake here can only refuse too much.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_integer, clean_text

Json = dict[str, Any]
GREATEST_SAFE = 2**53 - 1
# What ``clean_text`` refuses, as far as every dialect of regular expressions can say it.
_PLAIN = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"


class Schema(Protocol):
    """What every schema can do."""

    def check(self, value: object, where: str) -> None:
        """Return when ``value`` fits, raise ``MalformedField`` naming ``where`` otherwise."""

    def describe(self) -> Json:
        """The JSON Schema (2020-12) of the same rule."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of ``least`` to ``most`` characters, perhaps of a pattern (anchored) or out of a list."""

    most: int = 128
    least: int = 1
    pattern: str = ""
    one_of: tuple[str, ...] = ()
    about: str = ""
    format: str = ""

    def check(self, value: object, where: str) -> None:
        clean_text(value, where, self.most, shortest=self.least)
        # The value as it came, not as it would be trimmed: endpoints use what they were sent.
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            raise MalformedField(where, f"must match {self.pattern}")
        if self.one_of and value not in self.one_of:
            raise MalformedField(where, f"must be one of {', '.join(self.one_of)}")

    def describe(self) -> Json:
        found: Json = {"type": "string"}
        if self.one_of:
            found["enum"] = list(self.one_of)
        elif self.pattern:
            found["pattern"] = f"^{self.pattern}$"
        else:
            found |= {"minLength": self.least, "maxLength": self.most}
            if not self.format:
                found["pattern"] = _PLAIN
        if self.format:
            found["format"] = self.format
        return found | ({"description": self.about} if self.about else {})


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number in ``least..most``; floats, booleans and numerals in text are refused."""

    least: int = 0
    most: int = GREATEST_SAFE
    about: str = ""

    def check(self, value: object, where: str) -> None:
        clean_integer(value, where, self.least, self.most)

    def describe(self) -> Json:
        found: Json = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return found | ({"description": self.about} if self.about else {})


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    about: str = ""

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, bool):
            raise MalformedField(where, "must be true or false")

    def describe(self) -> Json:
        return {"type": "boolean"} | ({"description": self.about} if self.about else {})


@dataclass(frozen=True, slots=True)
class Listing:
    """An array of ``least`` to ``most`` items of one schema."""

    item: Schema
    most: int = 1000
    least: int = 0
    about: str = ""

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, list):
            raise MalformedField(where, "must be a list")
        if not self.least <= len(value) <= self.most:
            raise MalformedField(where, f"must have {self.least} to {self.most} items")
        for index, item in enumerate(value):
            self.item.check(item, f"{where}[{index}]")

    def describe(self) -> Json:
        found: Json = {"type": "array", "items": self.item.describe(), "maxItems": self.most}
        if self.least:
            found["minItems"] = self.least
        return found | ({"description": self.about} if self.about else {})


@dataclass(frozen=True, slots=True)
class Nullable:
    """Null, or what the inner schema takes."""

    inner: Schema

    def check(self, value: object, where: str) -> None:
        if value is not None:
            self.inner.check(value, where)

    def describe(self) -> Json:
        return {"oneOf": [self.inner.describe(), {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class Either:
    """What at least one of the schemas takes; the last one's refusal is shown."""

    choices: tuple[Schema, ...]

    def check(self, value: object, where: str) -> None:
        refusal: MalformedField | None = None
        for choice in self.choices:
            try:
                choice.check(value, where)
            except MalformedField as error:
                refusal = error
            else:
                return
        if refusal is not None:
            raise refusal

    def describe(self) -> Json:
        return {"anyOf": [choice.describe() for choice in self.choices]}


@dataclass(frozen=True, slots=True)
class Record:
    """An object of known fields; a field of ``optional`` may be absent, no other may come.

    ``closed`` is False only for what we answer, so that an answer may grow.
    """

    required: Mapping[str, Schema] = field(default_factory=dict)
    optional: Mapping[str, Schema] = field(default_factory=dict)
    closed: bool = True
    about: str = ""

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedField(where or "body", "must be an object")
        for name in value:
            if name not in self.required and name not in self.optional:
                raise MalformedField(_under(where, shown(name)), "is not a known field")
        for name, inner in self.required.items():
            if name not in value:
                raise MalformedField(_under(where, name), "is required")
            inner.check(value[name], _under(where, name))
        for name, inner in self.optional.items():
            if name in value:
                inner.check(value[name], _under(where, name))

    def describe(self) -> Json:
        inner = {**self.required, **self.optional}
        found: Json = {"type": "object", "properties": {name: s.describe() for name, s in inner.items()}}
        if self.required:
            found["required"] = list(self.required)
        if self.closed:
            found["additionalProperties"] = False
        return found | ({"description": self.about} if self.about else {})


@dataclass(frozen=True, slots=True)
class Named:
    """A schema that stands once under ``components/schemas`` and is referred to by its name."""

    name: str
    inner: Schema

    def check(self, value: object, where: str) -> None:
        self.inner.check(value, where)

    def describe(self) -> Json:
        return {"$ref": f"#/components/schemas/{self.name}"}


@dataclass(frozen=True, slots=True)
class Free:
    """A JSON object whose fields another document describes (a signed receipt, a rule's body)."""

    about: str

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedField(where, "must be an object")

    def describe(self) -> Json:
        return {"type": "object", "description": self.about}


def shown(name: str) -> str:
    """A field name from outside, cut and without characters that a log or page could choke on."""
    return "".join(c if c.isprintable() else "?" for c in name[:64])


def _under(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
