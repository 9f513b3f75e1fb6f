"""Application identifiers by number: the parts of their values, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from ledger_service.kernel.digital_link.checks import ALPHABETS, CHECKS
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.table import ROWS


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a value: the set its characters are of, its length, and what else holds for it."""

    alphabet: frozenset[str]
    least: int
    most: int
    checks: tuple[str, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class Identifier:
    """An application identifier.

    ``fixed``: its value has a length that is known beforehand, so that no separator follows it in an
    element string. ``qualifiers`` is None where it is no primary key, else its sequences of qualifiers, each
    in order.
    """

    ai: str
    fixed: bool
    attribute: bool
    parts: tuple[Part, ...]
    beside: tuple[tuple[str, ...], ...]
    never_beside: tuple[str, ...]
    qualifiers: tuple[tuple[str, ...], ...] | None

    def check(self, value: str) -> None:
        """The value may stand after this identifier.

        Raises:
            LinkMalformed: too short, too long, other characters, or a part that fails its check.
        """
        rest = value
        for part in self.parts:
            if not rest and part.optional:
                break
            taken, rest = rest[: part.most], rest[part.most :]
            self._check_part(part, taken)
        if rest:
            raise LinkMalformed("is too long", self.ai)

    def _check_part(self, part: Part, value: str) -> None:
        if len(value) < part.least:
            raise LinkMalformed("is too short", self.ai)
        if not part.alphabet.issuperset(value):
            raise LinkMalformed("has a character that it may not have", self.ai)
        for name in part.checks:
            if not CHECKS[name](value):
                raise LinkMalformed(f"fails the check {name!r}", self.ai)

    def accepts(self, qualifiers: tuple[str, ...]) -> bool:
        """Whether these may follow this key in the path: all or some of one sequence, in its order."""
        return any(_is_within(qualifiers, whole) for whole in self.qualifiers or ())


@cache
def identifiers() -> MappingProxyType[str, Identifier]:
    """All application identifiers by their number."""
    return MappingProxyType({one.ai: one for row in _rows() for one in _identifiers_of(row)})


def _is_within(some: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    left = iter(whole)
    return all(wanted in left for wanted in some)


def _rows() -> Iterator[str]:
    whole = ""
    for line in ROWS.strip().splitlines():
        if line.startswith(" "):
            whole += " " + line.strip()
            continue
        if whole:
            yield whole
        whole = line
    yield whole


def _identifiers_of(row: str) -> Iterator[Identifier]:
    names, flags, content, *rules = (field.strip() for field in row.split(";"))
    parts = tuple(_part(text) for text in content.split())
    told = {rule.partition(" ")[0]: rule.partition(" ")[2] for rule in rules}
    beside = tuple(tuple(group.split("+")) for group in told.get("with", "").split())
    qualifiers = None
    if "key" in told:
        qualifiers = tuple(tuple(sequence.split()) for sequence in told["key"].split("/"))
    for ai in _numbers(names):
        never = tuple(f"{ai[:3]}n" if other == "own" else other for other in told.get("not", "").split())
        yield Identifier(ai, "fixed" in flags, "attribute" in flags, parts, beside, never, qualifiers)


def _numbers(names: str) -> Iterator[str]:
    for name in names.split():
        first, _, last = name.partition("-")
        width = len(first)
        yield from (f"{n:0{width}d}" for n in range(int(first), int(last or first) + 1))


def _part(text: str) -> Part:
    optional = text.startswith("[")
    shape, *checks = text.lstrip("[").split(":")
    shape = shape.rstrip("]")
    kind, length = shape[0], shape[1:]
    variable = length.startswith("..")
    most = int(length.lstrip("."))
    return Part(ALPHABETS[kind], 1 if variable else most, most, tuple(checks), optional)
