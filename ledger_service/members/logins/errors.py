"""How a log-in is refused: in one way, whatever was wrong."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class LoginRefused(DomainError):
    """Number and secret do not belong together now; who guesses learns nothing else."""

    code = "login-refused"
    category = Category.FORBIDDEN
    why = "The number is unknown, the code or PIN is not the right one, or too many wrong ones were typed."
    fix = "Ask for a fresh code, or try the PIN again after 15 minutes."
