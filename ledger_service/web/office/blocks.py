"""The blocks that pages of the back offices are built of; one template draws them all.

Whatever a block shows is a finished text of the visitor's language; titles and labels are keys of words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form and of the body that it becomes.

    Attributes:
        name: where it goes in the body, with dots for what lies inside (``earn.points``).
        kind: text, int, money, micros, percent, instant, flag, choice, merchant, store, list, json, day
            or long.
        label: key of its name.
        optional: left out of the body when empty.
        options: of a choice, the words as the API takes them.
        value: what stands in it at first.
        about: key of a sentence that helps, if any.
        named: of a merchant or store, the names to choose from by GLN; typed where there are none.
    """

    name: str
    kind: str
    label: str
    optional: bool = False
    options: tuple[str, ...] = ()
    value: str = ""
    about: str = ""
    named: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is drawn: where it goes, its fields with their values, its button.

    One that ``stays`` fetches a file and leaves its page standing.
    """

    to: str
    title: str
    button: str
    fields: tuple[Field, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    risky: bool = False
    danger: bool = False
    open: bool = False
    stays: bool = False

    @property
    def mark(self) -> str:
        """Tells forms of one page apart, so that each has an idempotency key of its own."""
        return sha256(repr((self.to, sorted(self.hidden.items()))).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a text, as what it is written, where it leads, or what can be done there."""

    text: str = ""
    kind: str = "text"
    href: str = ""
    forms: tuple[Form, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """A table with keys of its headings; ``more`` is the address of its next page."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    more: str = ""
    empty: str = "office.empty"
    kind: str = "rows"


@dataclass(frozen=True, slots=True)
class Facts:
    """Figures side by side: (key of the name, text)."""

    items: Sequence[tuple[str, str]]
    kind: str = "facts"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing; its figures stand in a table of the same page."""

    title: str
    drawing: Markup
    kind: str = "picture"


@dataclass(frozen=True, slots=True)
class Check:
    """The command with which the reader finds the same figures without us."""

    command: str
    kind: str = "check"


@dataclass(frozen=True, slots=True)
class Raw:
    """A document as it came, folded until somebody wants it."""

    text: str
    kind: str = "raw"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence by its key: a good end (done), or something to heed (note)."""

    key: str
    look: str = "done"
    code: str = ""
    kind: str = "note"


@dataclass(frozen=True, slots=True)
class Search:
    """A form that only looks: by GET, one field; ``keep`` goes along unseen.

    Attributes:
        options: of a choice; ``named`` says what they are called where no word does.
        what: of a typed one, as HTML calls it: text or datetime-local.
    """

    to: str
    name: str
    label: str
    value: str = ""
    options: tuple[str, ...] = ()
    keep: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    what: str = "text"
    kind: str = "search"


@dataclass(frozen=True, slots=True)
class Acts:
    """Forms below each other, each folded until it is wanted."""

    forms: Sequence[Form]
    kind: str = "acts"


Block = Rows | Facts | Picture | Check | Raw | Note | Search | Acts


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of the back office: key of its title, what it is about, its blocks; ``back`` leads up."""

    title: str
    blocks: Sequence[Block]
    subject: str = ""
    lead: str = ""
    back: str = ""
