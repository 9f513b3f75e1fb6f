"""The wallet for the front doors: claim, grant and give, each as one command on the working set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.wallet.claiming import ClaimCommand, GrantCommand
from ledger_service.coupons.wallet.giving import GiveCommand
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.coupons.wallet.requests import Asked, Claim, Giving, Granting
from ledger_service.db.commands import BookCommand
from ledger_service.db.writer import Writer

# Makes a command one that is done once for a caller's key, its answer stored with it.
Keyed = Callable[[BookCommand[Any]], BookCommand[Any]]


class WalletService:
    """One instance serves all request threads of a process."""

    def __init__(self, writer: Writer, offers: CatalogueOffers, tagger: Tagger) -> None:
        """Take the writer, who knows the definitions, and what hashes codes."""
        self._writer, self.offers, self.tagger = writer, offers, tagger

    def claim(self, claim: Claim, asked: Asked, keyed: Keyed) -> Any:
        """The coupon is in the member's wallet.

        Raises:
            DomainError: as ``ClaimCommand.apply``.

        Idempotency: by the caller's key; the same code again gives the same coupon.
        Invariants: INV-6.
        """
        return self._writer.submit(keyed(ClaimCommand(claim, self.offers, asked)))

    def grant(self, granting: Granting, asked: Asked, keyed: Keyed) -> Any:
        """The members have a coupon each.

        Raises:
            DomainError: as ``GrantCommand.apply``.

        Idempotency: by the caller's key, and by definition, reference and member.
        """
        return self._writer.submit(keyed(GrantCommand(granting, self.offers, asked)))

    def give(self, giving: Giving, asked: Asked, keyed: Keyed) -> Any:
        """The coupon is the recipient's.

        Raises:
            DomainError: as ``GiveCommand.apply``.

        Idempotency: by the caller's key.
        """
        return self._writer.submit(keyed(GiveCommand(giving, self.offers, asked)))
