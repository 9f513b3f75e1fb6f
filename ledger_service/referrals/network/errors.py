"""How the network of sharing refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ShareNetworkUnmeasured(DomainError):
    """Nobody has measured the campaign's network yet."""

    code = "share-network-unmeasured"
    category = Category.MISSING
    why = "The campaign's network was not measured yet: that takes a command, not a request."
    fix = "Run `alliance network measure`, by hand or by a timer, and ask again."
