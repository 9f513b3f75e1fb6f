"""How claims and returns of items are refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.db.errors import TracedRefusal
from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ItemPinRefused(TracedRefusal):
    """No such item, another PIN, or too many wrong ones; which of these, nobody is told."""

    code = "item-pin-refused"
    why = "No item with this code opens with this PIN: it is unknown, the PIN is wrong, or it is locked."
    fix = "Read both again from the item. Five wrong PINs lock an item for good; its brand can help."


@dataclass(eq=False)
class ItemClaimed(DomainError):
    """The item has earned already."""

    by_you: bool

    code = "item-claimed"
    category = Category.CONFLICT
    why = "The item has been claimed, and an item earns once. `by_you` tells whether this member did."
    fix = "Nothing: the points are booked. Who bought it new and finds it claimed should tell the brand."


@dataclass(eq=False)
class ItemNotClaimable(DomainError):
    """The PIN is right, and the item is not one that earns."""

    reason: str

    code = "item-not-claimable"
    category = Category.CONFLICT
    why = "The item cannot be claimed: `reason` is recalled, expired, or its state, such as void or stolen."
    fix = "See what its scan says; what came back, was recalled or destroyed earns nothing."


@dataclass(eq=False)
class ClaimNotOffered(DomainError):
    """The brand gives nothing for items of this product."""

    code = "claim-not-offered"
    why = "The brand gives no points for items of this product now."
    fix = "Keep the item's code: a brand can offer points later."


@dataclass(eq=False)
class ClaimCapReached(DomainError):
    """As many as the brand takes of one member, device, place or channel in a day."""

    cap: str

    code = "claim-cap-reached"
    why = "The brand takes no more claims of this product today from one and the same `cap`."
    fix = "Claim tomorrow; a right PIN stays right, and claiming again wastes no try."


@dataclass(eq=False)
class ItemNotReturnable(DomainError):
    """No such item, or it has come back already, or it cannot come back."""

    code = "item-not-returnable"
    category = Category.CONFLICT
    why = "No item that can come back has this code: it is unknown, void already, or out of trade."
    fix = "Read the code again. An item that came back once is void for ever."


@dataclass(eq=False)
class ItemNotOfSale(DomainError):
    """The sale has no such product, or as many of it came back as were sold."""

    code = "item-not-of-sale"
    category = Category.CONFLICT
    why = "The sale is none of yours, has no line of this product, or all that it had has come back."
    fix = "Name the sale on the item's receipt; its lines must carry the product's GTIN."
