"""What the risk room needs of others, and what others may ask of it through wiring alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from ledger_service.db.workset import Draft, Need


class SecondFactor(Protocol):
    """How a member without a device confirms a challenge: a PIN, a one-time code.

    The room that keeps the factor checks it in its own command and then calls ``challenges.meet`` on the same
    draft, so that a guess and its count stand or fall together.
    """

    def needs(self, member_id: int) -> Iterable[Need]:
        """What ``prove`` reads."""

    def prove(self, draft: Draft, member_id: int, answer: str, at: datetime) -> None:
        """The answer is the member's, and counted.

        Raises:
            DomainError: it is not, or too many were wrong.
        """
