"""Custody inside the process, for tests and tools that need no process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ledger_service.custody.asking import Asking
from ledger_service.custody.journal import Journal
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.requests import Request
from ledger_service.custody.vault import CustodialLimits, Vault
from ledger_service.kernel.errors import DomainError


class LocalCustody(Asking):
    """A vault without a socket before it; the same answers as the signing process."""

    def __init__(
        self,
        keystore: Keystore,
        journal_path: Path,
        limits: CustodialLimits | None = None,
        now: Callable[[], int] | None = None,
    ) -> None:
        self._journal = Journal(journal_path)
        self._vault = Vault(keystore, self._journal, limits or CustodialLimits(), now)

    def ask(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        """One answer per request in their order."""
        return self._vault.answer(requests)

    def close(self) -> None:
        """The journal is closed."""
        self._journal.close()
