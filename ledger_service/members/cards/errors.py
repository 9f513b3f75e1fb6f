"""How cards, PINs and one-time codes are refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class CardUnknown(DomainError):
    """No card of this number was issued here, or it is another merchant's."""

    code = "card-unknown"
    category = Category.MISSING
    why = "The merchant has issued or imported no card with this number."
    fix = "Check the number; issue or import the card first."


@dataclass(eq=False)
class CardTaken(DomainError):
    """The card was bound before; a card serves one member in its life."""

    code = "card-taken"
    category = Category.CONFLICT
    why = "The card is, or was once, a member's: a card is bound once in its life."
    fix = "Take a fresh card."


@dataclass(eq=False)
class CardKnown(DomainError):
    """A number of an import is in the stock already; ``position`` counts from 0."""

    position: int

    code = "card-known"
    category = Category.CONFLICT
    why = "The number at `position` was issued or imported before, or belongs to a member already."
    fix = "Leave it out and send the rest under a fresh Idempotency-Key."


@dataclass(eq=False)
class CardEnded(DomainError):
    """The card was reported lost, or was replaced."""

    code = "card-ended"
    why = "This card was reported lost or was replaced, and serves nobody any more."
    fix = "Keep the card if you can; identify the member by another card or by its number."


@dataclass(eq=False)
class CardLimitReached(DomainError):
    """As many cards in force as a member may have."""

    most: int

    code = "card-limit-reached"
    why = "The member already has `most` cards in force."
    fix = "Report a card lost that is no longer used, or replace it."


@dataclass(eq=False)
class PinWrong(DomainError):
    """Card and PIN do not belong together; a card that nobody has answers the same."""

    code = "pin-wrong"
    category = Category.FORBIDDEN
    why = "The card is unknown, it has no PIN, or this is not its PIN."
    fix = "Let the member type the PIN again, or send the member a one-time code."


@dataclass(eq=False)
class PinLocked(DomainError):
    """Too many wrong PINs; a right one is refused too for a while."""

    retry_after_seconds: int

    code = "pin-locked"
    category = Category.THROTTLED
    why = "Too many wrong PINs were typed for this member."
    fix = "Wait `retry_after_seconds`, or send the member a one-time code."


@dataclass(eq=False)
class PinBlocked(DomainError):
    """So many wrong PINs that this one never counts again."""

    code = "pin-blocked"
    category = Category.FORBIDDEN
    why = "So many wrong PINs were typed that the PIN does not count any more."
    fix = "The member sets a new PIN: with a one-time code, in its app, or at a service desk."


@dataclass(eq=False)
class PinTooEasy(DomainError):
    """One of the PINs that are tried first."""

    code = "pin-too-easy"
    why = "The PIN is one digit repeated, or digits in a row."
    fix = "Choose another PIN of 4 to 8 digits."


@dataclass(eq=False)
class CustodyMissing(DomainError):
    """The member has no key in custody that could sign for a card or a code."""

    code = "custody-missing"
    why = "No key of this member is in custody, so nothing can sign a payment for its card or code."
    fix = "Let the member allow custody (POST /v1/members/<number>/digits), or pay with its own device."


@dataclass(eq=False)
class CodeWrong(DomainError):
    """Not the code that was sent to the member for this merchant, or none is in force."""

    code = "code-wrong"
    category = Category.FORBIDDEN
    why = "This is not the latest code that was made for the member here, or its time or tries are over."
    fix = "Let the member type it again, or ask for another code."


@dataclass(eq=False)
class CodesTooOften(DomainError):
    """So many codes were made for the member that no further one is, for a while."""

    retry_after_seconds: int

    code = "codes-too-often"
    category = Category.THROTTLED
    why = "A member is sent one code a minute and a few a day, whoever asks for them."
    fix = "Use the code that was sent, or wait `retry_after_seconds`."


@dataclass(eq=False)
class NobodyToTell(DomainError):
    """The member gave neither a phone number nor an e-mail address."""

    code = "nobody-to-tell"
    why = "The member has given no phone number and no e-mail address, so no code can reach it."
    fix = "Set a PIN at a service desk, or identify the member by its own device."


@dataclass(eq=False)
class DeliveryUnavailable(DomainError):
    """The operator has set up no way to send codes."""

    code = "delivery-unavailable"
    why = "This alliance has set up no way to send codes to members."
    fix = "The operator sets ALLIANCE_MESSAGES; until then use PINs."


@dataclass(eq=False)
class DeskRequestUnknown(DomainError):
    """No till of the merchant asks for a PIN of this member."""

    code = "desk-request-unknown"
    category = Category.MISSING
    why = "No till of this merchant has asked for a new PIN under this id, or its time is over."
    fix = "The till asks again; a request waits for half an hour."


@dataclass(eq=False)
class SecondPersonMissing(DomainError):
    """Whoever asked may not approve."""

    code = "second-person-missing"
    category = Category.FORBIDDEN
    why = "A new PIN at the service desk takes two persons, and this key asked for it itself."
    fix = "Another person approves it, with a key of its own."
