"""How touch points refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ShareRotaRefused(DomainError):
    """A rota that no live code may have."""

    reason: str

    code = "share-rota-refused"
    why = (
        "The rota breaks the rule that `reason` names: nobody stands in it twice (`twice`), and it begins"
        " after it was told (`begun`), so that nobody says afterwards who was on duty."
    )
    fix = "Name each of the staff once, and an instant that is still to come."


@dataclass(eq=False)
class ShareNotAssigned(DomainError):
    """A member that is to be handed over is not with who hands over."""

    code = "share-not-assigned"
    category = Category.CONFLICT
    why = "One of the members is not looked after by who hands over, at this merchant; nobody changed hands."
    fix = "List the assignments of the cashier and name members of that list."
