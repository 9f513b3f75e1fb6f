"""How named queries refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class QueryUnknown(DomainError):
    """The caller has no query of this name."""

    code = "query-unknown"
    category = Category.MISSING
    why = "No query of this name is yours."
    fix = "List your queries, or define it by `POST /epcis/queries`."


@dataclass(eq=False)
class QueryNameTaken(DomainError):
    """The caller has a query of this name already."""

    name: str

    code = "query-name-taken"
    category = Category.CONFLICT
    why = "You have a query of this name; a query is not changed, for its subscribers count on it."
    fix = "Use it as it is, take another name, or delete it first."


@dataclass(eq=False)
class QueryLimitReached(DomainError):
    """The caller has as many queries as it may have."""

    most: int

    code = "query-limit-reached"
    category = Category.REFUSED
    why = "One may have at most `most` named queries."
    fix = "Delete one that nobody asks any more."
