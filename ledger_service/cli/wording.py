"""How a command says on the error output why it ended."""

from __future__ import annotations

from ledger_service.kernel.errors import DomainError


def why_it_ended(error: Exception) -> str:
    """Why, and what to do about it; a domain error's code and values come last."""
    if isinstance(error, DomainError):
        return f"{error.why} {error.fix} ({error})"
    return str(error)
