"""Guesses counted: wrong pay codes, PINs and one-time codes of a key, refused log-ins of an address.

A PIN has far fewer digits than a key, so what an address may send of both is not the same.
"""

from __future__ import annotations

from typing import Any

from ledger_service.api.limits import Buckets
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode_errors import PayCodeAltered, PayCodeWrong
from ledger_service.members.cards.errors import CodeWrong, PinWrong
from ledger_service.members.logins.errors import LoginRefused
from ledger_service.merchants.rules import Principal

_WRONG_CODE = (PayCodeWrong, PayCodeAltered, PinWrong, CodeWrong)


def guesser_of(environ: dict[str, Any]) -> str:
    """Whose refused log-ins these are; no key's id has a colon."""
    return f"address:{environ.get('REMOTE_ADDR', '')}"


def note_guess(
    guesses: Buckets, environ: dict[str, Any], principal: Principal | None, error: DomainError
) -> None:
    """A refusal that may have been a guess is one that its sender has left fewer."""
    if principal is not None and isinstance(error, _WRONG_CODE):
        guesses.spend(principal.key_id)
    elif isinstance(error, LoginRefused):
        guesses.spend(guesser_of(environ))
